from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.gates.planted import DATA, sound
from training.dataset import Dataset, join
from training.gates.evidence import Remembered
from training.gates.labels import are_sound


def test_sound_labels_pass() -> None:
    found = are_sound(sound())
    assert found.passed
    assert "0 of 900 outcomes of version 1 changed" in found.text


@pytest.mark.parametrize(("share", "passed"), [(0.03, True), (0.2, False)])
def test_outcomes_that_became_the_opposite_are_refused_beyond_a_few(
    share: float, passed: bool
) -> None:
    random = np.random.default_rng(4)
    was = (random.random(1000) < 0.4).astype(np.float64)
    now = np.where(random.random(1000) < share, 1 - was, was)
    found = are_sound(replace(sound(), remembered=Remembered("3", was, now, 0, ())))
    assert found.passed is passed
    if not passed:
        assert "of 1000 outcomes that version 3 learnt from" in found.text
        assert "are the opposite now" in found.text


def test_rows_that_stand_twice_are_refused() -> None:
    some = DATA.take(np.arange(30))
    found = are_sound(sound(data=join([DATA, some])))
    assert not found.passed
    assert found.text.startswith("30 of 1230 training rows are of an entity and a day")


def test_accounts_that_were_imported_twice_are_refused() -> None:
    matrix = DATA.matrix
    values = np.column_stack((matrix.values, matrix.values))
    wide = replace(matrix, names=(*matrix.names, *(f"{n}_2" for n in matrix.names)), values=values)
    data = replace(DATA, matrix=wide)
    twin = replace(wide, code=wide.code + 1000)
    doubled = join([data, Dataset(twin, DATA.label, DATA.group + 1000)])
    assert are_sound(sound(data=data)).passed
    found = are_sound(sound(data=doubled))
    assert not found.passed
    assert "equal another one of their day in every value" in found.text


def test_a_day_whose_outcomes_are_unlike_all_others_is_refused() -> None:
    newest = DATA.matrix.as_of == DATA.matrix.as_of.max()
    random = np.random.default_rng(6)
    label = np.where(newest, random.random(DATA.size) < 0.95, DATA.label).astype(np.float64)
    found = are_sound(sound(data=replace(DATA, label=label)))
    assert not found.passed
    assert "of the rows of 2011-05-01 came true" in found.text

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.gates.planted import sound, spoken
from training.gates.drift import at_equal_age, by_chance, scores_are_familiar, stability
from training.gates.evidence import Spoken


def test_scores_like_those_of_training_pass() -> None:
    assert scores_are_familiar(sound()).passed


def test_scores_of_stale_features_are_strangers() -> None:
    found = scores_are_familiar(replace(sound(), new=spoken(500, seed=2, shift=1.0)))
    assert not found.passed
    assert "PSI 0." in found.text
    assert "of the newest day" in found.text


def test_a_dozen_rows_prove_nothing() -> None:
    found = scores_are_familiar(replace(sound(), new=spoken(12, seed=2, shift=0.6)))
    assert found.passed


def test_an_export_that_brings_no_new_deals_has_older_ones_and_no_drift() -> None:
    new = spoken(4000, seed=2)
    old = new.age > 700
    left = Spoken(new.score[old], new.age[old], new.group[old])
    past = spoken(3000, seed=1)
    assert stability(past.score, np.ones(3000), left.score)[0] > 0.08
    assert stability(past.score, at_equal_age(past, left), left.score)[0] < 0.03


def test_the_index_is_that_of_a_table_worked_by_hand() -> None:
    # halves of the past below and above 0.5; of four new rows one lies below: with half a row in
    # each bin, (1.5/5 - 4.5/9) ln(1.5/5 / (4.5/9)) + (3.5/5 - 4.5/9) ln(3.5/5 / (4.5/9))
    past = np.array([0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8])
    found, bins = stability(past, np.ones(8), np.array([0.1, 0.7, 0.7, 0.8]))
    assert bins == 3
    assert found > 0
    two, bins = stability(np.repeat([0.0, 1.0], 50), np.ones(100), np.repeat([0.0, 1.0], 50))
    assert (two, bins) == (pytest.approx(0.0, abs=1e-3), 3)


def test_the_level_of_chance_is_exceeded_once_in_a_hundred_times() -> None:
    random = np.random.default_rng(3)
    found = [
        stability(random.random(800), np.ones(800), random.random(300))[0] for _ in range(1000)
    ]
    share = np.mean(np.array(found) > by_chance(800, 300, 10))
    assert 0.002 <= share <= 0.02

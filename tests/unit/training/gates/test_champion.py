from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.gates.planted import duel, result, sound
from training.gates.champion import is_no_worse, no_segment_is_worse


def test_an_equal_challenger_passes() -> None:
    found = is_no_worse(sound())
    assert found.passed
    assert "against version 7" in found.text
    assert "later than both were trained through" in found.text


@pytest.mark.parametrize("is_later", [True, False])
def test_a_weakened_challenger_is_refused(is_later: bool) -> None:
    weak = result(noise=0.8)
    found = is_no_worse(replace(sound(weak), duel=duel(weak, is_later=is_later)))
    assert not found.passed
    assert found.text.startswith("AUC -0.")
    assert ("both recipes fitted anew" in found.text) is not is_later


def test_a_challenger_with_shifted_probabilities_is_refused_on_later_days() -> None:
    shifted = result(bias=0.7)
    assert not is_no_worse(sound(shifted)).passed
    # recipes are compared by order alone
    assert is_no_worse(replace(sound(shifted), duel=duel(shifted, is_later=False))).passed


def test_a_segment_that_is_clearly_worse_off_is_named() -> None:
    found = result()
    slices = []
    for piece in found.slices:
        said = piece.scored.probability["logistic"].copy()
        trade = np.arange(said.size) % 3 == 2
        said[trade] = np.random.default_rng(5).permutation(said[trade])
        probability = {**piece.scored.probability, "logistic": said}
        slices.append(replace(piece, scored=replace(piece.scored, probability=probability)))
    worse = replace(found, slices=tuple(slices))
    for evidence in (sound(worse), replace(sound(worse), duel=None)):
        answer = no_segment_is_worse(evidence)
        assert not answer.passed
        assert "of 3 segments the worst is segment trade: AUC -0." in answer.text


def test_segments_of_equal_models_pass() -> None:
    assert no_segment_is_worse(sound()).passed
    assert no_segment_is_worse(replace(sound(), duel=None)).passed


def test_small_segments_are_not_looked_at_alone() -> None:
    words = {"segment": tuple(np.arange(1500).astype(str).astype(object) for _ in range(2))}
    found = no_segment_is_worse(replace(sound(), words=words))
    assert (found.passed, found.text) == (
        True, "no segment is large enough to be looked at alone",
    )  # fmt: skip

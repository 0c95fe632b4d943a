from __future__ import annotations

import pytest

from tests.unit.training.gates.planted import result, sound
from training.gates.probabilities import hold_against_the_base_rate, hold_against_the_best_rule


def test_true_probabilities_hold() -> None:
    assert hold_against_the_base_rate(sound()).passed
    assert hold_against_the_best_rule(sound()).passed


def test_probabilities_worse_than_the_base_rate_are_refused() -> None:
    assert not hold_against_the_base_rate(sound(result(bias=2.5))).passed


@pytest.mark.parametrize("bias", [-1.2, 1.2])
def test_a_shifted_calibration_is_refused_though_it_beats_the_base_rate_in_order(
    bias: float,
) -> None:
    found = hold_against_the_best_rule(sound(result(bias=bias)))
    assert not found.passed
    assert "log loss -0." in found.text
    assert "bg_nbd, the best dull rule" in found.text

from __future__ import annotations

import numpy as np
import pytest

from portfolio.priority import Actions, MoneyScale, Weights, duration, potential, prioritise

ONE = np.ones(1)
SCALE = MoneyScale(1000.0, 7000.0, 7000.0)


def _actions(**more: float) -> Actions:
    given = {"stake": 7000.0, "probability": 0.5, "risk": 0.0, "days": 45.0, **more}
    return Actions(*(given[name] * ONE for name in ("stake", "probability", "risk", "days")))


@pytest.mark.parametrize(
    ("stake", "expected"),
    [
        (0.0, 0.0),
        (1000.0, 1 / 3),  # log 2 / log 8
        (3000.0, 2 / 3),  # log 4 / log 8
        (7000.0, 1.0),
        (7e9, 1.0),
        (-500.0, 0.0),
        (float("nan"), 0.0),
    ],
)
def test_potential_grows_with_the_logarithm_of_what_is_at_stake(
    stake: float, expected: float
) -> None:
    assert potential(stake * ONE, SCALE) == pytest.approx(expected)


def test_beyond_the_cap_of_the_segment_more_money_counts_no_more() -> None:
    scale = MoneyScale(1000.0, 7000.0, np.array([3000.0, 3000.0, np.nan]))
    found = potential(np.array([3000.0, 50_000.0, 50_000.0]), scale)
    assert found == pytest.approx([2 / 3, 2 / 3, 1.0])


@pytest.mark.parametrize("scale", [(0.0, 7000.0), (float("nan"), 7000.0), (1000.0, float("nan"))])
def test_without_a_scale_of_money_there_is_no_potential(scale: tuple[float, float]) -> None:
    assert potential(7000.0 * ONE, MoneyScale(*scale, cap=7000.0)) == 0.0


def test_a_duration_beyond_the_reference_counts_as_the_reference() -> None:
    found = duration(np.array([0.0, 30.0, 90.0, 900.0]), reference_days=90.0)
    assert found == pytest.approx([0.0, 1 / 3, 1.0, 1.0])


@pytest.mark.parametrize(
    ("more", "score"),
    [
        ({}, 80.0),
        ({"risk": 0.4}, 72.0),
        ({"days": 90.0}, 75.0),
        ({"probability": 0.1}, 68.0),
        ({"stake": 1000.0}, 40 / 3 + 40.0),
    ],
)
def test_the_score_is_the_weighted_sum_of_the_terms(more: dict[str, float], score: float) -> None:
    found = prioritise(_actions(**more), SCALE, Weights(), reference_days=90.0)
    assert found.score == pytest.approx(score)


def test_each_action_has_the_weights_of_its_segment() -> None:
    weights = Weights(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.0, 0.0)
    two = Actions(*(np.repeat(column, 2) for column in vars(_actions()).values()))
    found = prioritise(two, SCALE, weights, reference_days=90.0)
    assert found.score == pytest.approx([100.0, 50.0])
    assert found.weight.tolist() == [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]


def test_the_expected_amount_is_the_stake_times_the_probability() -> None:
    found = prioritise(
        _actions(stake=250_000.0, probability=0.2), SCALE, Weights(), reference_days=90
    )
    assert found.expected_amount == pytest.approx(50_000.0)


def test_no_actions_have_no_scores() -> None:
    none = Actions(*(np.empty(0) for _ in range(4)))
    found = prioritise(none, MoneyScale(1000.0, 7000.0, np.empty(0)), Weights(), reference_days=90)
    assert (found.score.shape, found.points.shape) == ((0,), (0, 4))

"""What should a sales rep do first?

The formula the whole product serves (docs/adr/0004-priority-formula.md)::

    Score = w_potential x Potential + w_probability x Probability
          - w_risk x Risk - penalty x Duration

Every term lies in 0..1. Shown on 0 to 100 as the sum of four points none of which is negative:
``w Potential``, ``w Probability``, ``w (1 - Risk)``, ``penalty (1 - Duration)``, each over the sum
of the weights. Actions of all kinds go through the same formula, so one list holds them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TERMS = ("potential", "probability", "risk", "duration")


@dataclass(frozen=True)
class Weights:
    """What counts how much; 0 or more, not all 0. Only their ratios matter.

    Each is a number, or one per action.
    """

    potential: Floats | float = 0.4
    probability: Floats | float = 0.3
    risk: Floats | float = 0.2
    duration_penalty: Floats | float = 0.1


@dataclass(frozen=True)
class MoneyScale:
    """What is a usual and what a large amount here, in portfolio currency.

    Attributes
    ----------
    median, p95 : float
        Of what is at stake over the whole portfolio.
    cap : (n,) float64 or float
        95th percentile of each action's segment: beyond it, more money no longer raises the score,
        so that a huge unlikely deal does not dominate.
    """

    median: float
    p95: float
    cap: Floats | float


@dataclass(frozen=True)
class Actions:
    """What could be done, one row per action; arrays of length n.

    Attributes
    ----------
    stake : (n,) float64
        Money that the action is about, in portfolio currency.
    probability, risk : (n,) float64
        0..1: chance of success; chance that it is void or does harm.
    days : (n,) float64
        Expected days until the result.
    """

    stake: Floats
    probability: Floats
    risk: Floats
    days: Floats


@dataclass(frozen=True)
class Priority:
    """Scores of some actions.

    Attributes
    ----------
    score : (n,) float64
        0..100, higher first; the sum of the points.
    value, weight, points : (n, 4) float64
        By term, in the order of `TERMS`: the term in 0..1, its weight as set, its share of the
        score.
    expected_amount : (n,) float64
        Stake times probability: expected money, in portfolio currency.
    """

    score: Floats
    value: Floats
    weight: Floats
    points: Floats
    expected_amount: Floats


def potential(stake: Floats, scale: MoneyScale) -> Floats:
    """How large is what is at stake, from 0 (nothing) to 1 (as large as it gets here)?

    ``log1p(min(stake, cap) / median) / log1p(p95 / median)``, kept in 0..1; the currency unit
    cancels. 0 where nothing is known of the stake or of the scale.

    Examples
    --------
    >>> scale = MoneyScale(1000.0, 7000.0, 7000.0)
    >>> potential(np.array([0.0, 1000.0, 7000.0]), scale).round(4).tolist()
    [0.0, 0.3333, 1.0]
    """
    if not (scale.median > 0 and scale.p95 > 0):
        return np.zeros(stake.shape)
    cap = np.where(np.isnan(scale.cap), scale.p95, scale.cap)
    amount = np.clip(np.nan_to_num(stake, nan=0.0), 0.0, cap)
    size = np.log1p(amount / scale.median) / np.log1p(scale.p95 / scale.median)
    return np.asarray(np.clip(size, 0.0, 1.0))


def duration(days: Floats, *, reference_days: float) -> Floats:
    """How long does the result take, from 0 (at once) to 1 (the reference or longer)?

    >>> duration(np.array([45.0, 400.0]), reference_days=90.0).tolist()
    [0.5, 1.0]
    """
    return np.asarray(np.clip(days / reference_days, 0.0, 1.0))


def prioritise(
    actions: Actions, scale: MoneyScale, weights: Weights, *, reference_days: float
) -> Priority:
    """In which order should some actions be taken, and why?

    Parameters
    ----------
    actions : Actions
        (n,) actions of any kinds.
    scale : MoneyScale
        Of the portfolio on that day (context).
    weights : Weights
        Of the quarter and segment of each action.
    reference_days : float
        Duration that counts as long, above 0.

    Examples
    --------
    A deal of 7,000 in a portfolio whose median is 1,000 and 95th percentile 7,000, at 50 %, on a
    safe account, in 45 days: 0.4 x 1 + 0.3 x 0.5 + 0.2 x (1 - 0) + 0.1 x (1 - 0.5) = 0.8.

    >>> one = np.ones(1)
    >>> deal = Actions(7000 * one, 0.5 * one, 0 * one, 45 * one)
    >>> found = prioritise(deal, MoneyScale(1000, 7000, 7000), Weights(), reference_days=90)
    >>> found.score.round(6).tolist(), found.points.round(6).tolist()
    ([80.0], [[40.0, 15.0, 20.0, 5.0]])
    """
    value = np.column_stack(
        (
            potential(actions.stake, scale),
            np.clip(actions.probability, 0.0, 1.0),
            np.clip(actions.risk, 0.0, 1.0),
            duration(actions.days, reference_days=reference_days),
        )
    )
    shape = np.zeros(value.shape[0])
    weight = np.column_stack(
        [
            shape + part
            for part in (
                weights.potential, weights.probability, weights.risk, weights.duration_penalty,
            )
        ]
    )  # fmt: skip
    # Risk and duration count by how little there is of them: no point is negative.
    good = np.column_stack((value[:, :2], 1.0 - value[:, 2:]))
    points = 100.0 * weight * good / weight.sum(axis=1, keepdims=True)
    expected = np.nan_to_num(actions.stake, nan=0.0) * value[:, 1]
    return Priority(points.sum(axis=1), value, weight, points, expected)

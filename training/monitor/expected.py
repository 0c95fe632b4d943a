"""How well will a model have done, as far as its own probabilities tell before labels arrive?

Confidence-based performance estimation: a calibrated probability says how often it is right, so
that the expected value of a metric follows from the probabilities alone (J. Czakon and others,
NannyML, 2022, *CBPE*). It sees a change of whom the model scores; it cannot see that like accounts
have come to behave otherwise: only outcomes tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from features.kernel import Floats

_DRAWS = 200
_AT_ONCE = 20
_SEED = 7


@dataclass(frozen=True)
class Performance:
    """Metrics of a model on some rows, expected or measured.

    Attributes
    ----------
    rows : int
        How many.
    auc, brier, log_loss : float or None
        As ever; an AUC is None where there is none.
    auc_low, auc_high : float or None
        Between which 99 % of the AUC lie if the probabilities are true.
    """

    rows: int
    auc: float | None
    brier: float
    log_loss: float
    auc_low: float | None = None
    auc_high: float | None = None


def expected_auc(probability: Floats) -> float:
    """Which AUC do calibrated probabilities promise? NaN for fewer than two rows.

    Of all pairs, weighed by the chance that one has the outcome and the other has not, the share
    in which the one scores higher; ties half.

    Examples
    --------
    Of 0.2 and 0.8: ranked right with weight 0.8 * 0.8, wrong with 0.2 * 0.2.

    >>> round(expected_auc(np.array([0.2, 0.8])), 6) == round(0.64 / 0.68, 6)
    True
    """
    value, place = np.unique(probability, return_inverse=True)
    positive = np.bincount(place, probability, value.size)
    negative = np.bincount(place, 1.0 - probability, value.size)
    itself = np.bincount(place, probability * (1.0 - probability), value.size)
    below = np.cumsum(negative) - negative
    right = float(positive @ below + 0.5 * (positive @ negative - itself.sum()))
    pairs = float(positive.sum() * negative.sum() - itself.sum())
    return right / pairs if pairs > 1e-12 else float("nan")


def expected_performance(probability: Floats) -> Performance:
    """What do calibrated probabilities promise of the rows they were given to?"""
    if not probability.size:
        return Performance(0, None, 0.0, 0.0)
    auc = expected_auc(probability)
    low, high = auc_by_chance(probability)
    return Performance(
        int(probability.size),
        _or_none(auc),
        float((probability * (1.0 - probability)).mean()),
        float((entr(probability) + entr(1.0 - probability)).mean()),
        _or_none(low),
        _or_none(high),
    )


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def auc_by_chance(probability: Floats, *, seed: int = _SEED) -> tuple[float, float]:
    """Between which AUC do 99 % lie, if outcomes are drawn as the probabilities say?"""
    random = np.random.default_rng(seed)
    order = np.sort(probability)
    _, first, size = np.unique(order, return_index=True, return_counts=True)
    found = []
    for _ in range(_DRAWS // _AT_ONCE):
        label = random.random((_AT_ONCE, order.size)) < order
        positive = np.add.reduceat(label, first, axis=1).astype(np.float64)
        negative = size - positive
        below = np.cumsum(negative, axis=1) - negative
        right = (positive * (below + 0.5 * negative)).sum(axis=1)
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        found.append(right[pairs > 0] / pairs[pairs > 0])
    drawn = np.concatenate(found)
    if not drawn.size:
        return float("nan"), float("nan")
    low, high = np.percentile(drawn, [0.5, 99.5])
    return float(low), float(high)

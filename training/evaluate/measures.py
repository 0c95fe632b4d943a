"""How good are some probabilities, and how sure is that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from features.kernel import Floats
from training.calibration import fit_calibration

METRICS = (
    "auc", "average_precision", "brier", "log_loss", "ece", "ece_by_chance",
    "calibration_slope", "lift_at_10",
)  # fmt: skip

_BINS = 10
_DRAWS = 200
_NEWTON_STEPS = 25


def auc(score: Floats, label: Floats) -> float:
    """How often does a positive row score above a negative one (ties half)? NaN without both.

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.75
    """
    positives = float(label.sum())
    negatives = label.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = rankdata(score)
    return float(
        (ranks[label == 1].sum() - positives * (positives + 1) / 2) / positives / negatives
    )


def log_loss(probability: Floats, label: Floats) -> float:
    """Mean negative log-likelihood in nats.

    >>> round(log_loss(np.array([0.5]), np.array([1.0])), 4)
    0.6931
    """
    p = np.clip(probability, 1e-9, 1.0 - 1e-9)
    return float(-(label * np.log(p) + (1.0 - label) * np.log1p(-p)).mean())


def brier(probability: Floats, label: Floats) -> float:
    """Mean squared distance of the probability from the outcome.

    >>> brier(np.array([0.5, 1.0]), np.array([1.0, 1.0]))
    0.125
    """
    return float(((probability - label) ** 2).mean())


def expected_calibration_error(probability: Floats, label: Floats, bins: int = _BINS) -> float:
    """How far is the mean probability from the share that happened, over bins of equal mass?"""
    order = np.argsort(probability, kind="stable")
    gaps = [
        abs(probability[part].mean() - label[part].mean()) * part.size
        for part in np.array_split(order, bins)
        if part.size
    ]
    return float(sum(gaps) / label.size)


def calibration_error_by_chance(probability: Floats, *, seed: int = 7) -> float:
    """Which calibration error would a perfect model of this size show by chance, on average?"""
    random = np.random.default_rng(seed)
    order = np.sort(probability)
    draws = [
        expected_calibration_error(order, (random.random(order.size) < order).astype(np.float64))
        for _ in range(_DRAWS)
    ]
    return float(np.mean(draws))


def calibration_slope(probability: Floats, label: Floats) -> float:
    """Slope of the outcome's log-odds on the predicted ones: 1 is right, below is overconfident."""
    margin = logit(np.clip(probability, 1e-9, 1.0 - 1e-9))
    if np.ptp(margin) < 1e-9 or label.min() == label.max():
        return float("nan")
    return fit_calibration(margin, label, fitted_on="test").slope


def calibration_intercept(probability: Floats, label: Floats) -> float:
    """By how much are the predicted log-odds too low on the whole, their slope left at 1?

    0 is right; above 0 more happened than was said. A base rate that moved shows here (Cox 1958;
    Van Calster et al., BMC Medicine 2019). NaN where one outcome alone came about.

    >>> round(calibration_intercept(np.array([0.5, 0.5]), np.array([1.0, 0.0])), 9)
    0.0
    """
    if label.min() == label.max():
        return float("nan")
    margin = logit(np.clip(probability, 1e-9, 1.0 - 1e-9))
    shift = 0.0
    for _ in range(_NEWTON_STEPS):
        said = expit(margin + shift)
        step = float((label - said).sum() / max((said * (1.0 - said)).sum(), 1e-12))
        shift += float(np.clip(step, -1.0, 1.0))
    return shift


def lift_at(probability: Floats, label: Floats, share: float = 0.1) -> float:
    """How many times the base rate is found in the top share? Ties are counted in part."""
    base = label.mean()
    size = max(1, round(share * label.size))
    threshold = np.sort(probability)[-size]
    above, tied = probability > threshold, probability == threshold
    hits = label[above].sum() + label[tied].mean() * (size - above.sum())
    return float(hits / size / base) if base > 0 else float("nan")


def measure(probability: Floats, label: Floats) -> dict[str, float]:
    """All metrics of one slice, by the names of `METRICS`."""
    return {
        "auc": auc(probability, label),
        "average_precision": float(average_precision_score(label, probability))
        if label.any()
        else float("nan"),
        "brier": brier(probability, label),
        "log_loss": log_loss(probability, label),
        "ece": expected_calibration_error(probability, label),
        "ece_by_chance": calibration_error_by_chance(probability),
        "calibration_slope": calibration_slope(probability, label),
        "lift_at_10": lift_at(probability, label),
    }


def mean_metrics(per_slice: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each metric over slices, those that are missing left out."""
    return {
        name: float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
        for name in METRICS
        if (values := np.array([found[name] for found in per_slice])).size
    }

"""How good are some probabilities, and how sure is that?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logit
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from features.kernel import Codes, Floats
from training.calibration import fit_calibration

METRICS = (
    "auc", "average_precision", "brier", "log_loss", "ece", "ece_by_chance",
    "calibration_slope", "lift_at_10",
)  # fmt: skip

_BINS = 10
_DRAWS = 200


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


@dataclass(frozen=True)
class Scored:
    """What several models said of the rows of one slice, and what happened."""

    as_of_date: str
    label: Floats
    group: Codes
    probability: Mapping[str, Floats]


@dataclass(frozen=True)
class Interval:
    """A mean over slices with its 95 % interval."""

    mean: float
    low: float
    high: float


def _weighted_auc(order: Codes, tie: Codes, label: Floats, weight: Floats) -> float:
    """AUC of rows with multiplicities; ``order`` sorts by score, ``tie`` numbers equal scores."""
    positive = np.bincount(tie, (weight * label)[order])
    negative = np.bincount(tie, (weight * (1.0 - label))[order])
    below = np.cumsum(negative) - negative
    total = positive.sum() * negative.sum()
    return float(((below + 0.5 * negative) @ positive) / total) if total > 0 else float("nan")


def auc_gain(
    slices: Sequence[Scored], model: str, against: str, *, draws: int = 400, seed: int = 7
) -> Interval:
    """By how much does one model's AUC exceed another's, averaged over slices?

    Paired: both are read on the same resampled accounts, and an account drawn is drawn in every
    slice it recurs in (bootstrap by account). A constant score has AUC 0.5; a slice in which only
    one outcome came about has none, and is left out.
    """
    prepared = []
    for piece in _with_both_outcomes(slices):
        pair = []
        for name in (model, against):
            score = piece.probability[name]
            _, tie = np.unique(score, return_inverse=True)
            order = np.argsort(tie, kind="stable")
            pair.append((order, tie[order]))
        prepared.append((piece, pair))

    def gain(weights: Floats | None) -> float:
        gains = []
        for piece, pair in prepared:
            weight = np.ones(piece.label.size) if weights is None else weights[piece.group]
            one, other = (_weighted_auc(o, t, piece.label, weight) for o, t in pair)
            gains.append(one - other)
        return float(np.mean(gains))

    return _bootstrap(slices, gain, draws, seed)


def log_loss_gain(
    slices: Sequence[Scored], model: str, against: str, *, draws: int = 400, seed: int = 7
) -> Interval:
    """By how many nats a row is one model's log loss below another's? Paired, by account."""
    losses = []
    for piece in slices:
        p, q = (np.clip(piece.probability[n], 1e-9, 1 - 1e-9) for n in (model, against))
        y = piece.label
        losses.append((piece.group, y * np.log(p / q) + (1 - y) * np.log((1 - p) / (1 - q))))

    def gain(weights: Floats | None) -> float:
        if weights is None:
            return float(np.mean([values.mean() for _, values in losses]))
        return float(np.mean([(w := weights[g]) @ v / max(w.sum(), 1e-12) for g, v in losses]))

    return _bootstrap(slices, gain, draws, seed)


def _with_both_outcomes(slices: Sequence[Scored]) -> list[Scored]:
    return [piece for piece in slices if piece.label.min() < piece.label.max()]


def metric_interval(
    slices: Sequence[Scored], model: str, metric: str, *, draws: int = 200, seed: int = 7
) -> Interval | None:
    """How sure is a model's mean ``auc``, ``brier`` or ``log_loss`` over slices?

    Bootstrap by account, as for `auc_gain`. None without a slice that has both outcomes.
    """
    usable = _with_both_outcomes(slices)
    if not usable:
        return None
    readers = [(piece.group, _weighted(piece, model, metric)) for piece in usable]

    def mean(weights: Floats | None) -> float:
        found = [
            read(np.ones(group.size) if weights is None else weights[group])
            for group, read in readers
        ]
        return float(np.mean(found))

    return _bootstrap(usable, mean, draws, seed)


def _weighted(piece: Scored, model: str, metric: str) -> Callable[[Floats], float]:
    """Multiplicities of the rows -> the metric."""
    label, score = piece.label, piece.probability[model]
    if metric == "auc":
        _, tie = np.unique(score, return_inverse=True)
        order = np.argsort(tie, kind="stable")
        return lambda weight: _weighted_auc(order, tie[order], label, weight)
    p = np.clip(score, 1e-9, 1.0 - 1e-9)
    squared = (score - label) ** 2
    surprise = -(label * np.log(p) + (1.0 - label) * np.log1p(-p))
    loss = squared if metric == "brier" else surprise
    return lambda weight: float(weight @ loss / max(weight.sum(), 1e-12))


def _bootstrap(slices: Sequence[Scored], gain, draws: int, seed: int) -> Interval:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    groups = np.unique(np.concatenate([piece.group for piece in slices]))
    size = int(groups.max()) + 1
    found = np.empty(draws)
    for draw in range(draws):
        weights = np.zeros(size)
        weights[groups] = random.multinomial(groups.size, np.full(groups.size, 1 / groups.size))
        found[draw] = gain(weights)
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Interval(gain(None), float(low), float(high))


def mean_metrics(per_slice: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each metric over slices, those that are missing left out."""
    return {
        name: float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
        for name in METRICS
        if (values := np.array([found[name] for found in per_slice])).size
    }

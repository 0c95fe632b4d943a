"""How sure is a figure, when the same accounts recur on several days?

Bootstrap by account: an account drawn twice counts twice on every day it recurs on, so that days
with the same accounts are no more evidence than one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.kernel import Codes, Floats
from training.evaluate.ranks import Weights, rank, rank_figures

DRAWS = 400


@dataclass(frozen=True)
class Scored:
    """What several models said of the rows of one slice, and what happened."""

    as_of_date: str
    label: Floats
    group: Codes
    probability: Mapping[str, Floats]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float


def draw_accounts(slices: Sequence[Scored], draws: int, seed: int) -> Weights:
    """How often does each account count: once in the first row, then as drawn?

    Returns
    -------
    (1 + draws, n_groups) int32
        Accounts that none of the slices has count nowhere.
    """
    random = np.random.default_rng(seed)
    groups = np.unique(np.concatenate([piece.group for piece in slices]))
    weight = np.zeros((1 + draws, int(groups.max()) + 1), dtype=np.int32)
    weight[0, groups] = 1
    share = np.full(groups.size, 1 / groups.size)
    for draw in range(1, draws + 1):
        weight[draw, groups] = random.multinomial(groups.size, share)
    return weight


def interval(found: Floats) -> Interval:
    """Which interval do a figure (the first) and its draws (the others) give?"""
    drawn = found[1:][np.isfinite(found[1:])]
    if not drawn.size:
        return Interval(float(found[0]), float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(found[0]), float(low), float(high))


def weighted_mean(values: Floats, group: Codes, weight: Weights) -> Floats:
    """(n_draws,) mean of some rows' values under each draw; NaN where none was drawn."""
    size = weight.shape[1]
    total = weight @ np.bincount(group, values, minlength=size)
    count = weight @ np.bincount(group, minlength=size)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def auc_gain(
    slices: Sequence[Scored], model: str, against: str, *, draws: int = DRAWS, seed: int = 7
) -> Interval:
    """By how much does one model's AUC exceed another's, averaged over slices?

    Paired: both are read on the same resampled accounts. A constant score has AUC 0.5; a slice in
    which only one outcome came about has none, and is left out.
    """
    weight = draw_accounts(slices, draws, seed)
    gains = [
        np.subtract(*(_auc_of(piece, name, weight) for name in (model, against)))
        for piece in _with_both_outcomes(slices)
    ]
    return interval(np.mean(gains, axis=0)) if gains else interval(np.full(1 + draws, np.nan))


def _auc_of(piece: Scored, name: str, weight: Weights) -> Floats:
    return rank_figures(rank(piece.probability[name], piece.label, piece.group), weight).auc


def log_loss_gain(
    slices: Sequence[Scored], model: str, against: str, *, draws: int = DRAWS, seed: int = 7
) -> Interval:
    """By how many nats a row is one model's log loss below another's? Paired, by account."""
    weight = draw_accounts(slices, draws, seed)
    gains = [
        weighted_mean(
            surprise(piece.probability[against], piece.label)
            - surprise(piece.probability[model], piece.label),
            piece.group,
            weight,
        )
        for piece in slices
    ]
    return interval(np.mean(gains, axis=0))


def surprise(probability: Floats, label: Floats) -> Floats:
    """(n,) negative log-likelihood of each row, in nats."""
    p = np.clip(probability, 1e-9, 1.0 - 1e-9)
    return np.asarray(-(label * np.log(p) + (1.0 - label) * np.log1p(-p)))


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
    weight = draw_accounts(usable, draws, seed)
    return interval(np.mean([_metric(piece, model, metric, weight) for piece in usable], axis=0))


def _metric(piece: Scored, model: str, metric: str, weight: Weights) -> Floats:
    if metric == "auc":
        return _auc_of(piece, model, weight)
    said = piece.probability[model]
    loss = (said - piece.label) ** 2 if metric == "brier" else surprise(said, piece.label)
    return weighted_mean(loss, piece.group, weight)

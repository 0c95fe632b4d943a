"""Which two parts, and which spread, tell best how much accounts will bring in?

Settings are judged, P(any) is calibrated and the spread is read off on rows that were not fitted:
rolling blocks of later days where the history spans three horizons, else accounts held out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import lightgbm
import numpy as np

from features.kernel import Floats
from training.calibration import Calibration, fit_calibration
from training.dataset import Dataset, Task
from training.models.amounts import Stacked, TwoPart
from training.models.margins import (
    Boosted,
    Logistic,
    Rates,
    Rung,
    TreeSettings,
    design_of,
    fit_logistic,
    fit_rates,
    select,
    train_booster,
    usable_features,
)
from training.models.purchases import fit_process
from training.models.spread import Predicted, fit_spread
from training.search import Fitted, Splits, make_splits

Progress = Callable[[str], None]

RUNGS = ("prior", "rates", "linear", "lightgbm")
STRENGTHS = (0.003, 0.03)
"""Inverse L2 penalties of P(any)."""
RIDGES = (300.0, 30.0, 3.0)
"""L2 penalties of the log amount."""
ROUNDS = (25, 50, 100, 150, 200, 300)
SHAPE = TreeSettings(leaves=6, learning_rate=0.04)
QUICK_SHAPE = TreeSettings(leaves=6, learning_rate=0.08)
_QUICK_ROUNDS = ROUNDS[:4]
_PAIRS = 3
_QUICK_PAIRS = 2
_FREE = 1e3
_PRIOR_ROWS = 20.0
_LEAST_BOUGHT = 30


@dataclass(frozen=True)
class _Halves:
    """The rows of one dataset for either part.

    Attributes
    ----------
    any : Dataset
        All rows, labelled 1 where anything is bought.
    amount : Dataset
        Those where anything is bought, labelled with the log of the amount.
    """

    any: Dataset
    amount: Dataset


def _halves(data: Dataset) -> _Halves:
    bought = data.label > 0.0
    some = data.take(bought)
    return _Halves(
        replace(data, label=bought.astype(np.float64)),
        replace(some, label=np.log(some.label)),
    )


Fit = Callable[[_Halves], tuple[Rung, Rung]]


def _fit_prior(halves: _Halves, key: str) -> tuple[Rung, Rung]:
    return fit_rates(halves.any, key), _segment_means(halves.amount, key)


def _segment_means(data: Dataset, key: str) -> Rates:
    """Mean log amount of each segment, leaning on that of all."""
    base = float(data.label.mean()) if data.size else 0.0
    keys = data.matrix.keys.get(key, np.array([], dtype=object))
    means = {}
    for word in sorted({word for word in keys if word is not None}):
        own = data.label[keys == word]
        means[word] = float((own.sum() + _PRIOR_ROWS * base) / (own.size + _PRIOR_ROWS))
    return Rates(key, means, base)


def _fit_rates(halves: _Halves, columns: tuple[str, str]) -> tuple[Rung, Rung]:
    """Recency alone for P(any), revenue of a year alone for the amount."""
    return (
        fit_logistic(halves.any, (columns[0],), strength=_FREE),
        fit_ridges(halves.amount, (columns[1],), (1.0 / _FREE,))[1.0 / _FREE],
    )


def fit_ridges(
    data: Dataset, features: tuple[str, ...], penalties: Sequence[float]
) -> dict[float, Logistic]:
    """Fit linear predictors of the label itself, by least squares with several L2 penalties."""
    design = design_of(data.matrix, features)
    mean = design.matrix.mean(axis=0)
    centred = design.matrix - mean
    middle = float(data.label.mean())
    curve, slope = centred.T @ centred, centred.T @ (data.label - middle)
    found = {}
    for penalty in penalties:
        weights = np.linalg.solve(curve + penalty * np.eye(slope.size), slope)
        found[penalty] = design.predictor(weights, middle - float(mean @ weights))
    return found


def _train_rest(
    data: Dataset, features: tuple[str, ...], linear: Logistic, settings: TreeSettings
) -> lightgbm.Booster:
    """Trees that learn what a linear predictor left of the label."""
    columns = lightgbm.Dataset(
        select(data.matrix, features),
        data.label - linear.margin(data.matrix),
        feature_name=list(features),
        params={"verbose": -1},
    )
    parameters = {
        **settings.parameters(data.size), "objective": "regression", "boost_from_average": False,
    }  # fmt: skip
    return lightgbm.train(parameters, columns, settings.rounds)


@dataclass(frozen=True)
class _Unseen:
    """Unseen rows of all pairs: what was said of them, and what came about."""

    said: Predicted
    amount: Floats


def _gather(data: Dataset, splits: Splits, said: Sequence[tuple[Floats, Floats]]) -> _Unseen:
    any_, log_amount = (np.concatenate([pair[i] for pair in said]) for i in (0, 1))
    amount = np.concatenate([data.label[check] for _, check in splits.calibrate])
    return _Unseen(Predicted(any_, log_amount), amount)


def _concluded(
    name: str, parts: tuple[Rung, Rung], unseen: _Unseen, kind: str, settings: dict[str, float]
) -> Fitted:
    """Join the parts, fitted on all rows, with the spread that unseen rows showed."""
    bought = (unseen.amount > 0.0).astype(np.float64)
    found = fit_calibration(unseen.said.any, bought, fitted_on=kind)
    spread = fit_spread(
        unseen.said, unseen.amount, slope=found.slope, intercept=found.intercept, fitted_on=kind
    )
    return Fitted(TwoPart(name, *parts, spread), Calibration(), {**settings, "spread": kind})


def _simple(name: str, data: Dataset, splits: Splits, fit: Fit) -> Fitted:
    """Fit a rung without settings."""
    said = []
    for own, check in splits.calibrate:
        any_, amount = fit(_halves(data.take(own)))
        rows = data.take(check).matrix
        said.append((any_.margin(rows), amount.margin(rows)))
    unseen = _gather(data, splits, said)
    return _concluded(name, fit(_halves(data)), unseen, splits.kind, {})


def _log_loss(margin: Floats, label: Floats) -> float:
    return float((np.logaddexp(0.0, margin) - label * margin).mean())


def _pick(
    tried: dict[float, list[Floats]],
    truth: Sequence[Floats],
    loss: Callable[[Floats, Floats], float],
) -> float:
    """Which setting did unseen rows like best?"""
    label = np.concatenate(truth)
    return min(tried, key=lambda choice: loss(np.concatenate(tried[choice]), label))


def _square(margin: Floats, label: Floats) -> float:
    """Mean squared distance of the rows in which anything was bought."""
    known = np.isfinite(label)
    return float(((margin - label)[known] ** 2).mean()) if known.any() else 0.0


def _fit_linear(data: Dataset, splits: Splits, features: tuple[str, ...], quick: bool) -> Fitted:
    strengths, ridges = (STRENGTHS[:1], RIDGES[1:2]) if quick else (STRENGTHS, RIDGES)
    any_: dict[float, list[Floats]] = {value: [] for value in strengths}
    amount: dict[float, list[Floats]] = {value: [] for value in ridges}
    truth = []
    for own, check in splits.calibrate:
        halves, later = _halves(data.take(own)), data.take(check)
        truth.append(later.label)
        for value in strengths:
            any_[value].append(
                fit_logistic(halves.any, features, strength=value).margin(later.matrix)
            )
        for value, linear in fit_ridges(halves.amount, features, ridges).items():
            amount[value].append(linear.margin(later.matrix))
    strength, ridge = _best(any_, amount, truth)
    halves = _halves(data)
    parts = (
        fit_logistic(halves.any, features, strength=strength),
        fit_ridges(halves.amount, features, (ridge,))[ridge],
    )
    said = list(zip(any_[strength], amount[ridge], strict=True))
    settings = {"strength": strength, "ridge": ridge}
    return _concluded("linear", parts, _gather(data, splits, said), splits.kind, settings)


def _best(
    any_: dict[float, list[Floats]], amount: dict[float, list[Floats]], truth: Sequence[Floats]
) -> tuple[float, float]:
    """Best settings of either part."""
    with np.errstate(divide="ignore"):
        logs = [np.log(label) for label in truth]
    return (
        _pick(any_, [(label > 0.0).astype(np.float64) for label in truth], _log_loss),
        _pick(amount, logs, _square),
    )


def _staged(
    booster: lightgbm.Booster, values: Floats, start: Floats, stages: Sequence[int]
) -> list[Floats]:
    """Margins after each number of rounds."""
    found, margin, done = [], start, 0
    for rounds in stages:
        said = booster.predict(
            values, raw_score=True, start_iteration=done, num_iteration=rounds - done, num_threads=1
        )
        margin = margin + np.asarray(said)
        found.append(margin)
        done = rounds
    return found


def _fit_trees(
    data: Dataset, splits: Splits, features: tuple[str, ...], ridge: float, quick: bool
) -> Fitted:
    stages = _QUICK_ROUNDS if quick else ROUNDS
    shape = replace(QUICK_SHAPE if quick else SHAPE, rounds=stages[-1])
    any_: dict[float, list[Floats]] = {rounds: [] for rounds in stages}
    amount: dict[float, list[Floats]] = {rounds: [] for rounds in stages}
    truth = []
    for own, check in splits.calibrate:
        halves, later = _halves(data.take(own)), data.take(check)
        truth.append(later.label)
        values = select(later.matrix, features)
        linear = fit_ridges(halves.amount, features, (ridge,))[ridge]
        trees = train_booster(halves.any, features, shape)
        rest = _train_rest(halves.amount, features, linear, shape)
        for rounds, margin in zip(
            stages, _staged(trees, values, np.zeros(later.size), stages), strict=True
        ):
            any_[rounds].append(margin)
        first = linear.margin(later.matrix)
        for rounds, margin in zip(stages, _staged(rest, values, first, stages), strict=True):
            amount[rounds].append(margin)
    of_any, of_amount = (int(found) for found in _best(any_, amount, truth))
    halves = _halves(data)
    linear = fit_ridges(halves.amount, features, (ridge,))[ridge]
    rest = _train_rest(halves.amount, features, linear, replace(shape, rounds=of_amount))
    parts = (
        Boosted(features, train_booster(halves.any, features, replace(shape, rounds=of_any))),
        Stacked(linear, Boosted(features, rest)),
    )
    said = list(zip(any_[of_any], amount[of_amount], strict=True))
    settings = {"rounds_any": of_any, "rounds_amount": of_amount, "ridge": ridge}
    return _concluded("lightgbm", parts, _gather(data, splits, said), splits.kind, settings)


def fit_amounts(
    data: Dataset,
    task: Task,
    *,
    quick: bool = False,
    only: Sequence[str] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Fitted]:
    """Fit the rungs of `value` that the rows can carry.

    Parameters
    ----------
    data : Dataset
        Rows labelled with an amount, 0 or more.
    task : Task
        What is predicted.
    quick : bool
        Try fewer settings.
    only : sequence of str or None
        Names of the rungs wanted; all by default.
    progress : callable
        Told what is being done.

    Returns
    -------
    dict of str to Fitted
        By rung; the keener ones are absent where hardly anything was bought, or always.
    """
    wanted = set(only or RUNGS)
    halves = _halves(data)
    splits = make_splits(halves.any, task)
    # Early blocks of later days were predicted from little: they would widen every interval.
    count = _QUICK_PAIRS if quick or splits.kind == "rolling" else _PAIRS
    splits = replace(splits, calibrate=splits.calibrate[-count:])
    features = usable_features(data)
    found = {}
    if "prior" in wanted:
        found["prior"] = _simple("prior", data, splits, lambda part: _fit_prior(part, task.key))
    is_rich = splits.calibrate and halves.amount.size >= _LEAST_BOUGHT
    own_rule = ("days_since_last_order", task.rule)
    if "rates" in wanted and is_rich and set(own_rule) <= set(features):
        found["rates"] = _simple("rates", data, splits, lambda part: _fit_rates(part, own_rule))
    if is_rich and features and wanted & {"linear", "lightgbm"}:
        progress("linear amounts")
        linear = _fit_linear(data, splits, features, quick)
        found["linear"] = linear
        if "lightgbm" in wanted:
            progress("boosted amounts")
            ridge = float(linear.settings["ridge"])
            found["lightgbm"] = _fit_trees(data, splits, features, ridge, quick)
    process = fit_process(data.matrix, data.basis)
    return {
        name: replace(fitted, rung=replace(fitted.rung, process=process))
        for name, fitted in found.items()
        if name in wanted and isinstance(fitted.rung, TwoPart)
    }

"""Which settings does each rung get, judged without looking at the test day?

Candidates are compared on rows that were not fitted: rolling blocks of later days, fitted on days
whose labels had matured before them, where the history allows it. Otherwise on later days of
accounts held out: fitted on the earlier days of the other accounts, since a model that is judged on
the days it learnt from is never regularised enough for the days to come. Calibration is fitted on
unseen margins too: of the rolling blocks, or of account-grouped folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from features.asof import US_PER_DAY
from features.kernel import Codes, Floats
from training.calibration import Calibration, fit_calibration
from training.dataset import Dataset, Task
from training.models import (
    Rung,
    TreeSettings,
    fit_logistic,
    fit_prior,
    fit_rates,
    fit_trees,
    select,
    train_booster,
    usable_features,
)

STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Inverse L2 penalties of the logistic rung, the strongest first."""

SHAPES: tuple[TreeSettings, ...] = (
    TreeSettings(leaves=6, rows_per_leaf=200),
    TreeSettings(leaves=3, rows_per_leaf=200),
    TreeSettings(leaves=12, rows_per_leaf=200),
)
"""Tree shapes tried; the first alone when in a hurry."""

ROUNDS = (100, 200, 300, 400, 600)
_FOLDS = 4
_ROLLING_WINDOWS = 3
"""One or two label windows of drift teach an intercept that the next window refutes."""

_SEED = 7
_MIN_CHECK_ROWS = 200
_MIN_CHECK_OUTCOMES = 20

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Splits:
    """Pairs of rows to fit and rows to check.

    Attributes
    ----------
    search, calibrate : tuple of (mask, mask)
        For choosing settings, and for fitting the calibration.
    kind : str
        rolling or folds.
    """

    search: tuple[Pair, ...]
    calibrate: tuple[Pair, ...]
    kind: str


def _rolling(data: Dataset, task: Task) -> Iterator[Pair]:
    """Blocks of later days, each fitted on the days whose labels had matured before it."""
    window = (task.horizon.lead_days + task.horizon.horizon_days) * US_PER_DAY
    moments = np.unique(data.matrix.as_of)
    if np.ptp(moments) < _ROLLING_WINDOWS * window:
        return
    least = max(3, moments.size // 4)
    checks = [m for m in moments if (moments + window <= m).sum() >= least]
    for block in np.array_split(np.array(checks, dtype=np.int64), min(3, len(checks)) or 1):
        if block.size:
            fit = data.matrix.as_of + window <= block[0]
            yield fit, np.isin(data.matrix.as_of, block)


def _folds(data: Dataset) -> Iterator[Pair]:
    groups, member = np.unique(data.group, return_inverse=True)
    fold = np.random.default_rng(_SEED).permutation(groups.size) % _FOLDS
    for number in range(_FOLDS):
        check = fold[member] == number
        yield ~check, check


def _is_rich(label: Floats) -> bool:
    positives = label.sum()
    return bool(
        label.size >= _MIN_CHECK_ROWS
        and min(positives, label.size - positives) >= _MIN_CHECK_OUTCOMES
    )


def _has_both(label: Floats) -> bool:
    return bool(label.size) and label.min() < label.max()


def make_splits(data: Dataset, task: Task) -> Splits:
    """How can settings be judged on unseen rows: by later days, or by other accounts?"""
    rolling = tuple(pair for pair in _rolling(data, task) if _has_both(data.label[pair[0]]))
    seen = [data.label[check] for _, check in rolling]
    if seen and _is_rich(np.concatenate(seen)):
        return Splits(rolling, rolling, "rolling")
    folds = tuple(pair for pair in _folds(data) if _has_both(data.label[pair[0]]))
    later = tuple(_later(data, folds))
    return Splits(later or folds, folds, "folds")


def _later(data: Dataset, folds: Sequence[Pair]) -> Iterator[Pair]:
    """Fit on the earlier half of the days, check held-out accounts on the later half."""
    middle = np.median(np.unique(data.matrix.as_of))
    is_early = data.matrix.as_of <= middle
    for fit, check in folds:
        if _has_both(data.label[fit & is_early]) and _is_rich(data.label[check & ~is_early]):
            yield fit & is_early, check & ~is_early


@dataclass(frozen=True)
class Fitted:
    """A rung with its calibration.

    Attributes
    ----------
    rung : Rung
        Fitted on all rows.
    calibration : Calibration
        Fitted on margins of unseen rows.
    settings : mapping
        What the search chose.
    """

    rung: Rung
    calibration: Calibration
    settings: dict[str, float | int | str]


@dataclass(frozen=True)
class _Unseen:
    """Margins of unseen rows with their outcomes and accounts."""

    margin: Floats
    label: Floats
    group: Codes

    @property
    def losses(self) -> Floats:
        """(n,) log loss of each row."""
        return np.asarray(np.logaddexp(0.0, self.margin) - self.label * self.margin)

    @property
    def loss(self) -> float:
        """Mean log loss."""
        return float(self.losses.mean())

    def is_as_good_as(self, best: _Unseen) -> bool:
        """Whether the mean loss lies within one standard error (over accounts) of the best's."""
        difference = self.losses - best.losses
        _, member = np.unique(self.group, return_inverse=True)
        sums = np.bincount(member, difference - difference.mean())
        return bool(difference.mean() <= np.sqrt((sums**2).sum()) / difference.size)


def _together(data: Dataset, pairs: Sequence[Pair], margins: Sequence[Floats]) -> _Unseen:
    return _Unseen(
        np.concatenate(margins),
        np.concatenate([data.label[check] for _, check in pairs]),
        np.concatenate([data.group[check] for _, check in pairs]),
    )


def _unseen(data: Dataset, pairs: Sequence[Pair], fit: Callable[[Dataset], Rung]) -> _Unseen:
    margins = [fit(data.take(f)).margin(data.take(c).matrix) for f, c in pairs]
    return _together(data, pairs, margins)


def _calibrated(data: Dataset, splits: Splits, fit: Callable[[Dataset], Rung]) -> Calibration:
    unseen = _unseen(data, splits.calibrate, fit)
    return fit_calibration(unseen.margin, unseen.label, fitted_on=splits.kind)


def search_logistic(
    data: Dataset,
    features: tuple[str, ...],
    splits: Splits,
    strengths: Sequence[float] = STRENGTHS,
) -> Fitted:
    """Fit the logistic rung with the strongest penalty within one standard error of the best.

    The one-standard-error rule: Breiman, Friedman, Olshen & Stone, Classification and Regression
    Trees, 1984, section 3.4.3.
    """

    def fit(part: Dataset, strength: float) -> Rung:
        return fit_logistic(part, features, strength=strength)

    tried = {c: _unseen(data, splits.search, partial(fit, strength=c)) for c in strengths}
    least = min(tried.values(), key=lambda unseen: unseen.loss)
    # The strongest comes first, and the best is always within its own error.
    strength = next(c for c, unseen in tried.items() if unseen.is_as_good_as(least))
    chosen = partial(fit, strength=strength)
    return Fitted(
        chosen(data),
        _calibrated(data, splits, chosen),
        {"strength": strength, "unseen_log_loss": tried[strength].loss},
    )


def _staged_margins(
    data: Dataset, features: tuple[str, ...], pairs: Sequence[Pair], shape: TreeSettings
) -> dict[int, _Unseen]:
    """Unseen margins after each number of rounds, from one training per pair."""
    staged: dict[int, list[Floats]] = {rounds: [] for rounds in ROUNDS}
    longest = replace(shape, rounds=ROUNDS[-1])
    for fit, check in pairs:
        booster = train_booster(data.take(fit), features, longest)
        values = select(data.take(check).matrix, features)
        margin = np.zeros(values.shape[0])
        start = 0
        for rounds in ROUNDS:
            margin = margin + np.asarray(
                booster.predict(
                    values, raw_score=True, start_iteration=start, num_iteration=rounds - start
                )
            )
            staged[rounds].append(margin)
            start = rounds
    return {rounds: _together(data, pairs, margins) for rounds, margins in staged.items()}


def search_trees(
    data: Dataset, features: tuple[str, ...], splits: Splits, shapes: Sequence[TreeSettings]
) -> Fitted:
    """Fit the LightGBM rung with the shape and number of rounds that unseen rows like best."""
    tried = {
        replace(shape, rounds=rounds): unseen
        for shape in shapes
        for rounds, unseen in _staged_margins(data, features, splits.search, shape).items()
    }
    settings = min(tried, key=lambda choice: tried[choice].loss)

    def fit(part: Dataset) -> Rung:
        return fit_trees(part, features, settings)

    return Fitted(
        fit(data),
        _calibrated(data, splits, fit),
        {**asdict(settings), "unseen_log_loss": tried[settings].loss},
    )


def fit_rungs(
    data: Dataset,
    task: Task,
    *,
    quick: bool = False,
    only: Sequence[str] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Fitted]:
    """Fit the rungs that the rows can carry.

    Parameters
    ----------
    data : Dataset
        Rows whose outcomes were known when the model is fitted.
    task : Task
        What is predicted.
    quick : bool
        Try only the first tree shape, and every other penalty.
    only : sequence of str or None
        Names of the rungs wanted; all by default.
    progress : callable
        Told what is being done.

    Returns
    -------
    dict of str to Fitted
        By rung; the keener rungs are absent when one outcome is missing altogether.
    """
    wanted = set(only or ("prior", "rates", "logistic", "lightgbm"))
    found = {"prior": Fitted(fit_prior(data), Calibration(), {})}
    if any(word is not None for word in data.matrix.keys.get(task.key, ())):
        found["rates"] = Fitted(fit_rates(data, task.key), Calibration(), {})
    features = usable_features(data)
    if _has_both(data.label) and features and wanted & {"logistic", "lightgbm"}:
        splits = make_splits(data, task)
        if splits.calibrate and "logistic" in wanted:
            progress("logistic regression")
            strengths = STRENGTHS[1::2] if quick else STRENGTHS
            found["logistic"] = search_logistic(data, features, splits, strengths)
        if splits.calibrate and "lightgbm" in wanted:
            progress("boosted trees")
            shapes = SHAPES[:1] if quick else SHAPES
            found["lightgbm"] = search_trees(data, features, splits, shapes)
    return {name: fitted for name, fitted in found.items() if name in wanted}

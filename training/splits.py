"""Which rows is a model fitted on and which is it checked on, without looking at the test day?

Rolling blocks of later days, fitted on days whose labels had matured before them, where the history
allows it. Otherwise later days of accounts held out: fitted on the earlier days of the other
accounts, since a model that is judged on the days it learnt from is never regularised enough for
the days to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.asof import US_PER_DAY
from features.kernel import Floats
from training.dataset import Dataset, Task

FOLDS = 4
_ROLLING_WINDOWS = 3
"""One or two label windows of drift teach an intercept that the next window refutes."""

_SEED = 7
_MIN_CHECK_ROWS = 200
_MIN_CHECK_OUTCOMES = 20

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]
Exam = tuple[Dataset, Dataset]
"""Rows to fit, and rows to check."""


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


def account_folds(data: Dataset) -> Iterator[Mask]:
    """Which rows are held out, fold by fold? All rows of one account together."""
    groups, member = np.unique(data.group, return_inverse=True)
    fold = np.random.default_rng(_SEED).permutation(groups.size) % FOLDS
    for number in range(FOLDS):
        yield fold[member] == number


def is_rich(label: Floats) -> bool:
    """Whether so many outcomes can tell one setting from another."""
    positives = label.sum()
    return bool(
        label.size >= _MIN_CHECK_ROWS
        and min(positives, label.size - positives) >= _MIN_CHECK_OUTCOMES
    )


def has_both(label: Floats) -> bool:
    """Whether both outcomes came about."""
    return bool(label.size) and label.min() < label.max()


def make_splits(data: Dataset, task: Task) -> Splits:
    """How can settings be judged on unseen rows: by later days, or by other accounts?"""
    rolling = tuple(pair for pair in _rolling(data, task) if has_both(data.label[pair[0]]))
    seen = [data.label[check] for _, check in rolling]
    if seen and is_rich(np.concatenate(seen)):
        return Splits(rolling, rolling, "rolling")
    folds = tuple((~check, check) for check in account_folds(data) if has_both(data.label[~check]))
    later = tuple(_later(data, folds))
    return Splits(later or folds, folds, "folds")


def _later(data: Dataset, folds: Sequence[Pair]) -> Iterator[Pair]:
    """Fit on the earlier half of the days, check held-out accounts on the later half."""
    middle = np.median(np.unique(data.matrix.as_of))
    is_early = data.matrix.as_of <= middle
    for fit, check in folds:
        if has_both(data.label[fit & is_early]) and is_rich(data.label[check & ~is_early]):
            yield fit & is_early, check & ~is_early


def exams(data: Dataset, pairs: Sequence[Pair]) -> Iterator[Exam]:
    """The rows of some pairs, one pair at a time."""
    for fit, check in pairs:
        yield data.take(fit), data.take(check)

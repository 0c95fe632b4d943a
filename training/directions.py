"""In which direction may a feature move the model, where the catalogue states one?

A stated direction (more silence, more churn) is a belief of the trade. It binds the trees unless
the rows that they learn from refute it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.stats import rankdata

from features.kernel import Codes, Floats
from features.signals.catalogue import BY_NAME
from features.signals.declare import About
from training.dataset import Dataset, Task

_BLOCKS = 3
_REFUTED_BELOW = -1.645
"""One-sided 5 % point of the standard normal distribution."""

_LEAST = 10


def stated_directions(task: Task, features: tuple[str, ...]) -> tuple[int, ...]:
    """Which direction does the catalogue state of each feature: 1, -1, or 0 for none?

    Parameters
    ----------
    task : Task
        churn and close have directions of their own; any other model has none.
    features : tuple of str
        Columns of the task's rows.
    """
    found = (BY_NAME.get((task.entity, name)) for name in features)
    return tuple(0 if feature is None else _of(feature.about, task) for feature in found)


def _of(about: About, task: Task) -> int:
    stated: Mapping[str, int] = {"churn": about.churn, "close": about.win}
    return stated.get(task.name, 0)


def kept_directions(data: Dataset, task: Task, features: tuple[str, ...]) -> tuple[int, ...]:
    """Which stated directions do the training rows not refute?

    In each of three blocks of days, on its middle day, the outcomes are ranked by the feature
    (missing values left out). A direction is refuted when the mean of the three standardised rank
    sums (Mann & Whitney, 1947) lies below -1.645 in the direction that is stated: the mean is not
    multiplied by the square root of three, because the same accounts recur on all days.

    Returns
    -------
    tuple of int
        1, -1 or 0, in the order of the features.
    """
    days = list(_middle_days(data.matrix.as_of))
    places = {name: place for place, name in enumerate(data.matrix.names)}
    kept = []
    for name, direction in zip(features, stated_directions(task, features), strict=True):
        if direction:
            column = data.matrix.values[:, places[name]]
            found = [rank_surplus(column[rows], data.label[rows]) for rows in days]
            known = [surplus for surplus in found if not np.isnan(surplus)]
            is_refuted = bool(known) and direction * float(np.mean(known)) < _REFUTED_BELOW
            kept.append(0 if is_refuted else direction)
        else:
            kept.append(0)
    return tuple(kept)


def _middle_days(as_of: Codes) -> Iterator[Codes]:
    moments = np.unique(as_of)
    for block in np.array_split(moments, min(_BLOCKS, moments.size) or 1):
        if block.size:
            yield np.flatnonzero(as_of == block[block.size // 2])


def rank_surplus(value: Floats, label: Floats) -> float:
    """By how many standard errors do positive rows rank above what chance would give?

    NaN with fewer than ten rows of either outcome among the rows whose value is known.

    >>> value, label = np.arange(20.0), np.repeat([0.0, 1.0], 10)
    >>> round(rank_surplus(value, label), 3)
    3.78
    """
    known = ~np.isnan(value)
    value, label = value[known], label[known]
    positives = float(label.sum())
    negatives = label.size - positives
    if min(positives, negatives) < _LEAST:
        return float("nan")
    surplus = rankdata(value)[label == 1].sum() - positives * (label.size + 1) / 2
    return float(surplus / np.sqrt(positives * negatives * (label.size + 1) / 12))

"""How well does one column alone, or its mere absence, tell a label?

Each answer has a bound, so that chance raises no alarm: the more columns are looked at, the less
likely by chance a difference must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
from scipy.special import chdtrc, ndtr

from features.records.casting import Mask, Values

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

GAP = 0.30
AUC = 0.95
CHANCE = 0.001
LEAST = 10
_BINS = 32


@dataclass(frozen=True)
class Absence:
    """How often a column is missing on either side of a label, shares 0..1."""

    with_label: float
    without_label: float


def telling_absence(missing: Mask, label: Mask, *, chance: float = CHANCE) -> Absence | None:
    """Does the absence of a column tell the label?

    A difference of more than 30 points whose chi-square (one degree of freedom, Yates) is rarer
    than `chance`, with ten rows or more on either side.

    Parameters
    ----------
    missing, label : (n,) bool
        Rows without a value; rows with the label.
    chance : float
        How rare the difference must be without leakage.

    Returns
    -------
    Absence or None
        None when the absence tells nothing, or there are too few rows.

    Examples
    --------
    >>> label = np.arange(100) < 50
    >>> telling_absence(np.arange(100) < 34, label)
    Absence(with_label=0.68, without_label=0.0)
    >>> telling_absence(np.arange(100) % 2 == 0, label) is None
    True
    """
    n_with, n_without = int(label.sum()), int((~label).sum())
    if min(n_with, n_without) < LEAST:
        return None
    found = Absence(float(missing[label].mean()), float(missing[~label].mean()))
    gap = abs(found.with_label - found.without_label)
    share = float(missing.mean())
    if gap <= GAP:
        return None
    yates = max(gap - (1 / n_with + 1 / n_without) / 2, 0.0)
    statistic = yates**2 / (share * (1 - share) * (1 / n_with + 1 / n_without))
    return found if chdtrc(1, statistic) < chance else None


def telling_value(values: Values, label: Mask, *, chance: float = CHANCE) -> float | None:
    """Do the values of a column tell the label, and with which AUC?

    Each half of the rows is ranked by the shares of the label that the other half has per value
    (numbers and instants: per bin of 32), so that an id that never repeats tells nothing.

    Parameters
    ----------
    values : pyarrow array
        Values, none missing.
    label : (n,) bool
        Rows with the label.
    chance : float
        How rare such an AUC must be without leakage.

    Returns
    -------
    float or None
        AUC above 0.95; None when it is not, may be chance, or there are too few rows.
    """
    n_with, n_without = int(label.sum()), int((~label).sum())
    if min(n_with, n_without) < LEAST:
        return None
    auc = _cross_auc(_codes(values), label)
    spread = float(np.sqrt((n_with + n_without + 1) / (12 * n_with * n_without)))
    return auc if auc > AUC and ndtr((0.5 - auc) / spread) < chance else None


def _cross_auc(codes: Codes, label: Mask) -> float:
    # a fixed scattering: rows come sorted by time, so halves or turns would not be alike
    scattered = np.arange(len(codes), dtype=np.uint64) * np.uint64(2_654_435_761)
    half = (scattered >> np.uint64(16)) & 1
    parts = []
    for side in (half == 0, half == 1):
        rows = np.bincount(codes[~side], minlength=int(codes.max()) + 1)
        wins = np.bincount(codes[~side], label[~side], minlength=len(rows))
        share = (wins + label[~side].mean()) / (rows + 1)
        parts.append(_auc(share[codes[side]], label[side]))
    return float(np.mean(parts))


def _auc(score: Floats, label: Mask) -> float:
    n_with, n_without = int(label.sum()), int((~label).sum())
    if not n_with or not n_without:
        return 0.5
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    # Equal scores share the mean of their ranks.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[label].sum() - n_with * (n_with + 1) / 2) / (n_with * n_without))


def _codes(values: Values) -> Codes:
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    kind = array.type
    if pa.types.is_temporal(kind):
        array = array.cast(pa.timestamp("us")) if not pa.types.is_time(kind) else array
        array = array.cast(pa.int64())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    if pa.types.is_floating(array.type) or pa.types.is_integer(array.type):
        numbers = array.to_numpy(zero_copy_only=False).astype(np.float64)
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
        # a value that is an edge has a bin of its own: 0 is often a state, not an amount
        left = np.searchsorted(edges, numbers, side="left")
        return (left + np.searchsorted(edges, numbers, side="right")).astype(np.int64)
    encoded = array.cast(pa.string()).dictionary_encode()
    codes: Codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes

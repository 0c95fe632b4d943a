"""In which weeks or months do far more or far fewer rows come than ever before?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from features.records.casting import Mask
from features.records.contract import TABLES
from features.records.quality.finding import Audited, Check, Family, Finding, Place, as_instants
from features.records.sentences import Sentence

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array
Counts = npt.NDArray[np.int64]

CHECKS: Mapping[str, Check] = {
    "DQ028": Check(
        "info",
        "weeks or months whose number of rows jumps",
        "Rows per week (per four weeks where few come) against the median of the up to 26 before,"
        " 12 at least: more than five robust deviations (1.4826 x the median absolute deviation of"
        " logarithms), three times as many or as few, more than chance allows, and beyond"
        " all of them.",
        "A migration, a double import or a feed that stopped looks like a change of behaviour.",
        "Import the missing rows again, or leave the migrated dates out.",
    ),
}
_say = Family(CHECKS)
_WEEK_US = 7 * 86_400_000_000
_LOOK_BACK, _LEAST = 26, 12
_DEVIATIONS, _TIMES = 5.0, 3.0
_FEW_A_WEEK = 10


def check_volume(audited: Audited) -> Iterator[Finding]:
    """Which tables swell or dry up at once?"""
    for name, rows in audited.tables.items():
        event_time = TABLES[name].event_time
        if event_time is None or event_time not in rows.column_names:
            continue
        at = as_instants(rows.column(event_time), audited.portfolio.timezone)
        times: Counts = at.drop_null().cast(pa.int64()).to_numpy()
        yield from _jumps(Place(name, event_time), times, audited.portfolio.data_as_of)


def _jumps(place: Place, times: Counts, data_as_of: datetime) -> Iterator[Finding]:
    end = int(data_as_of.timestamp()) * 1_000_000
    times = times[times <= end]
    if not len(times):
        return
    # a few rows of 1900 would make millennia of empty weeks
    times = times[times >= int(np.quantile(times, 0.01)) - 52 * _WEEK_US]
    starts, counts = _counts(times, end, _WEEK_US)
    if len(counts) and np.median(counts) < _FEW_A_WEEK:
        starts, counts = _counts(times, end, 4 * _WEEK_US)
    is_jump, usual = jumps(counts)
    examples = [
        Sentence(
            "{day}: {rows}, usually {usual:g}",
            day=_day(starts[i]), rows=int(counts[i]), usual=float(usual[i]),
        )
        for i in np.flatnonzero(is_jump)
    ]  # fmt: skip
    if examples:
        yield _say.count("DQ028", place, len(examples), len(counts), examples)


def _day(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1e6, UTC):%Y-%m-%d}"


def _counts(times: Counts, end: int, width: int) -> tuple[Counts, Counts]:
    """Count rows in the full periods that end with the records, the oldest first."""
    back = (end - times) // width
    counts = np.bincount(back)[::-1]
    starts = end - width * np.arange(len(counts), 0, -1)
    return starts[1:], counts[1:]  # the oldest period is not full


def jumps(counts: Counts) -> tuple[Mask, npt.NDArray[np.float64]]:
    """Which of these counts leave what those before them had accustomed us to?

    Parameters
    ----------
    counts : (n,) int64
        Rows per period, the oldest first.

    Returns
    -------
    tuple of mask and float64
        Jumps; and the usual count, 0 for the first periods, which have too few before them.

    Examples
    --------
    >>> import numpy as np
    >>> is_jump, usual = jumps(np.array([100] * 12 + [110, 900]))
    >>> np.flatnonzero(is_jump).tolist(), usual[13].item()
    ([13], 100.0)
    """
    logs = np.log(np.maximum(counts, 0.5))
    is_jump, usual = np.zeros(len(counts), np.bool_), np.zeros(len(counts))
    for i in range(_LEAST, len(counts)):
        before = logs[max(0, i - _LOOK_BACK) : i]
        middle = float(np.median(before))
        spread = 1.4826 * float(np.median(np.abs(before - middle)))
        usual[i] = np.median(counts[max(0, i - _LOOK_BACK) : i])
        by_chance = 5 * np.sqrt(max(usual[i], counts[i], 1))  # five Poisson deviations
        is_jump[i] = (
            abs(logs[i] - middle) >= max(_DEVIATIONS * spread, np.log(_TIMES))
            and abs(counts[i] - usual[i]) > by_chance
            and not before.min() <= logs[i] <= before.max()
        )
    return is_jump, usual

"""What was known on a day, and when is an outcome settled?

The one time convention of the product. Instants are int64 microseconds since 1970 in UTC.

Worked example: account 17850 orders on 2010-12-01 08:26. Seen from the as_of_date 2010-12-01
(midnight, before the order) nothing is known; from 2010-12-02 the order is. With a horizon of
90 days the churn label of 2010-12-02 looks at [2010-12-02, 2011-03-02) and is unknown until the
records reach the end of 2011-03-01.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

US_PER_DAY = 86_400_000_000
NEVER = np.iinfo(np.int64).max
"""An instant that does not come."""
MISSING = np.iinfo(np.int64).min
"""An instant that was not recorded (the bit pattern of NaT)."""

Instants = NDArray[np.int64]

_EPOCH = date(1970, 1, 1)


def instant(day: date) -> int:
    """Which instant is midnight UTC of a day?

    >>> instant(date(1970, 1, 2)) == US_PER_DAY
    True
    """
    return (day - _EPOCH).days * US_PER_DAY


def to_instant(moment: datetime) -> int:
    """Which instant is an aware datetime, in microseconds since 1970 UTC?"""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def day_of(moment: int) -> date:
    """Which UTC day does an instant fall on?

    >>> day_of(US_PER_DAY - 1)
    datetime.date(1970, 1, 1)
    """
    return _EPOCH + timedelta(days=int(moment // US_PER_DAY))


def default_as_of(data_as_of: datetime) -> date:
    """From which day on is everything in the records visible: the first midnight UTC after them.

    >>> default_as_of(datetime(2011, 12, 9, 12, 50, tzinfo=UTC))
    datetime.date(2011, 12, 10)
    """
    return data_as_of.astimezone(UTC).date() + timedelta(days=1)


def label_window(as_of: int, *, lead_days: int, horizon_days: int) -> tuple[int, int]:
    """Which half-open interval does the label of an as_of instant look at?"""
    start = as_of + lead_days * US_PER_DAY
    return start, start + horizon_days * US_PER_DAY


def is_matured(window_end: int, data_as_of: datetime) -> bool:
    """Does a label window lie before the end of the last day that the records cover?

    >>> is_matured(instant(date(2011, 12, 9)), datetime(2011, 12, 9, 12, 50, tzinfo=UTC))
    True
    """
    return window_end <= instant(default_as_of(data_as_of))


@njit("boolean(int64, int64, int64, int64)", cache=True, nogil=True, inline="always")
def is_visible(at: int, known_from: int, known_until: int, as_of: int) -> bool:
    """Was a version of a fact known, and not yet replaced, just before an instant?

    An event at the as_of instant itself is not visible; a version stays visible on the as_of
    instant at which its successor becomes known, since that one is visible only later.
    """
    return at < as_of and known_from < as_of and as_of <= known_until


@njit("int64[::1](int64[::1], int64[::1])", cache=True, nogil=True)
def _replaced_at(keys, visible_from):  # type: ignore[no-untyped-def]
    """When does the first of the following versions of the same fact become visible?"""
    replaced = np.empty(keys.size, dtype=np.int64)
    earliest = np.int64(9223372036854775807)
    for i in range(keys.size - 1, -1, -1):
        if i == keys.size - 1 or keys[i] != keys[i + 1] or keys[i] < 0:
            earliest = np.int64(9223372036854775807)
        replaced[i] = earliest
        earliest = min(earliest, visible_from[i])
    return replaced


def known_intervals(
    keys: NDArray[np.int64] | None,
    at: Instants,
    known_at: Instants,
    replaces: NDArray[np.bool_] | None = None,
) -> tuple[Instants, Instants]:
    """From when until when does each version of a fact count?

    Of the versions whose event and whose `known_at` both lie before an instant, the one learnt
    last counts: a correction that moves an order to next week hides nothing before then.

    Parameters
    ----------
    keys : (n,) int64 or None
        Same number for versions of one fact, -1 for a fact that nothing replaces. None when no
        row replaces another.
    at, known_at : (n,) int64
        When it happened, and when our side learned each version. Of two versions known at the
        same instant the later row counts.
    replaces : (n,) bool, optional
        Which rows replace those of their key that were known before or with them; default: all.

    Returns
    -------
    known_from, known_until : (n,) int64
        A version counts for an as_of with ``known_from < as_of <= known_until``.
    """
    visible_from = np.maximum(at, known_at)
    until = np.full(known_at.shape, NEVER, dtype=np.int64)
    if keys is not None and known_at.size > 1:
        replaces = np.ones(keys.size, dtype=bool) if replaces is None else replaces
        some = np.flatnonzero(keys >= 0)
        order = some[np.lexsort((replaces[some], known_at[some], keys[some]))]
        replaced_from = np.where(replaces, visible_from, NEVER)
        until[order] = _replaced_at(keys[order], replaced_from[order])
    return visible_from, until


@lru_cache(maxsize=64)
def zone_offsets(zone: str) -> tuple[Instants, Instants]:
    """Transitions of a zone from 1970 to 2100: the instants, and the offset from each on."""
    info = ZoneInfo(zone)
    instants = [MISSING]
    offsets = [_offset(info, datetime(1970, 1, 1, tzinfo=UTC))]
    # Zones change their offset at most once in any ten days that people live by.
    moment = datetime(1970, 1, 11, tzinfo=UTC)
    while moment.year <= 2100:
        offset = _offset(info, moment)
        if offset != offsets[-1]:
            instants.append(_transition(info, moment, offset))
            offsets.append(offset)
        moment += timedelta(days=10)
    return np.array(instants, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _offset(info: ZoneInfo, moment: datetime) -> int:
    delta = moment.astimezone(info).utcoffset()
    return 0 if delta is None else delta // timedelta(microseconds=1)


def _transition(info: ZoneInfo, after: datetime, offset: int) -> int:
    """Bisect to the second at which the offset before ``after`` became ``offset``."""
    low, high = to_instant(after) - 10 * US_PER_DAY, to_instant(after)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    while high - low > 1_000_000:
        middle = (low + high) // 2 // 1_000_000 * 1_000_000
        if _offset(info, epoch + timedelta(microseconds=middle)) == offset:
            high = middle
        else:
            low = middle
    return high


@njit("int64(int64[::1], int64, int64)", cache=True, nogil=True, inline="always")
def offset_place(instants, at, place):  # type: ignore[no-untyped-def]
    """Which of the transitions of a zone came last, given which it was for the instant before?"""
    if instants[place] <= at and (place + 1 == instants.size or at < instants[place + 1]):
        return place
    return np.searchsorted(instants, at, side="right") - 1


def local_days(at: Instants, zone: str) -> NDArray[np.int32]:
    """On which calendar day of a zone does each instant fall (days since 1970-01-01)?

    >>> local_days(np.array([to_instant(datetime(2011, 3, 31, 23, 30, tzinfo=UTC))]),
    ...            "Europe/London").item() == (date(2011, 4, 1) - date(1970, 1, 1)).days
    True
    """
    days: NDArray[np.int32] = _local_days(at, *zone_offsets(zone))
    return days


@njit(
    types.int32[::1](
        types.Array(types.int64, 1, "C", readonly=True), types.int64[::1], types.int64[::1]
    ),
    cache=True,
    nogil=True,
)
def _local_days(at, instants, offsets):  # type: ignore[no-untyped-def]
    days = np.empty(at.size, dtype=np.int32)
    place = 0
    for i in range(at.size):
        place = offset_place(instants, at[i], place)
        # A missing instant must not wrap around when shifted.
        shifted = max(at[i], MISSING + US_PER_DAY) + offsets[place]
        days[i] = shifted // US_PER_DAY
    return days

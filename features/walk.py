"""One pass over the events of an entity for all days asked for, compiled; see `features.kernel`.

For each track, the events that it keeps are listed once for rows (entity, as_of instant) of one
entity that follow each other, oldest first, and every row sees a part of the list: what had
happened by then. A row begins a new list where a version of an event came or went since the row
before, or where it depends on the day whether an event is still open. Statistics are then read off
column by column (`features.readings`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.asof import NEVER, is_visible
from features.readings import (
    AT,
    CHANGES,
    DAY,
    EVENT,
    HI,
    LO,
    SHARED,
    SQUARES,
    START,
    STOP,
    age,
    age_of_value,
    count,
    days,
    distinct,
    end,
    extreme,
    gaps,
    in_order,
    look_back,
    slope,
    spread,
    steps,
    top_share,
    total,
)
from features.sorting import LISTS, ORDERED, WEIGHTS, sort

ROOM = 4_096
"""Events that the lists hold at least; those of one entity always fit."""


@njit("int64(int64[::1])", cache=True, nogil=True)
def longest_part(offsets):  # type: ignore[no-untyped-def]
    """How many events has the entity with most?"""
    longest = 0
    for i in range(1, offsets.size):
        longest = max(longest, offsets[i] - offsets[i - 1])
    return longest


@njit("int32[:, ::1](int64[::1], float64[:, ::1], int64[::1])", cache=True, nogil=True)
def number_values(offsets, measures, asked):  # type: ignore[no-untyped-def]
    """Number the different values of some measures that each entity has, equal ones alike.

    Returns
    -------
    (n_asked, n_events) int32
        From 0 for the smallest value that the entity has; -1 for a missing one.
    """
    ids = np.full((asked.size, measures.shape[1]), -1, dtype=np.int32)
    lists = np.empty((LISTS, longest_part(offsets)))
    for k in range(asked.size):
        for entity in range(offsets.size - 1):
            n = 0
            for event in range(offsets[entity], offsets[entity + 1]):
                value = measures[asked[k], event]
                if value == value:
                    lists[ORDERED, n], lists[WEIGHTS, n] = value, event
                    n += 1
            sort(lists, n)
            number = 0
            for i in range(n):
                number += i > 0 and lists[ORDERED, i] != lists[ORDERED, i - 1]
                ids[k, np.int64(lists[WEIGHTS, i])] = number
    return ids


@njit("boolean[::1](int64[::1], int64[::1], int64[::1], int64[::1])", cache=True, nogil=True)
def plain_entities(offsets, at, known_from, known_until):  # type: ignore[no-untyped-def]
    """Of which entities was every event known as it happened, and never replaced?"""
    found = np.ones(offsets.size - 1, dtype=np.bool_)
    for entity in range(found.size):
        is_plain = True
        for event in range(offsets[entity], offsets[entity + 1]):
            is_plain &= (known_from[event] <= at[event]) & (known_until[event] == NEVER)
        found[entity] = is_plain
    return found


@njit("int64(int64[::1], int64, int64, int64)", cache=True, nogil=True)
def _first_from(at, low, high, moment):  # type: ignore[no-untyped-def]
    """Which is the first event at or after an instant?"""
    while low < high:
        middle = (low + high) // 2
        if at[middle] < moment:
            low = middle + 1
        else:
            high = middle
    return low


@njit(
    "boolean(int64, int64, int64[::1], int64[::1], int64[::1], int64, int64)",
    cache=True, nogil=True,
)  # fmt: skip
def _are_seen_alike(  # type: ignore[no-untyped-def]
    event, beyond, at, known_from, known_until, before, as_of
):
    """Do two instants see the same versions of what had happened by the earlier one?"""
    while event < beyond and at[event] < before:
        from_, until = known_from[event], known_until[event]
        if (from_ < before and before <= until) != (from_ < as_of and as_of <= until):
            return False
        event += 1
    return True


@njit(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], int64[::1], int64[::1],"
    " int64[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def _share(  # type: ignore[no-untyped-def]
    offsets, at, known_from, known_until, is_plain, row_entity, row_as_of, spans
):
    """Which rows may share the list of the row before?"""
    for row in range(row_entity.size):
        entity = row_entity[row]
        is_shared = row > 0 and row_entity[row - 1] == entity
        if is_shared:
            before, as_of = row_as_of[row - 1], row_as_of[row]
            is_shared = before <= as_of and (
                is_plain[entity]
                or _are_seen_alike(
                    offsets[entity],
                    offsets[entity + 1],
                    at,
                    known_from,
                    known_until,
                    before,
                    as_of,
                )
            )
        spans[SHARED, row] = is_shared


@njit(
    "int64(int64, int64, int64[::1], int64[::1], int64[:, ::1], boolean, int64)",
    cache=True, nogil=True,
)  # fmt: skip
def _rows_that_fit(  # type: ignore[no-untyped-def]
    low, n_rows, offsets, row_entity, spans, has_states, room
):
    """Up to which row do the lists of all rows from ``low`` on fit into the room there is?"""
    used, row = 0, low
    while row < n_rows:
        entity = row_entity[row]
        if has_states or row == low or not spans[SHARED, row]:
            used += offsets[entity + 1] - offsets[entity]
        if used > room and row > low:
            break
        row += 1
    return row


@njit(
    "int64(int64, int64, int64, int64, int64, boolean, int64, int64, int64[::1], int64[::1],"
    " int64[::1], int64[::1], int64[::1], int32[::1], float64[:, ::1], int64[:, ::1],"
    " float64[::1], int64)",
    cache=True, nogil=True,
)  # fmt: skip
def _keep(  # type: ignore[no-untyped-def]
    event, beyond, mask, state, measure, is_plain, as_of, until, at, known_from, known_until,
    later, flags, day, measures, moments, values, used,
):  # fmt: skip
    """List the events before an instant that a track keeps; returns the end of the list."""
    start = used
    while event < beyond and at[event] < until:
        counts = (flags[event] & mask) == mask
        if not is_plain:
            counts &= is_visible(at[event], known_from[event], known_until[event], as_of)
        if state != 0:
            counts &= (later[event] < as_of) == (state == 2)
        value = measures[measure, event] if measure >= 0 else 0.0
        if counts and value == value:
            moments[AT, used], moments[EVENT, used] = at[event], event
            moments[DAY, used] = day[event]
            gap = day[event] - moments[DAY, used - 1] if used > start else 0
            changes = moments[CHANGES, used - 1] if used > start else 0
            squares = moments[SQUARES, used - 1] if used > start else 0
            moments[CHANGES, used] = changes + (gap != 0)
            moments[SQUARES, used] = squares + gap * gap
            values[used] = value
            used += 1
        event += 1
    return used


@njit(
    "void(int64, int64, int64[::1], int64, int64[::1], int64[::1], int64[::1], int64[::1],"
    " int64[::1], int32[::1], int64[::1], float64[:, ::1], boolean[::1], int64[::1], int64[::1],"
    " int64[:, ::1], float64[::1], int64[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def _list(  # type: ignore[no-untyped-def]
    low, high, track, oldest, offsets, at, known_from, known_until, later, day, flags, measures,
    is_plain, row_entity, row_as_of, moments, values, spans,
):  # fmt: skip
    """List what a track keeps for each row, and how much of it had happened by then."""
    state, skip, used = track[1], track[3], 0
    for row in range(low, high):
        entity, as_of = row_entity[row], row_as_of[row]
        if row > low and state == 0 and spans[SHARED, row]:
            spans[START, row], spans[STOP, row] = spans[START, row - 1], spans[STOP, row - 1]
        else:
            # Instants ascend while rows share: the last of them sees all that any of them does.
            last = row
            while state == 0 and last + 1 < high and spans[SHARED, last + 1]:
                last += 1
            latest = row_as_of[last]
            event, beyond = offsets[entity], offsets[entity + 1]
            if oldest < NEVER:
                event = _first_from(at, event, beyond, as_of - oldest)
            spans[START, row] = used
            used = _keep(
                event, beyond, track[0], state, track[2], is_plain[entity], latest, latest - skip,
                at, known_from, known_until, later, flags, day, measures, moments, values, used,
            )  # fmt: skip
            spans[STOP, row] = used
        start, stop = spans[START, row], spans[STOP, row]
        while stop > start and moments[AT, stop - 1] >= as_of - skip:
            stop -= 1
        spans[LO, row] = spans[HI, row] = stop


@njit("void(int64, int64, int64, int64[::1], int64[:, ::1], int64[:, ::1])", cache=True, nogil=True)
def _widen(window, low, high, row_as_of, moments, spans):  # type: ignore[no-untyped-def]
    """Let every row see as far back as a window reaches; windows only grow."""
    for row in range(low, high):
        place = spans[LO, row]
        if window == NEVER:
            place = spans[START, row]
        while place > spans[START, row] and row_as_of[row] - moments[AT, place - 1] <= window:
            place -= 1
        spans[LO, row] = place


@njit(
    "void(int64, int64, int64, int64[::1], int64[:, ::1], int64[:, ::1], float64[::1],"
    " float64[:, ::1], int64, float64[:, :])",
    cache=True, nogil=True,
)  # fmt: skip
def _read(  # type: ignore[no-untyped-def]
    statistic, low, high, row_as_of, spans, moments, values, lists, column, out
):
    """Fill one column with a statistic that needs no order of values."""
    if statistic == 0:
        count(spans, low, high, out, column)
    elif statistic == 1:
        total(spans, values, low, high, out, column)
    elif statistic <= 3:
        spread(statistic, spans, values, low, high, out, column)
    elif statistic <= 5:
        extreme(statistic, spans, values, low, high, out, column)
    elif statistic <= 8:
        end(statistic, spans, values, low, high, out, column)
    elif statistic == 9 or 12 <= statistic <= 13:
        days(statistic, spans, moments, low, high, out, column)
    elif 14 <= statistic <= 15:
        gaps(statistic, spans, moments, lists, low, high, out, column)
    elif statistic == 18:
        distinct(spans, moments, low, high, out, column)
    elif statistic <= 11:
        age(statistic, spans, moments, row_as_of, low, high, out, column)
    elif statistic <= 17:
        steps(statistic, spans, values, low, high, out, column)
    elif statistic == 19:
        slope(spans, moments, values, row_as_of, low, high, out, column)
    else:
        age_of_value(spans, moments, values, row_as_of, low, high, out, column)


@njit(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " float64[:, ::1], boolean[::1], int64[::1], int64[::1], int64[:, ::1], int64[:, ::1],"
    " float64[:, :], int32[:, ::1], int64[:, ::1], float64[::1], int64[:, ::1], float64[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def walk(  # type: ignore[no-untyped-def]
    offsets, at, known_from, known_until, later, day, flags, measures, is_plain,
    row_entity, row_as_of, tracks, outputs, out, ids, moments, values, spans, lists,
):  # fmt: skip
    """Fill ``out[row, column]`` for rows of (entity, as_of instant); see `features.kernel`.

    ``ids`` are of `number_values`, one row per measure that asks for them. ``moments`` and
    ``values`` hold the lists, ``spans`` (one column per row) the parts of them that rows see, and
    ``lists`` is room to sort and to add up.
    """
    has_states = (tracks[:, 1] != 0).any()
    _share(offsets, at, known_from, known_until, is_plain, row_entity, row_as_of, spans)
    low, n_rows = 0, row_entity.size
    while low < n_rows:
        high = _rows_that_fit(low, n_rows, offsets, row_entity, spans, has_states, values.size)
        for number in range(tracks.shape[0]):
            track = tracks[number]
            first, beyond = track[5], track[6]
            _list(
                low, high, track, outputs[beyond - 1, 0], offsets, at, known_from, known_until,
                later, day, flags, measures, is_plain, row_entity, row_as_of, moments, values,
                spans,
            )  # fmt: skip
            window, sorts = np.int64(-1), False
            if track[7] >= 0:
                look_back(spans, moments, ids[track[7]], low, high, lists)
            for output in range(first, beyond):
                statistic, column = outputs[output, 1], outputs[output, 2]
                if statistic == 6 or statistic == 20:
                    sorts = True
                    continue
                if outputs[output, 0] != window:
                    window = outputs[output, 0]
                    _widen(window, low, high, row_as_of, moments, spans)
                if statistic == 21:
                    top_share(
                        spans, moments, measures, track[4], ids[track[7]], low, high, out, column,
                        lists,
                    )  # fmt: skip
                else:
                    _read(
                        statistic, low, high, row_as_of, spans, moments, values, lists, column,
                        out,
                    )  # fmt: skip
            if sorts:
                in_order(
                    spans, moments, values, row_as_of, outputs, first, beyond, low, high, out,
                    lists,
                )  # fmt: skip
        low = high

"""One backward pass over the events of an entity, compiled; see `features.kernel`.

For each row: which events does anybody see, which of these does a track keep, and what is read off
those within each window? All are listed from the newest to the oldest. The lists lie in rows of one
scratch array, because passing many arrays to a small function costs more than what it does.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.asof import US_PER_DAY, is_visible

VALUES, GAPS, ORDERED, WEIGHTS, SPARE, SPARE_WEIGHTS = 0, 1, 2, 3, 4, 5
"""Rows of the scratch array: values kept, gaps between their days, and room to sort them."""
LISTS = 6
_RUN = 16
"""Runs of so many values are sorted by insertion before they are merged."""


@njit("int64(int64[::1])", cache=True, nogil=True)
def longest_part(offsets):  # type: ignore[no-untyped-def]
    """How many events has the entity with most?"""
    longest = 0
    for i in range(1, offsets.size):
        longest = max(longest, offsets[i] - offsets[i - 1])
    return longest


@njit("void(float64[:, ::1], int64, int64)", cache=True, nogil=True)
def _insert(lists, low, high):  # type: ignore[no-untyped-def]
    """Sort one run by insertion."""
    for i in range(low + 1, high):
        value, weight = lists[ORDERED, i], lists[WEIGHTS, i]
        j = i
        while j > low and lists[ORDERED, j - 1] > value:
            lists[ORDERED, j], lists[WEIGHTS, j] = lists[ORDERED, j - 1], lists[WEIGHTS, j - 1]
            j -= 1
        lists[ORDERED, j], lists[WEIGHTS, j] = value, weight


@njit("void(float64[:, ::1], int64, int64, int64, int64, int64)", cache=True, nogil=True)
def _merge(lists, source, target, low, middle, high):  # type: ignore[no-untyped-def]
    """Merge two runs that follow each other; of equal values those of the first come first."""
    i, j = low, middle
    for k in range(low, high):
        is_left = j >= high or (i < middle and lists[source, i] <= lists[source, j])
        place = i if is_left else j
        lists[target, k] = lists[source, place]
        lists[target + 1, k] = lists[source + 1, place]
        i += is_left
        j += not is_left


@njit("void(float64[:, ::1], int64)", cache=True, nogil=True)
def _sort(lists, n):  # type: ignore[no-untyped-def]
    """Sort values, and their weights with them; equal ones keep their order."""
    for low in range(0, n, _RUN):
        _insert(lists, low, min(low + _RUN, n))
    source, target, run = ORDERED, SPARE, _RUN
    while run < n:
        for low in range(0, n, 2 * run):
            _merge(lists, source, target, low, min(low + run, n), min(low + 2 * run, n))
        source, target, run = target, source, 2 * run
    if source != ORDERED:
        for i in range(n):
            lists[ORDERED, i], lists[WEIGHTS, i] = lists[SPARE, i], lists[SPARE_WEIGHTS, i]


@njit("float64(float64[:, ::1], int64, int64, float64)", cache=True, nogil=True)
def _quantile(lists, of, n, share):  # type: ignore[no-untyped-def]
    for i in range(n):
        lists[ORDERED, i] = lists[of, i]
    _sort(lists, n)
    place = share * (n - 1)
    low = int(place)
    high = min(low + 1, n - 1)
    below = lists[ORDERED, low]
    return below + (place - low) * (lists[ORDERED, high] - below)


@njit("float64(float64[:, ::1], int64)", cache=True, nogil=True)
def _distinct(lists, n):  # type: ignore[no-untyped-def]
    for i in range(n):
        lists[ORDERED, i] = lists[VALUES, i]
    _sort(lists, n)
    found = 0
    for i in range(n):
        if i == 0 or lists[ORDERED, i] != lists[ORDERED, i - 1]:
            found += 1
    return float(found)


@njit(
    "float64(float64[:, ::1], int64, float64[:, ::1], int64, int64[:, ::1])", cache=True, nogil=True
)
def _top_share(lists, n, measures, weight, events):  # type: ignore[no-untyped-def]
    for i in range(n):
        heavy = measures[weight, events[1, i]]
        lists[ORDERED, i], lists[WEIGHTS, i] = lists[VALUES, i], (heavy if heavy > 0.0 else 0.0)
    _sort(lists, n)
    total, top, own = 0.0, 0.0, 0.0
    for i in range(n):
        if i > 0 and lists[ORDERED, i] != lists[ORDERED, i - 1]:
            own = 0.0
        own += lists[WEIGHTS, i]
        total += lists[WEIGHTS, i]
        top = max(top, own)
    return top / total if total > 0.0 else np.nan


@njit("float64(float64[:, ::1], int64, int64)", cache=True, nogil=True, error_model="numpy")
def _mean(lists, of, n):  # type: ignore[no-untyped-def]
    mean = 0.0
    for i in range(n):
        mean += (lists[of, i] - mean) / (i + 1)
    return mean


@njit("float64(float64[:, ::1], int64, int64)", cache=True, nogil=True, error_model="numpy")
def _std(lists, of, n):  # type: ignore[no-untyped-def]
    mean, squares = 0.0, 0.0
    for i in range(n):
        delta = lists[of, i] - mean
        mean += delta / (i + 1)
        squares += delta * (lists[of, i] - mean)
    return np.sqrt(max(squares, 0.0) / (n - 1)) if n > 1 else np.nan


@njit(
    "float64(float64[:, ::1], int64, int64[::1], int64, int64[:, ::1])",
    cache=True, nogil=True, error_model="numpy",
)  # fmt: skip
def _slope(lists, n, at, as_of, events):  # type: ignore[no-untyped-def]
    mean, time_mean, squares, product = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        time = -((as_of - at[events[1, i]]) / US_PER_DAY)
        mean += (lists[VALUES, i] - mean) / (i + 1)
        delta = time - time_mean
        time_mean += delta / (i + 1)
        squares += delta * (time - time_mean)
        product += delta * (lists[VALUES, i] - mean)
    return 30.0 * product / squares if squares > 0.0 else np.nan


@njit("float64(float64[:, ::1], int64, float64)", cache=True, nogil=True)
def _steps(lists, n, sign):  # type: ignore[no-untyped-def]
    """How often does the value rise (sign 1) or fall (-1) from one event to the next?"""
    found = 0
    for i in range(1, n):
        if sign * lists[VALUES, i - 1] > sign * lists[VALUES, i]:
            found += 1
    return float(found)


@njit("float64(float64[:, ::1], int64, int64, float64)", cache=True, nogil=True)
def _extreme(lists, of, n, sign):  # type: ignore[no-untyped-def]
    """Which is the largest (sign 1) or the smallest (-1)?"""
    extreme = lists[of, 0]
    for i in range(1, n):
        if sign * lists[of, i] > sign * extreme:
            extreme = lists[of, i]
    return extreme


@njit("float64(int64, float64[:, ::1], int64)", cache=True, nogil=True)
def _of_gaps(statistic, lists, n):  # type: ignore[no-untyped-def]
    if statistic == 9:
        return float(n + 1)
    if n == 0:
        return np.nan
    if statistic == 12:
        return _mean(lists, GAPS, n)
    if statistic == 13:
        return _std(lists, GAPS, n)
    if statistic == 14:
        return _quantile(lists, GAPS, n, 0.5)
    return _extreme(lists, GAPS, n, 1.0)


@njit("float64(int64, float64[:, ::1], int64)", cache=True, nogil=True)
def _of_values(statistic, lists, n):  # type: ignore[no-untyped-def]
    if statistic == 2:
        return _mean(lists, VALUES, n)
    if statistic == 3:
        return _std(lists, VALUES, n)
    if statistic == 4:
        return _extreme(lists, VALUES, n, -1.0)
    if statistic == 5:
        return _extreme(lists, VALUES, n, 1.0)
    if statistic == 6:
        return _quantile(lists, VALUES, n, 0.5)
    if statistic == 16:
        return _steps(lists, n, 1.0)
    if statistic == 17:
        return _steps(lists, n, -1.0)
    if statistic == 18:
        return _distinct(lists, n)
    return _quantile(lists, VALUES, n, 0.8)


@njit(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " float64[:, ::1], int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], float64[:, :],"
    " int64[:, ::1], float64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def walk(  # type: ignore[no-untyped-def]
    offsets, at, known_from, known_until, later, day, flags,
    measures, row_entity, row_as_of, tracks, outputs, out, events, lists,
):  # fmt: skip
    """Fill ``out[row, column]`` for rows of (entity, as_of instant); see `features.kernel`.

    ``events`` (2, longest) and ``lists`` (`LISTS`, longest) are scratch space for the events of one
    entity: those seen, those that a track keeps, and what is read off them.
    """
    for row in range(row_entity.shape[0]):
        low = offsets[row_entity[row]]
        as_of = row_as_of[row]
        # Events are sorted by time: everything from `end` on has not happened yet.
        first, end = low, offsets[row_entity[row] + 1]
        while first < end:
            middle = (first + end) // 2
            if at[middle] < as_of:
                first = middle + 1
            else:
                end = middle
        n_seen = 0
        for event in range(end - 1, low - 1, -1):
            if is_visible(at[event], known_from[event], known_until[event], as_of):
                events[0, n_seen] = event
                n_seen += 1
        for track in range(tracks.shape[0]):
            mask, state = tracks[track, 0], tracks[track, 1]
            measure, skip = tracks[track, 2], tracks[track, 3]
            oldest = outputs[tracks[track, 6] - 1, 0]
            kept = 0
            for i in range(n_seen):
                event = events[0, i]
                age = as_of - at[event]
                if age > oldest:
                    break
                # Without branches: which events count follows no pattern that could be foretold.
                counts = ((flags[event] & mask) == mask) & (age > skip)
                counts &= (state == 0) | ((later[event] < as_of) == (state == 2))
                if measure >= 0:
                    value = measures[measure, event]
                    counts &= value == value
                    lists[VALUES, kept] = value
                events[1, kept] = event
                kept += counts
            n, summed, total = 0, 0, 0.0
            n_gaps, gaps_of = 0, 0
            for output in range(tracks[track, 5], tracks[track, 6]):
                window, statistic = outputs[output, 0], outputs[output, 1]
                while n < kept and as_of - at[events[1, n]] <= window:
                    n += 1
                result = np.nan
                if statistic == 0:
                    result = float(n)
                elif statistic == 1:
                    while measure >= 0 and summed < n:
                        total += lists[VALUES, summed]
                        summed += 1
                    result = total
                elif n == 0:
                    if statistic == 9 or 16 <= statistic <= 18:
                        result = 0.0
                elif statistic == 7:
                    result = lists[VALUES, 0]
                elif statistic == 8:
                    result = lists[VALUES, n - 1]
                elif statistic == 10:
                    result = (as_of - at[events[1, 0]]) / US_PER_DAY
                elif statistic == 11:
                    result = (as_of - at[events[1, n - 1]]) / US_PER_DAY
                elif statistic == 9 or 12 <= statistic <= 15:
                    if gaps_of != n:
                        n_gaps, gaps_of = 0, n
                        last = day[events[1, 0]]
                        for i in range(1, n):
                            if day[events[1, i]] != last:
                                lists[GAPS, n_gaps] = float(last - day[events[1, i]])
                                last = day[events[1, i]]
                                n_gaps += 1
                    result = _of_gaps(statistic, lists, n_gaps)
                elif statistic == 19:
                    result = _slope(lists, n, at, as_of, events)
                elif statistic == 21:
                    result = _top_share(lists, n, measures, tracks[track, 4], events)
                else:
                    result = _of_values(statistic, lists, n)
                out[row, outputs[output, 2]] = result

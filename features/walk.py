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
"""Rows of one scratch array: values kept, gaps between their days, and room to sort them."""
SEEN, KEPT, MARKS, PLACES = 0, 1, 2, 3
"""Rows of another, and their number: events seen, those that a track keeps, and marks by rank."""
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


@njit(
    "Tuple((int32[:, ::1], int32[:, ::1]))(int64[::1], float64[:, ::1], int64[::1])",
    cache=True,
    nogil=True,
)
def rank_events(offsets, measures, ranked):  # type: ignore[no-untyped-def]
    """In which order do the events of each entity come by some measures, equal ones newest first?

    Returns
    -------
    ordered, ranks : (n_ranked, n_events) int32
        Event by entity and rank; rank of each event within its entity.
    """
    ordered = np.empty((ranked.size, measures.shape[1]), dtype=np.int32)
    ranks = np.empty(ordered.shape, dtype=np.int32)
    lists = np.empty((LISTS, longest_part(offsets)))
    for k in range(ranked.size):
        for entity in range(offsets.size - 1):
            low, high = offsets[entity], offsets[entity + 1]
            for i in range(high - low):
                value = measures[ranked[k], high - 1 - i]
                # What has no value comes last: no track that asks for an order keeps it.
                lists[ORDERED, i] = value if value == value else np.inf
                lists[WEIGHTS, i] = high - 1 - i
            _sort(lists, high - low)
            for rank in range(high - low):
                event = np.int64(lists[WEIGHTS, rank])
                ordered[k, low + rank] = event
                ranks[k, event] = rank
    return ordered, ranks


@njit(
    "void(int64, int64, int64, int64, int64, int64, int32[:, ::1], int32[:, ::1],"
    " float64[:, ::1], int64[:, ::1], float64[:, ::1])",
    cache=True,
    nogil=True,
)
def _order(  # type: ignore[no-untyped-def]
    k, n, low, size, measure, weight, ordered, ranks, measures, events, lists
):
    """List the first values that a track keeps, and their weights, from the smallest value on."""
    if 16 * n < size:
        for i in range(n):
            heavy = measures[weight, events[KEPT, i]] if weight >= 0 else 0.0
            lists[ORDERED, i] = lists[VALUES, i]
            lists[WEIGHTS, i] = heavy if heavy > 0.0 else 0.0
        _sort(lists, n)
        return
    for i in range(n):
        events[MARKS, ranks[k, events[KEPT, i]]] = 1
    found = 0
    for rank in range(size):
        event = ordered[k, low + rank]
        heavy = measures[weight, event] if weight >= 0 else 0.0
        lists[ORDERED, found] = measures[measure, event]
        lists[WEIGHTS, found] = heavy if heavy > 0.0 else 0.0
        found += events[MARKS, rank]
        events[MARKS, rank] = 0


@njit("float64(float64[:, ::1], int64, float64)", cache=True, nogil=True)
def _quantile(lists, n, share):  # type: ignore[no-untyped-def]
    place = share * (n - 1)
    low = int(place)
    high = min(low + 1, n - 1)
    below = lists[ORDERED, low]
    return below + (place - low) * (lists[ORDERED, high] - below)


@njit("float64(float64[:, ::1], int64)", cache=True, nogil=True)
def _distinct(lists, n):  # type: ignore[no-untyped-def]
    found = 1
    for i in range(1, n):
        found += lists[ORDERED, i] != lists[ORDERED, i - 1]
    return float(found)


@njit("float64(float64[:, ::1], int64)", cache=True, nogil=True)
def _top_share(lists, n):  # type: ignore[no-untyped-def]
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
        time = -((as_of - at[events[KEPT, i]]) / US_PER_DAY)
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
        for i in range(n):
            lists[ORDERED, i] = lists[GAPS, i]
        _sort(lists, n)
        return _quantile(lists, n, 0.5)
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
    return _steps(lists, n, 1.0 if statistic == 16 else -1.0)


@njit("float64(int64, float64[:, ::1], int64)", cache=True, nogil=True)
def _of_order(statistic, lists, n):  # type: ignore[no-untyped-def]
    if statistic == 6:
        return _quantile(lists, n, 0.5)
    if statistic == 18:
        return _distinct(lists, n)
    if statistic == 20:
        return _quantile(lists, n, 0.8)
    return _top_share(lists, n)


@njit(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " float64[:, ::1], int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], float64[:, :],"
    " int32[:, ::1], int32[:, ::1], int64[:, ::1], float64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def walk(  # type: ignore[no-untyped-def]
    offsets, at, known_from, known_until, later, day, flags,
    measures, row_entity, row_as_of, tracks, outputs, out, ordered, ranks, events, lists,
):  # fmt: skip
    """Fill ``out[row, column]`` for rows of (entity, as_of instant); see `features.kernel`.

    ``ordered`` and ``ranks`` are of `rank_events`, one row per track that asks for them. ``events``
    (`PLACES`, longest), zeros at first, and ``lists`` (`LISTS`, longest) are scratch space for the
    events of one entity.
    """
    for row in range(row_entity.shape[0]):
        low, beyond = offsets[row_entity[row]], offsets[row_entity[row] + 1]
        as_of = row_as_of[row]
        # Events are sorted by time: everything from `end` on has not happened yet.
        first, end = low, beyond
        while first < end:
            middle = (first + end) // 2
            if at[middle] < as_of:
                first = middle + 1
            else:
                end = middle
        n_seen = 0
        for event in range(end - 1, low - 1, -1):
            if is_visible(at[event], known_from[event], known_until[event], as_of):
                events[SEEN, n_seen] = event
                n_seen += 1
        for track in range(tracks.shape[0]):
            mask, state = tracks[track, 0], tracks[track, 1]
            measure, skip = tracks[track, 2], tracks[track, 3]
            oldest = outputs[tracks[track, 6] - 1, 0]
            kept = 0
            for i in range(n_seen):
                event = events[SEEN, i]
                age = as_of - at[event]
                if age > oldest:
                    break
                # Without branches: which events count follows no pattern that could be foretold.
                counts = ((flags[event] & mask) == mask) & (age > skip)
                counts &= (state == 0) | ((later[event] < as_of) == (state == 2))
                value = measures[measure, event] if measure >= 0 else 0.0
                counts &= value == value
                lists[VALUES, kept] = value
                events[KEPT, kept] = event
                kept += counts
            n, summed, total = 0, 0, 0.0
            n_gaps, gaps_of, ordered_of = 0, 0, 0
            for output in range(tracks[track, 5], tracks[track, 6]):
                window, statistic = outputs[output, 0], outputs[output, 1]
                while n < kept and as_of - at[events[KEPT, n]] <= window:
                    n += 1
                result = np.nan
                if statistic == 0:
                    result = float(n)
                elif statistic == 1:
                    while summed < n:
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
                    result = (as_of - at[events[KEPT, 0]]) / US_PER_DAY
                elif statistic == 11:
                    result = (as_of - at[events[KEPT, n - 1]]) / US_PER_DAY
                elif statistic == 22:
                    since = 1
                    while since < n and lists[VALUES, since] == lists[VALUES, 0]:
                        since += 1
                    result = (as_of - at[events[KEPT, since - 1]]) / US_PER_DAY
                elif statistic == 9 or 12 <= statistic <= 15:
                    if gaps_of != n:
                        n_gaps, gaps_of = 0, n
                        last = day[events[KEPT, 0]]
                        for i in range(1, n):
                            if day[events[KEPT, i]] != last:
                                lists[GAPS, n_gaps] = float(last - day[events[KEPT, i]])
                                last = day[events[KEPT, i]]
                                n_gaps += 1
                    result = _of_gaps(statistic, lists, n_gaps)
                    ordered_of = 0
                elif statistic == 19:
                    result = _slope(lists, n, at, as_of, events)
                elif tracks[track, 7] >= 0 and statistic in (6, 18, 20, 21):
                    if ordered_of != n:
                        _order(
                            tracks[track, 7], n, low, beyond - low, measure, tracks[track, 4],
                            ordered, ranks, measures, events, lists,
                        )  # fmt: skip
                        ordered_of = n
                    result = _of_order(statistic, lists, n)
                else:
                    result = _of_values(statistic, lists, n)
                out[row, outputs[output, 2]] = result

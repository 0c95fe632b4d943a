"""One backward pass over the events of an entity; see `features.kernel`."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.asof import is_visible


@njit(cache=True, nogil=True, inline="always")
def _quantile(values, n, share):  # type: ignore[no-untyped-def]
    ordered = np.sort(values[:n])
    place = share * (n - 1)
    low = int(place)
    high = min(low + 1, n - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@njit(cache=True, nogil=True, inline="always")
def _distinct(values, n):  # type: ignore[no-untyped-def]
    ordered = np.sort(values[:n])
    found = 0
    for i in range(n):
        if i == 0 or ordered[i] != ordered[i - 1]:
            found += 1
    return float(found)


@njit(cache=True, nogil=True, inline="always")
def _top_share(values, weights, n):  # type: ignore[no-untyped-def]
    order = np.argsort(values[:n], kind="mergesort")
    total = 0.0
    top = 0.0
    own = 0.0
    for i in range(n):
        if i > 0 and values[order[i]] != values[order[i - 1]]:
            own = 0.0
        own += weights[order[i]]
        total += weights[order[i]]
        top = max(top, own)
    return top / total if total > 0.0 else np.nan


@njit(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " float64[:, ::1], int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], float64[:, :],"
    " float64[::1], float64[::1], float64[::1])",
    cache=True,
    nogil=True,
)
def walk(  # type: ignore[no-untyped-def]
    offsets, at, known_from, known_until, later, day, flags,
    measures, row_entity, row_as_of, tracks, outputs, out,
    values, gaps, weights,
):  # fmt: skip
    """Fill ``out[row, column]`` for rows of (entity, as_of instant); see the module."""
    nan = np.nan
    for row in range(row_entity.shape[0]):
        entity = row_entity[row]
        as_of = row_as_of[row]
        low = offsets[entity]
        # Events are sorted by time: everything from `high` on has not happened yet.
        first, high = low, offsets[entity + 1]
        while first < high:
            middle = (first + high) // 2
            if at[middle] < as_of:
                first = middle + 1
            else:
                high = middle
        for track in range(tracks.shape[0]):
            mask = tracks[track, 0]
            state = tracks[track, 1]
            measure = tracks[track, 2]
            skip = tracks[track, 3]
            weight = tracks[track, 4]
            output = tracks[track, 5]
            end = tracks[track, 6]
            n = 0
            total = 0.0
            mean = 0.0
            squares = 0.0
            smallest = np.inf
            largest = -np.inf
            newest = nan
            oldest = nan
            age_newest = nan
            age_oldest = nan
            days = 0
            last_day = 0
            n_gaps = 0
            gap_mean = 0.0
            gap_squares = 0.0
            gap_max = -np.inf
            rises = 0
            falls = 0
            time_mean = 0.0
            time_squares = 0.0
            time_product = 0.0
            position = high - 1
            while output < end:
                window = outputs[output, 0]
                while position >= low:
                    event = position
                    age = as_of - at[event]
                    if age > window:
                        break
                    position -= 1
                    if skip > 0 and age <= skip:
                        continue
                    if (flags[event] & mask) != mask:
                        continue
                    if not is_visible(at[event], known_from[event], known_until[event], as_of):
                        continue
                    if state == 1 and later[event] < as_of:
                        continue
                    if state == 2 and later[event] >= as_of:
                        continue
                    value = 0.0
                    if measure >= 0:
                        value = measures[measure, event]
                        if value != value:
                            continue
                    n += 1
                    age_days = age / 86_400_000_000
                    if n == 1:
                        newest = value
                        age_newest = age_days
                    elif value < oldest:
                        rises += 1
                    elif value > oldest:
                        falls += 1
                    oldest = value
                    age_oldest = age_days
                    total += value
                    delta = value - mean
                    mean += delta / n
                    squares += delta * (value - mean)
                    time_delta = -age_days - time_mean
                    time_mean += time_delta / n
                    time_squares += time_delta * (-age_days - time_mean)
                    time_product += time_delta * (value - mean)
                    smallest = min(smallest, value)
                    largest = max(largest, value)
                    if values.shape[0] > 0:
                        values[n - 1] = value
                        if weight >= 0:
                            heavy = measures[weight, event]
                            weights[n - 1] = heavy if heavy > 0.0 else 0.0
                    if days == 0:
                        days = 1
                        last_day = day[event]
                    elif day[event] != last_day:
                        gap = float(last_day - day[event])
                        days += 1
                        last_day = day[event]
                        n_gaps += 1
                        delta = gap - gap_mean
                        gap_mean += delta / n_gaps
                        gap_squares += delta * (gap - gap_mean)
                        gap_max = max(gap_max, gap)
                        if gaps.shape[0] > 0:
                            gaps[n_gaps - 1] = gap
                while output < end and outputs[output, 0] == window:
                    statistic = outputs[output, 1]
                    result = nan
                    if statistic == 0:
                        result = float(n)
                    elif statistic == 1:
                        result = total
                    elif statistic == 9:
                        result = float(days)
                    elif statistic == 16:
                        result = float(rises)
                    elif statistic == 17:
                        result = float(falls)
                    elif n > 0:
                        if statistic == 2:
                            result = mean
                        elif statistic == 3:
                            if n > 1:
                                result = np.sqrt(max(squares, 0.0) / (n - 1))
                        elif statistic == 4:
                            result = smallest
                        elif statistic == 5:
                            result = largest
                        elif statistic == 6:
                            result = _quantile(values, n, 0.5)
                        elif statistic == 7:
                            result = newest
                        elif statistic == 8:
                            result = oldest
                        elif statistic == 10:
                            result = age_newest
                        elif statistic == 11:
                            result = age_oldest
                        elif statistic == 12:
                            if n_gaps > 0:
                                result = gap_mean
                        elif statistic == 13:
                            if n_gaps > 1:
                                result = np.sqrt(max(gap_squares, 0.0) / (n_gaps - 1))
                        elif statistic == 14:
                            if n_gaps > 0:
                                result = _quantile(gaps, n_gaps, 0.5)
                        elif statistic == 15:
                            if n_gaps > 0:
                                result = gap_max
                        elif statistic == 18:
                            result = _distinct(values, n)
                        elif statistic == 20:
                            result = _quantile(values, n, 0.8)
                        elif statistic == 21:
                            result = _top_share(values, weights, n)
                        elif statistic == 19 and time_squares > 0.0:
                            result = 30.0 * time_product / time_squares
                    elif statistic == 18:
                        result = 0.0
                    out[row, outputs[output, 2]] = result
                    output += 1

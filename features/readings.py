"""What is read off the events that a track keeps, statistic by statistic? See `features.walk`.

Every function fills one column for rows ``low:high``. A row's events are those of a window,
``spans[LO]:spans[HI]`` of the lists, oldest first; sums run from the newest to the oldest.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.asof import US_PER_DAY
from features.sorting import ORDERED, RUN, WEIGHTS, insert, quantile, sort

AT, EVENT, DAY, CHANGES, SQUARES, BEFORE = 0, 1, 2, 3, 4, 5
"""Rows of the lists of moments, and their number: when, which event, its day, changes of the day up
to it, the sum of the squares of these gaps, and where in the list the value came last before."""
MOMENTS = 6
START, STOP, LO, HI, SHARED = 0, 1, 2, 3, 4
"""Rows of the spans, and their number: a row's list, the part of it that a window shows, and
whether the list is that of the row before."""
SPANS = 5
_FEW = 2 * RUN
"""So many values are kept sorted by insertion, from one window to the next larger one."""

_SPANS, _VALUES, _OUT = "int64[:, ::1]", "float64[::1]", "float64[:, :]"


@njit(f"void({_SPANS}, int64, int64, {_OUT}, int64)", cache=True, nogil=True)
def count(spans, low, high, out, column):  # type: ignore[no-untyped-def]
    """How many are there?"""
    for row in range(low, high):
        out[row, column] = spans[HI, row] - spans[LO, row]


@njit(f"void({_SPANS}, {_VALUES}, int64, int64, {_OUT}, int64)", cache=True, nogil=True)
def total(spans, values, low, high, out, column):  # type: ignore[no-untyped-def]
    """What is their sum?"""
    for row in range(low, high):
        found = 0.0
        for i in range(spans[HI, row] - 1, spans[LO, row] - 1, -1):
            found += values[i]
        out[row, column] = found


@njit(
    f"void(int64, {_SPANS}, {_VALUES}, int64, int64, {_OUT}, int64)",
    cache=True, nogil=True, error_model="numpy",
)  # fmt: skip
def spread(statistic, spans, values, low, high, out, column):  # type: ignore[no-untyped-def]
    """What is their mean (2), or sample standard deviation (3)?"""
    for row in range(low, high):
        mean, squares, n = 0.0, 0.0, 0
        for i in range(spans[HI, row] - 1, spans[LO, row] - 1, -1):
            delta = values[i] - mean
            n += 1
            mean += delta / n
            squares += delta * (values[i] - mean)
        if statistic == 2:
            out[row, column] = mean if n > 0 else np.nan
        else:
            out[row, column] = np.sqrt(max(squares, 0.0) / (n - 1)) if n > 1 else np.nan


@njit(f"void(int64, {_SPANS}, {_VALUES}, int64, int64, {_OUT}, int64)", cache=True, nogil=True)
def extreme(statistic, spans, values, low, high, out, column):  # type: ignore[no-untyped-def]
    """Which is the smallest (4) or the largest (5)?"""
    sign = 1.0 if statistic == 5 else -1.0
    for row in range(low, high):
        found = np.nan
        for i in range(spans[LO, row], spans[HI, row]):
            if not sign * values[i] <= sign * found:
                found = values[i]
        out[row, column] = found


@njit(f"void(int64, {_SPANS}, {_VALUES}, int64, int64, {_OUT}, int64)", cache=True, nogil=True)
def end(statistic, spans, values, low, high, out, column):  # type: ignore[no-untyped-def]
    """Which is the newest (7) or the oldest (8)?"""
    for row in range(low, high):
        if spans[LO, row] == spans[HI, row]:
            out[row, column] = np.nan
        else:
            place = spans[HI, row] - 1 if statistic == 7 else spans[LO, row]
            out[row, column] = values[place]


@njit(
    f"void(int64, {_SPANS}, int64[:, ::1], int64[::1], int64, int64, {_OUT}, int64)",
    cache=True, nogil=True,
)  # fmt: skip
def age(statistic, spans, moments, as_of, low, high, out, column):  # type: ignore[no-untyped-def]
    """How many days ago was the newest (10) or the oldest (11)?"""
    for row in range(low, high):
        if spans[LO, row] == spans[HI, row]:
            out[row, column] = np.nan
        else:
            place = spans[HI, row] - 1 if statistic == 10 else spans[LO, row]
            out[row, column] = (as_of[row] - moments[AT, place]) / US_PER_DAY


@njit(
    f"void({_SPANS}, int64[:, ::1], {_VALUES}, int64[::1], int64, int64, {_OUT}, int64)",
    cache=True, nogil=True,
)  # fmt: skip
def age_of_value(spans, moments, values, as_of, low, high, out, column):  # type: ignore[no-untyped-def]
    """How many days ago did the newest value come, that has not changed since (22)?"""
    for row in range(low, high):
        place = spans[HI, row] - 1
        if place < spans[LO, row]:
            out[row, column] = np.nan
            continue
        while place > spans[LO, row] and values[place - 1] == values[place]:
            place -= 1
        out[row, column] = (as_of[row] - moments[AT, place]) / US_PER_DAY


@njit(f"void(int64, {_SPANS}, {_VALUES}, int64, int64, {_OUT}, int64)", cache=True, nogil=True)
def steps(statistic, spans, values, low, high, out, column):  # type: ignore[no-untyped-def]
    """How often does the value rise (16) or fall (17) from one event to the next?"""
    sign = 1.0 if statistic == 16 else -1.0
    for row in range(low, high):
        found = 0
        for i in range(spans[LO, row] + 1, spans[HI, row]):
            found += sign * values[i] > sign * values[i - 1]
        out[row, column] = found


@njit(
    f"void({_SPANS}, int64[:, ::1], {_VALUES}, int64[::1], int64, int64, {_OUT}, int64)",
    cache=True, nogil=True, error_model="numpy",
)  # fmt: skip
def slope(spans, moments, values, as_of, low, high, out, column):  # type: ignore[no-untyped-def]
    """What is the least-squares change of the value per 30 days?"""
    for row in range(low, high):
        mean, time_mean, squares, product, newest = 0.0, 0.0, 0.0, 0.0, spans[HI, row]
        for i in range(newest - 1, spans[LO, row] - 1, -1):
            time = -((as_of[row] - moments[AT, i]) / US_PER_DAY)
            n = newest - i
            mean += (values[i] - mean) / n
            delta = time - time_mean
            time_mean += delta / n
            squares += delta * (time - time_mean)
            product += delta * (values[i] - mean)
        out[row, column] = 30.0 * product / squares if squares > 0.0 else np.nan


@njit(
    f"void(int64, {_SPANS}, int64[:, ::1], int64, int64, {_OUT}, int64)",
    cache=True, nogil=True, error_model="numpy",
)  # fmt: skip
def days(statistic, spans, moments, low, high, out, column):  # type: ignore[no-untyped-def]
    """How many calendar days have events (9), and what is the mean (12) or deviation of the gaps?

    Gaps are whole days, and so their sums are exact, in whatever order.
    """
    for row in range(low, high):
        first, last = spans[LO, row], spans[HI, row] - 1
        n = moments[CHANGES, last] - moments[CHANGES, first] if first <= last else 0
        found = np.nan
        if statistic == 9:
            found = n + 1.0 if first <= last else 0.0
        elif statistic == 12 and n > 0:
            found = (moments[DAY, last] - moments[DAY, first]) / n
        elif statistic == 13 and n > 1:
            total = moments[DAY, last] - moments[DAY, first]
            squares = moments[SQUARES, last] - moments[SQUARES, first]
            found = np.sqrt((n * squares - total * total) / (n * (n - 1.0)))
        out[row, column] = found


@njit(
    f"void(int64, {_SPANS}, int64[:, ::1], float64[:, ::1], int64, int64, {_OUT}, int64)",
    cache=True, nogil=True,
)  # fmt: skip
def gaps(statistic, spans, moments, lists, low, high, out, column):  # type: ignore[no-untyped-def]
    """What is the median (14), or the longest (15), of the gaps between calendar days?

    A row that sees more of the same list than the row before only adds to its gaps.
    """
    n, first, seen, longest = 0, np.int64(-1), np.int64(-1), 0.0
    for row in range(low, high):
        last = spans[HI, row] - 1
        if spans[LO, row] != first or last < seen or n > _FEW or not spans[SHARED, row]:
            n, first, longest = 0, spans[LO, row], 0.0
            seen = first
        for i in range(seen + 1, last + 1):
            gap = float(moments[DAY, i] - moments[DAY, i - 1])
            if gap == 0.0:
                continue
            longest = gap if n == 0 else max(longest, gap)
            lists[ORDERED, n] = gap
            if statistic == 14 and n < _FEW:
                insert(lists, 0, n)
            n += 1
        seen = max(seen, last)
        if n == 0:
            out[row, column] = np.nan
        elif statistic == 15:
            out[row, column] = longest
        else:
            if n > _FEW:
                sort(lists, n)
            out[row, column] = quantile(lists, n, 0.5)


@njit(f"void({_SPANS}, int64[:, ::1], int64, int64, {_OUT}, int64)", cache=True, nogil=True)
def distinct(spans, moments, low, high, out, column):  # type: ignore[no-untyped-def]
    """How many different values are there: how many did not come before in the window?"""
    for row in range(low, high):
        first, found = spans[LO, row], 0
        for i in range(first, spans[HI, row]):
            found += moments[BEFORE, i] < first
        out[row, column] = found


@njit(
    f"void({_SPANS}, int64[:, ::1], int32[::1], int64, int64, float64[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def look_back(spans, moments, ids, low, high, lists):  # type: ignore[no-untyped-def]
    """Find for everything on the lists where the same value came last before; -1 for nowhere."""
    done = np.int64(-1)
    for row in range(low, high):
        start, stop = spans[START, row], spans[STOP, row]
        if stop == done:
            continue
        done = stop
        for i in range(start, stop):
            lists[WEIGHTS, ids[moments[EVENT, i]]] = -1.0
        for i in range(start, stop):
            value = ids[moments[EVENT, i]]
            moments[BEFORE, i] = np.int64(lists[WEIGHTS, value])
            lists[WEIGHTS, value] = i


@njit(
    f"void({_SPANS}, int64[:, ::1], float64[:, ::1], int64, int32[::1], int64, int64, {_OUT},"
    " int64, float64[:, ::1])",
    cache=True, nogil=True, error_model="numpy",
)  # fmt: skip
def top_share(  # type: ignore[no-untyped-def]
    spans, moments, measures, weight, ids, low, high, out, column, lists
):
    """Which share of the weight has the heaviest value? Weights below 0, or missing, count as 0."""
    for row in range(low, high):
        first, beyond = spans[LO, row], spans[HI, row]
        for i in range(first, beyond):
            lists[WEIGHTS, ids[moments[EVENT, i]]] = 0.0
        whole, top = 0.0, 0.0
        for i in range(beyond - 1, first - 1, -1):
            event = moments[EVENT, i]
            heavy = measures[weight, event] if weight >= 0 else 0.0
            if heavy > 0.0:
                own = lists[WEIGHTS, ids[event]] + heavy
                lists[WEIGHTS, ids[event]] = own
                whole += heavy
                top = max(top, own)
        out[row, column] = top / whole if whole > 0.0 else np.nan


@njit(
    f"void({_SPANS}, int64[:, ::1], {_VALUES}, int64[::1], int64[:, ::1], int64, int64, int64,"
    f" int64, {_OUT}, float64[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def in_order(  # type: ignore[no-untyped-def]
    spans, moments, values, as_of, outputs, first, beyond, low, high, out, lists
):
    """What is the median (6), or the 80th percentile (20)? Windows ascend."""
    for row in range(low, high):
        newest, place, n = spans[HI, row], spans[HI, row], 0
        is_few = newest - spans[START, row] <= _FEW
        for output in range(first, beyond):
            window, statistic = outputs[output, 0], outputs[output, 1]
            if statistic != 6 and statistic != 20:
                continue
            while place > spans[START, row] and as_of[row] - moments[AT, place - 1] <= window:
                place -= 1
                if is_few:
                    lists[ORDERED, n] = values[place]
                    insert(lists, 0, n)
                    n += 1
            if not is_few and newest - place != n:
                n = newest - place
                for i in range(n):
                    lists[ORDERED, i] = values[newest - 1 - i]
                sort(lists, n)
            share = 0.5 if statistic == 6 else 0.8
            out[row, outputs[output, 2]] = quantile(lists, n, share) if n > 0 else np.nan

"""Numbers sorted with their weights, compiled, in scratch space that is made once.

The lists lie in rows of one array, because passing many arrays to a small function costs more than
what it does.
"""

from __future__ import annotations

from numba import njit

ORDERED, WEIGHTS, SPARE, SPARE_WEIGHTS = 0, 1, 2, 3
"""Rows of the scratch array, and their number: what is sorted, and room to do so."""
LISTS = 4
RUN = 16
"""Runs of so many values are sorted by insertion before they are merged."""


@njit("void(float64[:, ::1], int64, int64)", cache=True, nogil=True)
def insert(lists, low, place):  # type: ignore[no-untyped-def]
    """Move one value to its place among those before it, which are sorted, and after equal ones."""
    value, weight = lists[ORDERED, place], lists[WEIGHTS, place]
    i = place
    while i > low and lists[ORDERED, i - 1] > value:
        lists[ORDERED, i], lists[WEIGHTS, i] = lists[ORDERED, i - 1], lists[WEIGHTS, i - 1]
        i -= 1
    lists[ORDERED, i], lists[WEIGHTS, i] = value, weight


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
def sort(lists, n):  # type: ignore[no-untyped-def]
    """Sort values, and their weights with them; equal ones keep their order."""
    for low in range(0, n, RUN):
        for place in range(low + 1, min(low + RUN, n)):
            insert(lists, low, place)
    source, target, run = ORDERED, SPARE, RUN
    while run < n:
        for low in range(0, n, 2 * run):
            _merge(lists, source, target, low, min(low + run, n), min(low + 2 * run, n))
        source, target, run = target, source, 2 * run
    if source != ORDERED:
        for i in range(n):
            lists[ORDERED, i], lists[WEIGHTS, i] = lists[SPARE, i], lists[SPARE_WEIGHTS, i]


@njit("float64(float64[:, ::1], int64, float64)", cache=True, nogil=True)
def quantile(lists, n, share):  # type: ignore[no-untyped-def]
    """Interpolate between the two sorted values nearest to a share."""
    place = share * (n - 1)
    low = int(place)
    high = min(low + 1, n - 1)
    below = lists[ORDERED, low]
    return below + (place - low) * (lists[ORDERED, high] - below)

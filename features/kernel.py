"""What do an entity's events add up to, as seen from a day?

One backward pass over the events of an entity, from the as_of instant into the past, reads off
every window, filter and statistic on its way. The same compiled function serves one account of a
request and a back-test of a million rows.

A *track* is one pass: which events count (a mask over their flags, and whether they must be still
open or already settled) and which measure is read. An *output* is one number read off a track: a
window, a statistic and the column it goes to. Events are summed from the newest to the oldest in
the order they are stored, without reassociation: equal input gives bit-equal output on any engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.asof import NEVER, US_PER_DAY, Instants, is_visible

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


class Statistic(IntEnum):
    """What is read off a window. Missing (NaN) where the rule in brackets does not hold."""

    COUNT = 0
    """Number of events."""
    SUM = 1
    """Sum of the measure; 0 without events."""
    MEAN = 2
    """Mean of the measure [1 event]."""
    STD = 3
    """Sample standard deviation of the measure [2 events]."""
    MIN = 4
    """Smallest measure [1 event]."""
    MAX = 5
    """Largest measure [1 event]."""
    MEDIAN = 6
    """Median of the measure [1 event]."""
    LAST = 7
    """Measure of the newest event [1 event]."""
    FIRST = 8
    """Measure of the oldest event [1 event]."""
    DAYS = 9
    """Number of distinct calendar days with an event."""
    AGE_LAST = 10
    """Days from the newest event to the as_of instant, real-valued [1 event]."""
    AGE_FIRST = 11
    """Days from the oldest event to the as_of instant, real-valued [1 event]."""
    GAP_MEAN = 12
    """Mean days between consecutive calendar days with an event [2 such days]."""
    GAP_STD = 13
    """Sample standard deviation of those gaps [3 such days]."""
    GAP_MEDIAN = 14
    """Median of those gaps [2 such days]."""
    GAP_MAX = 15
    """Longest of those gaps [2 such days]."""
    RISES = 16
    """How often the measure rose from one event to the next."""
    FALLS = 17
    """How often the measure fell from one event to the next."""
    DISTINCT = 18
    """Number of different values of the measure."""
    SLOPE = 19
    """Least-squares change of the measure per 30 days [2 different instants]."""
    P80 = 20
    """80th percentile of the measure, interpolated [1 event]."""
    TOP_SHARE = 21
    """Share of the weight that falls on the value of the measure with most [weight above 0]."""


class State(IntEnum):
    """Which events count, by their later instant (resolved, paid, closed, ended)."""

    ANY = 0
    OPEN = 1
    SETTLED = 2


@dataclass(frozen=True)
class Events:
    """Events of one kind, sorted by entity, then time, then the loader's order.

    Attributes
    ----------
    offsets : (n_entities + 1,) int64
        Events of entity e are ``offsets[e]:offsets[e + 1]``.
    at, known_from, known_until, later : (n,) int64
        Instants: when it happened, from when until when this version counts, and when it was
        settled (``NEVER`` where it was not).
    has_later : bool
        Whether the records say when events were settled.
    day : (n,) int32
        Calendar day in the portfolio's zone, days since 1970-01-01.
    flags : (n,) int64
        One bit per name of `flag_names`.
    measures : (n_measures, n) float64
        One row per name of `measure_names`; NaN is missing.
    record : (n,) int64
        Row of the source table that the event came from, for evidence.
    """

    offsets: Codes
    at: Instants
    known_from: Instants
    known_until: Instants
    later: Instants
    has_later: bool
    day: NDArray[np.int32]
    flags: Codes
    measures: Floats
    record: Codes
    flag_names: tuple[str, ...]
    measure_names: tuple[str, ...]


@dataclass(frozen=True)
class Output:
    """One number to read off the events of one source.

    Attributes
    ----------
    statistic : Statistic
        What is read.
    measure : str or None
        Name of a measure of the source; None for statistics of times and counts alone.
    where : tuple of str
        Flags that must all be set.
    state : State
        Whether events must be still open or settled as seen from the as_of instant.
    window_days : float or None
        Events at most this old count; None for the whole history.
    skip_days : float
        Events at most this young do not count: with ``window_days`` 180 and ``skip_days`` 90, what
        is read is the quarter before the last one.
    weight : str or None
        Measure that `Statistic.TOP_SHARE` adds up per value of the measure.
    """

    statistic: Statistic
    measure: str | None = None
    where: tuple[str, ...] = ()
    state: State = State.ANY
    window_days: float | None = None
    skip_days: float = 0.0
    weight: str | None = None


@dataclass(frozen=True)
class Program:
    """Outputs of one source, grouped into tracks for the compiled pass; see `compile_program`."""

    tracks: Codes
    outputs: Codes
    needs_scratch: bool
    width: int


_NEEDS_SCRATCH = frozenset(
    {
        Statistic.MEDIAN,
        Statistic.P80,
        Statistic.GAP_MEDIAN,
        Statistic.DISTINCT,
        Statistic.TOP_SHARE,
    }
)


def compile_program(events: Events, outputs: Mapping[int, Output], width: int) -> Program:
    """How can the outputs of one source be read off in as few passes as possible?

    Parameters
    ----------
    events : Events
        Gives the names of flags and measures.
    outputs : mapping of int to Output
        Column of the result -> what to read.
    width : int
        Number of columns of the result.

    Returns
    -------
    Program
        Tracks (mask, state, measure, skip in microseconds, weight, first output, last output) and
        outputs (window in microseconds, statistic, column), windows ascending within a track.
    """
    tracks: dict[tuple[int, int, int, int, int], list[tuple[int, int, int]]] = {}
    for column, output in outputs.items():
        mask = sum(1 << events.flag_names.index(name) for name in output.where)
        measure = -1 if output.measure is None else events.measure_names.index(output.measure)
        window = NEVER if output.window_days is None else round(output.window_days * US_PER_DAY)
        skip = round(output.skip_days * US_PER_DAY)
        weight = -1 if output.weight is None else events.measure_names.index(output.weight)
        tracks.setdefault((mask, int(output.state), measure, skip, weight), []).append(
            (window, int(output.statistic), column)
        )
    rows: list[tuple[int, ...]] = []
    flat: list[tuple[int, int, int]] = []
    for track, found in tracks.items():
        rows.append((*track, len(flat), len(flat) + len(found)))
        flat.extend(sorted(found))
    return Program(
        np.array(rows, dtype=np.int64).reshape(-1, 7),
        np.array(flat, dtype=np.int64).reshape(-1, 3),
        any(statistic in _NEEDS_SCRATCH for _, statistic, _ in flat),
        width,
    )


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
    " float64[:, ::1], int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], float64[:, ::1],"
    " float64[::1], float64[::1], float64[::1])",
    cache=True,
    nogil=True,
)
def _walk(  # type: ignore[no-untyped-def]
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


_ROWS_WORTH_A_THREAD = 2_000


def run(
    events: Events,
    program: Program,
    entity: Codes,
    as_of: Instants,
    out: Floats,
    *,
    threads: int = 2,
) -> None:
    """What is every output of a program, for each (entity, as_of instant)?

    Parameters
    ----------
    events : Events
        Of one source.
    program : Program
        Compiled for this source.
    entity, as_of : (n,) int64
        Rows to fill.
    out : (n, width) float64, C order
        Filled in the columns that the program names; the others are left as they are.
    threads : int
        At most so many rows are walked side by side; the result does not depend on it.
    """
    entity, as_of = np.ascontiguousarray(entity), np.ascontiguousarray(as_of)
    scratch = int(np.max(np.diff(events.offsets), initial=0)) if program.needs_scratch else 0

    def chunk(low: int, high: int) -> None:
        _walk(
            events.offsets, events.at, events.known_from, events.known_until, events.later,
            events.day, events.flags, events.measures, entity[low:high], as_of[low:high],
            program.tracks, program.outputs, out[low:high],
            np.empty(scratch), np.empty(scratch), np.empty(scratch),
        )  # fmt: skip

    threads = min(threads, max(1, entity.size // _ROWS_WORTH_A_THREAD))
    if threads == 1:
        chunk(0, entity.size)
        return
    cuts = np.linspace(0, entity.size, 4 * threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(chunk, cuts[:-1], cuts[1:]))

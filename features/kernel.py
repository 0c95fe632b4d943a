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

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.asof import NEVER, US_PER_DAY, Instants
from features.readings import MOMENTS, SPANS
from features.sorting import LISTS
from features.walk import ROOM, longest_part, number_values, plain_entities, walk

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Ids = NDArray[np.int32]


_NO_IDS: Ids = np.empty((0, 0), dtype=np.int32)


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
    AGE_OF_VALUE = 22
    """Days since the measure took on the value that it has [1 event]."""


class State(IntEnum):
    """Which events count, by their later instant (resolved, paid, closed, ended)."""

    ANY = 0
    OPEN = 1
    SETTLED = 2


class Shape(NamedTuple):
    """What can be read off the events of a source."""

    flag_names: tuple[str, ...]
    measure_names: tuple[str, ...]
    has_later: bool


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

    _ids: dict[tuple[int, ...], Ids] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def longest(self) -> int:
        """Most events that one entity has."""
        longest: int = longest_part(self.offsets)
        return longest

    @cached_property
    def is_plain(self) -> NDArray[np.bool_]:
        """Of which entities was every event known as it happened, and never replaced?"""
        found: NDArray[np.bool_] = plain_entities(
            self.offsets, self.at, self.known_from, self.known_until
        )
        return found

    def ids(self, measures: tuple[int, ...]) -> Ids:
        """Which of the different values that its entity has is each event's? Kept once found."""
        if not measures:
            return _NO_IDS
        if measures not in self._ids:
            asked = np.array(measures, dtype=np.int64)
            self._ids[measures] = number_values(self.offsets, self.measures, asked)
        return self._ids[measures]

    def prepare(self, program: Program) -> None:
        """Find what all threads that run a program ask for."""
        self.ids(program.numbered)
        self.is_plain  # noqa: B018

    @cached_property
    def shape(self) -> Shape:
        """What can be read off them."""
        return Shape(self.flag_names, self.measure_names, self.has_later)


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
    """Outputs of one source, grouped into tracks for the compiled pass; see `program_for`."""

    tracks: Codes
    outputs: Codes
    numbered: tuple[int, ...]


_OF_DIFFERENT_VALUES = frozenset({Statistic.DISTINCT, Statistic.TOP_SHARE})
"""What is read off values told apart."""


def compile_program(events: Events, outputs: Mapping[int, Output]) -> Program:
    """How can outputs be read off the events of one source in as few passes as possible?

    Parameters
    ----------
    events : Events
        Gives the names of flags and measures.
    outputs : mapping of int to Output
        Column of the result -> what to read.
    """
    return program_for(events.shape, tuple(outputs.items()))


@lru_cache(maxsize=1024)
def program_for(shape: Shape, outputs: tuple[tuple[int, Output], ...]) -> Program:
    """How can outputs be read off events of some shape? Compiled once, then kept.

    Parameters
    ----------
    shape : Shape
        Gives the names of flags and measures.
    outputs : tuple of (int, Output)
        Column of the result, and what to read.

    Returns
    -------
    Program
        Tracks (mask, state, measure, skip in microseconds, weight, first output, last output, place
        of the measure among those numbered) and outputs (window in microseconds, statistic,
        column), windows ascending within a track.
    """
    tracks: dict[tuple[int, int, int, int, int], list[tuple[int, int, int]]] = {}
    for column, output in outputs:
        mask = sum(1 << shape.flag_names.index(name) for name in output.where)
        measure = -1 if output.measure is None else shape.measure_names.index(output.measure)
        window = NEVER if output.window_days is None else round(output.window_days * US_PER_DAY)
        skip = round(output.skip_days * US_PER_DAY)
        weight = -1 if output.weight is None else shape.measure_names.index(output.weight)
        tracks.setdefault((mask, int(output.state), measure, skip, weight), []).append(
            (window, int(output.statistic), column)
        )
    rows: list[tuple[int, ...]] = []
    flat: list[tuple[int, int, int]] = []
    numbered: list[int] = []
    for track, found in tracks.items():
        is_numbered = any(statistic in _OF_DIFFERENT_VALUES for _, statistic, _ in found)
        if is_numbered and track[2] not in numbered:
            numbered.append(track[2])
        place = numbered.index(track[2]) if is_numbered else -1
        rows.append((*track, len(flat), len(flat) + len(found), place))
        flat.extend(sorted(found))
    return Program(
        np.array(rows, dtype=np.int64).reshape(-1, 8),
        np.array(flat, dtype=np.int64).reshape(-1, 3),
        tuple(numbered),
    )


ROWS_OF_A_CHUNK = 500
"""Few enough for a block of rows to stay in the processor's cache."""


def in_chunks(
    n: int, worker: Callable[[], Callable[[int, int], None]], *, threads: int = 2
) -> None:
    """Do something for all rows, a few hundred at a time, by some threads side by side.

    Parameters
    ----------
    n : int
        Number of rows.
    worker : callable
        Called once by each thread; gives what is called with the first and the last row (exclusive)
        of each chunk, and may keep scratch space of its own.
    threads : int
        At most so many; the result must not depend on it.
    """
    # A range hands out each chunk once, whoever asks.
    pending = iter(range(0, n, ROWS_OF_A_CHUNK))

    def work() -> None:
        fill = worker()
        for low in pending:
            fill(low, min(low + ROWS_OF_A_CHUNK, n))

    threads = min(threads, n // (2 * ROWS_OF_A_CHUNK))
    if threads <= 1:
        work()
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()


def reader(
    events: Events, program: Program, entity: Codes, as_of: Instants
) -> Callable[[int, int, Floats], None]:
    """How are some rows read off the events of one source? With scratch space for one thread.

    Returns
    -------
    callable
        Takes the first and last row (exclusive) and the (rows, width) matrix to fill.
    """
    room = max(events.longest, min(ROOM, events.at.size))
    moments, values = np.empty((MOMENTS, room), dtype=np.int64), np.empty(room)
    spans = np.empty((SPANS, min(ROWS_OF_A_CHUNK, entity.size)), dtype=np.int64)
    lists = np.empty((LISTS, max(events.longest, 1)))
    is_plain, ids = events.is_plain, events.ids(program.numbered)

    def read(low: int, high: int, out: Floats) -> None:
        walk(
            events.offsets, events.at, events.known_from, events.known_until, events.later,
            events.day, events.flags, events.measures, is_plain, entity[low:high], as_of[low:high],
            program.tracks, program.outputs, out, ids, moments, values, spans, lists,
        )  # fmt: skip

    return read


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
    out : (n, width) float64
        Filled in the columns that the program names; the others are left as they are.
    threads : int
        At most so many rows are walked side by side; the result does not depend on it.
    """
    entity, as_of = np.ascontiguousarray(entity), np.ascontiguousarray(as_of)
    events.prepare(program)

    def worker() -> Callable[[int, int], None]:
        read = reader(events, program, entity, as_of)
        return lambda low, high: read(low, high, out[low:high])

    in_chunks(entity.size, worker, threads=threads)

"""In which order and form does the kernel want events?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numba import njit, types

from features.asof import MISSING, NEVER, US_PER_DAY, Instants, offset_place, zone_offsets
from features.events.sheet import Mask, Texts
from features.kernel import Codes, Events, Floats

_CODES = types.int64[::1]
# Columns of a table may not be written to.
_READ = types.Array(types.int64, 1, "C", readonly=True)

_ABSENT = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Flags:
    """Names, and for each event one bit per name."""

    names: tuple[str, ...]
    bits: Codes


def flags_of(masks: Mapping[str, Mask | None], n: int) -> Flags:
    """Which bits do masks make? One that is absent (None) has no name: it cannot be asked for."""
    known = {name: mask for name, mask in masks.items() if mask is not None}
    if not known:
        return Flags((), _ABSENT)
    bits = np.zeros(n, dtype=np.int64)
    for position, mask in enumerate(known.values()):
        bits |= mask.astype(np.int64) << position
    return Flags(tuple(known), bits)


class Marks:
    """Which flags do words set?

    Parameters
    ----------
    flags_of_word : mapping of str to tuple of str
        Names of the flags that each word sets.
    """

    def __init__(self, flags_of_word: Mapping[str, tuple[str, ...]]) -> None:
        self.names = tuple(dict.fromkeys(chain(*flags_of_word.values())))
        self.bits = {
            word: sum(1 << self.names.index(name) for name in names)
            for word, names in flags_of_word.items()
        }


def marked(*columns: tuple[Texts | None, Marks]) -> Flags:
    """Which flags does each event have by the words in some columns? An absent one names none."""
    names: tuple[str, ...] = ()
    bits = _ABSENT
    for texts, marks in columns:
        if texts is None:
            continue
        found = texts.read(marks.bits)
        bits = bits | found << len(names) if names else found
        names += marks.names
    return Flags(names, bits)


@njit((_READ, _READ, types.int64), cache=True, nogil=True)
def _order(entity, at, n_entities):  # type: ignore[no-untyped-def]
    """Sort by entity and time, then as given; events of no entity are left out."""
    offsets = np.zeros(n_entities + 1, dtype=np.int64)
    for i in range(entity.size):
        if entity[i] >= 0:
            offsets[entity[i] + 1] += 1
    for e in range(n_entities):
        offsets[e + 1] += offsets[e]
    order = np.empty(offsets[n_entities], dtype=np.int64)
    free = offsets[:-1].copy()
    for i in range(entity.size):
        if entity[i] >= 0:
            order[free[entity[i]]] = i
            free[entity[i]] += 1
    for e in range(n_entities):
        low, high = offsets[e], offsets[e + 1]
        for i in range(low + 1, high):
            if at[order[i]] < at[order[i - 1]]:
                by_time = np.argsort(at[order[low:high]], kind="mergesort")
                order[low:high] = order[low:high][by_time]
                break
    return order, offsets


@njit(
    types.void(
        _READ, _READ, _READ, _READ, _READ, _READ, _READ, _CODES, _CODES,
        types.int64[:, ::1], types.int32[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def _gather(  # type: ignore[no-untyped-def]
    order, at, known_from, known_until, later, bits, record, instants, offsets, times, day
):
    """Bring the columns of events into order, and find their calendar days."""
    place = 0
    for i in range(order.size):
        event = order[i]
        times[0, i] = at[event]
        times[1, i] = known_from[event]
        times[2, i] = known_until[event]
        times[3, i] = later[event] if later.size else NEVER
        times[4, i] = bits[event] if bits.size else 0
        times[5, i] = record[event] if record.size else event
        place = offset_place(instants, at[event], place)
        day[i] = (max(at[event], MISSING + US_PER_DAY) + offsets[place]) // US_PER_DAY


def sort_events(
    n_entities: int,
    entity: Codes,
    at: Instants,
    *,
    known_from: Instants,
    known_until: Instants,
    later: Instants | None = None,
    zone: str,
    flags: Flags | Mapping[str, Mask | None] | None = None,
    measures: Mapping[str, Floats | None] | None = None,
    record: Codes | None = None,
) -> Events:
    """Bring events into the order and form of the kernel: by entity and time, then as given.

    Events of no entity (-1) are left out, and so are flags, measures and later instants whose
    column is absent (None): what asks for them is then missing, not zero.
    """
    marks = flags if isinstance(flags, Flags) else flags_of(flags or {}, entity.size)
    read = [(name, values) for name, values in (measures or {}).items() if values is not None]
    order, offsets = _order(entity, at, n_entities)
    times, day = np.empty((6, order.size), dtype=np.int64), np.empty(order.size, dtype=np.int32)
    stacked = np.empty((len(read), order.size))
    if order.size:
        _gather(
            order, at, known_from, known_until, _ABSENT if later is None else later, marks.bits,
            _ABSENT if record is None else record, *zone_offsets(zone), times, day,
        )  # fmt: skip
        for position, (_, values) in enumerate(read):
            stacked[position] = values[order]
    at, known_from, known_until, settled, bits, record = times
    return Events(
        offsets, at, known_from, known_until, settled, later is not None, day, bits, stacked,
        record, marks.names, tuple([name for name, _ in read]),
    )  # fmt: skip

"""What does the kernel read of every entity, as seen at some instants?

Contexts ask the same of every day: what they ask is read for several days in one pass, and kept
until other days are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeAlias

import numpy as np

from features.kernel import Codes, Events, Floats, Output, compile_program, run
from features.kernel import Statistic as S

Read: TypeAlias = Callable[[Events, Sequence[Output]], Floats]
"""What is read of every entity at one instant: (n_entities, n_outputs)."""


class Sight:
    """Reads of some instants, each made once.

    Parameters
    ----------
    moments : sequence of int
        Instants that are asked for.
    """

    def __init__(self, moments: Sequence[int]) -> None:
        self._moments = tuple(sorted(set(moments)))
        self._kept: dict[tuple[int, tuple[Output, ...]], Floats] = {}
        self._one_by_one = Lock()

    def at(self, moment: int) -> Read:
        """Which function reads at one of the instants?"""
        place = self._moments.index(moment)
        return lambda events, outputs: self._read(events, tuple(outputs))[place].T

    def _read(self, events: Events, outputs: tuple[Output, ...]) -> Floats:
        """(n_moments, n_outputs, n_entities) of some events."""
        key = id(events), outputs
        with self._one_by_one:
            if key not in self._kept:
                n, times = events.offsets.size - 1, len(self._moments)
                found = np.full((n * times, len(outputs)), np.nan)
                entity, as_of = np.repeat(np.arange(n), times), np.tile(np.array(self._moments), n)
                program = compile_program(events, dict(enumerate(outputs)))
                run(events, program, entity, as_of, found)
                days = found.reshape(n, times, len(outputs)).transpose(1, 2, 0)
                self._kept[key] = np.ascontiguousarray(days)
            return self._kept[key]


def last_codes(read: Read, events: Events | None, n: int) -> Codes:
    """Code of an attribute of each entity as it was known; -1 where it was not."""
    return codes_read(read, events, Output(S.LAST, "code"), n)


def codes_read(read: Read, events: Events | None, output: Output, n: int) -> Codes:
    """What is read as codes; -1 where there is none, or where no event says."""
    if events is None or output.measure not in events.measure_names:
        return np.full(n, -1, dtype=np.int64)
    found = read(events, [output])[:, 0]
    return np.where(np.isnan(found), -1, found).astype(np.int64)

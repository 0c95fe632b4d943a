"""Which of several rows applies to a version of another, stretch by stretch of what was known?

Worked example: an order of 10 May has the rate of 8 May until, on 20 May, that of 9 May is learnt.
Seen from 11 to 20 May it is worth what the first rate makes of it, from 21 May on the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from features.asof import Instants
from features.kernel import Codes


@dataclass(frozen=True)
class Stretches:
    """Versions cut where another row begins to apply to them; those that never count are gone.

    Attributes
    ----------
    place : (n,) int64
        Which version, ascending.
    row : (n,) int64
        Which row applies to it; -1 where none is known.
    known_from, known_until : (n,) int64
        The stretch in which both hold.
    """

    place: Codes
    row: Codes
    known_from: Instants
    known_until: Instants


@njit(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1])",
    cache=True,
    nogil=True,
)
def _cut(first, end, row_from, row_until, known_from, known_until, out):  # type: ignore[no-untyped-def]
    """Walk each version through time, from one change of what applies to it to the next.

    Counts the stretches, and writes those for which there is room.
    """
    n = 0
    for place in range(known_from.size):
        now = known_from[place]
        while now < known_until[place]:
            then, applies = known_until[place], -1
            for row in range(end[place] - 1, first[place] - 1, -1):
                if row_from[row] > now:
                    then = min(then, row_from[row])
                elif now < row_until[row]:
                    then, applies = min(then, row_until[row]), row
                    break
            if n < out.shape[1]:
                out[0, n], out[1, n], out[2, n], out[3, n] = place, applies, now, then
            n += 1
            now = then
    return n


def cut_as_known(
    first: Codes,
    end: Codes,
    row_known: tuple[Instants, Instants],
    known: tuple[Instants, Instants],
) -> Stretches:
    """Which row applies to each version, stretch by stretch?

    Parameters
    ----------
    first, end : (n,) int64
        Rows ``first:end`` may apply to a version; of those known, the one furthest down does.
    row_known : two (n_rows,) int64
        From when until when each row counts.
    known : two (n,) int64
        From when until when each version counts.
    """
    # Few versions are cut in two.
    found = np.empty((4, known[0].size + known[0].size // 8), dtype=np.int64)
    n = _cut(first, end, *row_known, *known, found)
    if n > found.shape[1]:
        found = np.empty((4, n), dtype=np.int64)
        _cut(first, end, *row_known, *known, found)
    return Stretches(*found[:, :n])

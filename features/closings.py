"""When did we know a deal to be closed, and how?

A deal closes at its first terminal stage. Rows that come late, corrections and withdrawals can
change which row that is: what we held for true is therefore a sequence of spells.

Worked example: a deal is lost on 2011-09-01, learnt at once; on 2011-09-20 we learn that it had
been won on 2011-08-30. Open until 2011-09-01, lost until 2011-09-20, won ever since.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.asof import MISSING, NEVER, Instants
from features.kernel import Codes, Events


@dataclass(frozen=True)
class Spells:
    """Stretches of time in which one thing was held for true of a deal; they leave no gap.

    Attributes
    ----------
    offsets : (n_deals + 1,) int64
        Spells of deal d are ``offsets[d]:offsets[d + 1]``, in order; each deal has one or more.
    since, until : (n,) int64
        A spell holds for an as_of with ``since < as_of <= until``.
    learnt : (n,) int64
        Within the spell the deal is open up to this instant, closed after it.
    closed_at : (n,) int64
        When it closed; ``NEVER`` for a spell that ends open.
    is_won : (n,) bool
    """

    offsets: Codes
    since: Instants
    until: Instants
    learnt: Instants
    closed_at: Instants
    is_won: NDArray[np.bool_]

    def of_deals(self, deal: Codes) -> tuple[Codes, Codes]:
        """Position in `deal` and spell, for every spell of every deal asked for."""
        count = np.diff(self.offsets)[deal]
        row = np.repeat(np.arange(deal.size), count)
        first = np.cumsum(count) - count
        return row, np.arange(row.size) - first[row] + self.offsets[deal][row]

    def seen(self, as_of: int) -> tuple[Instants, NDArray[np.bool_]]:
        """When did each deal close (``NEVER``: open), and was it won, as known on a day?"""
        spell = np.flatnonzero((self.since < as_of) & (as_of <= self.until))
        is_closed = self.learnt[spell] < as_of
        closed_at = np.where(is_closed, self.closed_at[spell], NEVER)
        return closed_at, is_closed & self.is_won[spell]


@njit(
    "int64(int64[::1], int64[::1], int64[::1], int64, int64, int64[::1], int64[::1], int64[::1],"
    " int64[::1], int64[::1])",
    cache=True,
    nogil=True,
)
def _sweep(offsets, known_from, known_until, missing, never, counts, row, since, learnt, until):  # type: ignore[no-untyped-def]
    """Write the spells of every deal; returns how many there are."""
    written = 0
    for deal in range(offsets.size - 1):
        low, high = offsets[deal], offsets[deal + 1]
        first, last = written, missing
        if high > low:
            changes = np.unique(np.concatenate((known_from[low:high], known_until[low:high])))
            for c in range(changes.size - 1):
                for i in range(low, high):
                    if known_from[i] <= changes[c] and known_until[i] > changes[c]:
                        if written > first and row[written - 1] == i and last == changes[c]:
                            until[written - 1] = changes[c + 1]
                        else:
                            row[written], since[written] = i, last
                            learnt[written], until[written] = changes[c], changes[c + 1]
                            written += 1
                        last = changes[c + 1]
                        break
        if last != never:
            row[written], since[written], learnt[written], until[written] = -1, last, never, never
            written += 1
        counts[deal] = written - first
    return written


def closing_spells(moves: Events) -> Spells:
    """In which spells was each deal held to be open, won or lost?

    Parameters
    ----------
    moves : Events
        Dated snapshots of the deals, with the flags ``is_closed`` and ``is_won``.
    """
    is_terminal = (moves.flags >> moves.flag_names.index("is_closed")) & 1 == 1
    rows = np.flatnonzero(is_terminal & (moves.known_from < moves.known_until))
    n_deals = moves.offsets.size - 1
    offsets = np.searchsorted(rows, moves.offsets).astype(np.int64)
    counts = np.empty(n_deals, dtype=np.int64)
    row, since, learnt, until = (
        np.empty(2 * rows.size + n_deals, dtype=np.int64) for _ in range(4)
    )
    n = _sweep(
        offsets, moves.known_from[rows], moves.known_until[rows], MISSING, NEVER,
        counts, row, since, learnt, until,
    )  # fmt: skip
    is_closed = row[:n] >= 0
    closed_at, is_won = np.full(n, NEVER, dtype=np.int64), np.zeros(n, dtype=bool)
    found = rows[row[:n][is_closed]]
    closed_at[is_closed] = moves.at[found]
    is_won[is_closed] = (moves.flags[found] >> moves.flag_names.index("is_won")) & 1 == 1
    ends = np.append(0, np.cumsum(counts))
    return Spells(ends, since[:n], until[:n], learnt[:n], closed_at, is_won)

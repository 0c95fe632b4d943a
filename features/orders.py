"""What was known of an order, as its lines came in?

An order is all lines of one order_id: placed at its first line, its amounts the sums of its lines.
Lines may become known one after another, be corrected or withdrawn; an order therefore has one
version for each stretch of time between two such changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from features.asof import NEVER, Instants
from features.kernel import Codes, Floats


@dataclass(frozen=True)
class OrderVersions:
    """One row per version of an order.

    Attributes
    ----------
    account : (n,) int64
        Code of the account.
    at, known_from, known_until : (n,) int64
        Instants: first line, and the stretch in which this version counts.
    lines : (n,) float64
        Number of lines.
    record : (n,) int64
        Row of the first line in the source table.
    measures : (n_measures, n) float64
        Sums over the lines; NaN where no line has the measure.
    """

    account: Codes
    at: Instants
    known_from: Instants
    known_until: Instants
    lines: Floats
    record: Codes
    measures: Floats


@njit(cache=True, nogil=True)
def _count_versions(starts, known_from, known_until, never):  # type: ignore[no-untyped-def]
    """How many versions can each order have at most: one per distinct change."""
    counts = np.empty(starts.size - 1, dtype=np.int64)
    for group in range(starts.size - 1):
        low, high = starts[group], starts[group + 1]
        changes = 1
        for i in range(low, high):
            if i > low and known_from[i] != known_from[i - 1]:
                changes += 1
            if known_until[i] != never:
                changes += 1
        counts[group] = changes
    return counts


@njit(cache=True, nogil=True)
def _add(line, at, record, measures, first_at, first_record, sums):  # type: ignore[no-untyped-def]
    """Add one line to the running order; returns the first instant and row so far."""
    if at[line] < first_at:
        first_at = at[line]
        first_record = record[line]
    for m in range(measures.shape[0]):
        value = measures[m, line]
        if value == value:
            sums[m] = value if sums[m] != sums[m] else sums[m] + value
    return first_at, first_record


@njit(cache=True, nogil=True)
def _sweep(  # type: ignore[no-untyped-def]
    starts, at, known_from, known_until, record, measures, never,
    group_of, out_at, out_from, out_until, out_lines, out_record, out_measures,
):  # fmt: skip
    """Write the versions of every order; returns how many there are."""
    written = 0
    sums = np.empty(measures.shape[0])
    for group in range(starts.size - 1):
        low, high = starts[group], starts[group + 1]
        is_stable = True
        for i in range(low, high):
            is_stable &= known_until[i] == never
        if is_stable:
            # Lines only join: carry the sums on from one version to the next.
            sums[:] = np.nan
            first_at, first_record = never, np.int64(-1)
            i = low
            while i < high:
                start = known_from[i]
                while i < high and known_from[i] == start:
                    first_at, first_record = _add(
                        i, at, record, measures, first_at, first_record, sums
                    )
                    i += 1
                group_of[written] = group
                out_at[written] = first_at
                out_from[written] = start
                out_until[written] = known_from[i] if i < high else never
                out_lines[written] = i - low
                out_record[written] = first_record
                out_measures[:, written] = sums
                written += 1
            continue
        changes = np.unique(np.concatenate((known_from[low:high], known_until[low:high])))
        for c in range(changes.size):
            if changes[c] == never:
                continue
            sums[:] = np.nan
            first_at, first_record, lines = never, np.int64(-1), 0
            for i in range(low, high):
                if known_from[i] <= changes[c] and known_until[i] > changes[c]:
                    first_at, first_record = _add(
                        i, at, record, measures, first_at, first_record, sums
                    )
                    lines += 1
            if lines == 0:
                continue
            group_of[written] = group
            out_at[written] = first_at
            out_from[written] = changes[c]
            out_until[written] = changes[c + 1] if c + 1 < changes.size else never
            out_lines[written] = lines
            out_record[written] = first_record
            out_measures[:, written] = sums
            written += 1
    return written


def roll_up(
    account: Codes,
    order: Codes,
    at: Instants,
    known_from: Instants,
    known_until: Instants,
    record: Codes,
    measures: Floats,
) -> OrderVersions:
    """Which versions has each order, and what do its lines add up to in each?

    Parameters
    ----------
    account, order : (n_lines,) int64
        Codes; lines of one order of one account belong together.
    at, known_from, known_until : (n_lines,) int64
        Instants of each line version.
    record : (n_lines,) int64
        Row of the line in its table.
    measures : (n_measures, n_lines) float64
        What is summed; NaN is missing.

    Returns
    -------
    OrderVersions
        Sorted by account, order, then known_from.
    """
    sorting = np.lexsort((known_from, order, account))
    account, order = account[sorting], order[sorting]
    is_first = np.ones(account.size, dtype=bool)
    is_first[1:] = (account[1:] != account[:-1]) | (order[1:] != order[:-1])
    starts = np.append(np.flatnonzero(is_first), account.size).astype(np.int64)
    known_from, known_until = known_from[sorting], known_until[sorting]
    size = int(_count_versions(starts, known_from, known_until, NEVER).sum())
    whole = [np.empty(size, dtype=np.int64) for _ in range(5)]
    lines, sums = np.empty(size), np.empty((measures.shape[0], size))
    group, out_at, out_from, out_until, out_record = whole
    n = _sweep(
        starts, at[sorting], known_from, known_until, record[sorting],
        np.ascontiguousarray(measures[:, sorting]), NEVER,
        group, out_at, out_from, out_until, lines, out_record, sums,
    )  # fmt: skip
    return OrderVersions(
        account[starts[:-1]][group[:n]],
        out_at[:n],
        out_from[:n],
        out_until[:n],
        lines[:n],
        out_record[:n],
        sums[:, :n],
    )

"""What was known of an order, as its lines came in?

An order is all lines of one order_id: placed at its first line, its amounts the sums of its lines.
Lines may become known one after another, be corrected or withdrawn; an order therefore has one
version for each stretch of time between two such changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, types

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


_READ = types.Array(types.int64, 1, "C", readonly=True)
_READ_ALL = types.Array(types.float64, 2, "C", readonly=True)


@njit((_READ, _READ, _READ), cache=True, nogil=True)
def _groups(account, order, known_from):  # type: ignore[no-untyped-def]
    """Sort lines by account, order and when they became known; where does each order begin?"""
    n_accounts = account.max() + 1 if account.size else 0
    ends = np.zeros(n_accounts + 1, dtype=np.int64)
    for line in range(account.size):
        ends[account[line] + 1] += 1
    for a in range(n_accounts):
        ends[a + 1] += ends[a]
    free = ends[:-1].copy()
    lines = np.empty(account.size, dtype=np.int64)
    for line in range(account.size):
        lines[free[account[line]]] = line
        free[account[line]] += 1
    starts = np.empty(account.size + 1, dtype=np.int64)
    found = 0
    for a in range(n_accounts):
        low, high = ends[a], ends[a + 1]
        lines[low:high] = lines[low:high][np.argsort(order[lines[low:high]], kind="mergesort")]
        begin = low
        for i in range(low + 1, high + 1):
            if i < high and order[lines[i]] == order[lines[begin]]:
                continue
            starts[found] = begin
            found += 1
            for j in range(begin + 1, i):
                if known_from[lines[j]] < known_from[lines[j - 1]]:
                    by_time = np.argsort(known_from[lines[begin:i]], kind="mergesort")
                    lines[begin:i] = lines[begin:i][by_time]
                    break
            begin = i
    starts[found] = account.size
    return lines, starts[: found + 1]


@njit((types.int64[::1], types.int64[::1], _READ, _READ), cache=True, nogil=True)
def _count_versions(lines, starts, known_from, known_until):  # type: ignore[no-untyped-def]
    """How many versions can the orders have at most: one per distinct change of each."""
    changes = starts.size - 1
    for group in range(starts.size - 1):
        for i in range(starts[group], starts[group + 1]):
            if i > starts[group] and known_from[lines[i]] != known_from[lines[i - 1]]:
                changes += 1
            if known_until[lines[i]] != NEVER:
                changes += 1
    return changes


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


@njit(
    (types.int64[::1], types.int64[::1], _READ, _READ, _READ, _READ, _READ, _READ_ALL,
     types.int64[:, ::1], types.float64[:, ::1]),
    cache=True, nogil=True,
)  # fmt: skip
def _sweep(  # type: ignore[no-untyped-def]
    lines, starts, account, at, known_from, known_until, record, measures, out, out_sums
):
    """Write the versions of every order; returns how many there are.

    Rows of ``out`` are account, first instant, known from, known until and first row; those of
    ``out_sums`` the number of lines, then the measures.
    """
    written = 0
    sums = np.empty(measures.shape[0])
    for group in range(starts.size - 1):
        low, high = starts[group], starts[group + 1]
        is_stable = True
        for i in range(low, high):
            is_stable &= known_until[lines[i]] == NEVER
        if is_stable:
            # Lines only join: carry the sums on from one version to the next.
            sums[:] = np.nan
            first_at, first_record = np.int64(NEVER), np.int64(-1)
            i = low
            while i < high:
                start = known_from[lines[i]]
                while i < high and known_from[lines[i]] == start:
                    first_at, first_record = _add(
                        lines[i], at, record, measures, first_at, first_record, sums
                    )
                    i += 1
                out[0, written], out[1, written] = account[lines[low]], first_at
                out[2, written], out[4, written] = start, first_record
                out[3, written] = known_from[lines[i]] if i < high else NEVER
                out_sums[0, written] = i - low
                out_sums[1:, written] = sums
                written += 1
            continue
        own = lines[low:high]
        changes = np.unique(np.concatenate((known_from[own], known_until[own])))
        for c in range(changes.size):
            if changes[c] == NEVER:
                continue
            sums[:] = np.nan
            first_at, first_record, n = np.int64(NEVER), np.int64(-1), 0
            for i in range(low, high):
                line = lines[i]
                if known_from[line] <= changes[c] and known_until[line] > changes[c]:
                    first_at, first_record = _add(
                        line, at, record, measures, first_at, first_record, sums
                    )
                    n += 1
            if n == 0:
                continue
            out[0, written], out[1, written] = account[lines[low]], first_at
            out[2, written], out[4, written] = changes[c], first_record
            out[3, written] = changes[c + 1] if c + 1 < changes.size else NEVER
            out_sums[0, written] = n
            out_sums[1:, written] = sums
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
    lines, starts = _groups(account, order, known_from)
    size = _count_versions(lines, starts, known_from, known_until)
    out = np.empty((5, size), dtype=np.int64)
    sums = np.empty((1 + measures.shape[0], size))
    n = _sweep(
        lines, starts, account, at, known_from, known_until, record, measures, out, sums
    )  # fmt: skip
    return OrderVersions(
        out[0, :n], out[1, :n], out[2, :n], out[3, :n], sums[0, :n], out[4, :n], sums[1:, :n]
    )

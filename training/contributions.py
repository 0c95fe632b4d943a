"""How much does each feature add to a margin? Exact Shapley values at the price of predicting.

A tree's answer is a sum over its leaves: leaf ``l`` gives ``v_l`` to the rows that meet every
condition on its path. Conditions on one feature are merged, so that the path asks ``m`` different
features; let ``z_f`` be 1 where a row meets all conditions on feature ``f``, else 0, and ``w_f``
the share of training rows that passed them (the product, over the path's splits on ``f``, of the
child's count over its parent's). The path-dependent game of TreeSHAP [1]_ is then, per leaf,

    ``g_l(S) = v_l * prod(z_f for f in S) * prod(w_f for f not in S)``

and the Shapley value of a product game is

    ``phi_f = v_l * (z_f - w_f) * sum_s  s! (m - 1 - s)! / m!  * e_s``

where ``e_s`` is the coefficient of ``t**s`` in ``prod(z_j * t + w_j for j != f)``: every set ``S``
of ``s`` other features takes part once. A row enters only through its pattern of zeros and ones,
so the ``2**m`` answers of a leaf are tabled once [2]_. Contributions of a row are then look-ups:
decide all splits of a tree, shift the decisions of each path together into a pattern, add one cell
per feature on the path. Two sibling leaves share their path but for the side of the last split,
and so one table: leaves and such pairs are called *twigs*. Shapley values are linear: the sum over
twigs and trees is exact, and

    ``base + contributions.sum() == margin``

with the base the mean leaf value under the training counts.

Decisions are those of LightGBM, in double precision: where NaN is missing it goes to the default
side; where nothing is missing it is read as 0; where 0 is missing, both go to the default side;
what lies within 1e-35 of 0 is 0; a category, cut off to a whole number, goes left where the split's
set has it, and right where it is unknown, negative or NaN.

References
----------
.. [1] Lundberg, Erion, Chen et al., "From local explanations to global understanding with
   explainable AI for trees", Nature Machine Intelligence 2, 2020, algorithm 2.
.. [2] Nadel & Wettenstein, "From Decision Trees to Boolean Logic: A Fast and Unified SHAP
   Algorithm", 2025, tables Shapley values by patterns of decisions, too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from features.kernel import Floats
from training.twigs import Tables

_BLOCK = 256
"""Rows whose columns and sums stay in the cache while all trees pass by."""
_ROWS_OF_A_THREAD = 2_048
_ZERO = float(np.float32(1e-35))
"""What is nearer to 0 than this is 0 to LightGBM."""


@njit(
    "boolean(float64, int64, float64, int64[::1], int64[::1])",
    cache=True, nogil=True,
)  # fmt: skip
def _goes_left(value, decision_type, threshold, first_word, words):  # type: ignore[no-untyped-def]
    """Which way does a value go at a split that the fast loop does not know?"""
    if decision_type & 1:
        # A negative fraction is cut off to category 0, as by a conversion to whole numbers.
        if not (-1.0 < value < 2147483648.0):
            return False
        category = int(value)
        place = first_word[int(threshold)] + category // 32
        if place >= first_word[int(threshold) + 1]:
            return False
        return (words[place] >> (category % 32)) & 1 == 1
    missing = (decision_type >> 2) & 3
    if value != value and missing != 2:
        value = 0.0
    if (missing == 1 and value == 0.0) or (missing == 2 and value != value):
        return decision_type & 2 != 0
    return value <= threshold


@njit(
    "void(float64[:, ::1], int64, int64, int64, int64[::1], int64[::1], float64[::1], int64[::1],"
    " int64[::1], uint8[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def _decide(  # type: ignore[no-untyped-def]
    columns, n, low, high, feature, decision_type, threshold, first_word, words, goes_left
):
    """Which rows of a block go left at each split of a tree?"""
    for split in range(low, high):
        kind = decision_type[split]
        column, limit, out = columns[feature[split]], threshold[split], goes_left[split - low]
        if kind & 1 or (kind >> 2) & 3 == 1:
            for i in range(n):
                out[i] = _goes_left(column[i], kind, limit, first_word, words)
        elif (kind & 2 != 0) if (kind >> 2) & 3 == 2 else (limit >= 0.0):
            # What cannot be compared goes left, too.
            for i in range(n):
                out[i] = not (column[i] > limit)
        else:
            for i in range(n):
                out[i] = column[i] <= limit


@njit(
    "void(int64, int64, int64, int64[::1], int64[::1], uint8[::1], uint8[::1], int64[::1],"
    " int64[::1], int64[::1], float64[::1], uint8[:, ::1], uint8[::1], float64[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def _add(  # type: ignore[no-untyped-def]
    n, low, high, first_step, step_split, step_side, step_bit, first_slot, slot_feature,
    slot_cell, cells, goes_left, pattern, sums,
):  # fmt: skip
    """Add the cells of the twigs of a tree to the sums of a block."""
    for twig in range(low, high):
        for i in range(n):
            pattern[i] = 0
        for step in range(first_step[twig], first_step[twig + 1]):
            left, side, bit = goes_left[step_split[step]], step_side[step], step_bit[step]
            for i in range(n):
                pattern[i] |= (left[i] ^ side) << bit
        for slot in range(first_slot[twig], first_slot[twig + 1]):
            total = sums[slot_feature[slot]]
            of_feature = cells[slot_cell[slot] : slot_cell[slot + 1]]
            for i in range(n):
                total[i] += of_feature[pattern[i]]


@njit(
    "void(float64[:, ::1], int64, int64, int64[::1], int64[::1], int64[::1], int64[::1],"
    " float64[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1], uint8[::1],"
    " int64[::1], int64[::1], int64[::1], float64[::1], float64[:, ::1])",
    cache=True, nogil=True,
)  # fmt: skip
def _contribute(  # type: ignore[no-untyped-def]
    values, start, end, first_split, first_twig, feature, decision_type, threshold, first_word,
    words, first_step, step_split, step_side, step_bit, first_slot, slot_feature, slot_cell, cells,
    out,
):  # fmt: skip
    """Fill the contributions of rows ``start:end``, block after block."""
    size = min(_BLOCK, end - start)
    most = 1
    for tree in range(first_split.size - 1):
        most = max(most, first_split[tree + 1] - first_split[tree])
    columns = np.empty((values.shape[1], size))
    sums = np.empty((values.shape[1], size))
    goes_left = np.empty((most, size), dtype=np.uint8)
    pattern = np.empty(size, dtype=np.uint8)
    for low in range(start, end, size):
        n = min(size, end - low)
        for i in range(n):
            for j in range(values.shape[1]):
                value = values[low + i, j]
                columns[j, i] = 0.0 if -_ZERO <= value <= _ZERO else value
        sums[:] = 0.0
        for tree in range(first_split.size - 1):
            _decide(
                columns, n, first_split[tree], first_split[tree + 1], feature, decision_type,
                threshold, first_word, words, goes_left,
            )  # fmt: skip
            _add(
                n, first_twig[tree], first_twig[tree + 1], first_step, step_split, step_side,
                step_bit, first_slot, slot_feature, slot_cell, cells, goes_left, pattern, sums,
            )  # fmt: skip
        for i in range(n):
            for j in range(values.shape[1]):
                out[low + i, j] = sums[j, i]


def contributions(tables: Tables, values: Floats, *, threads: int = 2) -> Floats:
    """Contributions of each feature to the margin of each row.

    Parameters
    ----------
    tables : Tables
        Of the forest.
    values : (n, n_features) float64
        Rows; NaN is missing.
    threads : int
        At most so many; few rows are not worth a second one.

    Returns
    -------
    (n, n_features) float64
        Log-odds (or the unit of the margin); with the base they add up to the margin.
    """
    rows = np.ascontiguousarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != tables.n_features:
        raise ValueError(f"rows of {tables.n_features} features are needed, not {rows.shape}")
    out = np.empty(rows.shape)
    t = tables

    def fill(start: int, end: int) -> None:
        _contribute(
            rows, start, end, t.first_split, t.first_twig, t.feature, t.decision_type,
            t.threshold, t.first_word, t.words, t.first_step, t.step_split, t.step_side,
            t.step_bit, t.first_slot, t.slot_feature, t.slot_cell, t.cells, out,
        )  # fmt: skip

    n = rows.shape[0]
    shares = min(threads, max(1, n // _ROWS_OF_A_THREAD))
    if shares == 1:
        if n:
            fill(0, n)
        return out
    bounds = np.linspace(0, n, shares + 1).astype(int).tolist()
    with ThreadPoolExecutor(shares) as pool:
        list(pool.map(fill, bounds[:-1], bounds[1:]))
    return out


def margins(tables: Tables, parts: Floats) -> Floats:
    """(n,) margins: the base and all contributions added up."""
    return np.asarray(tables.base + parts.sum(axis=1))

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
from dataclasses import dataclass
from math import factorial

import numpy as np
from numba import njit

from features.kernel import Floats
from training.forest import Bytes, Forest, Ints

MOST_FEATURES_ON_A_PATH = 8
"""A pattern is a byte."""

_BLOCK = 256
"""Rows whose columns and sums stay in the cache while all trees pass by."""
_ROWS_OF_A_THREAD = 2_048
_ZERO = float(np.float32(1e-35))
"""What is nearer to 0 than this is 0 to LightGBM."""


class TooDeep(ValueError):
    """A path asks more features than a pattern has bits: LightGBM's own method is used then."""


@dataclass(frozen=True)
class Tables:
    """Contributions of every twig under every pattern, with what finds them.

    Attributes
    ----------
    base : float
        Mean margin under the training counts.
    n_features : int
        Columns of a row.
    first_split : (n_trees + 1,) int64
        As in `Forest`.
    first_twig : (n_trees + 1,) int64
        Twigs of tree t are ``first_twig[t]:first_twig[t + 1]``.
    feature, decision_type : (n_splits,) int64
        As in `Forest`.
    threshold : (n_splits,) float64
        As in `Forest`; of a categorical split, the place of its set in ``first_word``.
    first_word, words : int64
        As in `Forest`.
    first_step : (n_twigs + 1,) int64
        Conditions on the path of each twig.
    step_split, step_side, step_bit : (n_steps,) int64, uint8, uint8
        Split within the tree, 1 where the path goes left, and the bit of its feature's pattern.
    first_slot : (n_twigs + 1,) int64
        Features on the path of each twig.
    slot_feature, slot_cell : (n_slots,) int64
        The feature, and where its cells begin, one for each pattern.
    cells : (n_cells,) float64
        Contributions, by pattern of failed conditions.
    """

    base: float
    n_features: int
    first_split: Ints
    first_twig: Ints
    feature: Ints
    decision_type: Ints
    threshold: Floats
    first_word: Ints
    words: Ints
    first_step: Ints
    step_split: Ints
    step_side: Bytes
    step_bit: Bytes
    first_slot: Ints
    slot_feature: Ints
    slot_cell: Ints
    cells: Floats


@njit(
    "Tuple((int64[::1], int64[::1], int64[::1]))(int64[::1], int64[::1], int64[::1], int64[::1],"
    " int64)",
    cache=True,
    nogil=True,
)
def _parents(first_split, first_leaf, left, right, n_leaves):  # type: ignore[no-untyped-def]
    """Which split is above each split and each leaf, and which leaf is each leaf's sibling?"""
    parent = np.full(left.size, -1, dtype=np.int64)
    leaf_parent = np.full(n_leaves, -1, dtype=np.int64)
    sibling = np.full(n_leaves, -1, dtype=np.int64)
    for tree in range(first_split.size - 1):
        low, leaves = first_split[tree], first_leaf[tree]
        for split in range(low, first_split[tree + 1]):
            for child in (left[split], right[split]):
                if child >= 0:
                    parent[low + child] = split
                else:
                    leaf_parent[leaves - child - 1] = split
            if left[split] < 0 and right[split] < 0:
                sibling[leaves - left[split] - 1] = leaves - right[split] - 1
                sibling[leaves - right[split] - 1] = leaves - left[split] - 1
    return parent, leaf_parent, sibling


@njit(
    "Tuple((int64[::1], int64[:, ::1], int64[::1], uint8[:, ::1], int64[::1], int64[::1],"
    " float64[::1]))(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1],"
    " float64[::1])",
    cache=True,
    nogil=True,
)
def _paths(  # type: ignore[no-untyped-def]
    first_split, first_leaf, feature, left, right, split_count, leaf_count
):
    """List the twigs of all trees, the steps to each, and the features asked with their shares.

    Of a twig of two leaves, steps and shares are those of the left one.
    """
    n_leaves = leaf_count.size
    parent, leaf_parent, sibling = _parents(first_split, first_leaf, left, right, n_leaves)
    most = 0
    for leaf in range(n_leaves):
        split = leaf_parent[leaf]
        while split >= 0:
            most += 1
            split = parent[split]
    first_twig = np.zeros(first_split.size, dtype=np.int64)
    twigs = np.empty((3, n_leaves), dtype=np.int64)
    bounds = np.zeros(2 * (n_leaves + 1), dtype=np.int64).reshape(2, n_leaves + 1)
    step_split = np.empty(most, dtype=np.int64)
    steps = np.empty((2, most), dtype=np.uint8)
    slot_feature = np.empty(most, dtype=np.int64)
    slot_share = np.empty(most)
    n, n_steps, n_slots = 0, 0, 0
    for tree in range(first_split.size - 1):
        for leaf in range(first_leaf[tree], first_leaf[tree + 1]):
            split, child = leaf_parent[leaf], first_leaf[tree] - leaf - 1
            if split >= 0 and sibling[leaf] >= 0 and right[split] == child:
                continue  # the twig of its sibling
            count, first = leaf_count[leaf], n_slots
            last, comes_again = split, False
            while split >= 0:
                slot = first
                while slot < n_slots and slot_feature[slot] != feature[split]:
                    slot += 1
                if slot == n_slots:
                    slot_feature[slot], slot_share[slot] = feature[split], 1.0
                    n_slots += 1
                comes_again |= slot == first and split != last
                slot_share[slot] *= count / split_count[split]
                step_split[n_steps] = split - first_split[tree]
                steps[0, n_steps] = left[split] == child
                steps[1, n_steps] = min(slot - first, 255)
                n_steps += 1
                child, count = split - first_split[tree], split_count[split]
                split = parent[split]
            is_fork = last >= 0 and sibling[leaf] >= 0
            if is_fork and comes_again:
                # The last decision gets a bit of its own beside what came before on its feature.
                steps[1, bounds[0, n]] = min(n_slots - first, 255)
            twigs[0, n] = leaf
            twigs[1, n] = sibling[leaf] if is_fork else -1
            twigs[2, n] = n_slots - first + (is_fork and comes_again)
            n += 1
            bounds[0, n], bounds[1, n] = n_steps, n_slots
        first_twig[tree + 1] = n
    return (
        first_twig, twigs[:, :n].copy(), step_split[:n_steps].copy(), steps[:, :n_steps].copy(),
        bounds[:, : n + 1].copy().reshape(-1), slot_feature[:n_slots].copy(),
        slot_share[:n_slots].copy(),
    )  # fmt: skip


@njit(
    "float64(float64, float64[::1], int64, int64, float64[:, ::1], float64[::1])",
    cache=True,
    nogil=True,
)
def _shapley(value, share, pattern, own, weight, coefficients):  # type: ignore[no-untyped-def]
    """One feature's Shapley value in the product game of a leaf, under one pattern."""
    m = share.size
    coefficients[0] = 1.0
    degree = 0
    for j in range(m):
        if j == own:
            continue
        if (pattern >> j) & 1:
            for s in range(degree + 1):
                coefficients[s] *= share[j]
            continue
        coefficients[degree + 1] = coefficients[degree]
        for s in range(degree, 0, -1):
            coefficients[s] = coefficients[s] * share[j] + coefficients[s - 1]
        coefficients[0] *= share[j]
        degree += 1
    total = 0.0
    for s in range(degree + 1):
        total += weight[m, s] * coefficients[s]
    met = 0.0 if (pattern >> own) & 1 else 1.0
    return value * (met - share[own]) * total


@njit(
    "float64[::1](int64[:, ::1], int64[::1], float64[::1], float64[::1], float64[::1],"
    " int64[::1], float64[:, ::1])",
    cache=True,
    nogil=True,
)
def _cells(  # type: ignore[no-untyped-def]
    twigs, first_slot, slot_share, leaf_count, leaf_value, slot_cell, weight
):
    """Table the Shapley values of every twig under every pattern."""
    cells = np.empty(slot_cell[-1])
    coefficients = np.empty(weight.shape[1] + 1)
    for twig in range(twigs.shape[1]):
        leaf, other, bits = twigs[0, twig], twigs[1, twig], twigs[2, twig]
        low, m = first_slot[twig], first_slot[twig + 1] - first_slot[twig]
        share = slot_share[low : low + m].copy()
        of_other = share.copy()
        if other >= 0:
            of_other[0] = share[0] * leaf_count[other] / leaf_count[leaf]
        for pattern in range(1 << bits):
            own = pattern & ((1 << m) - 1) | (pattern >> m)
            others = own ^ 1 if bits == m else pattern & ((1 << m) - 1) | (1 - (pattern >> m))
            for i in range(m):
                found = _shapley(leaf_value[leaf], share, own, i, weight, coefficients)
                if other >= 0:
                    found += _shapley(leaf_value[other], of_other, others, i, weight, coefficients)
                cells[slot_cell[low + i] + pattern] = found
    return cells


def _weights() -> Floats:
    """``weight[m, s]``: share of the orders of m features in which s given others come first."""
    most = MOST_FEATURES_ON_A_PATH
    weight = np.zeros((most + 1, most + 1))
    for m in range(1, most + 1):
        for s in range(m):
            weight[m, s] = factorial(s) * factorial(m - 1 - s) / factorial(m)
    return weight


def build_tables(forest: Forest) -> Tables:
    """Table the contributions of a forest.

    Raises
    ------
    TooDeep
        When a path asks more than `MOST_FEATURES_ON_A_PATH` features.
    """
    first_twig, twigs, step_split, steps, bounds, slot_feature, slot_share = _paths(
        forest.first_split, forest.first_leaf, forest.feature, forest.left, forest.right,
        forest.split_count, forest.leaf_count,
    )  # fmt: skip
    first_step, first_slot = bounds.reshape(2, -1)
    deepest = twigs[2].max(initial=0)
    if deepest > MOST_FEATURES_ON_A_PATH:
        raise TooDeep(
            f"a path asks {deepest} features; tables hold at most {MOST_FEATURES_ON_A_PATH}"
        )
    slot_cell = np.concatenate(([0], np.cumsum(np.repeat(1 << twigs[2], np.diff(first_slot)))))
    cells = _cells(
        twigs, first_slot, slot_share, forest.leaf_count, forest.leaf_value, slot_cell, _weights()
    )
    return Tables(
        _base(forest), forest.n_features, forest.first_split, first_twig, forest.feature,
        forest.decision_type, _sets_of_all_trees(forest), forest.first_word, forest.words,
        first_step, step_split, steps[0], steps[1], first_slot, slot_feature, slot_cell, cells,
    )  # fmt: skip


def _base(forest: Forest) -> float:
    """Mean leaf value of each tree under its training counts, added up."""
    base = 0.0
    for tree in range(forest.n_trees):
        own = slice(forest.first_leaf[tree], forest.first_leaf[tree + 1])
        count = forest.leaf_count[own]
        base += float(count @ forest.leaf_value[own] / count.sum())
    return base


def _sets_of_all_trees(forest: Forest) -> Floats:
    """Thresholds, with category sets numbered over all trees."""
    is_set = (forest.decision_type & 1) == 1
    of_tree = np.repeat(forest.first_set[:-1], np.diff(forest.first_split))
    return np.where(is_set, forest.threshold + of_tree, forest.threshold)


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

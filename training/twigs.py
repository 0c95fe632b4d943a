"""Which contributions has every leaf of a forest, under every pattern of decisions?

The tables of `training.contributions`, whose page says why they are enough: built once per model,
in compiled code, and kept with it as plain arrays.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from math import factorial

import numpy as np
from numba import njit

from features.kernel import Floats
from training.forest import CATEGORICAL, Bytes, Forest, Ints

MOST_FEATURES_ON_A_PATH = 8
"""A pattern is a byte."""


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

    def to_bytes(self) -> bytes:
        """The tables as a file of plain arrays (NumPy's npz)."""
        held = io.BytesIO()
        np.savez(held, **{field.name: getattr(self, field.name) for field in fields(self)})
        return held.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Tables:
        """Read what `to_bytes` wrote; NumPy refuses, by default, what would be unpickled.

        Raises
        ------
        ValueError, KeyError
            When it is something else.
        """
        with np.load(io.BytesIO(content)) as held:
            base, n_features, *arrays = (held[field.name] for field in fields(cls))
        return cls(float(base), int(n_features), *arrays)


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
    is_set = (forest.decision_type & CATEGORICAL) != 0
    of_tree = np.repeat(forest.first_set[:-1], np.diff(forest.first_split))
    return np.where(is_set, forest.threshold + of_tree, forest.threshold)

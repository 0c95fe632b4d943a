"""Which trees does a LightGBM model hold? Its text read into flat arrays, without LightGBM.

The arrays are what compiled code wants: one entry per split or leaf of all trees, in the order of
the text. Only what decides a prediction is read; see LightGBM's documentation of the model format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.kernel import Floats

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

LEFT_BY_DEFAULT = 2
"""Bit of a split's decision type: where missing values go."""
CATEGORICAL = 1
"""Bit of a split's decision type: the threshold numbers a set of categories."""
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
"""What counts as missing at a split: nothing (NaN is read as 0), 0 and NaN, NaN."""


@dataclass(frozen=True)
class Forest:
    """The splits and leaves of all trees, one tree after the other.

    Attributes
    ----------
    n_features : int
        Columns that the trees were trained on.
    first_split, first_leaf : (n_trees + 1,) int64
        Splits of tree t are ``first_split[t]:first_split[t + 1]``, leaves likewise.
    feature, decision_type : (n_splits,) int64
        Column that a split reads, and LightGBM's bits about it.
    threshold : (n_splits,) float64
        Values up to it go left; of a categorical split, which of the tree's sets goes left.
    left, right : (n_splits,) int64
        Child within the tree: a split where it is at least 0, else leaf ``-child - 1``.
    split_count, leaf_count : float64
        Training rows that passed.
    leaf_value : (n_leaves,) float64
        What a leaf adds to the margin.
    first_set : (n_trees + 1,) int64
        Category sets of tree t are ``first_set[t]:first_set[t + 1]``.
    first_word : (n_sets + 1,) int64
        Words of each set in `words`.
    words : (n_words,) int64
        32 categories a word, the smallest category in the lowest bit.
    """

    n_features: int
    first_split: Ints
    first_leaf: Ints
    feature: Ints
    decision_type: Ints
    threshold: Floats
    left: Ints
    right: Ints
    split_count: Floats
    leaf_count: Floats
    leaf_value: Floats
    first_set: Ints
    first_word: Ints
    words: Ints

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return self.first_split.size - 1


def read_forest(text: str) -> Forest:
    """Read the trees of a model text.

    Raises
    ------
    ValueError
        When the model is of a kind whose margin is not the sum of its trees' leaf values: linear
        trees, averaged trees, several classes.
    """
    head, *trees = text.split("\nTree=")
    fields = _fields(head)
    if "average_output" in head.split("\n") or fields.get("num_tree_per_iteration") != "1":
        raise ValueError("a model that averages its trees, or has several classes")
    read = [_fields(tree.split("\n\n")[0]) for tree in trees]
    if any(tree["is_linear"] != "0" for tree in read):
        raise ValueError("a model of linear trees")
    splits = [_numbers(tree, "split_feature") for tree in read]
    leaves = [_numbers(tree, "leaf_value") for tree in read]
    bounds = [_numbers(tree, "cat_boundaries") for tree in read]
    words = [_numbers(tree, "cat_threshold") for tree in read]
    return Forest(
        int(fields["max_feature_idx"]) + 1,
        _starts(splits),
        _starts(leaves),
        _whole(splits),
        _whole(_column(read, "decision_type")),
        _joined(_column(read, "threshold")),
        _whole(_column(read, "left_child")),
        _whole(_column(read, "right_child")),
        _joined(_column(read, "internal_count")),
        # A tree of one leaf has no count of its own.
        _joined([_counts(tree) for tree in read]),
        _joined(leaves),
        np.cumsum([0, *(max(own.size - 1, 0) for own in bounds)]),
        _first_words(bounds, words),
        _whole(words),
    )


def _fields(text: str) -> Mapping[str, str]:
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name: value for name, sign, value in pairs if sign}


def _numbers(tree: Mapping[str, str], name: str) -> Floats:
    return np.array(tree.get(name, "").split(), dtype=np.float64)


def _column(trees: list[Mapping[str, str]], name: str) -> list[Floats]:
    return [_numbers(tree, name) for tree in trees]


def _counts(tree: Mapping[str, str]) -> Floats:
    found = _numbers(tree, "leaf_count")
    return found if found.size == int(tree["num_leaves"]) else np.ones(int(tree["num_leaves"]))


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


def _whole(parts: list[Floats]) -> Ints:
    return _joined(parts).astype(np.int64)


def _starts(parts: list[Floats]) -> Ints:
    return np.cumsum([0, *(part.size for part in parts)])


def _first_words(bounds: list[Floats], words: list[Floats]) -> Ints:
    """Where does each category set begin, over all trees?"""

    def starts() -> Iterator[int]:
        before = 0
        for own, listed in zip(bounds, words, strict=True):
            yield from (before + int(bound) for bound in own[:-1])
            before += listed.size
        yield before

    return np.array(list(starts()), dtype=np.int64)

"""Is this text a model that LightGBM can read without harm?

LightGBM trusts its own files: a child index that points outside its tree, or a list that is too
short, ends the process or reads foreign memory. So each line is held to a grammar first: known
names in their order, as many numbers as the tree has nodes, finite numbers, every node and every
leaf reached exactly once from the root, rows of a node adding up to those of its parent.

Worked example, a tree of three leaves: ``left_child=1 -1`` and ``right_child=-3 -2`` say that node
0 leads to node 1 and to leaf 2 (``-3`` is ``~2``), and node 1 to the leaves 0 and 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from features.errors import ModelError

CODES: Mapping[str, str] = {
    "ME008": "the text of the trees is not what LightGBM writes",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

MOST_DEPTH = 8
"""Conditions on a path; exact reasons have their tables for so many."""
_MOST_LEAVES = 256
_MOST_TREES = 20_000

_OBJECTIVES = frozenset({
    "binary", "cross_entropy", "gamma", "huber", "multiclass", "poisson", "quantile", "regression",
    "regression_l1", "tweedie",
})  # fmt: skip
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:e[-+]?[0-9]{1,3})?")
_RANGE = re.compile(r"none|\[[-+.0-9e]{1,40}:[-+.0-9e]{1,40}\]")
_FEATURE = re.compile(r"[A-Za-z0-9_]{1,100}")
_OBJECTIVE = re.compile(r"([a-z_0-9]{1,30})((?: [a-z_]{1,40}:[-+.0-9e]{1,40})*)( sqrt)?")
_PARAMETER = re.compile(r"\[[a-z_0-9]{1,60}: [^\[\]\n]{0,4000}\]")
_COUNTED = re.compile(r"[A-Za-z0-9_]{1,100}=[0-9]{1,9}")
_TREE = (
    "num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type",
    "left_child", "right_child", "leaf_value", "leaf_weight", "leaf_count", "internal_value",
    "internal_weight", "internal_count", "is_linear", "shrinkage",
)  # fmt: skip
# Numerical splits only: the direction of a missing value (2), what counts as one (0, 4, 8).
_DECISIONS = frozenset({0, 2, 4, 6, 8, 10})
_END = "end of trees\n"
_NO_WORDS = "pandas_categorical:null\n"


def readable_trees(name: str, content: bytes) -> str:
    """Give the text that LightGBM may read: header and trees, without its notes on training.

    Parameters
    ----------
    name : str
        Of the file, for people.
    content : bytes
        As the file holds it.

    Raises
    ------
    ModelError
        ME008 when the text breaks the grammar.
    """
    try:
        text = content.decode("ascii")
        head, middle, _ = text.partition("\nTree=0\n")
        n_features, per_round, sizes = _check_head(head)
        if not middle or len(sizes) % per_round or not len(sizes) <= _MOST_TREES:
            raise ValueError("number of trees")
        start = len(head) + 1
        for number, size in enumerate(sizes):
            _check_tree(number, text[start : start + size], n_features)
            start += size
        _check_tail(text[start:])
        return text[:start] + _END + "\n" + _NO_WORDS
    except ValueError as error:
        raise ModelError(
            "ME008",
            f"{name} is no text that LightGBM wrote: {error}.",
            "Put the file back from a copy, or train again.",
        ) from None


def _check_head(head: str) -> tuple[int, int, list[int]]:
    """Check the header; give the number of features, of trees per round, and the trees' sizes."""
    lines = head.split("\n")
    if lines[:2] != ["tree", "version=v4"] or lines[-1] != "":
        raise ValueError("first lines")
    found = dict(_named(line) for line in lines[2:-1])
    names = [
        "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
        "feature_names", "feature_infos", "tree_sizes",
    ]  # fmt: skip
    if "monotone_constraints" in found:
        names.insert(6, "monotone_constraints")
    if [line.partition("=")[0] for line in lines[2:-1]] != names:
        raise ValueError("names in the header")
    classes, per_round, n = (
        _integers(found[key], 1)[0]
        for key in ("num_class", "num_tree_per_iteration", "max_feature_idx")
    )
    n += 1
    if not (1 <= classes == per_round <= 100 and 1 <= n <= 10_000 and found["label_index"] == "0"):
        raise ValueError("sizes in the header")
    _check_objective(found["objective"], classes)
    features = found["feature_names"].split(" ")
    if len(set(features)) != n or len(features) != n or not all(map(_FEATURE.fullmatch, features)):
        raise ValueError("names of features")
    ranges = found["feature_infos"].split(" ")
    if len(ranges) != n or not all(map(_RANGE.fullmatch, ranges)):
        raise ValueError("ranges of features")
    if "monotone_constraints" in found and not set(_integers(found["monotone_constraints"], n)) <= {
        -1,
        0,
        1,
    }:
        raise ValueError("directions of features")
    sizes = _integers(found["tree_sizes"])
    if min(sizes) < 1:
        raise ValueError("sizes of trees")
    return n, per_round, sizes


def _check_objective(text: str, classes: int) -> None:
    found = _OBJECTIVE.fullmatch(text)
    if found is None or found[1] not in _OBJECTIVES:
        raise ValueError("objective")
    given = dict(part.split(":") for part in found[2].split())
    for value in given.values():
        _numbers(value, 1)
    if (classes > 1) != (found[1] == "multiclass") or int(given.get("num_class", "1")) != classes:
        raise ValueError("number of classes")


def _check_tree(number: int, block: str, n_features: int) -> None:
    lines = block.split("\n")
    if lines[0] != f"Tree={number}" or lines[-3:] != ["", "", ""] or len(lines) != len(_TREE) + 4:
        raise ValueError(f"lines of tree {number}")
    pairs = [_named(line) for line in lines[1:-3]]
    if tuple(name for name, _ in pairs) != _TREE:
        raise ValueError(f"names in tree {number}")
    try:
        _check_nodes(dict(pairs), n_features)
    except ValueError as error:
        raise ValueError(f"{error} of tree {number}") from None


def _check_nodes(tree: Mapping[str, str], n_features: int) -> None:
    (leaves,) = _integers(tree["num_leaves"], 1)
    if not 1 <= leaves <= _MOST_LEAVES or tree["num_cat"] != "0" or tree["is_linear"] != "0":
        raise ValueError("kind")
    _numbers(tree["shrinkage"], 1)
    _numbers(tree["leaf_value"], leaves)
    inner = leaves - 1
    if leaves == 1:
        # A tree that found nothing to split: LightGBM leaves its lists empty.
        _integers(tree["leaf_count"], 1)
        if any(tree[name] for name in (*_TREE[2:8], "leaf_weight", *_TREE[11:14])):
            raise ValueError("lists")
        return
    for name in ("split_gain", "internal_value", "internal_weight"):
        _numbers(tree[name], inner)
    # A split of the missing from the known has no upper end.
    thresholds = ["0" if part == "inf" else part for part in tree["threshold"].split(" ")]
    _numbers(" ".join(thresholds), inner)
    _numbers(tree["leaf_weight"], leaves)
    if not all(0 <= feature < n_features for feature in _integers(tree["split_feature"], inner)):
        raise ValueError("features")
    if not set(_integers(tree["decision_type"], inner)) <= _DECISIONS:
        raise ValueError("decisions")
    _check_shape(
        _integers(tree["left_child"], inner),
        _integers(tree["right_child"], inner),
        _integers(tree["leaf_count"], leaves),
        _integers(tree["internal_count"], inner),
    )


def _check_shape(
    left: Sequence[int], right: Sequence[int], in_leaf: Sequence[int], in_node: Sequence[int]
) -> None:
    """Walk from the root: each node and leaf once, not too deep, rows adding up."""
    if min(in_leaf) < 0:
        raise ValueError("rows")

    def rows(child: int) -> int:
        return in_node[child] if child >= 0 else in_leaf[~child]

    met: list[int] = [0]
    depth = {0: 1}
    for node in met:
        if depth[node] > MOST_DEPTH:
            raise ValueError("depth")
        for child in (left[node], right[node]):
            if not -len(in_leaf) <= child < len(left) or child in depth:
                raise ValueError("children")
            depth[child] = depth[node] + 1
            if child >= 0:
                met.append(child)
        if rows(left[node]) + rows(right[node]) != in_node[node]:
            raise ValueError("rows")
    if len(depth) != len(left) + len(in_leaf):
        raise ValueError("children")


def _check_tail(tail: str) -> None:
    """Check what LightGBM notes after the trees; it is not given back to it."""
    parts = re.fullmatch(
        r"end of trees\n\nfeature_importances:\n((?:.*\n)*?)\nparameters:\n((?:.*\n)*?)"
        r"\nend of parameters\n\npandas_categorical:(?:null|\[\])\n",
        tail,
    )
    if parts is None:
        raise ValueError("end")
    if not all(map(_COUNTED.fullmatch, parts[1].splitlines())):
        raise ValueError("importances")
    if not all(map(_PARAMETER.fullmatch, filter(None, parts[2].splitlines()))):
        raise ValueError("parameters")


def _named(line: str) -> tuple[str, str]:
    name, sign, value = line.partition("=")
    if not sign:
        raise ValueError("a line without a name")
    return name, value


def _integers(text: str, size: int | None = None) -> list[int]:
    return [int(part) for part in _parts(text, _INTEGER, size)]


def _numbers(text: str, size: int) -> list[float]:
    found = [float(part) for part in _parts(text, _NUMBER, size)]
    if not all(map(math.isfinite, found)):
        raise ValueError("a number that is not finite")
    return found


def _parts(text: str, form: re.Pattern[str], size: int | None) -> Iterator[str]:
    parts = text.split(" ")
    if size is not None and len(parts) != size:
        raise ValueError("as many numbers as there are nodes")
    for part in parts:
        if not form.fullmatch(part):
            raise ValueError("a number that is none")
        yield part

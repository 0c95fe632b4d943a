"""What did a model say of some rows when it was trained, and does it still?

A digit that was changed in a leaf is a perfectly good model of something else. So some training
rows are kept with what the model said of them, chosen so that they meet every leaf of every tree
that training rows meet, as far as `MOST_ROWS` rows can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import ModelError
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix
from training.models import Rung, select

CODES: Mapping[str, str] = {
    "ME009": "a model no longer says what it said when it was trained",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

MOST_ROWS = 256
_MOST_LOOKED_AT = 20_000
_SPREAD_ROWS = 16
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Golden:
    """Rows with what the model said of them.

    Attributes
    ----------
    rows : FeatureMatrix
        (n, n_features): features of the rung, and keys.
    outputs : (n, k) float64
        Of `Rung.outputs`.
    leaves, met : int
        Leaves that training rows meet in all trees, and how many of them these rows meet.
    """

    rows: FeatureMatrix
    outputs: Floats
    leaves: int
    met: int

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `golden_from_json` reads; a missing value is null."""
        rows = self.rows
        return {
            "entity": rows.entity,
            "code": rows.code.tolist(),
            "as_of": rows.as_of.tolist(),
            "names": list(rows.names),
            "values": [[None if x != x else x for x in row] for row in rows.values.tolist()],
            "keys": {name: words.tolist() for name, words in rows.keys.items()},
            "outputs": self.outputs.tolist(),
            "leaves": self.leaves,
            "met": self.met,
        }


def golden_from_json(body: Mapping[str, Any]) -> Golden:
    """Read golden rows as `Golden.to_json` wrote them."""
    names = tuple(body["names"])
    code = np.array(body["code"], dtype=np.int64)
    values = np.array(
        [[np.nan if x is None else x for x in row] for row in body["values"]], dtype=np.float64
    ).reshape(code.size, len(names))
    keys = {name: np.array([*words, None], object)[:-1] for name, words in body["keys"].items()}
    as_of = np.array(body["as_of"], dtype=np.int64)
    rows = FeatureMatrix(body["entity"], code, as_of, names, values, keys)
    outputs = np.array(body["outputs"], dtype=np.float64)
    return Golden(rows, outputs, int(body["leaves"]), int(body["met"]))


def choose_golden(rung: Rung, rows: FeatureMatrix) -> Golden:
    """Which rows shall a model be recognised by?

    Parameters
    ----------
    rung : Rung
        The model.
    rows : FeatureMatrix
        Its training rows.
    """
    places = np.arange(0, rows.code.size, max(1, -(-rows.code.size // _MOST_LOOKED_AT)))
    leaf = _leaves(rung, rows.take(places))
    chosen, leaves, met = _cover(leaf)
    spread = np.linspace(0, max(places.size - 1, 0), min(_SPREAD_ROWS, places.size)).astype(int)
    found = rows.take(places[np.unique(np.concatenate((chosen, spread)))])
    columns = tuple(name for name in rung.features if name in rows.names)
    kept = FeatureMatrix(
        found.entity, found.code, found.as_of, columns, select(found, columns), found.keys
    )
    return Golden(kept, rung.outputs(kept), leaves, met)


def _leaves(rung: Rung, rows: FeatureMatrix) -> NDArray[np.int32]:
    """(n, trees) leaf of every row in every tree that the rows alone decide."""
    found = []
    for booster in rung.boosters.values():
        names = booster.feature_name()
        # Trees that read more than the row (a step of time) are met by whatever the rung asks.
        if set(names) <= set(rows.names) and rows.code.size:
            met = np.asarray(booster.predict(select(rows, names), pred_leaf=True, num_threads=1))
            found.append(met.reshape(rows.code.size, -1).astype(np.int32))
    return np.hstack(found) if found else np.zeros((rows.code.size, 0), np.int32)


def _cover(leaf: NDArray[np.int32]) -> tuple[Codes, int, int]:
    """Choose row after row, each time the one that meets most leaves not met yet (Chvatal 1979).

    Returns
    -------
    chosen : (m,) int64
        At most `MOST_ROWS` of them.
    leaves, met : int
        Leaves that the rows meet, and that the chosen rows meet.
    """
    n, trees = leaf.shape
    if not n or not trees:
        return np.zeros(0, np.int64), 0, 0
    width = int(leaf.max()) + 1
    pair = leaf.astype(np.int64) + np.arange(trees) * width
    is_met = np.ones(trees * width, dtype=bool)
    is_met[np.unique(pair)] = False
    leaves = int((~is_met).sum())
    chosen: list[int] = []
    rows = np.arange(n)
    while len(chosen) < MOST_ROWS and not is_met.all():
        gain = (~is_met[pair[rows]]).sum(axis=1)
        # A row that meets nothing new now never will.
        rows, gain = rows[gain > 0], gain[gain > 0]
        best = int(rows[gain.argmax()])
        chosen.append(best)
        is_met[pair[best]] = True
    return np.array(chosen, dtype=np.int64), leaves, leaves - int((~is_met).sum())


def require_golden(golden: Golden, rung: Rung, *, is_exact: bool) -> None:
    """Refuse a model that does not say of its golden rows what it said.

    Parameters
    ----------
    golden : Golden
        As kept.
    rung : Rung
        As loaded.
    is_exact : bool
        To the last bit; otherwise to 1e-9, since another processor may round logarithms otherwise.

    Raises
    ------
    ModelError
        ME009.
    """
    found = rung.outputs(golden.rows)
    if found.shape != golden.outputs.shape:
        wrong = golden.rows.code.size
    elif is_exact:
        wrong = int((found != golden.outputs).any(axis=1).sum())
    else:
        near = np.isclose(found, golden.outputs, rtol=_TOLERANCE, atol=_TOLERANCE)
        wrong = int((~near).any(axis=1).sum())
    if wrong:
        raise ModelError(
            "ME009",
            f"the model says something else of {wrong} of {golden.rows.code.size} golden rows than"
            " when it was trained.",
            "Put its files back from a copy, or train again.",
        )

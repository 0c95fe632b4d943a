"""How much will an account bring in? The rungs of `value`.

Two parts each: does it buy anything, and how much if it does (log of the amount). The rungs differ
in what gives the two: the segment (``prior``), recency and revenue alone (``rates``), all features
in a linear predictor (``linear``), trees (``lightgbm``), or the purchase process of BG/NBD with
Gamma-Gamma (``bgnbd``, a baseline).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from features.kernel import Floats
from features.matrix import FeatureMatrix
from training.models.margins import Boosted, Logistic, Rung, margins_from_json
from training.models.purchases import Process, process_from_json
from training.models.spread import Amounts, Predicted, Spread, distribution, spread_from_json


@dataclass(frozen=True)
class Stacked:
    """A linear predictor, and trees fitted to what it left; both read the same columns."""

    linear: Logistic
    trees: Boosted
    name: str = "stacked"

    @property
    def features(self) -> tuple[str, ...]:
        """Columns of both."""
        return self.trees.features

    @property
    def boosters(self) -> Mapping[str, lightgbm.Booster]:
        """Those of the trees."""
        return self.trees.boosters

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) sum of the two."""
        return self.linear.margin(rows) + self.trees.margin(rows)

    def outputs(self, rows: FeatureMatrix) -> Floats:
        """(n, 1) the same."""
        return self.margin(rows)[:, None]

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Sums of the contributions of the two."""
        (one, parts), (other, more) = (
            self.linear.contributions(rows),
            self.trees.contributions(rows),
        )
        return one + other, parts + more

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """See `Rung`."""
        return {"linear": self.linear.to_json(), "trees": self.trees.to_json()}


@dataclass(frozen=True)
class TwoPart:
    """A fitted rung of `value`.

    Attributes
    ----------
    name : str
        prior, rates, linear, lightgbm.
    any : Rung
        Log-odds that anything is bought in the horizon.
    amount : Rung
        Mean of the log of the amount, given any.
    spread : Spread
        What unseen rows taught about both.
    process : Process or None
        What carries the amounts on beyond the horizon; None where too few ordered.
    """

    name: str
    any: Rung
    amount: Rung
    spread: Spread
    process: Process | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Columns of either part, each once."""
        return tuple(dict.fromkeys((*self.any.features, *self.amount.features)))

    @property
    def boosters(self) -> Mapping[str, lightgbm.Booster]:
        """``any`` and ``amount``."""
        found = {"any": self.any.boosters, "amount": self.amount.boosters}
        return {name: trees["margin"] for name, trees in found.items() if trees}

    def predict(self, rows: FeatureMatrix) -> Predicted:
        """What do the two parts say?"""
        return Predicted(self.any.margin(rows), self.amount.margin(rows))

    def amounts(self, rows: FeatureMatrix) -> Amounts:
        """Which distribution has the amount of each row?"""
        return distribution(self.predict(rows), self.spread)

    def outputs(self, rows: FeatureMatrix) -> Floats:
        """(n, 2) log-odds of any, and mean log amount."""
        said = self.predict(rows)
        return np.column_stack((said.any, said.log_amount))

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) sum of the two."""
        return np.asarray(self.outputs(rows).sum(axis=1))

    def contributions_apart(self, rows: FeatureMatrix) -> dict[str, tuple[float, Floats]]:
        """Base and (n, n_features) contributions of either part, in the order of `features`."""
        return {
            "any": self._spread_out(self.any, rows), "amount": self._spread_out(self.amount, rows)
        }  # fmt: skip

    def _spread_out(self, part: Rung, rows: FeatureMatrix) -> tuple[float, Floats]:
        base, found = part.contributions(rows)
        parts = np.zeros((rows.code.size, len(self.features)))
        parts[:, [self.features.index(name) for name in part.features]] = found
        return base, parts

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Of both parts together: they add up to the margin."""
        (one, parts), (other, more) = self.contributions_apart(rows).values()
        return one + other, parts + more

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """See `Rung`."""
        return {
            "kind": "value",
            "any": {"name": self.any.name, **self.any.to_json()},
            "amount": {"name": self.amount.name, **self.amount.to_json()},
            "spread": self.spread.to_json(),
            "process": None if self.process is None else self.process.to_json(),
        }


def two_part_from_json(
    body: Mapping[str, Any], boosters: Mapping[str, lightgbm.Booster]
) -> TwoPart:
    """Rebuild a rung of `value`.

    Raises
    ------
    ValueError, KeyError, TypeError
        When the parts make no rung.
    """
    if body["name"] not in ("prior", "rates", "linear", "lightgbm"):
        raise ValueError(f"no rung {body['name']!r}")
    any_, amount = (_part(body[name], boosters.get(name)) for name in ("any", "amount"))
    process = None if body["process"] is None else process_from_json(body["process"])
    return TwoPart(body["name"], any_, amount, spread_from_json(body["spread"]), process)


def _part(body: Mapping[str, Any], booster: lightgbm.Booster | None) -> Rung:
    trees = {} if booster is None else {"margin": booster}
    if body["name"] != "stacked":
        return margins_from_json(body, trees)
    linear = margins_from_json({"name": "logistic", **body["linear"]}, {})
    boosted = margins_from_json({"name": "lightgbm", **body["trees"]}, trees)
    if not (isinstance(linear, Logistic) and isinstance(boosted, Boosted)):
        raise TypeError("stacked")
    if linear.features != boosted.features:
        raise ValueError("features of the two")
    return Stacked(linear, boosted)

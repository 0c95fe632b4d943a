"""When will a deal close, and how? The rungs of `duration`.

Each rung gives log-odds of being won and of being lost, against staying open, in each period to
come: the life table of all deals (``prior``), that of the deal's stage, leaning on all (``rates``),
and on top of the latter what the features add: a linear predictor per cause (``logistic``) or trees
per cause that also read the days elapsed (``lightgbm``).

The two causes are fitted apart, each against staying open and without the rows of the other, which
is consistent for the three-way model (Begg & Gray, Biometrika 71(1), 1984).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from features.kernel import Floats
from features.matrix import FeatureMatrix
from training.models.margins import Boosted, Logistic, margins_from_json, select, threads_for
from training.models.numbers import table
from training.models.periods import Curves, chances, shifted_to

CAUSES = ("won", "lost")
ELAPSED = "elapsed_days"
"""Pseudo-feature: days from as_of to the middle of the period."""


@dataclass(frozen=True)
class StageTable:
    """The life tables of all deals and of each stage.

    Attributes
    ----------
    edges : (k + 1,) float64
        Days between the periods.
    base : (2, k) float64
        Log-odds of all deals.
    of_key : mapping of str to (2, k) float64
        Log-odds by stage; empty for the prior.
    """

    edges: Floats
    base: Floats
    of_key: Mapping[str, Floats]

    @property
    def middles(self) -> Floats:
        """(k,) days from as_of to the middle of each period."""
        return np.asarray((self.edges[:-1] + self.edges[1:]) / 2.0)

    def margins(self, rows: FeatureMatrix, key: str) -> Floats:
        """(n, 2, k) log-odds by the stage of each row."""
        words = rows.keys.get(key)
        if words is None or not self.of_key:
            return np.repeat(self.base[None], rows.code.size, axis=0)
        found = [self.of_key.get(word, self.base) for word in words]
        return np.array(found, dtype=np.float64).reshape(len(found), *self.base.shape)

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `stage_table_from_json` reads."""
        return {
            "edges": self.edges.tolist(),
            "base": self.base.tolist(),
            "of_key": {key: found.tolist() for key, found in self.of_key.items()},
        }


def stage_table_from_json(body: Mapping[str, Any]) -> StageTable:
    """Read what `StageTable.to_json` wrote."""
    edges = table(body["edges"], (len(body["edges"]),))
    shape = (len(CAUSES), edges.size - 1)
    if edges.size < 2 or edges[0] != 0.0 or (np.diff(edges) <= 0).any():
        raise ValueError("edges of periods")
    of_key = {str(key): table(found, shape) for key, found in body["of_key"].items()}
    return StageTable(edges, table(body["base"], shape), of_key)


@dataclass(frozen=True)
class Hazards:
    """What the rungs of `duration` share: the stage's life table, and what features add to it.

    Attributes
    ----------
    name : str
        prior, rates, logistic or lightgbm.
    key : str
        Key of the life tables.
    stages : StageTable
        What everything else leans on.
    added : mapping of str to Logistic or Boosted
        By cause; empty for the two dullest.
    """

    name: str
    key: str
    stages: StageTable
    added: Mapping[str, Logistic | Boosted]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the feature rows that are read."""
        named = [part.features for part in self.added.values()]
        return tuple(name for name in named[0] if name != ELAPSED) if named else ()

    @property
    def features(self) -> tuple[str, ...]:
        """Those columns, then the key and the days elapsed."""
        return () if self.name == "prior" else (*self.columns, self.key, ELAPSED)

    @property
    def boosters(self) -> Mapping[str, lightgbm.Booster]:
        """One per cause."""
        return {
            cause: part.booster for cause, part in self.added.items() if isinstance(part, Boosted)
        }

    def margins(self, rows: FeatureMatrix) -> Floats:
        """(n, 2, k) log-odds of being won and lost, against staying open, in each period."""
        found = self.stages.margins(rows, self.key)
        for place, cause in enumerate(CAUSES):
            if cause in self.added:
                found[:, place] += self._added(self.added[cause], rows)
        return found

    def _added(self, part: Logistic | Boosted, rows: FeatureMatrix) -> Floats:
        if isinstance(part, Logistic):
            return part.margin(rows)[:, None]
        values = with_elapsed(select(rows, self.columns), self.stages.middles)
        threads = threads_for(values.shape[0])
        said = part.booster.predict(values, raw_score=True, num_threads=threads)
        return np.asarray(said).reshape(rows.code.size, -1)

    def outputs(self, rows: FeatureMatrix) -> Floats:
        """(n, 2 k) log-odds of being won in each period, then of being lost."""
        return self.margins(rows).reshape(rows.code.size, -1)

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) mean of all log-odds: the higher, the sooner the deal closes."""
        return np.asarray(self.margins(rows).mean(axis=(1, 2)))

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """What adds up to the margin; the last two are those of the key and of the days elapsed."""
        n = rows.code.size
        of_key = self.stages.margins(rows, self.key).mean(axis=(1, 2))
        base = float(self.stages.base.mean())
        parts = np.zeros((n, len(self.features)))
        if self.features:
            parts[:, -2] = of_key - base
        for part in self.added.values():
            own, found = self._contributions(part, rows)
            base += own / len(CAUSES)
            parts[:, : len(self.columns)] += found[:, : len(self.columns)] / len(CAUSES)
            parts[:, -1] += found[:, len(self.columns) :].sum(axis=1) / len(CAUSES)
        return base, parts

    def _contributions(self, part: Logistic | Boosted, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Base, and contributions of the columns and of the days elapsed, mean over the periods."""
        if isinstance(part, Logistic):
            return part.contributions(rows)
        if not rows.code.size:
            return 0.0, np.zeros((0, len(part.features)))
        values = with_elapsed(select(rows, self.columns), self.stages.middles)
        threads = threads_for(values.shape[0])
        said = part.booster.predict(values, pred_contrib=True, num_threads=threads)
        mean = np.asarray(said).reshape(rows.code.size, -1, len(part.features) + 1).mean(axis=1)
        return float(mean[0, -1]), mean[:, :-1]

    def curves(
        self, rows: FeatureMatrix, p_win: Floats | None = None, horizon_days: float = 0.0
    ) -> Curves:
        """When does each deal close, and how; moved to the close model's word, if it has one.

        Parameters
        ----------
        rows : FeatureMatrix
            (n, n_features) rows of deals.
        p_win : (n,) float64, optional
            Chance of being won within the horizon, by the close model; missing where unknown.
        horizon_days : float
            Of that chance.
        """
        margins = self.margins(rows)
        if p_win is None:
            return Curves(self.stages.edges, chances(margins))
        return shifted_to(self.stages.edges, margins, p_win, horizon_days)

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """See `Rung`."""
        added = {cause: part.to_json() for cause, part in self.added.items()}
        return {
            "kind": "duration",
            "key": self.key,
            "stages": self.stages.to_json(),
            "added": added,
        }


def with_elapsed(values: Floats, middles: Floats) -> Floats:
    """(n k, p + 1): every row once per period, with the days elapsed as its last column."""
    repeated = np.repeat(values, middles.size, axis=0)
    elapsed = np.tile(middles, values.shape[0])
    return np.ascontiguousarray(np.column_stack((repeated, elapsed)))


def hazards_from_json(body: Mapping[str, Any], boosters: Mapping[str, lightgbm.Booster]) -> Hazards:
    """Rebuild a rung of `duration`.

    Raises
    ------
    ValueError, KeyError, TypeError
        When the parts make no rung.
    """
    name = body["name"]
    causes = {"prior": (), "rates": (), "logistic": CAUSES, "lightgbm": CAUSES}[name]
    if set(body["added"]) != set(causes):
        raise ValueError("causes")
    added = {}
    for cause in causes:
        trees = {"margin": boosters[cause]} if cause in boosters else {}
        part = margins_from_json({"name": name, **body["added"][cause]}, trees)
        if not isinstance(part, Logistic | Boosted):
            raise TypeError(name)
        added[cause] = part
    return Hazards(name, str(body["key"]), stage_table_from_json(body["stages"]), added)

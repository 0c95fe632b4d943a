"""What is a verified model, ready to score?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from features.context import Context
from features.kernel import Floats
from features.matrix import FeatureMatrix
from features.records.folder import Portfolio, Records
from training.calibration import Calibration
from training.dataset import ModelName, Task
from training.models import Rung, to_probability

REFERENCE_TABLES = ("stages", "products", "owners", "fx_rates")
"""Tables of the portfolio that a request does not bring along."""


@dataclass(frozen=True)
class Champion:
    """A verified model, ready to score.

    Attributes
    ----------
    portfolio : Portfolio
        What held for the records it learnt from.
    task : Task
        What it predicts of whom.
    version : str
        Version in the registry.
    digest : str
        sha256 of its manifest.
    rung : Rung
        What gives the margin.
    calibration : Calibration
        What makes it a probability.
    feature_set_version : str
        Version of the declarations it was trained with.
    contexts : tuple of Context
        Of its training days and of the end of its records, oldest first.
    reference : mapping of str to pyarrow.Table
        Tables of the portfolio that requests do not bring.
    facts : mapping
        trained_through, verdict, metrics and the like, for people.
    distributions : mapping or None
        What its training rows looked like, as `training.monitor` writes it.
    """

    portfolio: Portfolio
    task: Task
    version: str
    digest: str
    rung: Rung
    calibration: Calibration
    feature_set_version: str
    contexts: tuple[Context, ...]
    reference: Mapping[str, pa.Table]
    facts: Mapping[str, Any]  # Any: JSON
    distributions: Mapping[str, Any] | None = None  # Any: JSON

    @property
    def model(self) -> ModelName:
        """Name of the model: churn or close."""
        return self.task.name

    def context_for(self, as_of: int) -> tuple[Context, bool]:
        """Newest context not after an instant; the earliest, and False, when all are after it."""
        before = [context for context in self.contexts if context.as_of <= as_of]
        return (before[-1], True) if before else (self.contexts[0], False)

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) calibrated log-odds."""
        return self.calibration.apply(self.rung.margin(rows))

    def probability(self, rows: FeatureMatrix) -> Floats:
        """(n,) calibrated probability."""
        return to_probability(self.margin(rows))

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Calibrated base and (n, n_features) contributions that add up to the margin."""
        base, parts = self.rung.contributions(rows)
        slope = self.calibration.slope
        return slope * base + self.calibration.intercept, slope * parts


def reference_of(records: Records) -> dict[str, pa.Table]:
    """Tables of a portfolio that requests score with."""
    return {name: records.tables[name] for name in REFERENCE_TABLES if name in records.tables}

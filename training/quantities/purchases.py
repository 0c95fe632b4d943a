"""BG/NBD with Gamma-Gamma as a baseline of `value`, on the same rows as every rung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features import bgnbd
from features.kernel import Floats
from features.matrix import FeatureMatrix
from training.dataset import Dataset, Task
from training.labels import Horizon
from training.models.margins import log_odds
from training.models.purchases import Process, fit_process, quantities
from training.models.spread import Amounts, Predicted, Spread, distribution, fit_spread

_DAYS_PER_WEEK = 7.0


@dataclass(frozen=True)
class ProcessBaseline:
    """The process as a baseline of `value`, with the spread that training rows showed about it."""

    process: Process
    horizon: Horizon
    spread: Spread
    any_else: float
    amount_else: float

    def predict(self, rows: FeatureMatrix) -> Predicted:
        """Log-odds of any purchase, and the log of the expected amount given one."""
        return _predict(self.process, self.horizon, rows, self.any_else, self.amount_else)

    def amounts(self, rows: FeatureMatrix) -> Amounts:
        """Distributions about it."""
        return distribution(self.predict(rows), self.spread)

    def expected(self, rows: FeatureMatrix) -> Floats:
        """(n,) what the process itself expects, uncalibrated; accounts without orders: nothing."""
        return np.nan_to_num(self.process.expected(rows, self.horizon), nan=0.0)


def fit_baseline(data: Dataset, task: Task) -> ProcessBaseline | None:
    """Fit the process and the spread about it; None where too few ordered."""
    process = fit_process(data.matrix, data.basis)
    bought = data.label > 0.0
    if process is None or not bought.any():
        return None
    any_else = log_odds(float(bought.mean()))
    amount_else = float(np.log(data.label[bought]).mean())
    said = _predict(process, task.horizon, data.matrix, any_else, amount_else)
    spread = fit_spread(said, data.label, slope=1.0, intercept=0.0, fitted_on="train")
    return ProcessBaseline(process, task.horizon, spread, any_else, amount_else)


def _predict(
    process: Process, horizon: Horizon, rows: FeatureMatrix, any_else: float, amount_else: float
) -> Predicted:
    x, last, age = quantities(rows)
    silent = bgnbd.p_silent(
        x, last, age, process.purchases,
        lead=horizon.lead_days / _DAYS_PER_WEEK, ahead=horizon.horizon_days / _DAYS_PER_WEEK,
    )  # fmt: skip
    p_any = np.clip(1.0 - silent, 1e-4, 1.0 - 1e-4)
    any_ = np.where(np.isfinite(p_any), np.log(p_any / (1.0 - p_any)), any_else)
    with np.errstate(divide="ignore", invalid="ignore"):
        amount = np.log(process.expected(rows, horizon) / p_any)
    return Predicted(any_, np.where(np.isfinite(amount), amount, amount_else))

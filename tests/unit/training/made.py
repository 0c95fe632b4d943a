"""Feature rows with a planted cause, made without any portfolio."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
from scipy.special import expit

from features.asof import instant
from features.context import Context, ContextTable
from features.matrix import FeatureMatrix
from features.records.folder import Portfolio
from features.signals.catalogue import feature_set_version
from training.artefact import Champion
from training.calibration import Calibration
from training.dataset import Dataset, task
from training.models import (
    Rung,
    TreeSettings,
    fit_logistic,
    fit_prior,
    fit_rates,
    fit_trees,
)

NAMES = ("days_since_last_order", "orders_90d", "revenue_365d", "days_since_first_order")
DAYS = (date(2011, 3, 1), date(2011, 4, 1), date(2011, 5, 1))
TASK = task("churn")
PORTFOLIO = Portfolio(
    "made", "EUR", "UTC", frozenset(), datetime(2011, 9, 1, 12, tzinfo=UTC), mapping_digest=None
)
CONTEXT = Context(
    instant(date(2011, 5, 1)),
    90,
    {"segment": ContextTable({"": {"margin_rate": 0.4}})},
)


def dataset(accounts: int = 200, *, seed: int = 7, effect: float = 1.5) -> Dataset:
    """Rows of some accounts on three days; the first column decides, a tenth is missing."""
    random = np.random.default_rng(seed)
    n = accounts * len(DAYS)
    values = random.normal(size=(n, len(NAMES))) * (1.0, 10.0, 1000.0, 100.0)
    label = (random.random(n) < expit(effect * values[:, 0] - 0.3)).astype(np.float64)
    values[random.random(values.shape) < 0.1] = np.nan
    code = np.tile(np.arange(accounts), len(DAYS))
    as_of = np.repeat(np.array([instant(day) for day in DAYS]), accounts)
    segment = np.array(["retail", "public", None], dtype=object)[code % 3]
    matrix = FeatureMatrix("account", code, as_of, NAMES, values, {"segment": segment})
    return Dataset(matrix, label, code)


def rungs(data: Dataset) -> dict[str, Rung]:
    """One of each."""
    return {
        "prior": fit_prior(data),
        "rates": fit_rates(data, "segment"),
        "logistic": fit_logistic(data, NAMES, strength=0.1),
        "lightgbm": fit_trees(data, NAMES, TreeSettings(rounds=30)),
    }


def champion(rung: Rung, version: str = "1") -> Champion:
    """A model around a rung, not yet written."""
    return Champion(
        PORTFOLIO,
        TASK,
        version,
        "",
        rung,
        Calibration(0.9, 0.1, "folds"),
        feature_set_version(rung.features, "account"),
        (CONTEXT,),
        {},
        {"trained_through": "2011-08-01", "verdict": "promoted", "metrics": {}},
    )

"""What does a fitted model say of a row?

One protocol, `Rung`, for every rung of every model. `churn` and `close` answer with log-odds
(`margins`), `duration` with the chances of being won and lost in each period to come (`hazards`),
`value` with the distribution of an amount (`amounts`). Each is kept as JSON and LightGBM's own
text, and rebuilt by `rung_from_json`.
"""

from training.models.amounts import TwoPart
from training.models.hazards import Hazards
from training.models.margins import (
    RUNGS,
    Boosted,
    Logistic,
    Prior,
    Rates,
    Rung,
    TreeSettings,
    default_trees,
    fit_logistic,
    fit_prior,
    fit_rates,
    fit_trees,
    log_odds,
    select,
    signed_log,
    threads_for,
    to_probability,
    train_booster,
    usable_features,
)
from training.models.reading import rung_from_json

__all__ = [
    "RUNGS",
    "Boosted",
    "Hazards",
    "Logistic",
    "Prior",
    "Rates",
    "Rung",
    "TreeSettings",
    "TwoPart",
    "default_trees",
    "fit_logistic",
    "fit_prior",
    "fit_rates",
    "fit_trees",
    "log_odds",
    "rung_from_json",
    "select",
    "signed_log",
    "threads_for",
    "to_probability",
    "train_booster",
    "usable_features",
]

"""How good are some probabilities, how sure is that, and what are they worth?"""

from training.evaluate.measures import (
    METRICS,
    auc,
    brier,
    calibration_error_by_chance,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    lift_at,
    log_loss,
    mean_metrics,
    measure,
)
from training.evaluate.resampling import (
    Interval,
    Scored,
    auc_gain,
    log_loss_gain,
    metric_interval,
)

__all__ = [
    "METRICS",
    "Interval",
    "Scored",
    "auc",
    "auc_gain",
    "brier",
    "calibration_error_by_chance",
    "calibration_intercept",
    "calibration_slope",
    "expected_calibration_error",
    "lift_at",
    "log_loss",
    "log_loss_gain",
    "mean_metrics",
    "measure",
    "metric_interval",
]

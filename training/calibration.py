"""Which probability does a margin stand for?

Two numbers, affine in log-odds: ``calibrated = slope * margin + intercept`` with slope > 0.
Strictly increasing, so rankings stay and reasons stay additive (Platt scaling, Platt 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from features.kernel import Floats


@dataclass(frozen=True)
class Calibration:
    """The two numbers, and what they were fitted on (``rolling``, ``folds`` or ``none``)."""

    slope: float = 1.0
    intercept: float = 0.0
    fitted_on: str = "none"

    def apply(self, margin: Floats) -> Floats:
        """Calibrated log-odds.

        >>> Calibration(2.0, 1.0).apply(np.array([0.5])).tolist()
        [2.0]
        """
        return np.asarray(self.slope * margin + self.intercept)


def fit_calibration(margin: Floats, label: Floats, *, fitted_on: str) -> Calibration:
    """Which slope and intercept make out-of-time margins match what happened?

    Maximum likelihood with a faint pull towards (1, 0), worth about one row, so that a handful of
    perfectly separated rows does not give an infinite slope; the slope is kept in [0.05, 5].

    Parameters
    ----------
    margin, label : (n,) float64
        Margins predicted for rows that the model had not seen, and their outcomes.
    fitted_on : str
        ``rolling`` blocks or account-grouped ``folds``.
    """
    if label.size == 0 or label.min() == label.max():
        return Calibration(fitted_on="none")

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, intercept = parameters
        z = slope * margin + intercept
        error = expit(z) - label
        value = np.logaddexp(0.0, z).sum() - (label * z).sum()
        value += 0.5 * ((slope - 1.0) ** 2 + 0.05 * intercept**2)
        gradient = np.array([error @ margin + slope - 1.0, error.sum() + 0.05 * intercept])
        return float(value), gradient

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 5.0), (-5.0, 5.0)]
    )
    return Calibration(float(found.x[0]), float(found.x[1]), fitted_on)

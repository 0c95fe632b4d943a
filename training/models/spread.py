"""How far may an amount lie from what is expected of it?

The distribution of an amount has an atom at zero (nothing is bought) and a part above it. Above it,
the log of the amount is its predicted mean plus a residual whose size depends on the account:
``exp(scale)`` times a draw from one shape, which is read off amounts that the model had not seen.

Worked example: P(any) 0.5, and given any an amount of 100 or 400 with equal chances. The median is
0 to 100, the 90 % quantile 400, the expected amount 125.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from features.kernel import Floats
from training.models.numbers import table

LEVELS = np.linspace(0.0025, 0.9975, 200)
"""Levels at which the shape of the residuals is kept."""
_LEAST_RESIDUALS = 30
_USUAL_SPREAD = 1.0
_SCALES = (-3.0, 1.0)
_BEYOND = float(np.log(1.5))
_ARRAYS = ("scale", "centre", "shape", "bounds")
_LEVEL_BOUNDS = (0.5, 2.0)


@dataclass(frozen=True)
class Predicted:
    """What the two parts say of some rows, before spread and calibration.

    Attributes
    ----------
    any : (n,) float64
        Log-odds that anything is bought.
    log_amount : (n,) float64
        Mean of the log of the amount, given any.
    """

    any: Floats
    log_amount: Floats


@dataclass(frozen=True)
class Spread:
    """What unseen rows taught about the two parts.

    Attributes
    ----------
    slope, intercept : float
        Calibration of the log-odds that anything is bought.
    scale : (3,) float64
        Log size of the residuals: constant, per unit of log-odds, per unit of log amount (centred).
    centre : (2,) float64
        Means of the log-odds and of the log amount.
    shape : (200,) float64
        Quantiles of the residuals over their size, at `LEVELS`.
    level : float
        What the expected amount is multiplied by, so that sums come out right.
    bounds : (2,) float64
        Log amounts between which the centre is kept: a line knows no end where few rows drew it.
    fitted_on : str
        ``rolling`` blocks of later days, account-grouped ``folds``, or ``none``.
    """

    slope: float
    intercept: float
    scale: Floats
    centre: Floats
    shape: Floats
    level: float
    bounds: Floats
    fitted_on: str

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `spread_from_json` reads."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {
            "slope": self.slope, "intercept": self.intercept, "level": self.level,
            "fitted_on": self.fitted_on, **arrays,
        }  # fmt: skip


def spread_from_json(body: Mapping[str, Any]) -> Spread:
    """Read what `Spread.to_json` wrote."""
    slope, intercept, level = table([body["slope"], body["intercept"], body["level"]], (3,))
    return Spread(
        float(slope), float(intercept), table(body["scale"], (3,)), table(body["centre"], (2,)),
        table(body["shape"], LEVELS.shape), float(level),
        table(body["bounds"], (2,)), str(body["fitted_on"]),
    )  # fmt: skip


@dataclass(frozen=True)
class Amounts:
    """Distributions of some amounts.

    Attributes
    ----------
    p_any : (n,) float64
        Chance that anything is bought.
    log_amount, size : (n,) float64
        Centre and size of the log of the amount, given any.
    shape : (200,) float64
        Of the residuals.
    level : float
        Factor on the expected amount.
    """

    p_any: Floats
    log_amount: Floats
    size: Floats
    shape: Floats
    level: float

    @property
    def expected(self) -> Floats:
        """(n,) expected amount: P(any) times the mean given any (smearing: Duan, JASA 78, 1983)."""
        # Mean over the shape of exp(residual); its two outermost steps are what was seen, no tail.
        mean = np.exp(self.size[:, None] * self.shape[None, :]).mean(axis=1)
        return np.asarray(self.level * self.p_any * np.exp(self.log_amount) * mean)

    def quantile(self, share: float) -> Floats:
        """(n,) amount that is not exceeded with this chance; 0 within the atom."""
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = (share - (1.0 - self.p_any)) / self.p_any
        residual = np.interp(np.clip(inner, 0.0, 1.0), LEVELS, self.shape)
        amount = np.exp(self.log_amount + self.size * residual)
        return np.asarray(np.where(inner > 0.0, amount, 0.0))

    def place(self, amount: Floats, draw: Floats) -> Floats:
        """(n,) where each amount lies in its distribution (0..1), at random within the atom.

        Parameters
        ----------
        amount : (n,) float64
            What came about.
        draw : (n,) float64
            Uniform draws for the atom (randomised probability integral transform: Czado, Gneiting &
            Held, Biometrics 65(4), 2009).
        """
        with np.errstate(divide="ignore"):
            residual = (np.log(np.maximum(amount, 1e-12)) - self.log_amount) / self.size
        inner = np.interp(residual, self.shape, LEVELS, left=0.0, right=1.0)
        nothing = 1.0 - self.p_any
        return np.asarray(np.where(amount > 0.0, nothing + self.p_any * inner, draw * nothing))


def distribution(said: Predicted, spread: Spread) -> Amounts:
    """Which distributions do the two parts and their spread make?"""
    constant, per_odds, per_amount = spread.scale
    centre = np.clip(said.log_amount, *spread.bounds)
    # Term by term: a product of matrices may round otherwise for one row than for many.
    log_size = (
        constant
        + per_odds * (said.any - spread.centre[0])
        + per_amount * (centre - spread.centre[1])
    )
    size = np.exp(np.clip(log_size, *_SCALES))
    p_any = expit(spread.slope * said.any + spread.intercept)
    return Amounts(p_any, centre, size, spread.shape, spread.level)


def fit_spread(
    said: Predicted, amount: Floats, *, slope: float, intercept: float, fitted_on: str
) -> Spread:
    """How far were amounts from what a model said, which had not seen them?

    Parameters
    ----------
    said : Predicted
        Of unseen rows.
    amount : (n,) float64
        What came about, 0 or more.
    slope, intercept : float
        Calibration of P(any), fitted on the same rows.
    fitted_on : str
        Which unseen rows.
    """
    bought = np.flatnonzero(amount > 0.0)
    logs = np.log(amount[bought])
    bounds = np.array([logs.min(), logs.max()] if bought.size else [0.0, 0.0])
    bounds += (-_BEYOND, _BEYOND)
    said = Predicted(said.any, np.clip(said.log_amount, *bounds))
    if bought.size < _LEAST_RESIDUALS:
        normal = np.interp(LEVELS, (0.1, 0.5, 0.9), (-1.2816, 0.0, 1.2816))
        scale = np.array([np.log(_USUAL_SPREAD), 0.0, 0.0])
        return Spread(slope, intercept, scale, np.zeros(2), normal, 1.0, bounds, "none")
    residual = np.log(amount[bought]) - said.log_amount[bought]
    centre = np.array([said.any[bought].mean(), said.log_amount[bought].mean()])
    steps = np.column_stack(
        (np.ones(bought.size), said.any[bought] - centre[0], said.log_amount[bought] - centre[1])
    )
    # Log of absolute residuals about their median; a ridge keeps few rows from inventing a slope.
    target = np.log(np.maximum(np.abs(residual - np.median(residual)), 1e-3))
    ridge = np.diag([0.0, 10.0, 10.0])
    scale = np.linalg.solve(steps.T @ steps + ridge, steps.T @ target)
    size = np.exp(np.clip(steps @ scale, *_SCALES))
    spread = float(np.sqrt(np.mean((residual / size) ** 2)))
    scale[0] += np.log(max(spread, 1e-3))
    size = np.exp(np.clip(steps @ scale, *_SCALES))
    shape = np.quantile(residual / size, LEVELS)
    found = Spread(slope, intercept, scale, centre, shape, 1.0, bounds, fitted_on)
    expected = distribution(said, found).expected
    level = float(np.clip(amount.sum() / max(expected.sum(), 1e-12), *_LEVEL_BOUNDS))
    return Spread(slope, intercept, scale, centre, shape, level, bounds, fitted_on)

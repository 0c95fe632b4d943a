"""How much does a customer spend per purchase? The Gamma-Gamma model.

Fader & Hardie, "The Gamma-Gamma Model of Monetary Value", 2013 (brucehardie.com, note 025); Fader,
Hardie & Lee, "RFM and CLV", Journal of Marketing Research 42(4), 2005. The amount of a purchase
varies about the customer's own mean (gamma with shape p), and that mean differs between customers
(inverse gamma by q and v). Amounts and frequency are taken to be independent.

``x`` is the number of purchases that were seen, ``mean`` what was spent per purchase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from features.kernel import Floats

_MOST_CUSTOMERS = 5_000
_LEAST_CUSTOMERS = 10


@dataclass(frozen=True)
class GammaGamma:
    """The three numbers of a fitted model; q above 1, so that a mean exists."""

    p: float
    q: float
    v: float


def fit(x: Floats, mean: Floats) -> GammaGamma | None:
    """Which three numbers make what some customers spent likeliest? None for under 10 of them.

    Parameters
    ----------
    x, mean : (n,) float64
        Purchases (1 or more) and amount per purchase (above 0). A faint prior keeps the numbers of
        thin data finite; of many customers every k-th is read.
    """
    known = (x >= 1.0) & (mean > 0.0)
    if known.sum() < _LEAST_CUSTOMERS:
        return None
    step = -(-int(known.sum()) // _MOST_CUSTOMERS)
    x, mean = x[known][::step], mean[known][::step]
    # In units of the usual amount, whatever the currency.
    unit = float(np.median(mean))
    start = np.array([np.log(2.0), np.log(2.0), np.log(2.0)])

    def loss(parameters: Floats) -> float:
        p, q, v = np.exp(parameters[0]), 1.0 + np.exp(parameters[1]), np.exp(parameters[2])
        likelihood = _log_likelihood(x, mean / unit, p, q, v) / x.size
        return -likelihood + 1e-3 * float(parameters @ parameters)

    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-5.0, 6.0)] * 3)
    p, q, v = np.exp(found.x)
    return GammaGamma(float(p), 1.0 + float(q), float(v * unit))


def _log_likelihood(x: Floats, mean: Floats, p: float, q: float, v: float) -> float:
    """Sum over customers (equation 1a of the note)."""
    px = p * x
    return float(
        (
            gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
            + (px - 1.0) * np.log(mean) + px * np.log(x) - (px + q) * np.log(x * mean + v)
        ).sum()
    )  # fmt: skip


def expected_amount(x: Floats, mean: Floats, model: GammaGamma) -> Floats:
    """(n,) expected amount of a purchase to come (equation 5 of the note).

    A mean of the customer's own and of all customers', weighted by how much was seen. With p 6.25,
    q 3.74 and v 15.44 (CDNOW), all customers' mean is 6.25 x 15.44 / 2.74 = 35.22; of two purchases
    at 22.35, 12.5 / 15.24 of the weight is the customer's own: 24.66.

    >>> cdnow = GammaGamma(6.25, 3.74, 15.44)
    >>> expected_amount(np.array([0.0, 2.0]), np.array([0.0, 22.35]), cdnow).round(2).tolist()
    [35.22, 24.66]
    """
    usual = model.p * model.v / (model.q - 1.0)
    weight = model.p * x / (model.p * x + model.q - 1.0)
    return np.asarray(weight * mean + (1.0 - weight) * usual)

"""How many customers are still alive, and how often will they buy? The BG/NBD model.

Fader, Hardie & Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005.
Purchases come at a rate that differs between customers (gamma with r, alpha); after each, a
customer leaves with a chance that differs too (beta with a, b).

``x`` is the number of repeat purchase days, ``last`` the age at the last of them and ``age`` the
time since the first purchase, both in weeks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import vectorize
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from features.kernel import Codes, Floats

_MOST_CUSTOMERS = 5_000
_MOST_TERMS = 400.0
_START = np.log(np.array([1.0, 5.0, 0.5, 2.0]))


@dataclass(frozen=True)
class BgNbd:
    """The four numbers of a fitted model."""

    r: float
    alpha: float
    a: float
    b: float


def repeat_purchases(order_days: Floats) -> Floats:
    """How many purchase days came after the first? Missing where the days are.

    >>> repeat_purchases(np.array([3.0, 1.0, 0.0, np.nan])).tolist()
    [2.0, 0.0, 0.0, nan]
    """
    return np.maximum(order_days - 1.0, 0.0)


def fit(x: Floats, last: Floats, age: Floats) -> BgNbd | None:
    """Which four numbers make some customers' histories likeliest? None for no customers.

    A faint prior keeps the numbers of thin data finite. Of many customers every k-th is read, so
    that the cost stays that of a few thousand.
    """
    if not x.size:
        return None
    step = -(-x.size // _MOST_CUSTOMERS)
    last, age = last[::step], np.maximum(age[::step], 1e-6)
    # Few numbers of purchases occur, each of them often.
    some, which = np.unique(x[::step], return_inverse=True)

    def loss(parameters: Floats) -> float:
        likelihood = _log_likelihood(parameters, some, which, last, age) / which.size
        return -likelihood + 1e-3 * float(parameters @ parameters)

    found = minimize(loss, _START, method="L-BFGS-B", bounds=[(-6.0, 6.0)] * 4)
    return BgNbd(*(float(value) for value in np.exp(found.x)))


def _log_likelihood(
    parameters: Floats, some: Floats, which: Codes, last: Floats, age: Floats
) -> float:
    """Sum over customers; customer i has ``some[which[i]]`` repeat purchase days."""
    r, alpha, a, b = np.exp(parameters)
    x = some[which]
    beta = gammaln(a + b) + gammaln(b + some) - gammaln(b) - gammaln(a + b + some)
    front = (gammaln(r + some) - gammaln(r) + r * np.log(alpha) + beta)[which]
    leaving = (np.log(a) - np.log(b + np.maximum(some, 1.0) - 1.0))[which]
    alive = -(r + x) * np.log(alpha + age)
    gone = leaving - (r + x) * np.log(alpha + last)
    either = np.where(x > 0, np.logaddexp(alive, gone), alive)
    return float((front + either).sum())


def p_alive(
    x: Floats, last: Floats, age: Floats, r: Floats, alpha: Floats, a: Floats, b: Floats
) -> Floats:
    """How likely is each customer to be still alive (0..1)? 1 without a repeat purchase."""
    with np.errstate(all="ignore"):
        return np.asarray(_alive(x, last, age, r, alpha, a, b))


@vectorize(["float64(float64, float64, float64, float64, float64, float64, float64)"], cache=True)
def _alive(x, last, age, r, alpha, a, b):  # type: ignore[no-untyped-def]
    if x > 0:
        odds = a / (b + max(x, 1.0) - 1.0) * ((alpha + age) / (alpha + last)) ** (r + x)
        return 1.0 / (1.0 + odds)
    return np.nan if np.isnan(age) else 1.0


def p_silent(
    x: Floats, last: Floats, age: Floats, model: BgNbd, *, lead: float, ahead: float
) -> Floats:
    """How likely is each customer to buy nothing between ``lead`` and ``lead + ahead`` weeks on?"""
    r, alpha, a, b = (np.asarray(value) for value in (model.r, model.alpha, model.a, model.b))
    with np.errstate(all="ignore"):
        silent = ((alpha + age + lead) / (alpha + age + lead + ahead)) ** (r + x)
        return np.asarray(1.0 - p_alive(x, last, age, r, alpha, a, b) * (1.0 - silent))


@vectorize(["float64(float64, float64, float64, float64, float64, float64, float64)"], cache=True)
def _by_series(x, age, r, alpha, a, b, ahead):  # type: ignore[no-untyped-def]
    """What `expected_if_alive` asks, by the series; missing where that does not end."""
    z = ahead / (alpha + age + ahead)
    p, q, c = a + b - 1.0 - r, a - 1.0, a + b + x - 1.0
    term, total, n = 1.0, 1.0, 0.0
    while np.abs(term) > 1e-17 * np.abs(total) and n < _MOST_TERMS:
        term *= (p + n) * (q + n) / ((c + n) * (n + 1.0)) * z
        total += term
        n += 1.0
    return c / q * (1.0 - (1.0 - z) ** q * total) if n < _MOST_TERMS else np.nan


def expected_if_alive(
    x: Floats, age: Floats, r: Floats, alpha: Floats, a: Floats, b: Floats, *, ahead: float
) -> Floats:
    """How many purchase days are to be expected in ``ahead`` weeks of who is still alive?

    Equation 10 of the paper but for its denominator, which is one over the chance of being alive;
    missing where a is 1, which makes it undefined. Euler's transformation (Abramowitz & Stegun,
    15.3.3) takes the counts out of two of the three parameters of its hypergeometric function, and
    the series then ends after a few terms.
    """
    with np.errstate(all="ignore"):
        found = np.asarray(_by_series(x, age, r, alpha, a, b, ahead))
        if not np.isnan(found).any():
            return found
        z = ahead / (alpha + age + ahead)
        p, q, c = a + b - 1.0 - r, a - 1.0, a + b + x - 1.0
        is_hard = np.isnan(found) & ~np.isnan(z + c)
        if not is_hard.any():
            return found
        return np.where(is_hard, c / q * (1.0 - (1.0 - z) ** q * hyp2f1(p, q, c, z)), found)

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
from numba import njit
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, hyp2f1

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
    last, age = np.ascontiguousarray(last), np.ascontiguousarray(age)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        likelihood, slope = _log_likelihood(parameters, some, which, last, age)
        prior = 1e-3 * float(parameters @ parameters)
        return prior - likelihood / which.size, 2e-3 * parameters - slope / which.size

    found = minimize(loss, _START, jac=True, method="L-BFGS-B", bounds=[(-6.0, 6.0)] * 4)
    return BgNbd(*(float(value) for value in np.exp(found.x)))


@njit(
    "float64[:, ::1](float64, float64, float64[::1], float64[::1], int64[::1], float64[::1],"
    " float64[::1])",
    cache=True, nogil=True, error_model="numpy",
)  # fmt: skip
def _by_purchases(r, alpha, leaving, some, which, last, age):  # type: ignore[no-untyped-def]
    """Add up, per number of repeat purchase days, what a likelihood and its slope consist of.

    Rows of the result: how likely either way (alive, or gone) is, then, weighed by the chances of
    the two ways, the logarithm of their rates, one over these, and being gone.
    """
    found = np.zeros((4, some.size))
    for i in range(which.size):
        k = which[i]
        to_now, to_last = np.log(alpha + age[i]), np.log(alpha + last[i])
        alive, gone = -(r + some[k]) * to_now, leaving[k] - (r + some[k]) * to_last
        is_gone, either = 0.0, alive
        if some[k] > 0:
            odds = np.exp(-np.abs(alive - gone))
            either = max(alive, gone) + np.log1p(odds)
            is_gone = 1.0 / (1.0 + odds) if gone > alive else odds / (1.0 + odds)
        found[0, k] += either
        found[1, k] += (1.0 - is_gone) * to_now + is_gone * to_last
        found[2, k] += (1.0 - is_gone) / (alpha + age[i]) + is_gone / (alpha + last[i])
        found[3, k] += is_gone
    return found


def _log_likelihood(
    parameters: Floats, some: Floats, which: Codes, last: Floats, age: Floats
) -> tuple[float, Floats]:
    """Sum over customers, and its slope; customer i has ``some[which[i]]`` repeat purchase days.

    The parameters are the logarithms of r, alpha, a and b.
    """
    r, alpha, a, b = np.exp(parameters)
    left = b + np.maximum(some, 1.0) - 1.0
    either, logs, inverse, gone = _by_purchases(
        r, alpha, np.log(a) - np.log(left), some, which, last, age
    )
    count = np.bincount(which, minlength=some.size)
    beta = gammaln(a + b) + gammaln(b + some) - gammaln(b) - gammaln(a + b + some)
    front = gammaln(r + some) - gammaln(r) + r * np.log(alpha) + beta
    both = digamma(a + b) - digamma(a + b + some)
    slope = (
        count * (digamma(r + some) - digamma(r) + np.log(alpha)) - logs,
        count * r / alpha - (r + some) * inverse,
        count * both + gone / a,
        count * (both + digamma(b + some) - digamma(b)) - gone / left,
    )
    total = float((count * front + either).sum())
    return total, np.array([part.sum() for part in slope]) * (r, alpha, a, b)


def p_alive(
    x: Floats, last: Floats, age: Floats, r: Floats, alpha: Floats, a: Floats, b: Floats
) -> Floats:
    """How likely is each customer to be still alive (0..1)? 1 without a repeat purchase."""
    with np.errstate(all="ignore"):
        odds = a / (b + np.maximum(x, 1.0) - 1.0) * ((alpha + age) / (alpha + last)) ** (r + x)
        return np.asarray(np.where(x > 0, 1.0 / (1.0 + odds), np.where(np.isnan(age), np.nan, 1.0)))


def p_silent(
    x: Floats, last: Floats, age: Floats, model: BgNbd, *, lead: float, ahead: float
) -> Floats:
    """How likely is each customer to buy nothing between ``lead`` and ``lead + ahead`` weeks on?"""
    r, alpha, a, b = (np.asarray(value) for value in (model.r, model.alpha, model.a, model.b))
    with np.errstate(all="ignore"):
        silent = ((alpha + age + lead) / (alpha + age + lead + ahead)) ** (r + x)
        return np.asarray(1.0 - p_alive(x, last, age, r, alpha, a, b) * (1.0 - silent))


@njit(
    "float64[::1](float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])",
    cache=True, nogil=True, error_model="numpy",
)  # fmt: skip
def _gauss(p, q, c, z, power):  # type: ignore[no-untyped-def]
    """``(1 - z) ** power * 2F1(p, q; c; z)`` by its series; missing where that does not end."""
    found = np.full(z.size, np.nan)
    for i in range(z.size):
        term, total, n = 1.0, 1.0, 0.0
        while np.abs(term) > 1e-17 * np.abs(total) and n < _MOST_TERMS:
            term *= (p[i] + n) * (q[i] + n) / ((c[i] + n) * (n + 1.0)) * z[i]
            total += term
            n += 1.0
        if n < _MOST_TERMS:
            found[i] = (1.0 - z[i]) ** power[i] * total
    return found


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
        z = ahead / (alpha + age + ahead)
        p, q, c = a + b - 1.0 - r, a - 1.0, a + b + x - 1.0
        gone = _gauss(*(np.ascontiguousarray(part) for part in np.broadcast_arrays(p, q, c, z, q)))
        hard = np.isnan(gone) & ~np.isnan(z + c)
        if hard.any():
            slow = ((1.0 - z) ** q * hyp2f1(p, q, c, z))[hard]
            gone[hard] = slow
        return np.asarray(c / q * (1.0 - gone))

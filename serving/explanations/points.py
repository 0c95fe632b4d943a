"""How many points of a probability does each cause account for?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.kernel import Floats

_SAME_MARGIN = 1e-6


def points_per_log_odds(margin: Floats, base: float) -> Floats:
    """By how much does the probability differ from the base per unit of log-odds: a secant's slope?

    Always positive, so that points keep the sign of contributions; at the base itself it is the
    tangent's, p (1 - p).

    >>> points_per_log_odds(np.array([0.0]), 0.0).tolist()
    [0.25]
    """
    p, p_base = expit(margin), expit(base)
    distance = margin - base
    is_same = np.abs(distance) < _SAME_MARGIN
    return np.asarray(
        np.where(is_same, p * (1.0 - p), (p - p_base) / np.where(is_same, 1.0, distance))
    )


def share_out(parts: Floats, total: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which whole numbers, each within 1 of its part and of its sign, add up to a whole total?

    Largest remainder: parts are rounded down, then one is given back to each of those that lost
    most (the first of equal ones). Nothing changes its sign, and nothing that is 0 becomes 1.

    Parameters
    ----------
    parts : (n, k) float64
        Parts of each row.
    total : (n,) int64
        Their sum, rounded.

    >>> share_out(np.array([[1.5, 0.9, -0.6]]), np.array([2])).tolist()
    [[2, 1, -1]]
    """
    whole = np.floor(parts).astype(np.int64)
    missing = total - whole.sum(axis=1)
    order = np.argsort(whole - parts, axis=1, kind="stable")
    is_given = np.arange(parts.shape[1])[None, :] < missing[:, None]
    given = np.zeros_like(whole)
    np.put_along_axis(given, order, is_given.astype(np.int64), axis=1)
    return whole + given

"""How far do two distributions lie apart, and how far would chance alone take them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm

from features.kernel import Codes, Floats

LEVEL = 0.99
"""Chance explains a difference with this probability, over all columns looked at together."""

_BEYOND = 2.0
"""A known day's difference, that many times, is no news: what grows with time (how long accounts
have been with us) goes on growing, by less than that within a horizon of the training."""


@dataclass(frozen=True)
class Drift:
    """How far one column has moved since training.

    Attributes
    ----------
    name : str
        The feature, or ``score``.
    rows : int
        Live rows with a value.
    psi, by_chance, usual : float
        Population stability index; its level by chance; the most that a day known at training
        already showed.
    jensen_shannon : float
        Distance in bits, 0 (equal) to 1 (nothing in common).
    missing_then, missing_now : float
        Shares of rows without a value, 0 to 1.
    missing_by_chance, missing_usual : float
        Difference of the shares that chance explains, and the most that a known day showed.
    weight : float
        Share of the feature in the model's contributions, 0 to 1.
    """

    name: str
    rows: int
    psi: float
    by_chance: float
    usual: float
    jensen_shannon: float
    missing_then: float
    missing_now: float
    missing_by_chance: float
    missing_usual: float
    weight: float

    def has_moved(self, least: float) -> bool:
        """Whether values lie further apart than `least`, chance and past days explain."""
        return self.psi > self.level(least)

    def level(self, least: float) -> float:
        """From which PSI on the column has moved: above 0."""
        return max(least, self.by_chance, _BEYOND * self.usual)

    def is_missing_otherwise(self, least: float) -> bool:
        """Whether the share of missing values changed more than `least`, chance and past days."""
        change = abs(self.missing_now - self.missing_then)
        return change > max(least, self.missing_by_chance, _BEYOND * self.missing_usual)


def _shares(counts: Sequence[int] | Codes) -> Floats:
    """Shares of bins, half a row added to each so that an empty one does not decide alone."""
    found = np.asarray(counts, dtype=np.float64) + 0.5
    return np.asarray(found / found.sum())


def psi(then: Sequence[int] | Codes, now: Sequence[int] | Codes) -> float:
    """Population stability index of two sets of counts: 0 is equal, above 0.2 is customary alarm.

    ``sum((now - then) * ln(now / then))`` over the shares of the bins, half a row added to each.

    Examples
    --------
    Shares 4.5/18, 13.5/18 and the reverse: (1/2) ln 3 twice is ln 3.

    >>> round(psi([4, 13], [13, 4]), 3), psi([5, 5], [5, 5])
    (1.099, 0.0)
    """
    one, other = _shares(then), _shares(now)
    return float(((other - one) * np.log(other / one)).sum())


def psi_by_chance(then: int, now: int, bins: int, *, tests: int = 1, level: float = LEVEL) -> float:
    """Which PSI does chance stay below when nothing has changed?

    Between samples of one distribution PSI is about ``(1/then + 1/now)`` times a chi-square with
    ``bins - 1`` degrees of freedom (Yurdakul, Statistical properties of population stability
    index, 2018); of several tests, none exceeds its level with probability `level`.

    >>> round(psi_by_chance(1000, 1000, 10), 4)
    0.0433
    """
    if bins < 2 or not then or not now:
        return 0.0
    quantile = chi2.ppf(1.0 - (1.0 - level) / tests, bins - 1)
    return float((1.0 / then + 1.0 / now) * quantile)


def jensen_shannon(then: Sequence[int] | Codes, now: Sequence[int] | Codes) -> float:
    """Jensen-Shannon divergence of two sets of counts in bits (Lin 1991): 0 equal, 1 apart.

    >>> jensen_shannon([5, 5], [5, 5]), round(jensen_shannon([10**9, 0], [0, 10**9]), 6)
    (0.0, 1.0)
    """
    one, other = _shares(then), _shares(now)
    middle = (one + other) / 2.0
    parts = one * np.log2(one / middle) + other * np.log2(other / middle)
    return max(0.0, float(parts.sum() / 2.0))


def missing_by_chance(then: float, now: float, *, rows: tuple[int, int], tests: int = 1) -> float:
    """Which difference of two shares does chance stay below (two-sided, pooled)?

    >>> round(missing_by_chance(0.5, 0.5, rows=(200, 200)), 4)
    0.1288
    """
    n, m = rows
    if not n or not m:
        return 1.0
    share = (then * n + now * m) / (n + m)
    quantile = float(norm.ppf(1.0 - (1.0 - LEVEL) / tests / 2.0))
    return quantile * float(np.sqrt(share * (1.0 - share) * (1.0 / n + 1.0 / m)))

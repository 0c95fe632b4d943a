r"""What would acting on a ranking have earned?

Accounts are called from the top of the list down. A call costs `contact_cost`; an account that was
going to leave accepts an offer worth the share ``d`` of its value ``v`` with probability ``g``, and
one that was staying takes the offer along. Calling the first ``k`` accounts earns

    sum over leavers (g * (1 - d) * v - contact_cost) - sum over stayers (d * v + contact_cost).

``g`` is not known: it has a Beta distribution. For each ``g`` the best ``k`` is taken, and the
profit averaged over ``g``: the expected maximum profit for B2B churn, EMPB (Janssens, Bogaert,
Bagué & Van den Poel, B2Boost: instance-dependent profit-driven modelling of B2B churn, Annals of
Operations Research 341, 2024), which takes each account's own value and an offer in proportion to
it. With one value and one offer for all it is EMPC (Verbraken, Verbeke & Baesens, IEEE Transactions
on Knowledge and Data Engineering 25, 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import beta

from features.kernel import Floats


@dataclass(frozen=True)
class Campaign:
    """What a call costs and does; the defaults are those of the paper.

    Attributes
    ----------
    contact_cost : float
        Of one call, in the portfolio's currency, above 0.
    offer_share : float
        Offer, as a share of the account's value, from 0 to below 1.
    alpha, beta : float
        Of the Beta distribution of the share of leavers that a call keeps; 6 and 14 mean 30 %.
    """

    contact_cost: float = 15.0
    offer_share: float = 0.05
    alpha: float = 6.0
    beta: float = 14.0

    @property
    def save_rate(self) -> float:
        """Mean share of leavers that a call keeps.

        >>> Campaign().save_rate
        0.3
        """
        return self.alpha / (self.alpha + self.beta)


@dataclass(frozen=True)
class Profit:
    """The most that a ranking can be expected to earn.

    Attributes
    ----------
    per_account : float
        Expected maximum profit over all accounts of the list, per account, in currency.
    contacted : float
        Share of the list that is called for it, 0 to 1, averaged over the save rates.
    """

    per_account: float
    contacted: float


@dataclass(frozen=True)
class _Line:
    """Profit of calling the first accounts: ``kept * g - cost``."""

    kept: float
    cost: float
    count: float


def expected_maximum_profit(
    score: Floats, label: Floats, *, value: Floats, campaign: Campaign | None = None
) -> Profit:
    """What does a ranking earn at most, on average over the save rates (EMPB)?

    Parameters
    ----------
    score : (n,) float64
        Highest first on the list; equal scores are called together or not at all.
    label : (n,) float64
        1 for an account that left, 0 for one that stayed.
    value : (n,) float64
        What each account is worth when it stays, in currency, 0 or more.
    campaign : Campaign, optional
        Costs and save rate.

    Notes
    -----
    A cutoff is a line in ``g``; the best one for each ``g`` is the upper hull of the lines, and its
    pieces integrate in closed form with the incomplete beta function. Nothing is sampled.

    Examples
    --------
    Two accounts worth 1,000; the first left. Calling it earns 950 g - 15, calling both 950 g - 80:
    never better. It pays from g = 15/950 on, which is all but certain under Beta(6, 14), of mean
    0.3: (950 * 0.3 - 15) / 2 = 135 per account, and half of the list is called.

    >>> found = expected_maximum_profit(
    ...     np.array([0.9, 0.1]), np.array([1.0, 0.0]), value=np.array([1000.0, 1000.0])
    ... )
    >>> round(found.per_account, 4), round(found.contacted, 4)
    (135.0, 0.5)
    """
    plan = campaign or Campaign()
    hull = _upper_hull(_lines(score, label, value, plan))
    crossings = [
        (after.cost - before.cost) / (after.kept - before.kept) for before, after in pairwise(hull)
    ]
    edges = np.clip([0.0, *crossings, 1.0], 0.0, 1.0)
    mass = np.diff(beta.cdf(edges, plan.alpha, plan.beta))
    mean = plan.save_rate * np.diff(beta.cdf(edges, plan.alpha + 1.0, plan.beta))
    earned = sum(line.kept * g - line.cost * p for line, g, p in zip(hull, mean, mass, strict=True))
    called = sum(line.count * p for line, p in zip(hull, mass, strict=True))
    return Profit(float(earned) / label.size, float(called) / label.size)


def _cutoffs(
    score: Floats, label: Floats, value: Floats, plan: Campaign
) -> tuple[Floats, Floats, Floats]:
    """Of every cutoff from none on: kept value per unit of save rate, cost, accounts called."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), score.size - 1)
    left, worth = label[order], value[order]
    kept = np.cumsum(left * (1.0 - plan.offer_share) * worth)[ends]
    cost = np.cumsum(plan.contact_cost + (1.0 - left) * plan.offer_share * worth)[ends]
    zero = np.zeros(1)
    return (
        np.concatenate((zero, kept)), np.concatenate((zero, cost)),
        np.concatenate((zero, ends + 1.0)),
    )  # fmt: skip


def _lines(score: Floats, label: Floats, value: Floats, plan: Campaign) -> list[_Line]:
    return [
        _Line(float(k), float(c), float(n))
        for k, c, n in zip(*_cutoffs(score, label, value, plan), strict=True)
    ]


def _upper_hull(lines: list[_Line]) -> list[_Line]:
    """Lines that are the highest for some save rate, from the flattest to the steepest."""
    hull: list[_Line] = []
    for line in lines:  # slope and cost never fall as more are called
        if hull and line.kept <= hull[-1].kept:
            continue
        while len(hull) > 1 and _crossing(hull[-1], line) <= _crossing(hull[-2], hull[-1]):
            hull.pop()
        hull.append(line)
    return hull


def _crossing(flat: _Line, steep: _Line) -> float:
    return (steep.cost - flat.cost) / (steep.kept - flat.kept)


def profit_curve(
    score: Floats, label: Floats, *, value: Floats, places: Floats, campaign: Campaign
) -> Floats:
    """(k,) profit per account of calling each share of the list, at the mean save rate."""
    kept, cost, count = _cutoffs(score, label, value, campaign)
    earned = (campaign.save_rate * kept - cost) / label.size
    return np.interp(places, count / label.size, earned)

"""How did the accounts of a portfolio buy, and who of them left?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.bgnbd import BgNbd, fit, repeat_purchases
from features.events import EventSet
from features.kernel import Floats, Output
from features.kernel import Statistic as S
from features.sight import Read

_ACTIVITY_DAYS = 180


@dataclass(frozen=True)
class Buying:
    """How every account bought, as known at an instant; arrays of length n_accounts.

    Attributes
    ----------
    revenue, orders : (n,) float64
        Net revenue and orders of 365 days; NaN without a table of orders.
    is_active, was_active : (n,) bool
        Ordered in the 180 days before the instant, and before a horizon ago.
    is_gone : (n,) bool
        Ordered nothing in the last horizon.
    model : BgNbd or None
        Fitted on all who ever ordered.
    """

    revenue: Floats
    orders: Floats
    is_active: NDArray[np.bool_]
    was_active: NDArray[np.bool_]
    is_gone: NDArray[np.bool_]
    model: BgNbd | None


def buying_of(events: EventSet, read: Read, horizon_days: int) -> Buying:
    """How did every account buy, as known at the instant that is read?

    Active accounts ordered in 180 days; those that were active a horizon ago and ordered nothing
    since are gone.
    """
    orders = events.sources.get("orders")
    n = len(events.accounts.words)
    if orders is None:
        none = np.zeros(n, dtype=bool)
        unknown = np.full(n, np.nan)
        return Buying(unknown, unknown, none, none, none, None)
    bought = ("is_purchase",)
    before = _ACTIVITY_DAYS + horizon_days
    revenue, count, active, was_active, since, days, first, last = read(
        orders,
        [
            Output(S.SUM, "net_amount", window_days=365),
            Output(S.COUNT, where=bought, window_days=365),
            Output(S.COUNT, where=bought, window_days=_ACTIVITY_DAYS),
            Output(S.COUNT, where=bought, window_days=before, skip_days=horizon_days),
            Output(S.COUNT, where=bought, window_days=horizon_days),
            Output(S.DAYS, where=bought),
            Output(S.AGE_FIRST, where=bought),
            Output(S.AGE_LAST, where=bought),
        ],
    ).T
    known = ~np.isnan(first)
    repeats = repeat_purchases(days[known])
    model = fit(repeats, (first - last)[known] / 7.0, first[known] / 7.0)
    return Buying(revenue, count, active > 0, was_active > 0, since == 0, model)

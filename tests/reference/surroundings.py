"""Where an account stands among its peers and in its group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.reference.grouping import Columns, Numbers, ratio, shrunken
from tests.reference.known import Known

TENTHS = [tenth / 10 for tenth in range(1, 10)]


def surroundings(known: Known) -> Columns:
    """Attributes, position among peers, and what the group adds up to."""
    parent = known.word("parent_account_id")
    found = {"employees": known.number("employees")}
    found["group_accounts"] = _of_group(parent, np.ones(known.accounts.n), "sum")
    if known.orders is None:
        return found
    buying = _buying(known)
    revenue = buying["revenue"].to_numpy()
    found["group_revenue_365d"] = _of_group(parent, revenue, "sum")
    found["group_active_share"] = _of_group(parent, buying["is_active"].to_numpy(float), "mean")
    for place, of in (("segment", known.segment), ("country", known.word("country"))):
        found[f"revenue_position_in_{place}"] = _position(buying, of)
        was_there = buying["was_active"]
        found[f"{place}_churn_rate"] = shrunken(of[was_there], buying["is_gone"][was_there], of)
    found["orders_to_peers"] = ratio(buying["orders"].to_numpy(), _usual_orders(known, buying))
    found["share_of_wallet"] = ratio(revenue, known.number("wallet_revenue"))
    found["share_of_potential"] = ratio(revenue, known.number("potential_revenue"))
    return found


def _of_group(parent: pd.Series, values: Numbers, how: str) -> Numbers:
    """What the accounts of a group come to; missing without a parent."""
    return pd.Series(values).groupby(parent).transform(how).to_numpy(dtype=float)


def _buying(known: Known) -> pd.DataFrame:
    """How each account bought: a year's revenue and orders, and whether it was and is there."""
    orders, bought = known.orders, known.purchases
    assert orders is not None
    assert bought is not None
    horizon, age = known.prepared.horizon_days, bought["age"]
    revenue = known.accounts.sums(
        orders, {"revenue": orders["net_amount"].where(orders["age"] <= 365)}
    )
    found = known.accounts.sums(
        bought,
        {
            "orders": age <= 365,
            "is_active": age <= 180,
            "was_active": (age > horizon) & (age <= 180 + horizon),
            "is_gone": age <= horizon,
        },
    )
    buying = pd.DataFrame(revenue | found)
    names = ["is_active", "was_active", "is_gone"]
    buying[names] = buying[names] > 0
    return buying.assign(is_gone=~buying["is_gone"])


def _position(buying: pd.DataFrame, place: pd.Series) -> Numbers:
    """Tenths of the active accounts of the same place, or of all, that buy no more."""
    revenue = buying["revenue"].to_numpy()
    peers = buying["revenue"][buying["is_active"]]
    if not len(peers):
        return np.full(len(place), np.nan)
    cuts = {key: np.quantile(own, TENTHS) for key, own in peers.groupby(place.loc[peers.index])}
    found = np.full(revenue.size, np.nan)
    for key, members in place.groupby(place).indices.items():
        if key in cuts:
            found[members] = np.searchsorted(cuts[key], revenue[members], side="right") / 10
    alone = place.isna().to_numpy()
    everyone = np.quantile(peers, TENTHS)
    found[alone] = np.searchsorted(everyone, revenue[alone], side="right") / 10
    return found


def _usual_orders(known: Known, buying: pd.DataFrame) -> Numbers:
    """Median orders of the active accounts of the same segment, or of all."""
    orders = buying["orders"][buying["is_active"]]
    usual = orders.groupby(known.segment.loc[orders.index]).median().reindex(known.segment)
    return np.where(known.segment.isna(), orders.median(), usual.to_numpy(dtype=float))

"""Where does the account stand in its segment, its country and its group, and what moves there?"""

from __future__ import annotations

from collections.abc import Sequence

from features.formulas import MISSING, Expression, col, is_missing, ratio, where
from features.kernel import Output
from features.kernel import Statistic as S
from features.signals.declare import About, Signal, aggregate, derived, lookup

_EVENTS = "account_events"
DECILES = tuple(range(1, 10))
"""Deciles of yearly revenue that a context keeps per segment and country."""


def position(value: Expression, deciles: Sequence[Expression]) -> Expression:
    """Above how many tenths of its peers does a value lie, from 0 to 1? Missing without peers.

    >>> from features.registers import value_of
    >>> of_two = position(col("value"), [col("low"), col("high")])
    >>> value_of(of_two, value=5.0, low=1.0, high=9.0)
    0.1
    """
    above = sum((value >= cut for cut in deciles[1:]), start=value >= deciles[0])
    share = where(is_missing(deciles[0]), MISSING, above / 10.0)
    return where(is_missing(value), MISSING, share)


def _position_in(place: str) -> tuple[Signal, ...]:
    key = "_segment" if place == "segment" else "_country"
    deciles = tuple(f"_{place}_revenue_d{number}" for number in DECILES)
    return (
        *(
            lookup(name, "orders", key, (place, f"revenue_d{number}"))
            for name, number in zip(deciles, DECILES, strict=True)
        ),
        derived(
            f"revenue_position_in_{place}", "orders",
            position(col("revenue_365d"), [col(name) for name in deciles]),
            About("share", "profile", "POSITION",
                  f"tenths of the active accounts of its {place} that buy no more, 0 to 1",
                  churn=-1, win=1, missing=f"without active accounts in the {place}"),
        ),
        lookup(
            f"{place}_churn_rate", "orders", key, (place, "churn_rate"),
            About("share", "profile", "PEER_CHURN",
                  f"share of its {place} that was active a horizon ago and then ordered nothing,"
                  " shrunken", churn=1, missing="before any account has matured"),
        ),
    )  # fmt: skip


SIGNALS = (
    aggregate("_country", "country", Output(S.LAST, "code"), table="accounts"),
    *_position_in("segment"),
    *_position_in("country"),
    lookup("_usual_orders", "orders", "_segment", ("segment", "orders_median")),
    derived(
        "orders_to_peers", "orders", ratio(col("orders_365d"), col("_usual_orders")),
        About("times", "profile", "POSITION",
              "orders of 365 days over the median of the active accounts of its segment", churn=-1,
              missing="without active accounts in the segment"),
    ),
    aggregate(
        "employees", "employees", Output(S.LAST, "value"),
        About("people", "profile", "SIZE", "head count", missing="when it is not known"),
        table="accounts",
    ),
    aggregate("_parent", "parent", Output(S.LAST, "code"), table="accounts"),
    lookup("_group_accounts", "accounts", "_parent", ("parent", "accounts")),
    lookup("_group_revenue_365d", "accounts", "_parent", ("parent", "revenue_365d")),
    lookup("_group_active_share", "accounts", "_parent", ("parent", "active_share")),
    derived(
        "group_accounts", "accounts",
        where(is_missing(col("_parent")), MISSING, col("_group_accounts")),
        About("accounts", "profile", "GROUP",
              "accounts of its parent that we know, itself included", missing="without a parent"),
    ),
    derived(
        "group_revenue_365d", "orders",
        where(is_missing(col("_parent")), MISSING, col("_group_revenue_365d")),
        About("currency", "profile", "GROUP", "revenue of 365 days of the accounts of its parent",
              churn=-1, win=1, missing="without a parent"),
    ),
    derived(
        "group_active_share", "orders",
        where(is_missing(col("_parent")), MISSING, col("_group_active_share")),
        About("share", "profile", "GROUP",
              "share of the accounts of its parent that ordered in 180 days", churn=-1, win=1,
              missing="without a parent"),
    ),
    aggregate(
        "account_events_90d", _EVENTS, Output(S.COUNT, window_days=90),
        About("events", "profile", "TRIGGER", "things that happened at the account in 90 days",
              win=1),
    ),
    aggregate(
        "growth_events_365d", _EVENTS, Output(S.COUNT, where=("is_growth",), window_days=365),
        About("events", "profile", "TRIGGER",
              "signs of growth at the account in 365 days: funding, projects, openings", churn=-1,
              win=1),
    ),
    aggregate(
        "change_events_180d", _EVENTS, Output(S.COUNT, where=("is_change",), window_days=180),
        About("events", "profile", "TRIGGER",
              "changes at the account in 180 days: new roles, moves, mergers", churn=1),
    ),
    aggregate(
        "days_since_account_event", _EVENTS, Output(S.AGE_LAST),
        About("days", "profile", "TRIGGER", "days since something happened at the account",
              missing="when nothing is known to have happened"),
    ),
)  # fmt: skip

"""How often does the account order, and more or less than before?"""

from __future__ import annotations

from features.formulas import MISSING, Expression, change, col, maximum, ratio, where
from features.kernel import Output
from features.kernel import Statistic as S
from features.signals.declare import About, Signal, aggregate, derived
from features.signals.recency import PURCHASE

_WINDOWS = (30, 90, 180, 365)


def _orders(days: int) -> Signal:
    return aggregate(
        f"orders_{days}d", "orders", Output(S.COUNT, where=PURCHASE, window_days=days),
        About("orders", "rhythm", "ORDER_FREQUENCY", f"orders in the last {days} days", churn=-1,
              win=1, is_actionable=True),
    )  # fmt: skip


def _active_days(days: int) -> Signal:
    return aggregate(
        f"active_days_{days}d", "orders", Output(S.DAYS, where=PURCHASE, window_days=days),
        About("days", "rhythm", "ORDER_FREQUENCY", f"days with an order in the last {days} days",
              churn=-1),
    )  # fmt: skip


def _before(name: str, statistic: S, window: int, skip: int) -> Signal:
    """A step: orders at most ``window`` and more than ``skip`` days old."""
    return aggregate(
        name, "orders", Output(statistic, where=PURCHASE, window_days=window, skip_days=skip)
    )


def orders_per_month(orders: Expression, days_since_first: Expression) -> Expression:
    """How many orders does the account place in 30 days, over its life with us?

    Counts at least 30 days of life, so that a first order last week is not 4 a month.

    >>> from features.registers import value_of
    >>> value_of(orders_per_month(col("orders"), col("days")), orders=6.0, days=90.0)
    2.0
    """
    return ratio(30.0 * orders, maximum(days_since_first, 30.0))


SIGNALS = (
    *(_orders(days) for days in _WINDOWS),
    aggregate(
        "orders_all", "orders", Output(S.COUNT, where=PURCHASE),
        About("orders", "profile", "TENURE", "orders so far", churn=-1, win=1),
    ),
    *(_active_days(days) for days in (30, 90, 180, 365)),
    derived(
        "orders_per_month", "orders",
        orders_per_month(col("orders_all"), col("days_since_first_order")),
        About("orders", "rhythm", "ORDER_FREQUENCY", "orders per 30 days since the first", churn=-1,
              missing="when the account never ordered"),
    ),
    derived(
        "repeat_orders_per_quarter", "orders",
        ratio(90.0 * (col("orders_all") - 1.0), maximum(col("days_since_first_order"), 1.0)),
        About("orders", "rhythm", "ORDER_FREQUENCY", "orders after the first, per 90 days",
              churn=-1, missing="when the account never ordered"),
    ),
    derived(
        "recent_order_share", "orders", ratio(col("orders_180d"), col("orders_all")),
        About("share", "rhythm", "ORDER_TREND", "share of all its orders placed in 180 days",
              missing="when the account never ordered"),
    ),
    derived(
        "orders_change_90d", "orders", change(col("orders_90d"), col("orders_180d")),
        About("share", "rhythm", "ORDER_TREND",
              "orders of the last 90 days against the 90 before, from -1 to 1", churn=-1,
              is_actionable=True, missing="without orders in the last 180 days"),
    ),
    _before("_orders_before_180d", S.COUNT, 360, 180),
    derived(
        "orders_change_180d", "orders",
        change(col("orders_180d"), col("orders_180d") + col("_orders_before_180d")),
        About("share", "rhythm", "ORDER_TREND",
              "orders of the last 180 days against the 180 before, from -1 to 1", churn=-1,
              missing="without orders in the last 360 days"),
    ),
    _before("_active_days_before_90d", S.DAYS, 180, 90),
    derived(
        "active_days_change_90d", "orders",
        change(col("active_days_90d"), col("active_days_90d") + col("_active_days_before_90d")),
        About("share", "rhythm", "ORDER_TREND",
              "days with an order, the last 90 days against the 90 before, from -1 to 1", churn=-1,
              missing="without orders in the last 180 days"),
    ),
    _before("_orders_around_last_year", S.COUNT, 410, 320),
    derived(
        "orders_same_season", "orders",
        where(col("days_since_first_order") > 410.0, col("_orders_around_last_year"), MISSING),
        About("orders", "rhythm", "SEASON_ORDERS",
              "orders in the 90 days around this day a year ago", churn=-1,
              missing="until more than 410 days after the first order"),
    ),
    _before("_orders_next_season", S.COUNT, 365, 275),
    derived(
        "orders_next_season", "orders",
        where(col("days_since_first_order") > 365.0, col("_orders_next_season"), MISSING),
        About("orders", "rhythm", "SEASON_ORDERS",
              "orders in the 90 days that followed this day a year ago", churn=-1,
              missing="until more than 365 days after the first order"),
    ),
    derived(
        "orders_change_30d", "orders",
        change(3.0 * col("orders_30d"),
               3.0 * col("orders_30d") + 1.5 * (col("orders_90d") - col("orders_30d"))),
        About("share", "rhythm", "ORDER_TREND",
              "orders of the last 30 days against the rate of the 60 before, from -1 to 1",
              churn=-1, missing="without orders in the last 90 days"),
    ),
)  # fmt: skip

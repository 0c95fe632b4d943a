"""How much does the account spend, on what, and is it growing?"""

from __future__ import annotations

from features.formulas import (
    MISSING,
    change,
    clip,
    col,
    equal,
    is_missing,
    maximum,
    minimum,
    ratio,
    where,
)
from features.kernel import Output, State
from features.kernel import Statistic as S
from features.signals.declare import About, Signal, aggregate, derived
from features.signals.recency import PURCHASE

_NET = "net_amount"
_NO_AMOUNT = "without orders of a known amount in the last 365 days"
_NO_TWO_AMOUNTS = "with fewer than two orders of a known amount in the last 365 days"
_NO_MARGIN = "without margins, or unless net revenue is above 0, in the last 365 days"


def _revenue(days: int) -> Signal:
    return aggregate(
        f"revenue_{days}d", "orders", Output(S.SUM, _NET, window_days=days),
        About("currency", "spend", "SPEND_LEVEL",
              f"net revenue of the last {days} days, credit notes taken off", churn=-1, win=1),
    )  # fmt: skip


SIGNALS = (
    *(_revenue(days) for days in (30, 90, 180, 365)),
    aggregate(
        "revenue_all", "orders", Output(S.SUM, _NET),
        About("currency", "spend", "SPEND_LEVEL", "net revenue so far", churn=-1, win=1),
    ),
    derived(
        "revenue_change_90d", "orders",
        clip(change(col("revenue_90d"), col("revenue_180d")), -1.0, 1.0),
        About("share", "spend", "SPEND_TREND",
              "revenue of the last 90 days against the 90 before, from -1 to 1", churn=-1,
              is_actionable=True, missing="unless net revenue of the last 180 days is above 0"),
    ),
    aggregate("_revenue_before_180d", "orders",
              Output(S.SUM, _NET, window_days=360, skip_days=180)),
    derived(
        "revenue_change_180d", "orders",
        clip(change(col("revenue_180d"), col("revenue_180d") + col("_revenue_before_180d")), -1.0,
             1.0),
        About("share", "spend", "SPEND_TREND",
              "revenue of the last 180 days against the 180 before, from -1 to 1", churn=-1,
              is_actionable=True, missing="unless net revenue of the last 360 days is above 0"),
    ),
    aggregate(
        "basket_slope_365d", "orders", Output(S.SLOPE, _NET, PURCHASE, window_days=365),
        About("currency", "spend", "BASKET_TREND",
              "how much the net amount of an order grows per 30 days, over the last 365", churn=-1,
              missing=_NO_TWO_AMOUNTS),
    ),
    aggregate(
        "average_basket_365d", "orders", Output(S.MEAN, _NET, PURCHASE, window_days=365),
        About("currency", "spend", "BASKET", "mean net amount of an order, last 365 days", churn=-1,
              missing=_NO_AMOUNT),
    ),
    aggregate(
        "median_basket_365d", "orders", Output(S.MEDIAN, _NET, PURCHASE, window_days=365),
        About("currency", "spend", "BASKET", "median net amount of an order, last 365 days",
              churn=-1, missing=_NO_AMOUNT),
    ),
    aggregate(
        "basket_spread_365d", "orders", Output(S.STD, _NET, PURCHASE, window_days=365),
        About("currency", "spend", "BASKET_REGULARITY",
              "standard deviation of the net amounts of orders, last 365 days",
              missing=_NO_TWO_AMOUNTS),
    ),
    aggregate(
        "largest_order_365d", "orders", Output(S.MAX, _NET, PURCHASE, window_days=365),
        About("currency", "spend", "BASKET", "largest order of the last 365 days", churn=-1,
              missing=_NO_AMOUNT),
    ),
    aggregate("_last_basket", "orders", Output(S.LAST, _NET, PURCHASE)),
    derived(
        "last_basket_ratio", "orders", ratio(col("_last_basket"), col("average_basket_365d")),
        About("times", "spend", "SPEND_TREND", "last order over the mean order", churn=-1,
              missing=_NO_AMOUNT),
    ),
    derived(
        "basket_volatility", "orders", ratio(col("basket_spread_365d"), col("average_basket_365d")),
        About("share", "spend", "BASKET_REGULARITY", "spread of the orders over their mean",
              missing=_NO_TWO_AMOUNTS),
    ),
    derived(
        "revenue_per_month", "orders",
        ratio(30.0 * col("revenue_all"), maximum(col("days_since_first_order"), 30.0)),
        About("currency", "spend", "SPEND_LEVEL", "net revenue per 30 days since the first order",
              churn=-1, missing="when the account never ordered"),
    ),
    aggregate(
        "_credited_365d", "orders",
        Output(S.SUM, _NET, ("is_credit_note",), window_days=365),
    ),
    aggregate("_bought_365d", "orders", Output(S.SUM, _NET, PURCHASE, window_days=365)),
    derived(
        "credit_note_rate_365d", "orders",
        minimum(ratio(-col("_credited_365d"), col("_bought_365d")), 10.0),
        About("share", "service", "CREDIT_NOTES", "credited over bought, last 365 days", churn=1,
              is_actionable=True, missing=_NO_AMOUNT),
    ),
    aggregate(
        "credit_notes_180d", "orders",
        Output(S.COUNT, where=("is_credit_note",), window_days=180),
        About("credit notes", "service", "CREDIT_NOTES", "credit notes in the last 180 days",
              churn=1, is_actionable=True),
    ),
    aggregate("_margin_365d", "orders", Output(S.SUM, "margin_amount", window_days=365)),
    derived(
        "margin_rate_365d", "orders",
        where(equal(col("_margin_365d"), 0.0), MISSING,
              ratio(col("_margin_365d"), col("revenue_365d"))),
        About("share", "spend", "MARGIN", "margin over net revenue, last 365 days",
              missing=_NO_MARGIN),
    ),
    aggregate("_discount_365d", "orders", Output(S.SUM, "discount_amount", PURCHASE,
                                                 window_days=365)),
    derived(
        "discount_rate_365d", "orders",
        ratio(col("_discount_365d"), col("_bought_365d") + col("_discount_365d")),
        About("share", "spend", "DISCOUNT", "discount over gross purchases, last 365 days",
              is_actionable=True, missing=_NO_AMOUNT),
    ),
    derived(
        "margin_365d", "orders",
        where(is_missing(col("margin_rate_365d")), MISSING, col("_margin_365d")),
        About("currency", "spend", "MARGIN", "margin of the last 365 days", churn=-1, win=1,
              missing=_NO_MARGIN),
    ),
    aggregate("_wallet", "wallet", Output(S.LAST, "value"), table="accounts"),
    derived(
        "share_of_wallet", "orders", ratio(col("revenue_365d"), col("_wallet")),
        About("share", "spend", "SHARE_OF_WALLET",
              "revenue of 365 days over what the account spends on what we sell", churn=-1,
              is_actionable=True, missing="when what it spends is not known, or 0"),
    ),
    aggregate("_potential", "potential", Output(S.LAST, "value"), table="accounts"),
    derived(
        "share_of_potential", "orders", ratio(col("revenue_365d"), col("_potential")),
        About("share", "spend", "SHARE_OF_WALLET",
              "revenue of 365 days over what the account could buy from us", churn=-1,
              is_actionable=True, missing="when its potential is not known, or 0"),
    ),
    aggregate(
        "top_product_share_365d", "lines",
        Output(S.TOP_SHARE, "product", PURCHASE, window_days=365, weight=_NET),
        About("share", "spend", "PRODUCT_CONCENTRATION",
              "share of the purchases of 365 days that fall on one product",
              missing="without lines of a known product and amount in the last 365 days"),
        table="orders",
    ),
    aggregate(
        "categories_180d", "lines",
        Output(S.DISTINCT, "category", PURCHASE, window_days=180),
        About("categories", "spend", "CATEGORY_RANGE", "different categories bought in 180 days",
              churn=-1, is_actionable=True), table="orders",
    ),
    aggregate("_categories_365d", "lines",
              Output(S.DISTINCT, "category", PURCHASE, window_days=365), table="orders"),
    derived(
        "dropped_categories_180d", "orders", col("_categories_365d") - col("categories_180d"),
        About("categories", "spend", "CATEGORY_RANGE",
              "categories bought in 365 days but not in the last 180", churn=1,
              is_actionable=True),
    ),
    aggregate("_categories_all", "lines", Output(S.DISTINCT, "category", PURCHASE),
              table="orders"),
    aggregate("_categories_before", "lines",
              Output(S.DISTINCT, "category", PURCHASE, skip_days=180), table="orders"),
    derived(
        "new_categories_180d", "orders", col("_categories_all") - col("_categories_before"),
        About("categories", "spend", "CATEGORY_RANGE",
              "categories bought for the first time in the last 180 days", churn=-1,
              is_actionable=True),
    ),
    aggregate(
        "products_180d", "lines",
        Output(S.DISTINCT, "product", PURCHASE, window_days=180),
        About("products", "spend", "PRODUCT_RANGE", "different products bought in 180 days",
              churn=-1, is_actionable=True), table="orders",
    ),
    aggregate(
        "products_all", "lines", Output(S.DISTINCT, "product", PURCHASE),
        About("products", "spend", "PRODUCT_RANGE", "different products bought so far", churn=-1),
        table="orders",
    ),
    aggregate(
        "lines_per_order_365d", "orders", Output(S.MEAN, "lines", PURCHASE, window_days=365),
        About("lines", "spend", "PRODUCT_RANGE", "mean lines of an order, last 365 days", churn=-1,
              missing="without orders in the last 365 days"),
    ),
    aggregate(
        "payment_delay_days_365d", "invoices",
        Output(S.MEAN, "days_late", state=State.SETTLED, window_days=365),
        About("days", "contract", "LATE_PAYMENT",
              "mean days past due at which invoices of the last 365 days were paid", churn=1,
              missing="without paid invoices in the last 365 days"),
    ),
    aggregate(
        "late_invoice_share_365d", "invoices",
        Output(S.MEAN, "is_late", state=State.SETTLED, window_days=365),
        About("share", "contract", "LATE_PAYMENT",
              "share of the invoices of 365 days that were paid late", churn=1,
              missing="without paid invoices in the last 365 days"),
    ),
    aggregate(
        "unpaid_amount", "invoices", Output(S.SUM, "amount", state=State.OPEN),
        About("currency", "contract", "LATE_PAYMENT", "amount of invoices not yet paid", churn=1,
              is_actionable=True),
    ),
)  # fmt: skip

"""How long has the account been silent, measured against its own rhythm?"""

from __future__ import annotations

from features.bgnbd import expected_if_alive, p_alive
from features.formulas import Expression, col, is_missing, maximum, minimum, ratio, where
from features.kernel import Output
from features.kernel import Statistic as S
from features.signals.declare import About, aggregate, computed, derived, lookup

PURCHASE = ("is_purchase",)
_NO_ORDER = "when the account never ordered"
_NO_RHYTHM = "with orders on fewer than two days, where no buyer of the last 365 days has more"
_NO_GAP = f"when the account never ordered, or {_NO_RHYTHM}"
_TWO_DAYS = "with orders on fewer than two days"

_USUAL_SLACK_DAYS = 5.0
"""Nobody orders like a clock: this much is added to a spread before dividing by it."""

_PRIOR_GAPS = 2.0
"""A peer's usual gap counts like this many gaps of the account's own."""


def expected_gap(own: Expression, days: Expression, peers: Expression) -> Expression:
    """Which gap may be expected: the account's own, leaning on its peers while it has few?

    >>> from features.registers import value_of
    >>> gap = expected_gap(col("own"), col("days"), col("peers"))
    >>> value_of(gap, own=10.0, days=3.0, peers=40.0)
    25.0
    """
    gaps = maximum(days - 1.0, 0.0)
    own = where(is_missing(own), 0.0, own)
    # Without peers (no context value) the account's own rhythm stands alone.
    prior = where(is_missing(peers), 0.0, _PRIOR_GAPS)
    return ratio(gaps * own + prior * where(is_missing(peers), 0.0, peers), gaps + prior)


_BGNBD = (
    "bgnbd_frequency", "bgnbd_recency_days", "days_since_first_order",
    "_bgnbd_r", "_bgnbd_alpha", "_bgnbd_a", "_bgnbd_b",
)  # fmt: skip

SIGNALS = (
    aggregate(
        "days_since_last_order", "orders", Output(S.AGE_LAST, where=PURCHASE),
        About("days", "rhythm", "RHYTHM_BROKEN", "days since the last order", churn=1, win=-1,
              is_actionable=True, missing=_NO_ORDER),
    ),
    aggregate(
        "days_since_first_order", "orders", Output(S.AGE_FIRST, where=PURCHASE),
        About("days", "profile", "TENURE", "days since the first order", churn=-1,
              missing=_NO_ORDER),
    ),
    aggregate(
        "usual_gap_days", "orders", Output(S.GAP_MEAN, where=PURCHASE),
        About("days", "rhythm", "ORDER_RHYTHM", "mean days between days with an order", churn=1,
              missing=_TWO_DAYS),
    ),
    aggregate(
        "median_gap_days", "orders", Output(S.GAP_MEDIAN, where=PURCHASE),
        About("days", "rhythm", "ORDER_RHYTHM", "median days between days with an order", churn=1,
              missing=_TWO_DAYS),
    ),
    aggregate(
        "gap_spread_days", "orders", Output(S.GAP_STD, where=PURCHASE),
        About("days", "rhythm", "REGULARITY", "standard deviation of the days between orders",
              churn=1, missing="with orders on fewer than three days"),
    ),
    aggregate(
        "longest_gap_days", "orders", Output(S.GAP_MAX, where=PURCHASE),
        About("days", "rhythm", "REGULARITY", "longest time between two orders", churn=1,
              missing=_TWO_DAYS),
    ),
    aggregate("_order_days", "orders", Output(S.DAYS, where=PURCHASE)),
    aggregate("_segment", "segment", Output(S.LAST, "code"), table="accounts"),
    lookup("_peer_gap_days", "orders", "_segment", ("segment", "usual_gap_days")),
    derived(
        "expected_gap_days", "orders",
        expected_gap(col("median_gap_days"), col("_order_days"), col("_peer_gap_days")),
        About("days", "rhythm", "ORDER_RHYTHM",
              "days between orders to be expected: its own, leaning on its segment's", churn=1,
              missing=_NO_RHYTHM),
    ),
    derived(
        "overdue_ratio", "orders", ratio(col("days_since_last_order"), col("expected_gap_days")),
        About("times", "rhythm", "RHYTHM_BROKEN", "silence over the gap to be expected", churn=1,
              win=-1, is_actionable=True, missing=_NO_GAP),
    ),
    derived(
        "overdue_days", "orders", col("days_since_last_order") - col("expected_gap_days"),
        About("days", "rhythm", "RHYTHM_BROKEN", "silence beyond the gap to be expected", churn=1,
              is_actionable=True, missing=_NO_GAP),
    ),
    derived(
        "gap_irregularity", "orders", ratio(col("gap_spread_days"), col("usual_gap_days")),
        About("share", "rhythm", "REGULARITY", "spread of the gaps over their mean", churn=1,
              missing="with orders on fewer than three days"),
    ),
    derived(
        "overdue_spreads", "orders",
        col("overdue_days") / (col("gap_spread_days") + _USUAL_SLACK_DAYS),
        About("times", "rhythm", "RHYTHM_BROKEN", "silence beyond the expected gap, in spreads of"
              " the account's own gaps", churn=1, is_actionable=True,
              missing="with orders on fewer than three days"),
    ),
    derived(
        "silence_over_longest_gap", "orders",
        minimum(ratio(col("days_since_last_order"), col("longest_gap_days")), 20.0),
        About("times", "rhythm", "RHYTHM_BROKEN", "silence over the longest gap so far, at most 20",
              churn=1, is_actionable=True, missing=_TWO_DAYS),
    ),
    derived(
        "silence_over_active_life", "orders",
        ratio(col("days_since_last_order"),
              col("days_since_first_order") - col("days_since_last_order") + 30.0),
        About("times", "rhythm", "RHYTHM_BROKEN",
              "silence over the time between the first and the last order (and 30 days)", churn=1,
              missing=_NO_ORDER),
    ),
    derived(
        "bgnbd_frequency", "orders", maximum(col("_order_days") - 1.0, 0.0),
        About("days", "rhythm", "ORDER_FREQUENCY", "days with an order after the first (BG/NBD)",
              churn=-1),
    ),
    derived(
        "bgnbd_recency_days", "orders",
        col("days_since_first_order") - col("days_since_last_order"),
        About("days", "profile", "TENURE", "days from the first to the last order (BG/NBD)",
              churn=-1, missing=_NO_ORDER),
    ),
    *(lookup(f"_bgnbd_{name}", "orders", "_segment", ("segment", f"bgnbd_{name}"))
      for name in ("r", "alpha", "a", "b")),
    computed(
        "bgnbd_p_alive", "orders", _BGNBD,
        lambda x, recency, age, *model: p_alive(x, recency / 7.0, age / 7.0, *model),
        About("share", "rhythm", "STILL_BUYING",
              "probability that the account still buys, from its rhythm alone (BG/NBD)", churn=-1,
              missing=_NO_ORDER),
    ),
    computed(
        "bgnbd_orders_90d", "orders", ("bgnbd_p_alive", _BGNBD[0], *_BGNBD[2:]),
        lambda alive, x, age, *model: alive * expected_if_alive(
            x, age / 7.0, *model, ahead=90.0 / 7.0
        ),
        About("orders", "rhythm", "STILL_BUYING",
              "order days to be expected in 90 days, from its rhythm alone (BG/NBD)", churn=-1,
              missing=_NO_ORDER),
    ),
    derived(
        "silence_share_of_tenure", "orders",
        ratio(col("days_since_last_order"), col("days_since_first_order")),
        About("share", "rhythm", "RHYTHM_BROKEN", "silence over the time since the first order",
              churn=1, missing=_NO_ORDER),
    ),
)  # fmt: skip

"""How long has the account been silent, measured against its own rhythm?"""

from __future__ import annotations

import numpy as np

from features.bgnbd import expected_purchases, p_alive, repeat_purchases
from features.kernel import Floats, Output
from features.kernel import Statistic as S
from features.signals.declare import About, aggregate, derived, lookup, ratio

PURCHASE = ("is_purchase",)
_NO_ORDER = "when the account never ordered"
_NO_RHYTHM = "with orders on fewer than two days, where no buyer of the last 365 days has more"
_NO_GAP = f"when the account never ordered, or {_NO_RHYTHM}"
_TWO_DAYS = "with orders on fewer than two days"

_USUAL_SLACK_DAYS = 5.0
"""Nobody orders like a clock: this much is added to a spread before dividing by it."""

_PRIOR_GAPS = 2.0
"""A peer's usual gap counts like this many gaps of the account's own."""


def expected_gap(own: Floats, days: Floats, peers: Floats) -> Floats:
    """Which gap may be expected: the account's own, leaning on its peers while it has few?

    >>> expected_gap(np.array([10.0]), np.array([3.0]), np.array([40.0])).tolist()
    [25.0]
    """
    gaps = np.maximum(days - 1.0, 0.0)
    own = np.where(np.isnan(own), 0.0, own)
    # Without peers (no context value) the account's own rhythm stands alone.
    prior = np.where(np.isnan(peers), 0.0, _PRIOR_GAPS)
    return ratio(gaps * own + prior * np.where(np.isnan(peers), 0.0, peers), gaps + prior)


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
        "expected_gap_days", "orders", ("median_gap_days", "_order_days", "_peer_gap_days"),
        expected_gap,
        About("days", "rhythm", "ORDER_RHYTHM",
              "days between orders to be expected: its own, leaning on its segment's", churn=1,
              missing=_NO_RHYTHM),
    ),
    derived(
        "overdue_ratio", "orders", ("days_since_last_order", "expected_gap_days"), ratio,
        About("times", "rhythm", "RHYTHM_BROKEN", "silence over the gap to be expected", churn=1,
              win=-1, is_actionable=True, missing=_NO_GAP),
    ),
    derived(
        "overdue_days", "orders", ("days_since_last_order", "expected_gap_days"),
        np.subtract,
        About("days", "rhythm", "RHYTHM_BROKEN", "silence beyond the gap to be expected", churn=1,
              is_actionable=True, missing=_NO_GAP),
    ),
    derived(
        "gap_irregularity", "orders", ("gap_spread_days", "usual_gap_days"), ratio,
        About("share", "rhythm", "REGULARITY", "spread of the gaps over their mean", churn=1,
              missing="with orders on fewer than three days"),
    ),
    derived(
        "overdue_spreads", "orders", ("overdue_days", "gap_spread_days"),
        lambda overdue, spread: overdue / (spread + _USUAL_SLACK_DAYS),
        About("times", "rhythm", "RHYTHM_BROKEN", "silence beyond the expected gap, in spreads of"
              " the account's own gaps", churn=1, is_actionable=True,
              missing="with orders on fewer than three days"),
    ),
    derived(
        "silence_over_longest_gap", "orders", ("days_since_last_order", "longest_gap_days"),
        lambda silence, longest: np.minimum(ratio(silence, longest), 20.0),
        About("times", "rhythm", "RHYTHM_BROKEN", "silence over the longest gap so far, at most 20",
              churn=1, is_actionable=True, missing=_TWO_DAYS),
    ),
    derived(
        "silence_over_active_life", "orders", ("days_since_last_order", "days_since_first_order"),
        lambda silence, life: ratio(silence, life - silence + 30.0),
        About("times", "rhythm", "RHYTHM_BROKEN",
              "silence over the time between the first and the last order (and 30 days)", churn=1,
              missing=_NO_ORDER),
    ),
    derived(
        "bgnbd_frequency", "orders", ("_order_days",), repeat_purchases,
        About("days", "rhythm", "ORDER_FREQUENCY", "days with an order after the first (BG/NBD)",
              churn=-1),
    ),
    derived(
        "bgnbd_recency_days", "orders", ("days_since_first_order", "days_since_last_order"),
        np.subtract,
        About("days", "profile", "TENURE", "days from the first to the last order (BG/NBD)",
              churn=-1, missing=_NO_ORDER),
    ),
    *(lookup(f"_bgnbd_{name}", "orders", "_segment", ("segment", f"bgnbd_{name}"))
      for name in ("r", "alpha", "a", "b")),
    derived(
        "bgnbd_p_alive", "orders", _BGNBD,
        lambda x, recency, age, *model: p_alive(x, recency / 7.0, age / 7.0, *model),
        About("share", "rhythm", "STILL_BUYING",
              "probability that the account still buys, from its rhythm alone (BG/NBD)", churn=-1,
              missing=_NO_ORDER),
    ),
    derived(
        "bgnbd_orders_90d", "orders", _BGNBD,
        lambda x, recency, age, *model: expected_purchases(
            x, recency / 7.0, age / 7.0, *model, ahead=90.0 / 7.0
        ),
        About("orders", "rhythm", "STILL_BUYING",
              "order days to be expected in 90 days, from its rhythm alone (BG/NBD)", churn=-1,
              missing=_NO_ORDER),
    ),
    derived(
        "silence_share_of_tenure", "orders", ("days_since_last_order", "days_since_first_order"),
        ratio,
        About("share", "rhythm", "RHYTHM_BROKEN", "silence over the time since the first order",
              churn=1, missing=_NO_ORDER),
    ),
)  # fmt: skip

"""What became of an account or a deal: every rule of the labels, told by dates.

All tables ask as of 2011-03-01 with a horizon of ten days: the window is [03-01, 03-11), or
[03-06, 03-16) with a lead time of five. ``?`` is an outcome that is not known yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pytest

from features.asof import instant
from features.events import EventSet
from tests.spec.features_portfolio import cells, events_of
from training.labels import Horizon, Labels, churn_labels, close_labels

AS_OF = "2011-03-01"

# Account a has the orders of the table; b orders once, long ago, so that there is always an order.
ORDERS = "order_id line_id account_id ordered_at net_amount known_at is_deleted\n"
OLD = "0 1 a 2011-01-10 50 - -\n0 2 b 2011-01-10 50 - -\n"

CHURN_BY_ORDERS = {
    "an order inside the window keeps the account": (
        "1 1 a 2011-03-05 20 - -",
        """
        lead known_by    left
        0    2011-03-11  0
        """,
    ),
    "no order inside the window: the account has left": (
        "",
        """
        lead known_by    left
        0    2011-03-11  1
        """,
    ),
    "nothing is known before the window has passed, even where an order is seen": (
        "1 1 a 2011-03-02 20 - -",
        """
        lead known_by    left
        0    2011-03-03  ?
        0    2011-03-10  ?
        0    2011-03-11  0
        """,
    ),
    "the window holds its first instant": (
        "1 1 a 2011-03-01T00:00:00Z 20 - -",
        """
        lead known_by    left
        0    2011-04-01  0
        """,
    ),
    "the window holds its last second": (
        "1 1 a 2011-03-10T23:59:59Z 20 - -",
        """
        lead known_by    left
        0    2011-04-01  0
        """,
    ),
    "the window does not hold its end": (
        "1 1 a 2011-03-11T00:00:00Z 20 - -",
        """
        lead known_by    left
        0    2011-04-01  1
        """,
    ),
    "a credit note keeps nobody": (
        "1 1 a 2011-03-05 -20 - -",
        """
        lead known_by    left
        0    2011-04-01  1
        """,
    ),
    "lines that add up to nothing keep nobody": (
        "1 1 a 2011-03-05 20 - -\n1 2 a 2011-03-05 -20 - -",
        """
        lead known_by    left
        0    2011-04-01  1
        """,
    ),
    "an order that is credited later was an order": (
        "1 1 a 2011-03-05 20 - -\n2 1 a 2011-03-06 -20 - -",
        """
        lead known_by    left
        0    2011-04-01  0
        """,
    ),
    "an order inside the lead time does not count": (
        "1 1 a 2011-03-03 20 - -",
        """
        lead known_by    left
        0    2011-03-16  0
        5    2011-03-15  ?
        5    2011-03-16  1
        """,
    ),
    "with a lead time the window ends later": (
        "1 1 a 2011-03-15 20 - -",
        """
        lead known_by    left
        0    2011-03-16  1
        5    2011-03-16  0
        """,
    ),
    "an order that we learn of late counts from then on": (
        "1 1 a 2011-03-05 20 2011-03-20T00:00:00Z -",
        """
        lead known_by    left
        0    2011-03-11  1
        0    2011-03-20  1
        0    2011-03-21  0
        """,
    ),
    "an order that is withdrawn counts until then": (
        "1 1 a 2011-03-05 20 - -\n1 1 a 2011-03-05 20 2011-03-12T00:00:00Z true",
        """
        lead known_by    left
        0    2011-03-12  0
        0    2011-03-13  1
        """,
    ),
    "an order that is moved out of the window counts until then": (
        "1 1 a 2011-03-05 20 - -\n1 1 a 2011-03-25 20 2011-03-12T00:00:00Z -",
        """
        lead known_by    left
        0    2011-03-12  0
        0    2011-04-01  1
        """,
    ),
}

SUBSCRIPTIONS = "subscription_id account_id start_date ended_at\n"

CHURN_BY_SUBSCRIPTIONS = {
    "a subscription that runs on keeps the account, known 30 days after the window": (
        "1 a 2011-01-01 -",
        """
        lead known_by    left  rule
        0    2011-04-09  ?     subscription
        0    2011-04-10  0     subscription
        """,
    ),
    "a subscription that ends inside the window: the account has left": (
        "1 a 2011-01-01 2011-03-05",
        """
        lead known_by    left  rule
        0    2011-04-09  ?     subscription
        0    2011-04-10  1     subscription
        """,
    ),
    "a subscription that ends with the window has not ended inside it": (
        "1 a 2011-01-01 2011-03-11",
        """
        lead known_by    left  rule
        0    2011-06-01  0     subscription
        """,
    ),
    "a successor within 30 days continues it": (
        "1 a 2011-01-01 2011-03-05\n2 a 2011-04-04 -",
        """
        lead known_by    left  rule
        0    2011-06-01  0     subscription
        """,
    ),
    "a successor after 31 days does not": (
        "1 a 2011-01-01 2011-03-05\n2 a 2011-04-05 -",
        """
        lead known_by    left  rule
        0    2011-06-01  1     subscription
        """,
    ),
    "a successor that ends inside the window too does not help": (
        "1 a 2011-01-01 2011-03-04\n2 a 2011-03-06 2011-03-09",
        """
        lead known_by    left  rule
        0    2011-06-01  1     subscription
        """,
    ),
    "one of two that ends leaves the account covered": (
        "1 a 2011-01-01 2011-03-05\n2 a 2011-02-01 -",
        """
        lead known_by    left  rule
        0    2011-06-01  0     subscription
        """,
    ),
    "one that ended before the day leaves the account to its orders": (
        "1 a 2011-01-01 2011-02-20",
        """
        lead known_by    left  rule
        0    2011-03-11  1     orders
        """,
    ),
    "one that starts on the day itself does not run yet": (
        "1 a 2011-03-01 -",
        """
        lead known_by    left  rule
        0    2011-03-11  1     orders
        """,
    ),
    "an end inside the lead time leaves nothing to predict": (
        "1 a 2011-01-01 2011-03-03",
        """
        lead known_by    left  rule
        0    2011-06-01  1     subscription
        5    2011-06-01  ?     subscription
        """,
    ),
    "an end on the first instant after the lead time counts": (
        "1 a 2011-01-01 2011-03-06",
        """
        lead known_by    left  rule
        5    2011-06-01  1     subscription
        """,
    ),
    "an account without subscription goes by its orders": (
        "1 b 2011-01-01 -",
        """
        lead known_by    left  rule
        0    2011-03-11  1     orders
        """,
    ),
}

VERSIONS = "subscription_id account_id start_date ended_at known_at is_deleted\n"

CHURN_BY_LATE_SUBSCRIPTIONS = {
    "a successor that we learn of late counts from then on": (
        "1 a 2011-01-01 2011-03-05 - -\n2 a 2011-04-01 - 2011-05-01T00:00:00Z -",
        """
        lead known_by    left  rule
        0    2011-05-01  1     subscription
        0    2011-05-02  0     subscription
        """,
    ),
    "an end that was corrected away counts until that is known": (
        "1 a 2011-01-01 2011-03-05 - -\n1 a 2011-01-01 - 2011-05-01T00:00:00Z -",
        """
        lead known_by    left  rule
        0    2011-05-01  1     subscription
        0    2011-05-02  0     subscription
        """,
    ),
    "a successor that was withdrawn helps until that is known": (
        "1 a 2011-01-01 2011-03-05 - -\n2 a 2011-04-01 - - -\n"
        "2 a 2011-04-01 - 2011-05-01T00:00:00Z true",
        """
        lead known_by    left  rule
        0    2011-05-01  0     subscription
        0    2011-05-02  1     subscription
        """,
    ),
}

STAGES = """
stage  position outcome
offer  0        open
won    1        won
lost   2        lost
"""
DEALS = "opportunity_id account_id created_at\nd a 2011-02-01"
MOVES = "opportunity_id changed_at stage known_at\nd 2011-02-01 offer -\n"

CLOSE = {
    "won inside the window": (
        "d 2011-03-05 won -",
        """
        lead known_by    won
        0    2011-03-10  ?
        0    2011-03-11  1
        """,
    ),
    "lost inside the window": (
        "d 2011-03-05 lost -",
        """
        lead known_by    won
        0    2011-03-10  ?
        0    2011-03-11  0
        """,
    ),
    "still open at the end of the window": (
        "",
        """
        lead known_by    won
        0    2011-03-10  ?
        0    2011-03-11  0
        """,
    ),
    "won on the first instant": (
        "d 2011-03-01T00:00:00Z won -",
        """
        lead known_by    won
        0    2011-04-01  1
        """,
    ),
    "won at the end of the window is won too late": (
        "d 2011-03-11T00:00:00Z won -",
        """
        lead known_by    won
        0    2011-04-01  0
        """,
    ),
    "the first terminal stage counts: lost, then won": (
        "d 2011-03-03 lost -\nd 2011-03-05 won -",
        """
        lead known_by    won
        0    2011-04-01  0
        """,
    ),
    "the first terminal stage counts: won, then lost": (
        "d 2011-03-03 won -\nd 2011-03-05 lost -",
        """
        lead known_by    won
        0    2011-04-01  1
        """,
    ),
    "closed inside the lead time leaves nothing to predict": (
        "d 2011-03-05 won -",
        """
        lead known_by    won
        5    2011-04-01  ?
        """,
    ),
    "closed on the first instant after the lead time counts": (
        "d 2011-03-06 won -",
        """
        lead known_by    won
        5    2011-04-01  1
        """,
    ),
    "a win that we learn of late counts from then on": (
        "d 2011-03-05 won 2011-03-20T00:00:00Z",
        """
        lead known_by    won
        0    2011-03-20  0
        0    2011-03-21  1
        """,
    ),
}


VERSIONS_OF_MOVES = (
    "opportunity_id changed_at stage known_at is_deleted\nd 2011-02-01 offer - -\n"
    "d 2011-03-05 won - -\n"
)

CLOSE_BY_VERSIONS = {
    "a win that was withdrawn counts until that is known": (
        "d 2011-03-05 won 2011-03-20T00:00:00Z true",
        """
        lead known_by    won
        0    2011-03-20  1
        0    2011-03-21  0
        """,
    ),
    "a win sent twice is one win": (
        "d 2011-03-05 won 2011-03-20T00:00:00Z -",
        """
        lead known_by    won
        0    2011-03-20  1
        0    2011-03-21  1
        """,
    ),
}


def _ask(
    events: EventSet, name: str, line: Mapping[str, str | None], column: str
) -> tuple[float, str]:
    model, words = (
        (close_labels, events.deals.words)
        if column == "won"
        else (churn_labels, events.accounts.words)
    )
    found: Labels = model(
        events,
        np.array([words.index(name)]),
        np.array([instant(date.fromisoformat(AS_OF))]),
        Horizon(10, int(str(line["lead"]))),
        known_by=instant(date.fromisoformat(str(line["known_by"]))),
    )
    return float(found.value[0]), str(found.rule[0])


def _expected(word: str | None) -> float:
    return float("nan") if word == "?" else float(str(word))


@pytest.mark.parametrize("title", CHURN_BY_ORDERS)
def test_an_account_leaves_by_its_orders(title: str) -> None:
    rows, lines = CHURN_BY_ORDERS[title]
    events = events_of({"orders": ORDERS + OLD + rows})
    for line in cells(lines):
        found, rule = _ask(events, "a", line, "left")
        np.testing.assert_equal(found, _expected(line["left"]), err_msg=str(line))
        assert rule == "orders"


@pytest.mark.parametrize("title", CHURN_BY_SUBSCRIPTIONS)
def test_an_account_leaves_by_its_subscriptions(title: str) -> None:
    rows, lines = CHURN_BY_SUBSCRIPTIONS[title]
    events = events_of({"orders": ORDERS + OLD, "subscriptions": SUBSCRIPTIONS + rows})
    for line in cells(lines):
        found, rule = _ask(events, "a", line, "left")
        np.testing.assert_equal(found, _expected(line["left"]), err_msg=str(line))
        assert rule == line["rule"]


@pytest.mark.parametrize("title", CHURN_BY_LATE_SUBSCRIPTIONS)
def test_an_account_leaves_by_what_was_known_of_its_subscriptions(title: str) -> None:
    rows, lines = CHURN_BY_LATE_SUBSCRIPTIONS[title]
    events = events_of({"orders": ORDERS + OLD, "subscriptions": VERSIONS + rows})
    for line in cells(lines):
        found, rule = _ask(events, "a", line, "left")
        np.testing.assert_equal(found, _expected(line["left"]), err_msg=str(line))
        assert rule == line["rule"]


@pytest.mark.parametrize("title", CLOSE)
def test_a_deal_is_won_or_not(title: str) -> None:
    rows, lines = CLOSE[title]
    events = events_of(
        {"stages": STAGES, "opportunities": DEALS, "opportunity_history": MOVES + rows}
    )
    for line in cells(lines):
        found, rule = _ask(events, "d", line, "won")
        np.testing.assert_equal(found, _expected(line["won"]), err_msg=str(line))
        assert rule == "deal"


@pytest.mark.parametrize("title", CLOSE_BY_VERSIONS)
def test_a_deal_is_won_by_what_was_known_of_its_moves(title: str) -> None:
    rows, lines = CLOSE_BY_VERSIONS[title]
    moves = VERSIONS_OF_MOVES + rows
    events = events_of({"stages": STAGES, "opportunities": DEALS, "opportunity_history": moves})
    for line in cells(lines):
        found, _ = _ask(events, "d", line, "won")
        np.testing.assert_equal(found, _expected(line["won"]), err_msg=str(line))

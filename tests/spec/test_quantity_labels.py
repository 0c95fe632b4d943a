"""What an account brought in, and how long a deal took: every rule, told by dates.

All tables ask as of 2011-03-01, amounts with a horizon of ten days: the window is [03-01, 03-11).
``?`` is an outcome that is not known yet.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.asof import instant
from tests.spec.features_portfolio import cells, events_of
from training.labels import LOST, OPEN, WON, Horizon, amount_basis, durations, value_labels

AS_OF = "2011-03-01"

ORDERS = (
    "order_id line_id account_id ordered_at net_amount margin_amount known_at is_deleted\n"
    "0 1 a 2011-01-10 50 20 - -\n0 2 b 2011-01-10 50 20 - -\n"
)

AMOUNTS = {
    "what was ordered inside the window counts, its first instant and its last second too": (
        """
        1 1 a 2011-03-01T00:00:00Z 20 8 - -
        2 1 a 2011-03-10T23:59:59Z 30 9 - -
        3 1 a 2011-03-11T00:00:00Z 99 9 - -
        """,
        """
        known_by    revenue margin
        2011-03-11  50      17
        """,
    ),
    "an account that orders nothing brings in nothing": (
        "",
        """
        known_by    revenue margin
        2011-03-11  0       0
        """,
    ),
    "nothing is known before the window has passed": (
        "1 1 a 2011-03-02 20 8 - -",
        """
        known_by    revenue margin
        2011-03-10  ?       ?
        """,
    ),
    "a credit note is taken off": (
        "1 1 a 2011-03-02 20 8 - -\n2 1 a 2011-03-05 -5 -2 - -",
        """
        known_by    revenue margin
        2011-03-11  15      6
        """,
    ),
    "what is given back of earlier orders is no value below nothing": (
        "1 1 a 2011-03-02 -30 -12 - -",
        """
        known_by    revenue margin
        2011-03-11  0       0
        """,
    ),
    "an order that is learnt late counts from then on": (
        "1 1 a 2011-03-05 20 8 2011-03-20 -",
        """
        known_by    revenue margin
        2011-03-15  0       0
        2011-03-21  20      8
        """,
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", AMOUNTS)
def test_what_an_account_brought_in(title: str) -> None:
    rows, expected = AMOUNTS[title]
    lines = "\n".join(line.strip() for line in rows.strip().splitlines())
    events = events_of({"orders": ORDERS + lines})
    code = np.array([list(events.accounts.words).index("a")])
    moment = np.array([instant(date.fromisoformat(AS_OF))])
    for row in cells(expected):
        for basis in ("revenue", "margin"):
            found = value_labels(
                events, code, moment, Horizon(10), basis=basis,
                known_by=instant(date.fromisoformat(str(row["known_by"]))),
            )  # fmt: skip
            wanted = np.nan if row[basis] == "?" else float(str(row[basis]))
            np.testing.assert_array_equal(found.value, [wanted])
            assert found.rule.tolist() == [basis]


def test_margins_are_meant_where_nearly_all_orders_have_one() -> None:
    assert amount_basis(events_of({"orders": ORDERS})) == "margin"
    half = ORDERS.replace("0 2 b 2011-01-10 50 20", "0 2 b 2011-01-10 50 -")
    half = half.replace("0 2 b", "9 2 b")
    assert amount_basis(events_of({"orders": half})) == "revenue"
    bare = "order_id account_id ordered_at net_amount\n0 a 2011-01-10 50\n"
    assert amount_basis(events_of({"orders": bare})) == "revenue"


STAGES = "stage position outcome\nlead 1 open\nwon 2 won\nlost 3 lost\n"
CREATED = "opportunity_id account_id created_at\nd a 2011-02-01\n"
MOVES = "opportunity_id changed_at stage known_at\nd 2011-02-01 lead -\n"

ENDS = {
    "a deal that is won ends when it is won": (
        "d 2011-03-05T12:00:00Z won -", "2011-03-21", 4.5, WON, 20.0,
    ),
    "a deal that is lost ends when it is lost": (
        "d 2011-03-09 lost -", "2011-03-21", 8.0, LOST, 20.0,
    ),
    "only its first ending counts": (
        "d 2011-03-05 lost -\nd 2011-03-09 won -", "2011-03-21", 4.0, LOST, 20.0,
    ),
    "a deal still open is followed to the day of asking": ("", "2011-03-21", 20.0, OPEN, 20.0),
    "an ending that is not yet known has not come": (
        "d 2011-03-05 won 2011-03-25", "2011-03-21", 20.0, OPEN, 20.0,
    ),
    "an ending after the day of asking has not come": (
        "d 2011-03-25 won -", "2011-03-21", 20.0, OPEN, 20.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", ENDS)
def test_how_long_a_deal_took(title: str) -> None:
    moves, known_by, days, cause, followed = ENDS[title]
    events = events_of(
        {"stages": STAGES, "opportunities": CREATED, "opportunity_history": MOVES + moves}
    )
    moment = np.array([instant(date.fromisoformat(AS_OF))])
    found = durations(events, np.array([0]), moment, known_by=instant(date.fromisoformat(known_by)))
    assert (found.days.tolist(), found.cause.tolist(), found.followed.tolist()) == (
        [days], [cause], [followed],
    )  # fmt: skip

"""Who is eligible on a day."""

from __future__ import annotations

from datetime import date

import pytest

from features.asof import instant
from features.cohorts import active_accounts, live_subscriptions, open_deals
from features.events import EventSet
from tests.spec.features_portfolio import events_of


def _on(day: str) -> int:
    return instant(date.fromisoformat(day))


def _active(events: EventSet, day: str) -> list[str]:
    codes = active_accounts(events, _on(day), activity_days=180)
    return [events.accounts.words[code] for code in codes]


def test_an_order_admits_for_as_long_as_the_window_and_a_credit_note_never_does() -> None:
    events = events_of({
        "orders": """
            order_id  account_id  ordered_at  net_amount
            O-1       A           2011-01-01  100
            C-1       B           2011-01-01  -100
            O-2       C           2011-06-30  5
        """,
    })  # fmt: skip
    assert _active(events, "2011-01-01") == []
    assert _active(events, "2011-06-30") == ["A"]  # 180 days after
    assert _active(events, "2011-07-01") == ["C"]


def test_a_subscription_that_runs_admits_and_one_that_ends_that_midnight_still_runs() -> None:
    events = events_of({
        "subscriptions": """
            subscription_id  account_id  start_date  ended_at
            S-1              A           2011-01-01  2011-03-01
            S-2              B           2011-02-01  -
            S-3              B           2011-02-01  -
        """,
    })  # fmt: skip
    assert _active(events, "2011-01-01") == []
    assert _active(events, "2011-03-01") == ["A", "B"]
    assert _active(events, "2011-03-02") == ["B"]
    assert live_subscriptions(events, _on("2011-03-01")).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2011-01-01", []),
        ("2011-01-02", ["D-1"]),
        ("2011-02-01", ["D-1"]),  # won at this midnight
        ("2011-02-02", []),
    ],
)
def test_a_deal_is_open_from_its_first_dated_stage_to_its_end(
    day: str, expected: list[str]
) -> None:
    events = events_of({
        "stages": "stage position outcome\nlead 0 open\nwon 1 won",
        "opportunities": """
            opportunity_id  account_id  created_at
            D-1             A           2011-01-01
            D-2             A           2011-01-01
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage
            D-1             2011-01-01  lead
            D-1             2011-02-01  won
        """,
    })  # fmt: skip
    found = [events.deals.words[code] for code in open_deals(events, _on(day))]
    assert found == expected


def test_nobody_is_eligible_where_there_are_no_records_of_the_kind() -> None:
    events = events_of({"contacts": "contact_id account_id\nK A"})
    assert _active(events, "2011-01-01") == []
    assert open_deals(events, _on("2011-01-01")).tolist() == []

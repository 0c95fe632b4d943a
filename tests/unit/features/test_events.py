"""What becomes of records that come late, are corrected, moved or incomplete."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from features.errors import ModelError
from features.events import ENTITY_OF_SOURCE, build_events
from features.records.folder import Records
from tests.spec.features_portfolio import events_of, records, rows_of

STAGES = """
    stage  position  outcome
    lead   0         open
    offer  1         open
    won    2         won
    lost   3         lost
"""


def account(tables: Mapping[str, str], name: str, as_of: str, **options: object) -> float:
    """A feature of account A on a day."""
    rows = rows_of(events_of(tables, **options), "account", as_of, ["A"])
    return float(rows.column(name)[0])


def deal(tables: Mapping[str, str], name: str, as_of: str, **options: object) -> float:
    """A feature of deal D-1 on a day."""
    rows = rows_of(events_of(tables, **options), "deal", as_of, ["D-1"])
    return float(rows.column(name)[0])


ORDERS = {
    "orders": """
        order_id  line_id  account_id  ordered_at  net_amount  known_at    is_deleted
        O-1       1        A           2011-01-05  100         -           -
        O-1       1        A           2011-01-05  80          2011-02-01  -
        O-1       2        A           2011-01-05  7           2011-03-01  -
        O-1       1        A           2011-01-05  80          2011-04-01  true
    """,
}


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2011-01-05", 0),  # placed at the very midnight
        ("2011-01-06", 100),
        ("2011-02-01", 100),  # the correction is learnt at this midnight
        ("2011-02-02", 80),
        ("2011-03-02", 87),
        ("2011-04-02", 7),
    ],
)
def test_an_order_is_worth_what_was_known_of_its_lines(as_of: str, expected: float) -> None:
    assert account(ORDERS, "revenue_all", as_of) == expected


def test_lines_without_a_number_never_replace_each_other() -> None:
    lines = """
        order_id  account_id  ordered_at  net_amount
        O-1       A           2011-01-05  100
        O-1       A           2011-01-05  100
    """
    assert account({"orders": lines}, "revenue_all", "2011-02-01") == 200


def test_an_order_moved_to_next_month_stands_until_then() -> None:
    orders = """
        order_id  line_id  account_id  ordered_at  net_amount  known_at
        O-1       1        A           2011-01-05  100         2011-01-05
        O-1       1        A           2011-02-20  100         2011-01-10
    """
    assert account({"orders": orders}, "days_since_last_order", "2011-02-01") == 27
    assert account({"orders": orders}, "days_since_last_order", "2011-02-21") == 1


def test_of_two_orders_of_one_instant_the_last_is_the_same_whatever_is_learnt_later() -> None:
    orders = """
        order_id  account_id  ordered_at        net_amount  known_at
        O-1       A           2011-01-05T10:00  100         -
        O-2       A           2011-01-05T10:00  300         -
    """
    late = orders + "    O-1       A           2011-01-05T09:00  50  2011-06-01\n"
    early = orders + "    O-2       A           2011-01-05T09:00  50  2011-06-01\n"
    for tables in (orders, late, early):
        assert account({"orders": tables}, "last_basket_ratio", "2011-02-01") == 1.5


CALLS = """
    interaction_id account_id opportunity_id occurred_at kind   outcome   resolved_at
    I-1            A          D-1            2011-01-05  call   objection -
    I-2            A          D-1            2011-01-05  call   objection 2011-02-01
    I-3            A          D-1            2011-01-05  ticket objection 2011-03-01
    I-4            A          D-1            2011-01-05  ticket objection -
"""
DEAL = "opportunity_id account_id created_at\nD-1 A 2011-01-01"


@pytest.mark.parametrize(
    ("as_of", "expected"), [("2011-02-01", 1), ("2011-02-02", 2), ("2011-03-02", 3)]
)
def test_an_outcome_is_known_once_the_matter_is_resolved(as_of: str, expected: float) -> None:
    tables = {"opportunities": DEAL, "interactions": CALLS}
    assert deal(tables, "objections", as_of) == expected


def test_what_is_open_is_not_known_where_nobody_notes_the_end() -> None:
    tables = {
        "interactions": """
            interaction_id  account_id  occurred_at  kind
            I-1             A           2011-01-05   complaint
        """,
        "invoices": """
            invoice_id  account_id  issued_at   due_date    amount
            F-1         A           2011-01-05  2011-02-05  100
        """,
    }
    assert account(tables, "complaints_90d", "2011-02-01") == 1
    assert np.isnan(account(tables, "open_complaints", "2011-02-01"))
    assert np.isnan(account(tables, "unpaid_amount", "2011-02-01"))


def test_reps_and_close_dates_nobody_noted_are_missing_not_none() -> None:
    history = "opportunity_id changed_at stage\nD-1 2011-01-01 lead"
    tables = {"opportunities": DEAL, "opportunity_history": history}
    for name in ("owners_seen", "close_date_postponements", "stage_setbacks", "stage_position"):
        assert np.isnan(deal(tables, name, "2011-02-01"))
    assert deal(tables, "moves", "2011-02-01") == 1


def test_days_since_somebody_left_are_counted_from_the_instant_in_any_zone() -> None:
    contacts = """
        contact_id  account_id  left_at
        K-1         A           2011-01-31T20:00:00Z
    """
    for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
        found = account({"contacts": contacts}, "days_since_contact_left", "2011-02-01",
                        timezone=zone)  # fmt: skip
        assert found == pytest.approx(4 / 24)


def test_days_with_an_order_are_days_of_the_portfolios_zone() -> None:
    # 23:30 and 00:30 in London, one day apart; in UTC both fall on 2011-06-09.
    orders = """
        order_id  account_id  ordered_at            net_amount
        O-1       A           2011-06-08T22:30:00Z  1
        O-2       A           2011-06-08T23:30:00Z  1
    """
    days = {
        zone: account({"orders": orders}, "active_days_90d", "2011-07-01", timezone=zone)
        for zone in ("UTC", "Europe/London")
    }
    assert days == {"UTC": 1, "Europe/London": 2}


LATE_NEWS = {
    "stages": STAGES,
    "opportunities": DEAL,
    # Lost, as we learn at once; then we learn that it had been won a little before.
    "opportunity_history": """
        opportunity_id  changed_at  stage  known_at
        D-1             2011-01-01  lead   -
        D-1             2011-02-10  lost   -
        D-1             2011-02-05  won    2011-03-01
    """,
}


@pytest.mark.parametrize(
    ("as_of", "is_open", "won", "lost"),
    [("2011-02-10", 1, 0, 0), ("2011-02-11", 0, 0, 1), ("2011-03-02", 0, 1, 0)],
)
def test_a_deal_is_what_was_known_of_its_end(
    as_of: str, is_open: float, won: float, lost: float
) -> None:
    names = ("open_deals", "won_deals_365d", "lost_deals_365d")
    found = [account(LATE_NEWS, name, as_of) for name in names]
    assert found == [is_open, won, lost]


def test_a_closing_that_is_withdrawn_opens_the_deal_again() -> None:
    history = """
        opportunity_id  changed_at  stage  known_at    is_deleted
        D-1             2011-01-01  lead   -           -
        D-1             2011-02-10  lost   -           -
        D-1             2011-02-10  lost   2011-03-01  true
    """
    tables = {"stages": STAGES, "opportunities": DEAL, "opportunity_history": history}
    assert account(tables, "open_deals", "2011-02-20") == 0
    assert account(tables, "open_deals", "2011-03-02") == 1


def test_a_deal_closes_at_its_first_end_and_stays_closed() -> None:
    history = """
        opportunity_id  changed_at  stage
        D-1             2011-01-01  lead
        D-1             2011-02-10  won
        D-1             2011-02-20  lost
        D-1             2011-02-21  lead
    """
    tables = {"stages": STAGES, "opportunities": DEAL, "opportunity_history": history}
    assert account(tables, "won_deals_365d", "2011-03-01") == 1
    assert account(tables, "open_deals", "2011-03-01") == 0


def test_a_deal_that_changes_hands_carries_the_account_it_then_had() -> None:
    tables = {
        "opportunities": """
            opportunity_id  account_id  created_at  known_at
            D-1             A           2011-01-01  2011-01-01
            D-1             B           2011-01-01  2011-03-01
        """,
        "opportunity_history": "opportunity_id changed_at stage\nD-1 2011-01-01 lead",
        "orders": """
            order_id  account_id  ordered_at  net_amount
            O-1       A           2011-01-05  100
            O-2       B           2011-01-05  300
        """,
    }
    assert deal(tables, "account_revenue_365d", "2011-02-01") == 100
    assert deal(tables, "account_revenue_365d", "2011-03-02") == 300


def _segments(tables: Mapping[str, str], as_of: str) -> list[str | None]:
    events = events_of(tables, static=("accounts.segment",))
    found: list[str | None] = rows_of(events, "account", as_of).keys["segment"].tolist()
    return found


ACCOUNTS = """
    account_id  segment  created_at
    A           small    2011-01-01
    B           large    -
"""


def test_a_static_segment_is_known_since_the_account_is_or_always() -> None:
    assert _segments({"accounts": ACCOUNTS}, "2011-01-01") == [None, "large"]
    assert _segments({"accounts": ACCOUNTS}, "2011-01-02") == ["small", "large"]


def test_the_history_of_one_account_takes_no_segment_from_another() -> None:
    history = """
        account_id  changed_at  field    value
        A           2011-06-01  segment  large
        A           2011-07-01  country  FR
    """
    tables = {"accounts": ACCOUNTS, "account_history": history}
    assert _segments(tables, "2011-02-01") == ["small", "large"]
    assert _segments(tables, "2011-06-02") == ["large", "large"]


def test_an_attribute_not_listed_as_static_is_not_used() -> None:
    rows = rows_of(events_of({"accounts": ACCOUNTS}), "account", "2011-02-01")
    assert rows.keys["segment"].tolist() == [None, None]


def test_sources_of_absent_tables_are_absent_and_the_others_listed() -> None:
    events = events_of(ORDERS)
    assert set(events.sources) == {"orders"}
    assert events.accounts.words == ("A",)
    everything = events_of(LATE_NEWS | ORDERS | {"interactions": CALLS})
    assert set(everything.sources) <= set(ENTITY_OF_SOURCE)


def test_a_record_is_named_by_its_row_for_evidence() -> None:
    events = events_of(ORDERS)
    table = events.records.tables["orders"]
    rows = events.sources["orders"].record
    assert {table.column("order_id")[int(row)].as_py() for row in rows} == {"O-1"}


def test_unchecked_records_are_refused() -> None:
    whole = records(LATE_NEWS)
    stages = whole.tables["stages"].drop_columns(["position"])
    with pytest.raises(ModelError, match="ME001"):
        build_events(Records(whole.portfolio, {**whole.tables, "stages": stages}))

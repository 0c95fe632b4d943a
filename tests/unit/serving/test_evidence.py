"""Worked example: account A, seen from 2011-09-10; account B has records of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import pytest

from features.asof import instant
from features.events import EventSet, build_events
from features.records.checking import check_table, columns_from_rows
from features.records.contract import TABLES
from features.records.folder import Portfolio, Records
from serving.evidence import find_evidence

Rows = Sequence[Mapping[str, object]]
AS_OF = instant(date(2011, 9, 10))


def _order(
    order: str, day: str, amount: float, account: str = "A", **more: object
) -> dict[str, object]:
    return {
        "order_id": order, "account_id": account, "ordered_at": f"{day}T08:00:00Z",
        "net_amount": amount, **more,
    }  # fmt: skip


def _talk(talk: str, day: str, kind: str, **more: object) -> dict[str, object]:
    return {
        "interaction_id": talk, "account_id": "A", "occurred_at": f"{day}T08:00:00Z", "kind": kind,
        **more,
    }  # fmt: skip


ORDERS: Rows = (
    _order("O1", "2010-10-01", 100.0),
    _order("O2", "2011-03-01", 100.0),
    _order("O2", "2011-03-01", 50.0),
    _order("O3", "2011-05-01", 100.0),
    _order("O4", "2011-06-01", 100.0),
    _order("C1", "2011-07-01", -20.0),
    _order("O5", "2011-09-10", 100.0),
    _order("O6", "2011-08-01", 100.0, known_at="2011-09-11T00:00:00Z"),
    _order("B1", "2011-08-01", 100.0, account="B"),
)
INTERACTIONS: Rows = (
    _talk("T1", "2011-02-01", "complaint"),
    _talk("T2", "2011-04-01", "complaint", resolved_at="2011-04-05T08:00:00Z"),
    _talk("T3", "2011-05-01", "complaint", resolved_at="2011-09-20T08:00:00Z"),
    _talk("T4", "2011-06-01", "survey", survey_score=3.0),
    _talk("T5", "2011-06-02", "call", opportunity_id="D1", outcome="objection"),
    _talk("T6", "2011-06-03", "call", opportunity_id="D1"),
    _talk("T7", "2011-06-04", "email"),
    _talk("T8", "2011-05-05", "web"),
    _talk("T9", "2011-05-06", "proposal_viewed", outcome="buying_signal"),
)
INVOICES: Rows = tuple(
    {
        "invoice_id": name, "account_id": "A", "issued_at": f"{day}T08:00:00Z",
        "due_date": "2011-09-01", "amount": 10.0, "paid_at": paid,
    }
    for name, day, paid in (
        ("I1", "2011-01-01", None),
        ("I2", "2011-02-01", "2011-03-01T00:00:00Z"),
        ("I3", "2011-03-01", "2011-10-01T00:00:00Z"),
    )
)  # fmt: skip
CONTACTS: Rows = tuple(
    {"contact_id": name, "account_id": "A", "created_at": "2010-01-01T00:00:00Z", "left_at": left}
    for name, left in (
        ("P1", None),
        ("P2", "2011-01-01T00:00:00Z"),
        ("P3", "2011-02-01T00:00:00Z"),
        ("P4", "2011-12-01T00:00:00Z"),
    )
)
OPPORTUNITIES: Rows = (
    {"opportunity_id": "D1", "account_id": "A", "created_at": "2011-06-01T00:00:00Z"},
)
HISTORY: Rows = (
    {"opportunity_id": "D1", "changed_at": "2011-06-01T00:00:00Z", "stage": "qualified"},
)
SUBSCRIPTIONS: Rows = tuple(
    {
        "subscription_id": name, "account_id": "A", "start_date": start, "mrr_amount": mrr,
        "cancelled_at": cancelled, "ended_at": ended,
    }
    for name, start, mrr, cancelled, ended in (
        ("S1", "2010-01-01", 10.0, "2011-01-15T00:00:00Z", "2011-03-01T00:00:00Z"),
        ("S2", "2010-06-01", 20.0, "2011-08-01T00:00:00Z", None),
        ("S3", "2010-09-01", 30.0, "2011-09-15T00:00:00Z", None),
    )
)  # fmt: skip
STAGES: Rows = ({"stage": "qualified", "position": 1.0, "outcome": "open"},)


@pytest.fixture(scope="module")
def events() -> EventSet:
    raw = {
        "orders": ORDERS, "invoices": INVOICES, "interactions": INTERACTIONS, "contacts": CONTACTS,
        "opportunities": OPPORTUNITIES, "opportunity_history": HISTORY, "stages": STAGES,
        "subscriptions": SUBSCRIPTIONS,
    }  # fmt: skip
    clock = datetime(2012, 1, 1, tzinfo=UTC)
    tables = {
        name: check_table(
            TABLES[name], columns_from_rows(TABLES[name], rows), timezone="UTC", clock=clock
        ).kept
        for name, rows in raw.items()
    }
    portfolio = Portfolio("Giftware", "GBP", "UTC", frozenset(), clock)
    return build_events(Records(portfolio, tables))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("RHYTHM_BROKEN", ("O4", "O3", "O2")),
        ("SPEND_LEVEL", ("O4", "O3", "O2")),
        ("TENURE", ("O1", "O2", "O3")),
        ("CREDIT_NOTES", ("C1",)),
        ("COMPLAINTS", ("T3", "T1", "T2")),
        ("RESOLUTION", ("T2",)),
        ("SURVEY", ("T4",)),
        ("TICKETS", ()),
        ("SENTIMENT", ()),
        ("CONTACT_SILENCE", ("T6", "T5")),
        ("CONTACT_ACTIVITY", ("T7", "T6", "T5")),
        ("DIGITAL_INTEREST", ("T9", "T8")),
        ("RESPONSE", ("T9",)),
        ("BUYING_SIGNALS", ("T9",)),
        ("OBJECTIONS", ("T5",)),
        ("SEASON_ORDERS", ("O1",)),
        ("BASKET_TREND", ("O4", "O3", "O2")),
        ("SUBSCRIPTIONS", ("S3", "S2", "S1")),
        ("RENEWAL", ("S3", "S2", "S1")),
        ("CONTRACT_TENURE", ("S1", "S2", "S3")),
        # S1 ended after S3 began; the notice on S3 was not given yet.
        ("MRR_TREND", ("S1", "S3", "S2")),
        ("NOTICE", ("S2", "S1")),
        ("TRIGGER", ()),
        ("PEER_CHURN", ()),
        ("LATE_PAYMENT", ("I3", "I1", "I2")),
        ("CONTACT_BREADTH", ("P1", "P4", "P2")),
        ("CONTACT_LOST", ("P3", "P2")),
        ("ACCOUNT_DEALS", ("D1",)),
        ("NONE", ()),
        ("SEGMENT_RATE", ()),
    ],
)
def test_the_records_behind_a_reason_of_an_account(
    events: EventSet, reason: str, expected: tuple[str, ...]
) -> None:
    code = events.accounts.words.index("A")
    assert find_evidence(events, "account", code, AS_OF, reason) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("STAGE_AGE", ("D1",)),
        ("DEAL_ACTIVITY", ("T6", "T5")),
        ("OBJECTIONS", ("T5",)),
        ("BUYING_SIGNALS", ()),
        ("RHYTHM_BROKEN", ("O4", "O3", "O2")),
        ("OWNER_RECORD", ()),
    ],
)
def test_the_records_behind_a_reason_of_a_deal(
    events: EventSet, reason: str, expected: tuple[str, ...]
) -> None:
    assert find_evidence(events, "deal", 0, AS_OF, reason) == expected


def test_an_order_at_the_instant_of_the_score_is_not_seen_yet(events: EventSet) -> None:
    code = events.accounts.words.index("A")
    later = find_evidence(events, "account", code, AS_OF + 9 * 3_600_000_000, "RHYTHM_BROKEN", 1)
    assert later == ("O5",)


def test_no_more_records_are_named_than_asked_for(events: EventSet) -> None:
    code = events.accounts.words.index("A")
    assert find_evidence(events, "account", code, AS_OF, "RHYTHM_BROKEN", 1) == ("O4",)

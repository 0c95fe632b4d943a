"""What a body says, and where its faults lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from features.records.contract import TABLES
from features.records.folder import Portfolio
from features.signals.catalogue import CATALOGUE
from serving.api.body import ScoreRequest, read_score_request
from serving.api.problems import RequestError
from serving.api.tables import READ_TABLES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEADER = Portfolio(
    "demo",
    "GBP",
    "Europe/London",
    frozenset({"accounts.country"}),
    datetime(2026, 1, 1, tzinfo=UTC),
)
ORDER = {"order_id": "536365", "ordered_at": "2010-12-01T08:26:00Z", "net_amount": 139.12}


def read(body: object, **changes: Any) -> ScoreRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_score_request(raw, portfolio=HEADER, reference={}, clock=NOW, **changes)


def read_accounts(*accounts: object, **fields: Any) -> ScoreRequest:
    return read({"accounts": list(accounts), **fields})


def faults(request: ScoreRequest) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in request.errors]


GOOD = {"account_id": "A", "orders": [ORDER]}


def test_records_become_tables_of_the_contract() -> None:
    request = read_accounts(
        {
            "account_id": "17850",
            "segment": "wholesale",
            "orders": [ORDER],
            "interactions": [],
            "opportunities": [
                {
                    "opportunity_id": "D-1",
                    "created_at": "2011-08-01T00:00:00Z",
                    "history": [{"changed_at": "2011-08-01T00:00:00Z", "stage": "qualified"}],
                }
            ],
        },
        as_of="2011-09-10",
        language="fr",
    )
    tables = request.records.tables
    assert {name: rows.num_rows for name, rows in tables.items() if rows.num_rows} == {
        "accounts": 1,
        "orders": 1,
        "opportunities": 1,
        "opportunity_history": 1,
    }
    orders = tables["orders"].select(["order_id", "account_id", "ordered_at", "net_amount"])
    assert orders.to_pylist() == [
        {
            "order_id": "536365",
            "account_id": "17850",
            "ordered_at": datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
            "net_amount": 139.12,
        }
    ]
    assert tables["opportunity_history"].column("opportunity_id").to_pylist() == ["D-1"]
    assert (request.as_of, request.language, request.is_stored) == (date(2011, 9, 10), "fr", False)
    assert request.errors == ()


def test_attributes_given_without_history_hold_as_of_now() -> None:
    request = read_accounts({**GOOD, "segment": "wholesale"})
    assert request.records.portfolio.static == {"accounts.country", "accounts.segment"}


def test_one_accounts_history_does_not_hide_the_attributes_of_another() -> None:
    moved = [{"changed_at": "2011-08-01T00:00:00Z", "field": "segment", "value": "retail"}]
    request = read_accounts(
        {**GOOD, "segment": "wholesale"}, {"account_id": "B", "history": moved, "segment": "x"}
    )
    rows = request.records.tables["account_history"].to_pylist()
    assert [(row["account_id"], row["changed_at"].year, row["value"]) for row in rows] == [
        ("A", 1900, "wholesale"),
        ("B", 2011, "retail"),
    ]


def test_as_of_is_today_where_none_is_given() -> None:
    assert read_accounts(GOOD).as_of == date(2026, 11, 22)


def test_as_of_may_be_tomorrow() -> None:
    assert read_accounts(GOOD, as_of="2026-11-23").as_of == date(2026, 11, 23)


def test_rows_come_in_the_loaders_order_whatever_order_they_were_sent_in() -> None:
    late = {**ORDER, "order_id": "2", "ordered_at": "2011-01-01T00:00:00Z"}
    request = read_accounts(
        {"account_id": "B", "orders": [late, ORDER]}, {"account_id": "A", "orders": [late]}
    )
    rows = request.records.tables["orders"].select(["account_id", "order_id"]).to_pylist()
    assert [(row["account_id"], row["order_id"]) for row in rows] == [
        ("A", "2"),
        ("B", "536365"),
        ("B", "2"),
    ]
    assert request.account_ids == ("B", "A")


@pytest.mark.parametrize(
    ("account", "pointer", "code"),
    [
        (7, "/accounts/1", "RQ020"),
        ({}, "/accounts/1/account_id", "CT010"),
        ({"account_id": 17850}, "/accounts/1/account_id", "CT011"),
        ({"account_id": "  "}, "/accounts/1/account_id", "CT010"),
        ({"account_id": "A"}, "/accounts/1/account_id", "CT019"),
        ({"account_id": " A "}, "/accounts/1/account_id", "CT019"),
        ({"account_id": "B\0"}, "/accounts/1/account_id", "CT023"),
        ({"account_id": "B", "colour": 1}, "/accounts/1/colour", "CT004"),
        ({"account_id": "B", "a/b~c": 1}, "/accounts/1/a~1b~0c", "CT004"),
        ({"account_id": "B", "x" * 101: 1}, "/accounts/1", "CT004"),
        ({"account_id": "B", "employees": -1}, "/accounts/1/employees", "CT015"),
        ({"account_id": "B", "employees": 1e16}, "/accounts/1/employees", "CT015"),
        ({"account_id": "B", "segment": ["x"]}, "/accounts/1/segment", "CT011"),
        ({"account_id": "B", "orders": {}}, "/accounts/1/orders", "RQ020"),
        ({"account_id": "B", "orders": [5]}, "/accounts/1/orders/0", "RQ020"),
    ],
)
def test_a_fault_of_one_account_is_led_back_to_its_place(
    account: object, pointer: str, code: str
) -> None:
    request = read_accounts(GOOD, account)
    assert faults(request) == [(pointer, code)]
    assert request.account_ids == ("A",)


@pytest.mark.parametrize(
    ("change", "column", "code"),
    [
        ({"net_amount": "12"}, "net_amount", "CT014"),
        ({"net_amount": None}, "net_amount", "CT010"),
        ({"ordered_at": "yesterday"}, "ordered_at", "CT013"),
        ({"ordered_at": "2026-11-22T12:00:01Z"}, "ordered_at", "CT017"),
        ({"order_id": 5}, "order_id", "CT011"),
        ({"account_id": "B"}, "account_id", "RQ021"),
        ({"account_id": 5}, "account_id", "RQ021"),
        ({"total": 1}, "total", "CT004"),
    ],
)
def test_a_fault_of_one_row_is_led_back_to_its_place(
    change: dict[str, object], column: str, code: str
) -> None:
    wrong = {"account_id": "C", "orders": [ORDER, {**ORDER, "order_id": "2", **change}]}
    request = read_accounts({"account_id": "B"}, GOOD, {"account_id": "D"}, wrong)
    assert faults(request) == [(f"/accounts/3/orders/1/{column}", code)]
    assert request.records.tables["orders"].column("account_id").to_pylist() == ["A"]


def test_a_fault_in_the_history_of_a_deal_is_led_back_to_its_place() -> None:
    deal = {"opportunity_id": "D-1", "created_at": "2011-08-01T00:00:00Z"}
    moves = [{"changed_at": "2011-08-01T00:00:00Z", "stage": "won"}, {"stage": 5}]
    request = read_accounts(
        GOOD, {"account_id": "B", "opportunities": [deal, {**deal, "opportunity_id": "2",
                                                           "history": moves}]}
    )  # fmt: skip
    assert faults(request) == [
        ("/accounts/1/opportunities/1/history/1/changed_at", "CT010"),
        ("/accounts/1/opportunities/1/history/1/stage", "CT011"),
    ]


def test_two_accounts_that_claim_one_deal_are_both_faults() -> None:
    deal = {"opportunity_id": "D-1", "created_at": "2011-08-01T00:00:00Z"}
    claims = [{"account_id": name, "opportunities": [deal]} for name in "BC"]
    assert faults(read_accounts(GOOD, *claims)) == [
        ("/accounts/1/opportunities/0/opportunity_id", "CT019"),
        ("/accounts/2/opportunities/0/opportunity_id", "CT019"),
    ]


def test_a_wrong_id_is_one_fault_and_not_one_per_row() -> None:
    request = read_accounts(GOOD, {"account_id": 5, "orders": [ORDER, ORDER]})
    assert faults(request) == [("/accounts/1/account_id", "CT011")]


def test_many_faults_of_one_account_are_cut_short() -> None:
    wrong = {"account_id": "B", "orders": [{**ORDER, "net_amount": "x"}] * 60}
    request = read_accounts(GOOD, wrong)
    assert len(request.errors) == 51
    assert request.errors[-1].message == "Not listed: 10 more faults of this account."


def test_a_null_and_a_missing_value_are_the_same_rows() -> None:
    bare = read_accounts({"account_id": "A", "orders": [ORDER]}).records.tables
    null = {**ORDER, "margin_amount": None, "line_id": None}
    said = read_accounts({"account_id": "A", "orders": [null]}).records.tables
    assert said["orders"].equals(bare["orders"])
    assert bare["orders"].column("margin_amount").null_count == 1


def test_attributes_that_only_a_refused_account_gives_are_absent() -> None:
    names = read_accounts(GOOD, {"account_id": 5, "segment": "x"}).records.tables["accounts"]
    assert names.column_names == ["account_id"]


def test_records_from_as_of_on_are_counted() -> None:
    on_the_day = {**ORDER, "order_id": "2", "ordered_at": "2011-09-10T00:00:00Z"}
    learnt_late = {**ORDER, "order_id": "3", "known_at": "2011-09-11T00:00:00Z"}
    request = read_accounts(
        {"account_id": "A", "orders": [ORDER, on_the_day, learnt_late]}, as_of="2011-09-10"
    )
    assert request.warnings[0] == ("Not read: 2 rows of orders dated 2011-09-10 or later.")


EVERYTHING: dict[str, list[object]] = {
    name: []
    for name in (
        "contacts", "orders", "invoices", "interactions", "opportunities", "subscriptions",
        "account_events",
    )
}  # fmt: skip


def test_a_rate_that_the_champion_learnt_later_is_no_fault_of_the_request() -> None:
    rates = pa.table({
        "date": pa.array([date(2026, 1, 1)], pa.date32()), "currency": ["USD"], "rate": [0.8],
        "known_at": pa.array([NOW], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    body = json.dumps({"as_of": "2026-02-01", "accounts": [{"account_id": "A", **EVERYTHING}]})
    request = read_score_request(
        body.encode(), portfolio=HEADER, reference={"fx_rates": rates}, clock=NOW
    )
    assert request.warnings == ()
    assert request.records.tables["fx_rates"] is rates


def test_an_account_that_gives_every_table_brings_no_warning() -> None:
    assert read_accounts({"account_id": "A", **EVERYTHING}).warnings == ()


def test_every_table_that_a_feature_reads_is_empty_where_it_is_not_given() -> None:
    """An account without a row in a whole portfolio counts 0, and so it must when sent alone."""
    of_accounts = {
        feature.table for feature in CATALOGUE
        if TABLES[feature.table].column("account_id") and feature.table != "accounts"
    }  # fmt: skip
    assert of_accounts <= {*READ_TABLES}


def test_tables_that_an_account_does_not_give_are_told_and_are_empty() -> None:
    partial = {"account_id": "B", **EVERYTHING}
    del partial["orders"], partial["invoices"]
    request = read_accounts({"account_id": "A", **EVERYTHING}, partial)
    assert request.warnings == (
        "1 of 2 accounts came without orders, invoices: taken to have none.",
    )
    assert {"account_id", "ordered_at"} < set(request.records.tables["orders"].column_names)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "RQ001"),
        (b"{", "RQ001"),
        (b"\xff{}", "RQ001"),
        (b'{"accounts": [{"account_id": "A\x01"}]}', "RQ001"),
        (b'{"accounts": [{"account_id": "A", "employees": NaN}]}', "RQ002"),
        (b'{"accounts": [{"account_id": "A", "employees": -Infinity}]}', "RQ002"),
        (b'{"accounts": [{"account_id": "A", "employees": 1e999}]}', "RQ002"),
        (b'{"accounts": [{"employees": ' + b"9" * 5000 + b"}]}", "RQ002"),
        (b'{"as_of": "2011-01-01", "as_of": "2011-01-02", "accounts": []}', "RQ003"),
        (b'{"accounts": [{"account_id": "A", "orders": [{"x": 1, "x": 1}]}]}', "RQ003"),
        (b"[" * 100_000, "RQ004"),
        (b'{"accounts": ' + b"[" * 5000 + b"]" * 5000 + b"}", "RQ004"),
        (b'{"accounts": [{"account_id": "\\ud800"}]}', "RQ005"),
        (b'{"accounts": [{"account_id": "A", "\\uDC00": 1}]}', "RQ005"),
        (b"[]", "RQ012"),
        (b'"text"', "RQ012"),
        (b'{"accounts": [{"account_id": "A"}], "when": 1}', "RQ008"),
        (b"{}", "RQ009"),
        (b'{"accounts": []}', "RQ009"),
        (b'{"accounts": null}', "RQ009"),
        (b'{"accounts": {"account_id": "A"}}', "RQ009"),
        (b'{"accounts": [{}], "as_of": "2026-11-24"}', "RQ011"),
        (b'{"accounts": [{}], "as_of": "20261122"}', "RQ011"),
        (b'{"accounts": [{}], "as_of": 5}', "RQ011"),
        (b'{"accounts": [{}], "as_of": "0001-01-01"}', "RQ011"),
        (b'{"accounts": [{}], "language": "de"}', "RQ012"),
        (b'{"accounts": [{}], "language": ["fr"]}', "RQ012"),
        (b'{"accounts": [{}], "store": 1}', "RQ012"),
        (b'{"accounts": [{}]}', "RQ013"),
    ],
)
def test_a_body_that_cannot_be_trusted_is_refused_as_a_whole(body: bytes, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        read(body)
    assert caught.value.code == code


def test_escaped_pairs_of_surrogates_are_whole_characters() -> None:
    assert read(b'{"accounts": [{"account_id": "\\ud83d\\ude00"}]}').account_ids == ("\U0001f600",)


def test_too_many_accounts_are_refused() -> None:
    with pytest.raises(RequestError, match="RQ010"):
        read({"accounts": [GOOD] * 3}, max_accounts=2)


def test_when_no_account_is_left_every_fault_is_told() -> None:
    with pytest.raises(RequestError) as caught:
        read_accounts(5, {"account_id": 5})
    assert [fault.pointer for fault in caught.value.errors] == [
        "/accounts/0",
        "/accounts/1/account_id",
    ]


def test_twenty_thousand_unknown_names_cost_no_more_than_their_rows() -> None:
    rows = [{**ORDER, f"x{place}": 1} for place in range(20_000)]
    request = read_accounts(GOOD, {"account_id": "B", "orders": rows})
    assert len(request.errors) == 51


@pytest.mark.parametrize("make", [lambda: "x" * 5_000_000, lambda: ["x"] * 500_000])
def test_a_value_of_many_megabytes_is_a_fault_like_any_other(make: Callable[[], object]) -> None:
    request = read_accounts(GOOD, {"account_id": "B", "employees": make()})
    assert faults(request) == [("/accounts/1/employees", "CT014")]

"""Which rows keep the contract."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.records.checking import (
    Checked,
    arrow_schema,
    check_table,
    columns_from_rows,
    duplicate_keys,
    orphans,
    refuse,
)
from features.records.contract import TABLES, Column, Table

CLOCK = datetime(2011, 12, 10, tzinfo=UTC)
ORDER = {
    "order_id": "536365",
    "account_id": "17850",
    "ordered_at": "2010-12-01T08:26:00Z",
    "net_amount": 139.12,
}


def check(
    table: str, raw: Any, *, timezone: str = "Europe/London", strict: bool = False
) -> Checked:
    return check_table(TABLES[table], raw, timezone=timezone, clock=CLOCK, strict=strict)


def check_rows(*rows: dict[str, object], table: str = "orders") -> Checked:
    return check(table, columns_from_rows(TABLES[table], rows), strict=True)


def imported(kind: str, values: Sequence[object] | pa.Array, **rules: Any) -> Checked:
    table = Table("things", "", (Column("value", kind, "", **rules),))  # type: ignore[arg-type]
    raw = {"value": values}
    return check_table(table, raw, timezone="Europe/London", clock=CLOCK)


def values_of(checked: Checked) -> list[object]:
    return checked.kept.column("value").to_pylist()


def faults(checked: Checked) -> list[tuple[str, str | None, tuple[int, ...]]]:
    return [(v.code, v.column, v.rows) for v in checked.violations]


def test_every_column_has_one_arrow_type() -> None:
    schema = arrow_schema(TABLES["invoices"])
    assert [(field.name, str(field.type)) for field in schema] == [
        ("invoice_id", "string"),
        ("account_id", "string"),
        ("issued_at", "timestamp[us, tz=UTC]"),
        ("due_date", "date32[day]"),
        ("amount", "double"),
        ("paid_at", "timestamp[us, tz=UTC]"),
        ("known_at", "timestamp[us, tz=UTC]"),
        ("is_deleted", "bool"),
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([17850, 12346], ["17850", "12346"]),
        ([17850.0, 12346.0], ["17850", "12346"]),
        ([17850.0, 0.5], ["17850", "0.5"]),
        (["  00123 ", "A1"], ["00123", "A1"]),
        (["", "A1"], [None, "A1"]),
        ([Decimal("17850.00"), Decimal("0.50")], ["17850", "0.5"]),
        ([17850, "A1", None, 17850.0, True], ["17850", "A1", None, "17850", "true"]),
        ([math.nan, 3.0], [None, "3"]),
        ([date(2010, 12, 1)], ["2010-12-01"]),
        ([None, None], [None, None]),
    ],
)
def test_ids_are_text_whatever_the_file_holds(values: list[object], expected: list[object]) -> None:
    assert values_of(imported("id", values)) == expected


@pytest.mark.parametrize(
    ("values", "expected", "code"),
    [
        ([1, 2.5], [1.0, 2.5], None),
        (["1", " -2.5e1 "], [1.0, -25.0], None),
        (["1", ""], [1.0, None], None),
        ([Decimal("1.25")], [1.25], None),
        ([math.nan, 1.0], [None, 1.0], None),
        ([1.0, math.inf], [1.0], "CT012"),
        (["1", "-inf"], [1.0], "CT012"),
        (["1", "1,5"], [1.0], "CT014"),
        (["1", "1_000"], [1.0], "CT014"),
        ([1, "many", {}], [1.0], "CT014"),
    ],
)
def test_numbers_are_read_from_what_looks_like_one(
    values: list[object], expected: list[object], code: str | None
) -> None:
    checked = imported("number", values)
    assert values_of(checked) == expected
    assert {v.code for v in checked.violations} - {"CT021"} == ({code} if code else set())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2010-12-01T08:26:00Z", "2010-12-01T08:26Z"),
        ("2010-12-01T08:26:00+01:00", "2010-12-01T07:26Z"),
        ("2011-06-01 08:26", "2011-06-01T07:26Z"),
        ("2011-06-01", "2011-05-31T23:00Z"),
        ("20110601T082600", "2011-06-01T07:26Z"),
        (datetime.fromisoformat("2011-06-01T08:26"), "2011-06-01T07:26Z"),
        (datetime(2011, 6, 1, 8, 26, tzinfo=UTC), "2011-06-01T08:26Z"),
        (date(2011, 6, 1), "2011-05-31T23:00Z"),
        # 01:30 happens twice on the night the clocks go back: the first one counts
        (datetime.fromisoformat("2011-10-30T01:30"), "2011-10-30T00:30Z"),
        # and never on the night they go forward: the next instant counts
        (datetime.fromisoformat("2011-03-27T01:30"), "2011-03-27T01:00Z"),
    ],
)
def test_an_instant_without_offset_is_in_the_zone_of_the_portfolio(
    value: object, expected: str
) -> None:
    assert values_of(imported("instant", [value])) == [datetime.fromisoformat(expected)]


def test_instants_with_and_without_offset_may_share_a_column() -> None:
    checked = imported("instant", ["2011-06-01T08:26:00Z", "2011-06-01T08:26:00", "soon", None])
    assert values_of(checked) == [
        datetime(2011, 6, 1, 8, 26, tzinfo=UTC),
        datetime(2011, 6, 1, 7, 26, tzinfo=UTC),
        None,
    ]
    assert faults(checked) == [("CT013", "value", (2,))]
    assert checked.violations[0].example == "soon"


@pytest.mark.parametrize(
    "values",
    [
        ["1899-12-31", "2201-01-01", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00+14:00"],
        pa.array([2**62, -(2**62)], pa.timestamp("us")),
        pa.array([2**62], pa.timestamp("s")),
        pa.array([2**30], pa.date32()),
        [20101201],
        [{"day": 1}],
        [True],
    ],
)
def test_what_is_no_day_of_these_centuries_is_refused(values: Any) -> None:
    for kind in ("instant", "date"):
        checked = imported(kind, values, is_plan=True)
        assert checked.kept.num_rows == 0
        assert {v.code for v in checked.violations} <= {"CT013", "CT021"}


def test_nanoseconds_are_cut_to_microseconds() -> None:
    values = pa.array([1_291_191_960_123_456_789], pa.timestamp("ns", tz="UTC"))
    assert values_of(imported("instant", values)) == [
        datetime(2010, 12, 1, 8, 26, 0, 123456, tzinfo=UTC)
    ]


def test_the_day_of_an_instant_is_the_local_one() -> None:
    late = datetime(2011, 6, 1, 23, 30, tzinfo=UTC)
    assert values_of(imported("date", [late])) == [date(2011, 6, 2)]
    assert values_of(imported("date", ["2011-06-01T23:30:00Z", "2011-06-01 23:30"])) == [
        date(2011, 6, 2),
        date(2011, 6, 1),
    ]
    assert values_of(imported("date", ["2011-06-01", ""])) == [date(2011, 6, 1), None]


def test_flags_are_read_from_words_and_digits() -> None:
    assert values_of(imported("flag", ["Yes", "no", "TRUE", "0", ""])) == [
        True, False, True, False, None,
    ]  # fmt: skip
    assert values_of(imported("flag", [1, 0])) == [True, False]
    assert faults(imported("flag", ["perhaps", 2])) == [("CT018", "value", (0, 1))]


def test_the_types_that_duckdb_returns_are_read() -> None:
    words = pa.array(["call", "EMAIL"]).dictionary_encode()
    raw = pa.table({
        "interaction_id": pa.array([1, 2], pa.uint64()),
        "account_id": pa.array(["a", "b"], pa.large_string()),
        "occurred_at": pa.array([date(2010, 12, 1)] * 2),
        "kind": words,
    })  # fmt: skip
    assert check("interactions", raw).kept.to_pylist() == [
        {
            "interaction_id": "1",
            "account_id": "a",
            "occurred_at": datetime(2010, 12, 1, tzinfo=UTC),
            "kind": "call",
        },
        {
            "interaction_id": "2",
            "account_id": "b",
            "occurred_at": datetime(2010, 12, 1, tzinfo=UTC),
            "kind": "email",
        },
    ]


def test_every_fault_of_a_row_is_reported_and_rows_add_up() -> None:
    raw = pa.table({
        "order_id": ["1", None, "3", "4"],
        "account_id": ["a", "b", " ", "d"],
        "ordered_at": ["2010-12-01", "never", "2010-12-01", "2011-12-11"],
        "net_amount": ["1", "x", "2", "3"],
    })  # fmt: skip
    checked = check("orders", raw)
    assert faults(checked) == [
        ("CT010", "order_id", (1,)),
        ("CT010", "account_id", (2,)),
        ("CT013", "ordered_at", (1,)),
        ("CT017", "ordered_at", (3,)),
        ("CT014", "net_amount", (1,)),
    ]
    assert checked.kept.column("order_id").to_pylist() == ["1"]
    assert list(checked.positions) == [0]
    assert checked.refused.select(["order_id", "net_amount", "row", "codes"]).to_pylist() == [
        {"order_id": None, "net_amount": "x", "row": 1, "codes": "CT010 CT013 CT014"},
        {"order_id": "3", "net_amount": "2", "row": 2, "codes": "CT010"},
        {"order_id": "4", "net_amount": "3", "row": 3, "codes": "CT017"},
    ]


def test_an_unknown_column_is_dropped_and_reported_once() -> None:
    raw = pa.table({
        "stage": ["open"], "position": [0], "outcome": ["Open"], "colour": ["red"],
    })  # fmt: skip
    checked = check("stages", raw)
    assert checked.kept.to_pylist() == [{"stage": "open", "position": 0.0, "outcome": "open"}]
    assert faults(checked) == [("CT004", "colour", ())]


def test_a_missing_bold_column_refuses_every_row() -> None:
    checked = check("stages", pa.table({"stage": ["open", "won"], "position": [0, 1]}))
    assert faults(checked) == [("CT003", "outcome", ())]
    assert (checked.kept.num_rows, checked.refused.num_rows) == (0, 2)


def test_words_and_bounds_hold() -> None:
    raw = pa.table({
        "interaction_id": ["1", "2", "3"],
        "account_id": ["a"] * 3,
        "occurred_at": ["2010-12-01"] * 3,
        "kind": ["Survey", "pigeon", "survey"],
        "survey_score": [10, None, 11],
        "sentiment": [-1.0, -1.5, 2.0],
    })  # fmt: skip
    assert faults(check("interactions", raw)) == [
        ("CT016", "kind", (1,)),
        ("CT015", "sentiment", (1, 2)),
        ("CT015", "survey_score", (2,)),
    ]


def test_later_instants_may_not_lie_after_the_clock_and_plans_may() -> None:
    raw = pa.table({
        "invoice_id": ["1", "2", "3"],
        "account_id": ["a"] * 3,
        "issued_at": ["2011-12-01"] * 3,
        "due_date": ["2012-01-31"] * 3,
        "amount": [10, 20, 30],
        "paid_at": [None, "2011-12-10T00:00:00Z", "2011-12-10T00:00:01Z"],
        "known_at": [None, None, "2011-12-11"],
    })  # fmt: skip
    assert faults(check("invoices", raw)) == [
        ("CT017", "paid_at", (2,)),
        ("CT017", "known_at", (2,)),
    ]


def test_a_day_after_the_clock_is_told_in_the_zone_of_the_portfolio() -> None:
    raw = pa.table({
        "subscription_id": ["1", "2"], "account_id": ["a", "a"],
        "start_date": ["2011-12-10", "2011-12-11"],
    })  # fmt: skip
    assert faults(check("subscriptions", raw)) == [("CT017", "start_date", (1,))]
    assert faults(check("subscriptions", raw, timezone="America/New_York")) == [
        ("CT017", "start_date", (0, 1))
    ]


def test_a_body_that_keeps_the_contract_is_kept_whole() -> None:
    checked = check_rows(ORDER, {**ORDER, "order_id": "536366", "net_amount": 22})
    assert checked.violations == ()
    assert checked.refused.num_rows == 0
    assert checked.kept.column("net_amount").to_pylist() == [139.12, 22.0]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("order_id", 536365, "CT011"),
        ("order_id", ["536365"], "CT011"),
        ("order_id", "\ud800", "CT011"),
        ("order_id", "", "CT010"),
        ("order_id", None, "CT010"),
        ("net_amount", "139.12", "CT014"),
        ("net_amount", True, "CT014"),
        ("net_amount", {}, "CT014"),
        ("net_amount", math.nan, "CT012"),
        ("net_amount", -math.inf, "CT012"),
        ("net_amount", 10**400, "CT012"),
        ("ordered_at", 1291191960, "CT013"),
        ("ordered_at", "1 December", "CT013"),
        ("ordered_at", False, "CT013"),
        ("ordered_at", "2011-12-11", "CT017"),
        ("is_deleted", "true", "CT018"),
        ("is_deleted", 1, "CT018"),
        ("colour", "red", "CT004"),
        ("colour", None, "CT004"),
    ],
)
def test_json_is_read_to_the_letter_and_only_its_own_row_suffers(
    column: str, value: object, code: str
) -> None:
    checked = check_rows(ORDER, {**ORDER, column: value})
    assert faults(checked) == [(code, column, (1,))]
    assert checked.kept.num_rows == (2 if code == "CT004" else 1)


def test_numbers_that_no_business_has_are_refused_before_a_sum_of_them_is_infinite() -> None:
    checked = check_rows({**ORDER, "net_amount": 10**15}, {**ORDER, "net_amount": 2**53 + 1})
    assert checked.kept.column("net_amount").to_pylist() == [1e15]
    assert faults(checked) == [("CT015", "net_amount", (1,))]


def test_a_row_without_anything_misses_every_bold_column() -> None:
    assert faults(check_rows({})) == [
        ("CT010", "order_id", (0,)),
        ("CT010", "account_id", (0,)),
        ("CT010", "ordered_at", (0,)),
        ("CT010", "net_amount", (0,)),
    ]


def test_no_rows_are_no_fault() -> None:
    checked = check_rows()
    assert (checked.kept.num_rows, checked.violations) == (0, ())


def test_no_mixture_of_json_values_raises() -> None:
    values = [None, True, 0, 1.5, "x", "", [], {}, [None], {"a": 1}, 10**30, "2010-12-01", math.nan]
    rng = np.random.default_rng(1)
    for table in TABLES.values():
        for _ in range(20):
            rows = [
                {c.name: values[rng.integers(len(values))] for c in table.columns} for _ in range(3)
            ]
            for strict in (True, False):
                raw = columns_from_rows(table, rows)
                checked = check_table(table, raw, timezone="UTC", clock=CLOCK, strict=strict)
                assert checked.kept.num_rows + checked.refused.num_rows == 3
                assert json.dumps([str(v) for v in checked.violations])


def test_one_key_twice_in_a_request_is_a_clash_and_two_versions_are_not() -> None:
    line = {**ORDER, "line_id": "1"}
    twice = check_rows(line, {**line, "line_id": "2"}, line, {**ORDER, "line_id": None})
    clash = duplicate_keys(TABLES["orders"], twice.kept)
    assert clash is not None
    assert (clash.code, clash.rows, clash.example) == ("CT019", (0, 2), "536365 / 1")
    versions = check_rows(line, {**line, "known_at": "2011-01-01T00:00:00Z"})
    assert duplicate_keys(TABLES["orders"], versions.kept) is None
    assert duplicate_keys(TABLES["orders"], check_rows(ORDER, ORDER).kept) is None


def test_a_clash_is_placed_in_the_raw_rows() -> None:
    line = {**ORDER, "line_id": "1"}
    checked = check_rows({**line, "order_id": 5}, line, line)
    clash = duplicate_keys(TABLES["orders"], checked.kept, checked.positions)
    assert clash is not None
    assert clash.rows == (1, 2)


def test_history_of_unknown_deals_is_found_and_refused() -> None:
    raw = pa.table({
        "opportunity_id": ["D-1", "D-2", "D-1"],
        "changed_at": ["2011-01-01", "2011-01-02", "2011-01-03"],
        "stage": ["open", "open", "won"],
    })  # fmt: skip
    checked = check("opportunity_history", raw)
    deals = pa.table({"opportunity_id": ["D-1"]})
    lost = orphans(checked.kept, deals, checked.positions)
    assert lost is not None
    assert (lost.code, lost.rows, lost.example) == ("CT020", (1,), "D-2")
    left = refuse(checked, raw, lost)
    assert left.kept.column("stage").to_pylist() == ["open", "won"]
    assert left.refused.select(["opportunity_id", "row", "codes"]).to_pylist() == [
        {"opportunity_id": "D-2", "row": 1, "codes": "CT020"}
    ]
    assert orphans(left.kept, deals) is None

"""Dates that cannot be, lines that stand twice, jumps, currencies, accounts of nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from features.records.quality.volume import jumps
from tests.unit.features.records.quality.made import STAGES, deal, find, move, order


def test_rows_that_end_before_they_begin_are_found() -> None:
    [finding] = find(
        "DQ024",
        orders=[
            order("1", day="2011-05-02", delivered_at="2011-05-01"),
            order("2", day="2011-05-02", delivered_at="2011-05-02"),
        ],
    )
    assert (finding.table, finding.column, finding.examples) == ("orders", "delivered_at", ("1",))


def test_what_is_due_on_the_day_it_is_issued_is_not_late() -> None:
    bill = {"account_id": "a", "issued_at": "2011-05-02T15:00:00Z", "amount": 1}
    [finding] = find(
        "DQ024",
        orders=[order("1")],
        invoices=[
            {**bill, "invoice_id": "1", "due_date": "2011-05-02"},
            {**bill, "invoice_id": "2", "due_date": "2011-05-01"},
        ],
    )
    assert finding.examples == ("2",)


def test_a_row_of_1900_stands_far_before_the_rest() -> None:
    rows = [order(str(i), day=f"2011-{1 + i // 28:02d}-{1 + i % 28:02d}") for i in range(60)]
    assert find("DQ025", orders=rows) == []
    [finding] = find("DQ025", orders=[*rows, order("old", day="1900-01-01")])
    assert (finding.count, finding.examples) == (1, ("old",))


def test_plans_for_never_and_rows_after_the_end_are_found() -> None:
    term = {"account_id": "a", "start_date": "2011-01-01"}
    [never] = find(
        "DQ026",
        subscriptions=[
            {**term, "subscription_id": "1", "term_end_date": "2099-12-31"},
            {**term, "subscription_id": "2", "term_end_date": "2012-01-01"},
        ],
    )
    assert never.examples == ("1",)
    end = datetime(2011, 6, 1, tzinfo=UTC)
    [late] = find("DQ027", as_of=end, orders=[order("1", day="2011-05-31"), order("2")])
    assert late.examples == ("2",)


def test_events_that_stand_twice_under_two_ids_are_found() -> None:
    call = {"account_id": "a", "occurred_at": "2011-05-01", "kind": "call", "direction": "inbound"}
    rows = [{**call, "interaction_id": "1"}, {**call, "interaction_id": "2"}]
    [finding] = find("DQ015", orders=[order("1")], interactions=rows)
    assert (finding.table, finding.count, finding.examples) == ("interactions", 1, ("2",))


def test_amounts_that_never_vary_are_named() -> None:
    flat = [order(str(i), margin_amount=0) for i in range(20)]
    assert [f.column for f in find("DQ016", orders=flat)] == ["net_amount", "margin_amount"]
    assert find("DQ016", orders=flat[:19]) == []


def test_open_deals_without_a_sign_of_life_are_found() -> None:
    history = [move("D-1", "2011-06-12", "new"), move("D-2", "2011-06-13", "new"),
               move("D-3", "2011-01-01", "new"), move("D-4", "2011-01-01", "won")]  # fmt: skip
    call = {"interaction_id": "1", "account_id": "a", "occurred_at": "2011-11-01", "kind": "call",
            "opportunity_id": "D-3"}  # fmt: skip
    [finding] = find("DQ017", opportunity_history=history, stages=STAGES, interactions=[call])
    assert (finding.count, finding.examples) == (1, ("D-1",))


def test_deals_that_are_born_closed_are_found() -> None:
    history = [move("D-1", "2011-01-01", "won"), move("D-2", "2011-01-01", "new"),
               move("D-2", "2011-02-01", "won")]  # fmt: skip
    [finding] = find("DQ018", opportunity_history=history, stages=STAGES)
    assert (finding.count, finding.share, finding.examples) == (1, 0.5, ("D-1",))


def test_rows_that_an_import_refused_are_told_with_their_codes() -> None:
    refused = pa.table({"row": [3], "codes": ["CT010 CT014"], "messages": ["x"]})
    [finding] = find("DQ019", orders=[order("1")], refused={"orders": refused})
    assert (finding.count, finding.share, finding.examples) == (1, 0.5, ("CT010", "CT014"))


def test_an_account_with_most_of_a_table_is_found_and_a_portfolio_of_one_is_said_to_be_small() -> (
    None
):
    crowd = [order(str(i), "cash") for i in range(60)]
    others = [order(f"x{i}", f"c{i}") for i in range(40)]
    accounts = [{"account_id": "cash"}, *({"account_id": f"c{i}"} for i in range(40))]
    [finding] = find("DQ020", accounts=accounts, orders=[*crowd, *others])
    assert (finding.count, finding.share, finding.examples) == (60, 0.6, ("cash",))
    [whole] = find("DQ020", accounts=accounts, orders=crowd * 2)
    assert whole.share == 1.0
    assert find("DQ020", accounts=accounts[:1], orders=crowd * 2) == []
    [none] = find("DQ021", accounts=[], orders=[])
    assert (none.count, none.share) == (0, 0.0)
    [small] = find("DQ021", accounts=accounts[:1], orders=crowd)
    assert small.count == 1
    assert find("DQ021", accounts=accounts, orders=crowd) == []


def test_parents_that_are_unknown_or_go_round_are_found() -> None:
    rows = [
        ("a", "b"),
        ("b", "c"),
        ("c", "b"),
        ("d", "nobody"),
        ("e", "e"),
        ("f", "g"),
        ("g", None),
    ]
    accounts = [{"account_id": one, "parent_account_id": above} for one, above in rows]
    [finding] = find("DQ022", accounts=accounts, orders=[order("1")])
    assert finding.examples == ("a", "b", "c", "d", "e")


def test_owners_that_nobody_declared_are_found() -> None:
    [finding] = find(
        "DQ023",
        accounts=[{"account_id": "a", "owner_id": "x"}, {"account_id": "b", "owner_id": "o"},
                  {"account_id": "c"}],
        owners=[{"owner_id": "o"}],
        orders=[order("1")],
    )  # fmt: skip
    assert (finding.table, finding.examples) == ("accounts", ("x",))


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([100] * 12 + [301], [12]),
        ([100] * 12 + [290], []),  # less than three times as many
        ([100] * 30 + [0], [30]),
        ([2] * 30 + [9], []),  # chance alone does that
        ([100] * 11 + [900], []),  # too little before it
        ([10, 400] * 10 + [400], []),  # it always was like that
    ],
)
def test_a_jump_leaves_what_was_usual(counts: list[int], found: list[int]) -> None:
    is_jump, _ = jumps(np.array(counts))
    assert np.flatnonzero(is_jump).tolist() == found


def test_a_week_that_was_imported_ten_times_is_found_with_its_day() -> None:
    start = datetime(2011, 1, 1, tzinfo=UTC)
    days = [start + timedelta(hours=8 * i) for i in range(900)]
    days += [datetime(2011, 9, 14, 12, tzinfo=UTC)] * 200
    rows = [order(str(i), day=day.isoformat()) for i, day in enumerate(days)]
    [finding] = find("DQ028", as_of=datetime(2011, 10, 28, tzinfo=UTC), orders=rows)
    assert finding.examples == ("2011-09-09: 221, usually 21",)


def test_lines_without_a_rate_on_their_day_are_errors() -> None:
    rates = [{"date": "2011-06-01", "currency": "USD", "rate": 0.7}]
    orders = [
        order("1", currency="EUR"), order("2"), order("3", currency="USD"),
        order("4", day="2011-05-31", currency="USD"), order("5", currency="GBP"),
    ]  # fmt: skip
    [finding] = find("DQ029", orders=orders, fx_rates=rates)
    assert (finding.severity, finding.count) == ("error", 2)
    assert finding.examples == ("USD", "GBP")
    [bare] = find("DQ029", orders=orders)
    assert bare.count == 3


def test_inverted_rates_are_found() -> None:
    days = [f"2011-06-{day:02d}" for day in range(1, 10)]
    rates = [{"date": day, "currency": "JPY", "rate": 0.009} for day in days]
    rates += [{"date": "2011-06-10", "currency": "JPY", "rate": 111.0}]
    rates += [{"date": "2011-06-10", "currency": "EUR", "rate": 2.0}]
    [finding] = find("DQ030", orders=[order("1")], fx_rates=rates)
    assert finding.examples == ("JPY 2011-06-10", "EUR 2011-06-10")


def test_a_deal_without_history_or_stages_is_no_reason_to_fail() -> None:
    assert find("DQ003", opportunities=[deal("D-1")]) == []

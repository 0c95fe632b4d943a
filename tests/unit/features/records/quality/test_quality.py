"""What keeps the contract and misleads all the same."""

from __future__ import annotations

from features.records.quality import CHECKS, Finding
from tests.unit.features.records.quality.made import STAGES, deal, find, move, order


def test_a_finding_says_what_where_how_many_why_and_how_to_mend_it() -> None:
    [finding] = find("DQ001", orders=[order("1"), order("1"), order("2"), order("1")])
    assert finding == Finding(
        code="DQ001",
        severity="warning",
        table="orders",
        column=None,
        count=2,
        share=0.5,
        examples=("1",),
        message="2 of 4 (50.0%): order lines that equal an earlier one in all columns.",
        how="Lines without line_id whose columns all equal those of an earlier line.",
        why="A line exported twice counts its revenue twice.",
        fix="Map line_id, or set distinct = true when they are duplicates.",
    )


def test_lines_with_a_line_id_are_not_taken_for_twins() -> None:
    assert find("DQ001", orders=[order("1", line_id="1"), order("1", line_id="1")]) == []


def test_rows_after_the_first_terminal_stage_are_counted() -> None:
    history = [
        move("D-1", "2011-01-01", "new"),
        move("D-1", "2011-01-02", "won"),
        move("D-1", "2011-01-02", "new"),
        move("D-1", "2011-01-03", "won"),
        move("D-2", "2011-01-03", "new"),
    ]
    [finding] = find("DQ002", opportunity_history=history, stages=STAGES)
    assert (finding.count, finding.share, finding.examples) == (1, 0.2, ("D-1",))


def test_open_deals_long_past_their_expected_close_are_found() -> None:
    history = [
        move("D-1", "2011-01-01", "new", expected_close_date="2011-09-10"),
        move("D-2", "2011-01-01", "new", expected_close_date="2011-09-11"),
        move("D-3", "2011-01-01", "won", expected_close_date="2011-02-01"),
        move("D-4", "2011-01-01", "new", expected_close_date="2011-02-01"),
        move("D-4", "2011-06-01", "new", expected_close_date="2012-02-01"),
    ]
    [finding] = find("DQ003", opportunity_history=history, stages=STAGES)
    assert (finding.count, finding.examples) == (1, ("D-1",))


def test_stages_that_nobody_declared_are_errors() -> None:
    history = [move("D-1", "2011-01-01", "new"), move("D-1", "2011-01-02", "limbo")]
    [finding] = find("DQ004", opportunity_history=history, stages=STAGES)
    assert (finding.severity, finding.examples) == ("error", ("limbo",))


def test_lines_of_amount_zero_are_counted() -> None:
    [finding] = find("DQ005", orders=[order("1", net_amount=0), order("2"), order("3"), order("4")])
    assert (finding.count, finding.share) == (1, 0.25)


def test_deals_without_any_amount_are_found() -> None:
    history = [move("D-1", "2011-01-01", "new"), move("D-2", "2011-01-01", "new", amount=7)]
    deals = [deal("D-1"), deal("D-2")]
    [finding] = find("DQ006", opportunities=deals, opportunity_history=history)
    assert finding.examples == ("D-1",)


def test_accounts_without_owner_or_channel_are_counted() -> None:
    accounts = [{"account_id": "a", "owner_id": "o"}, {"account_id": "b"}]
    [finding] = find("DQ007", accounts=accounts, orders=[order("1")])
    assert (finding.column, finding.examples) == ("owner_id", ("b",))
    [finding] = find("DQ008", accounts=accounts, orders=[order("1")])
    assert (finding.column, finding.count) == ("acquisition_channel", 2)


def test_silent_and_stale_accounts_are_told_apart() -> None:
    accounts = [{"account_id": name} for name in "abc"]
    orders = [order("1", "a"), order("2", "b", "2010-12-09T23:59:59Z")]
    [silent] = find("DQ009", accounts=accounts, orders=orders)
    [stale] = find("DQ010", accounts=accounts, orders=orders)
    assert (silent.examples, stale.examples) == (("c",), ("b",))


def test_columns_that_are_often_empty_are_named_and_pending_ones_are_not() -> None:
    orders = [order("1", product_id=None, delivered_at=None), order("2", product_id="p")]
    findings = find("DQ011", orders=orders)
    assert [(f.table, f.column, f.share) for f in findings] == [("orders", "product_id", 0.5)]


def test_orders_before_their_account_are_found() -> None:
    accounts = [{"account_id": "a", "created_at": "2011-12-01"}]
    orders = [order("1", day="2011-12-01"), order("2", day="2011-11-30")]
    [finding] = find("DQ012", accounts=accounts, orders=orders)
    assert finding.examples == ("2",)


def test_attributes_that_rewrite_themselves_are_named_unless_dated_or_static() -> None:
    accounts = [{"account_id": "a", "segment": "x", "country": "FR", "industry": "y", "name": "A"}]
    change = {"account_id": "a", "changed_at": "2011-01-01", "field": "segment", "value": "x"}
    [finding] = find(
        "DQ013",
        ("accounts.country",),
        accounts=accounts,
        account_history=[change],
        orders=[order("1")],
    )
    assert (finding.table, finding.count, finding.examples) == ("accounts", 1, ("industry",))


def test_rows_of_unknown_accounts_are_found() -> None:
    [finding] = find(
        "DQ014", accounts=[{"account_id": "a"}], orders=[order("1", "a "), order("2", "z")]
    )
    assert (finding.table, finding.examples) == ("orders", ("z",))


def test_a_portfolio_of_subscriptions_alone_is_audited() -> None:
    rows = [{"subscription_id": "S", "account_id": "a", "start_date": "2010-01-01"}]
    [finding] = find("DQ010", accounts=[{"account_id": "a"}], subscriptions=rows)
    assert finding.examples == ("a",)


def test_every_check_explains_itself() -> None:
    assert list(CHECKS) == [f"DQ{number:03d}" for number in range(1, 35)]
    assert all(
        check.how.endswith(".") and check.why.endswith(".") and check.fix.endswith(".")
        for check in CHECKS.values()
    )

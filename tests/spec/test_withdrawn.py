"""What was learnt late or taken back, in tables that say little of when, and whom a talk is of."""

from __future__ import annotations

import numpy as np
import pytest

from features.events import build_events
from features.records.folder import Records
from features.records.reading import TableReader
from tests.spec.features_portfolio import events_of, records, rows_of

ORDERS = """
    order_id  account_id  ordered_at  net_amount  product_id
    O-1       A           2011-03-01  10          P-1
    O-2       A           2011-03-02  10          P-2
    O-3       A           2011-03-03  10          P-3
"""


def _value(tables: dict[str, str], feature: str, day: str, **options: object) -> float:
    entity = "deal" if feature in ("stage_position", "moves") else "account"
    events = events_of(tables, **options)
    found = rows_of(events, entity, day, ["D" if entity == "deal" else "A"])
    return float(found.column(feature)[0])


@pytest.mark.parametrize(
    ("day", "categories"),
    [("2011-03-04", 1), ("2011-03-10", 1), ("2011-03-11", 2), ("2011-03-21", 3), ("2011-03-26", 2)],
)
def test_a_category_counts_from_when_it_is_known_until_it_is_withdrawn(
    day: str, categories: float
) -> None:
    products = """
        product_id  category  known_at          is_deleted
        P-1         paint     -                 -
        P-2         paint     -                 -
        P-2         tools     2011-03-10T00:00  -
        P-3         wood      2011-03-20T00:00  -
        P-3         wood      2011-03-25T00:00  true
    """
    tables = {"orders": ORDERS, "products": products}
    assert _value(tables, "categories_180d", day) == categories
    assert _value(tables, "products_180d", day) == 3


def test_a_stage_has_the_latest_place_it_was_given_and_none_once_deleted() -> None:
    deals = {
        "opportunities": """
            opportunity_id  account_id  created_at
            D               A           2011-03-01
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage
            D               2011-03-02  offer
        """,
        "stages": """
            stage  position  outcome  known_at    is_deleted
            offer  1         open     -           -
            offer  5         open     2011-06-01  -
            won    6         won      -           -
        """,
    }
    assert _value(deals, "stage_position", "2011-04-01") == 5
    gone = {**deals, "stages": deals["stages"] + "            offer 5 open 2011-07-01 true\n"}
    assert np.isnan(_value(gone, "stage_position", "2011-04-01"))


def test_two_snapshots_of_one_deal_stage_and_instant_are_one_the_later_known() -> None:
    deals = {
        "opportunities": """
            opportunity_id  account_id  created_at
            D               A           2011-03-01
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage  amount  known_at    is_deleted
            D               2011-03-02  lead   10      -           -
            D               2011-03-02  lead   20      2011-03-10  -
            D               2011-03-05  offer  20      -           -
            D               2011-03-05  offer  20      2011-03-20  true
        """,
    }
    assert _value(deals, "moves", "2011-03-04") == 1
    assert _value(deals, "moves", "2011-03-15") == 2
    assert _value(deals, "moves", "2011-03-21") == 1


@pytest.mark.parametrize(
    ("day", "employees"), [("2011-03-06", 10), ("2011-03-11", 20), ("2011-03-16", 10)]
)
def test_a_change_of_an_account_ends_when_its_row_is_withdrawn(day: str, employees: float) -> None:
    history = """
        account_id  changed_at        field      value  known_at          is_deleted
        A           2011-03-01T00:00  employees  10     -                 -
        A           2011-03-10T00:00  employees  20     -                 -
        A           2011-03-10T00:00  employees  20     2011-03-15T00:00  true
        A           2011-03-10T00:00  segment    small  -                 -
    """
    tables = {"orders": ORDERS, "account_history": history}
    assert _value(tables, "employees", day) == employees


def test_of_what_happened_equal_rows_all_count_until_a_deleted_one_ends_them() -> None:
    happened = """
        account_id  occurred_at       kind     text   known_at          is_deleted
        A           2011-03-01T00:00  funding  one    -                 -
        A           2011-03-01T00:00  funding  two    -                 -
        A           2011-03-01T00:00  move     three  -                 -
        A           2011-03-01T00:00  funding  one    2011-03-10T00:00  true
        A           2011-03-01T00:00  funding  again  2011-03-20T00:00  -
    """
    tables = {"orders": ORDERS, "account_events": happened}
    days = ("2011-03-02", "2011-03-10", "2011-03-11", "2011-03-21")
    assert [_value(tables, "account_events_90d", day) for day in days] == [3, 3, 1, 2]
    assert [_value(tables, "growth_events_365d", day) for day in days] == [2, 2, 0, 1]


def test_a_row_withdrawn_at_once_never_counts() -> None:
    happened = """
        account_id  occurred_at       kind     text   is_deleted
        A           2011-03-01T00:00  funding  zebra  -
        A           2011-03-01T00:00  funding  apple  true
    """
    tables = {"orders": ORDERS, "account_events": happened}
    assert _value(tables, "account_events_90d", "2011-03-02") == 0


def test_notices_count_where_nobody_notes_what_ended() -> None:
    contracts = """
        subscription_id  account_id  start_date  cancelled_at
        S-1              A           2011-01-01  2011-03-01T00:00
        S-2              A           2011-01-01  2011-05-01T00:00
        S-3              A           2011-01-01  -
    """
    assert _value({"subscriptions": contracts}, "notices_given", "2011-04-01") == 1


def _activity(found: Records) -> list[float]:
    """Interactions, buying signals and calls of the deal of A, and interactions of account B."""
    events = build_events(found)
    deal = rows_of(events, "deal", "2011-04-01", ["D"])
    names = ("deal_interactions", "buying_signals", "deal_calls")
    return [float(deal.column(name)[0]) for name in names]


def test_a_talk_with_one_account_tells_nothing_of_the_deal_of_another() -> None:
    whole = records({
        "opportunities": """
            opportunity_id  account_id  created_at
            D               A           2011-03-01
            E               B           2011-03-01
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage
            D               2011-03-02  lead
            E               2011-03-02  lead
        """,
        "interactions": """
            interaction_id  account_id  opportunity_id  occurred_at  kind  outcome
            T-1             A           D               2011-03-03   call  buying_signal
            T-2             B           D               2011-03-04   call  buying_signal
        """,
    })  # fmt: skip
    reader = TableReader(whole.tables)
    assert _activity(whole) == [1, 1, 1]
    assert _activity(Records(whole.portfolio, reader.tables(["A"]))) == [1, 1, 1]
    rows = rows_of(build_events(whole), "account", "2011-04-01", ["B"])
    assert rows.column("interactions_90d").tolist() == [1]


@pytest.mark.parametrize(
    "corrected", ["", "\n            D               B           2020-01-01  2020-04-01"]
)
def test_a_deal_that_is_corrected_to_another_account_keeps_its_earlier_talks(
    corrected: str,
) -> None:
    tables = {
        "accounts": "\n        account_id\n        A\n        B\n",
        "opportunities": f"""
            opportunity_id  account_id  created_at  known_at
            D               A           2020-01-01  2020-01-01{corrected}
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage
            D               2020-01-02  offer
        """,
        "interactions": """
            interaction_id  account_id  occurred_at  kind  opportunity_id
            I               A           2020-01-10   call  D
        """,
    }
    found = rows_of(events_of(tables), "deal", "2020-02-01", ["D"])
    assert found.column("deal_interactions_30d")[0] == 1

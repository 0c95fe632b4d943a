"""Rows, days, keys and contexts of a feature matrix."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.asof import instant
from features.context import ContextMaker
from features.errors import NotReady
from features.kernel import ROWS_OF_A_CHUNK
from features.matrix import account_rows, are_alike_for_accounts, deal_rows
from features.signals.catalogue import (
    ACCOUNT_SIGNALS,
    DEAL_SIGNALS,
    feature_names,
    feature_set_version,
)
from tests.spec.features_portfolio import events_of, rows_of

ORDERS = {
    "orders": """
        order_id  account_id  ordered_at  net_amount
        O-1       A           2011-01-05  100
        O-2       B           2011-02-05  300
    """,
}


def test_each_row_has_its_own_day_and_the_context_of_it() -> None:
    events = events_of(ORDERS)
    days = [instant(date(2011, 2, 1)), instant(date(2011, 3, 1))]
    maker = ContextMaker(events, 90)
    contexts = {day: maker.make(day) for day in days}
    rows = account_rows(
        events, np.array([1, 0, 1]), np.array([days[0], days[1], days[1]]), contexts
    )
    assert rows.column("revenue_all").tolist() == [0, 100, 300]
    assert rows.take(np.array([2, 0])).column("revenue_all").tolist() == [300, 0]
    assert rows.names == feature_names("account")


def test_a_day_without_a_context_is_refused() -> None:
    events = events_of(ORDERS)
    day = instant(date(2011, 2, 1))
    with pytest.raises(NotReady, match="NR001"):
        account_rows(events, np.array([0]), np.array([day]), {})


def test_a_context_of_an_earlier_version_without_a_table_is_refused() -> None:
    events = events_of(ORDERS)
    day = instant(date(2011, 2, 1))
    context = ContextMaker(events, 90).make(day)
    segment_alone = replace(context, tables={"segment": context.tables["segment"]})
    with pytest.raises(NotReady, match="country table"):
        account_rows(events, np.array([0]), np.array([day]), {day: segment_alone})


def test_no_rows_asked_for_are_no_rows() -> None:
    events = events_of(ORDERS)
    empty = np.empty(0, dtype=np.int64)
    assert account_rows(events, empty, empty, {}).values.shape == (0, len(feature_names("account")))
    assert deal_rows(events, empty, empty, {}).values.shape == (0, len(feature_names("deal")))


DEALS = {
    **ORDERS,
    "opportunities": """
        opportunity_id  account_id  created_at
        D-1             A           2011-01-06
        D-2             B           2011-01-06
        D-3             A           2011-01-06
    """,
    "opportunity_history": """
        opportunity_id  changed_at  stage  amount
        D-1             2011-01-06  lead   10
        D-2             2011-01-06  lead   20
        D-3             2011-01-06  lead   30
    """,
}


def test_deals_take_rows_of_their_accounts_that_are_there_already() -> None:
    events = events_of(DEALS)
    days = [instant(date(2011, 2, 1)), instant(date(2011, 3, 1))]
    contexts = {day: ContextMaker(events, 90).make(day) for day in days}
    accounts = account_rows(
        events, np.array([1, 0, 0, 1]), np.array([days[0], days[1], days[0], days[1]]), contexts
    )
    code, as_of = np.array([2, 1, 0]), np.array([days[1], days[1], days[0]])
    alone = deal_rows(events, code, as_of, contexts)
    shared = deal_rows(events, code, as_of, contexts, accounts)
    assert shared.column("account_revenue_365d").tolist() == [100, 300, 100]
    assert shared.values.tobytes() == alone.values.tobytes()
    assert shared.keys["segment"].tolist() == [None, None, None]
    with pytest.raises(ValueError, match="no row"):
        deal_rows(events, code, as_of, contexts, accounts.take(np.array([1, 2])))


def test_contexts_that_say_the_same_of_accounts_are_alike_for_them() -> None:
    events = events_of(DEALS)
    early, late = (ContextMaker(events, 90).make(instant(date(2011, month, 1))) for month in (2, 3))
    again = ContextMaker(events, 90).make(instant(date(2011, 3, 1)))
    assert are_alike_for_accounts(late, again)
    assert not are_alike_for_accounts(early, late)


def test_many_rows_are_those_of_each_alone() -> None:
    events = events_of(DEALS)
    day = instant(date(2011, 2, 1))
    contexts = {day: ContextMaker(events, 90).make(day)}
    n = 4 * ROWS_OF_A_CHUNK + 3
    code = np.arange(n) % 2
    many = account_rows(events, code, np.full(n, day), contexts)
    two = account_rows(events, np.arange(2), np.full(2, day), contexts)
    assert many.values.tobytes() == two.values[code].tobytes()
    assert many.keys["segment"].tolist() == [None] * n


def test_nothing_is_derived_from_what_is_computed_last() -> None:
    signals = (*ACCOUNT_SIGNALS, *DEAL_SIGNALS)
    last = {signal.name for signal in signals if signal.function is not None}
    early = [signal for signal in signals if signal.function is None]
    assert [signal.name for signal in early if last & set(signal.inputs)] == []


def test_a_row_says_what_it_belonged_to() -> None:
    events = events_of(
        {
            "accounts": "account_id segment\nA small",
            "opportunities": """
                opportunity_id  account_id  created_at  owner_id  product_id
                D-1             A           2011-01-01  U         P-1
                D-2             B           2011-01-01  -         -
            """,
            "opportunity_history": """
                opportunity_id  changed_at  stage  owner_id
                D-1             2011-01-01  lead   -
                D-1             2011-01-10  offer  V
                D-2             2011-01-01  lead   -
            """,
        },
        static=("accounts.segment", "opportunities.owner_id", "opportunities.product_id"),
    )
    early = rows_of(events, "deal", "2011-01-05").keys
    late = rows_of(events, "deal", "2011-02-01").keys
    assert early["stage"].tolist() == ["lead", "lead"]
    assert early["owner"].tolist() == ["U", None]
    assert late["stage"].tolist() == ["offer", "lead"]
    assert late["owner"].tolist() == ["V", None]
    assert late["segment"].tolist() == ["small", None]
    assert late["product"].tolist() == ["P-1", None]
    assert late["lead_source"].tolist() == [None, None]


def test_no_value_is_infinite() -> None:
    rows = rows_of(events_of(ORDERS), "account", "2011-02-01")
    assert not np.isinf(rows.values).any()


def test_the_version_of_the_features_depends_on_which_they_are() -> None:
    names = feature_names("account")
    assert feature_set_version(names, "account") == feature_set_version(names, "account")
    assert feature_set_version(names, "account") != feature_set_version(names[1:], "account")
    assert len(feature_set_version(names, "account")) == 12

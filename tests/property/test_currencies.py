"""A portfolio that sells in another currency is the portfolio that sells in its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from features.asof import instant
from features.context import ContextMaker
from features.events import build_events
from features.matrix import account_rows, deal_rows
from tests.property.portfolios import AS_OF, Drawn, Rows, portfolios

# A failing example must show its rows, however many there are.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

MONEY = ("net_amount", "margin_amount", "discount_amount")


def _priced(drawn: Drawn, currency: str, times: float, rates: Rows) -> Drawn:
    """The portfolio with all orders in one currency, each amount so many times what it was."""
    orders: Rows = [
        {**row, "currency": currency}
        | {name: row[name] * times for name in MONEY if isinstance(row[name], float)}
        for row in drawn.rows.get("orders", [])
    ]
    absent = drawn.absent - {"orders.currency"}
    return replace(drawn, rows={**drawn.rows, "orders": orders, "fx_rates": rates}, absent=absent)


def _said(drawn: Drawn, day: str) -> tuple[bytes, bytes, str]:
    """Everything that the features of a day say, to the last bit."""
    events, moment = build_events(drawn.records()), instant(date.fromisoformat(day))
    context = ContextMaker(events, 90).make(moment)
    codes = np.arange(len(events.accounts.words)), np.arange(len(events.deals.words))
    rows = [
        make(events, code, np.full(code.size, moment), {moment: context}).values
        for make, code in zip((account_rows, deal_rows), codes, strict=True)
    ]
    return rows[0].tobytes(), rows[1].tobytes(), context.to_json()


@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
@given(portfolios(), st.sampled_from(AS_OF))
def test_amounts_at_a_rate_of_two_are_amounts_twice_as_large(drawn: Drawn, day: str) -> None:
    assume(drawn.rows.get("orders"))
    rates: Rows = [{"date": date(2010, 1, 1), "currency": "USD", "rate": 2.0}]
    assert _said(_priced(drawn, "USD", 1.0, rates), day) == _said(
        _priced(drawn, "EUR", 2.0, rates), day
    )

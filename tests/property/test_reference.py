"""The kernel and plain pandas say the same of any portfolio."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from features.asof import instant
from features.context import Context, ContextMaker
from features.events import EventSet, build_events
from features.matrix import FeatureMatrix, account_rows, deal_rows
from features.records.folder import Records
from features.signals.deals import OF_ACCOUNT
from tests.property.portfolios import AS_OF, STATIC, Drawn, portfolios
from tests.property.reference import Row, Seen, account_row, deal_row

HORIZON = 90

# A failing example must show its rows, however many there are.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

few = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # a failure names the feature and the day: shrinking takes minutes
)


def _seen(records: Records, as_of: str, context: Context) -> Seen:
    tables = {name: table.to_pandas() for name, table in records.tables.items()}
    moment = pd.Timestamp(as_of, tz="UTC")
    everyone = context.tables["segment"]
    # An optimiser is involved: what it found is taken from the context, not computed again.
    model = [everyone.get(None, f"bgnbd_{name}") for name in ("r", "alpha", "a", "b")]
    return Seen(
        tables, moment, records.portfolio.timezone, frozenset(STATIC), HORIZON, tuple(model)
    )


def _all_accounts(
    events: EventSet, moments: list[int], contexts: dict[int, Context]
) -> FeatureMatrix:
    n = len(events.accounts.words)
    code, as_of = np.tile(np.arange(n), len(moments)), np.repeat(moments, n)
    return account_rows(events, code, as_of, contexts)


def _agrees(matrix: FeatureMatrix, row: int, expected: Row, who: str) -> None:
    assert set(expected) <= set(matrix.names)
    for name, found in zip(matrix.names, matrix.values[row], strict=True):
        value = expected.get(name, np.nan)
        same = np.isclose(found, value, rtol=1e-9, atol=1e-9, equal_nan=True)
        assert same, f"{name} of {who}: {found} instead of {value}"


@few
@given(portfolios())
def test_an_account_row_is_what_plain_pandas_says(drawn: Drawn) -> None:
    assume(any(drawn.rows.values()))
    records = drawn.records()
    events = build_events(records)
    accounts = events.accounts.words
    moments = [instant(date.fromisoformat(day)) for day in AS_OF]
    contexts = {moment: ContextMaker(events, HORIZON).make(moment) for moment in moments}
    matrix = _all_accounts(events, moments, contexts)
    for number, day in enumerate(AS_OF):
        seen = _seen(records, day, contexts[moments[number]])
        for code, account in enumerate(accounts):
            row = number * len(accounts) + code
            _agrees(matrix, row, account_row(seen, account), f"{account} on {day}")


@few
@given(portfolios())
def test_a_deal_row_is_what_plain_pandas_says(drawn: Drawn) -> None:
    records = drawn.records()
    events = build_events(records)
    maker = ContextMaker(events, HORIZON)
    for day in AS_OF:
        moment = instant(date.fromisoformat(day))
        context = maker.make(moment)
        seen = _seen(records, day, context)
        deals = [] if seen.deals is None else sorted(seen.deals.index)
        code = np.array([events.deals.words.index(deal) for deal in deals], dtype=np.int64)
        moments = np.full(code.size, moment)
        matrix = deal_rows(events, code, moments, {moment: context})
        for row, deal in enumerate(deals):
            _agrees(matrix, row, deal_row(seen, deal, OF_ACCOUNT), f"{deal} on {day}")

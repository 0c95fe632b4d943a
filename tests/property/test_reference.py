"""The kernel and vectorised pandas say the same of any portfolio."""

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
from tests.property.portfolios import AS_OF, STATIC, Drawn, portfolios
from tests.reference import Known, Prepared, account_features, deal_features, prepare

HORIZON = 90

# A failing example must show its rows, however many there are.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

few = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # a failure names the feature and the day: shrinking takes minutes
)


def _prepared(records: Records) -> Prepared:
    tables = {name: table.to_pandas() for name, table in records.tables.items()}
    return prepare(
        tables,
        zone=records.portfolio.timezone,
        currency=records.portfolio.currency,
        static=STATIC,
        horizon_days=HORIZON,
    )


def _known(prepared: Prepared, as_of: str, context: Context) -> Known:
    everyone = context.tables["segment"]
    # An optimiser is involved: what it found is taken from the context, not computed again.
    model = [everyone.get(None, f"bgnbd_{name}") for name in ("r", "alpha", "a", "b")]
    return Known(prepared, pd.Timestamp(as_of), tuple(model))


def _contexts(events: EventSet) -> dict[int, Context]:
    maker = ContextMaker(events, HORIZON)
    moments = [instant(date.fromisoformat(day)) for day in AS_OF]
    return {moment: maker.make(moment) for moment in moments}


def _agrees(matrix: FeatureMatrix, expected: pd.DataFrame, day: str) -> None:
    assert set(expected) <= set(matrix.names)
    values = expected.reindex(columns=list(matrix.names)).to_numpy(dtype=float)
    is_same = np.isclose(matrix.values, values, rtol=1e-9, atol=1e-9, equal_nan=True)
    wrong = [
        f"{matrix.names[column]} of {expected.index[row]} on {day}: "
        f"{matrix.values[row, column]} instead of {values[row, column]}"
        for row, column in np.argwhere(~is_same)
    ]
    assert wrong == []


@few
@given(portfolios())
def test_an_account_row_is_what_plain_pandas_says(drawn: Drawn) -> None:
    assume(any(drawn.rows.values()))
    records = drawn.records()
    events, prepared = build_events(records), _prepared(records)
    code = np.arange(len(events.accounts.words))
    contexts = _contexts(events)
    for day, (moment, context) in zip(AS_OF, contexts.items(), strict=True):
        matrix = account_rows(events, code, np.full(code.size, moment), contexts)
        _agrees(matrix, account_features(_known(prepared, day, context)), day)


@few
@given(portfolios())
def test_a_deal_row_is_what_plain_pandas_says(drawn: Drawn) -> None:
    records = drawn.records()
    events, prepared = build_events(records), _prepared(records)
    contexts = _contexts(events)
    for day, (moment, context) in zip(AS_OF, contexts.items(), strict=True):
        expected = deal_features(_known(prepared, day, context))
        code = np.array([events.deals.words.index(deal) for deal in expected.index], dtype=np.int64)
        matrix = deal_rows(events, code, np.full(code.size, moment), contexts)
        _agrees(matrix, expected, day)

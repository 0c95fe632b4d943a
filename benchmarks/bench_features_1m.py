"""How fast are all features of a million order lines, beside pandas and DuckDB?

Both references start from what they like best: pandas from DataFrames in memory, DuckDB from tables
of its own that hold the kernel's events (orders rolled up, versions settled). Ours starts from
records as a loader brings them. What each gives is compared before its time counts.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from benchmarks.aggregates_sql import (
    connect,
    disagreements,
    read_by_duckdb,
    read_by_kernel,
    sources_of,
)
from benchmarks.large_portfolio import AS_OF, large_records
from benchmarks.measuring import Row, faster, median_seconds, timed, together
from features.asof import NEVER, Instants, instant
from features.context import Context, ContextMaker
from features.events import EventSet, build_events
from features.kernel import Codes
from features.matrix import FeatureMatrix, account_rows, deal_rows
from features.records.folder import Records
from features.signals.catalogue import CATALOGUE
from tests.reference import Known, account_features, deal_features, prepare

HORIZON_DAYS = 90
GOAL = 20.0


@dataclass(frozen=True)
class Rows:
    """Feature rows of all accounts, and of the deals opened before each day, on all days.

    Rows of one account follow each other, and so do those of one deal.
    """

    contexts: Mapping[int, Context]
    accounts: FeatureMatrix
    deals: FeatureMatrix


class Disagreement(Exception):
    """Two ways of computing the same features gave different numbers: no time counts."""


def run(n_accounts: int = 50_000, days: Sequence[date] = AS_OF, times: int = 3) -> list[Row]:
    """How fast is everything from records to feature rows, against each reference?"""
    feature_rows(build_events(large_records(100)), days[:1])
    records = large_records(n_accounts)
    pandas_seconds = _pandas(records, days)
    kernel_seconds, sql_seconds, left_out = _duckdb(build_events(records), days)
    seconds = median_seconds(lambda: feature_rows(build_events(records), days), times)
    lines = records.tables["orders"].num_rows
    size = (
        f"{lines:,} order lines, {records.tables['interactions'].num_rows:,} interactions,"
        f" {n_accounts:,} accounts, {len(days)} days"
    )
    parts = [
        faster(
            "features-1m/pandas", seconds, "vectorised pandas", pandas_seconds, goal=GOAL,
            note=f"all {len(CATALOGUE)} features: ours from records through events, contexts and"
            f" rows; pandas from DataFrames, its BG/NBD model given. {size}.",
        ),
        faster(
            "features-1m/duckdb", kernel_seconds, "DuckDB SQL", sql_seconds, goal=GOAL,
            note="the aggregates alone, both from the same events in memory; SQL is spared"
            f" {left_out} aggregates that need steps between events. Against all of ours, from"
            f" records: {sql_seconds / seconds:.1f} times.",
        ),
    ]  # fmt: skip
    return [*parts, together("features-1m", seconds, "s", parts, size)]


def feature_rows(events: EventSet, days: Sequence[date]) -> Rows:
    """Which rows have all accounts, and all deals opened before each day?"""
    moments = [instant(day) for day in days]
    contexts = ContextMaker(events, HORIZON_DAYS).make_all(moments)
    accounts = account_rows(events, *_pairs(len(events.accounts.words), moments), contexts)
    deal, moment = _pairs(len(events.deals.words), moments)
    is_opened = _first_opened(events)[deal] < moment
    deals = deal_rows(events, deal[is_opened], moment[is_opened], contexts, accounts)
    return Rows(contexts, accounts, deals)


def _pairs(n: int, moments: Sequence[int]) -> tuple[Codes, Instants]:
    """Every entity at every instant, entity by entity."""
    return np.repeat(np.arange(n), len(moments)), np.tile(np.array(moments), n)


def _first_opened(events: EventSet) -> Instants:
    opened = events.records.tables["opportunities"]
    at = opened.column("created_at").cast("int64").to_numpy()
    first = np.full(len(events.deals.words), NEVER)
    np.minimum.at(first, events.deals.code(opened.column("opportunity_id")), at)
    return first


def _pandas(records: Records, days: Sequence[date]) -> float:
    """Seconds of the reference, whose numbers are ours."""
    frames = {name: table.to_pandas(date_as_object=False) for name, table in records.tables.items()}
    ours = feature_rows(build_events(records), days)
    portfolio = records.portfolio
    total, prepared = timed(
        lambda: prepare(
            frames,
            zone=portfolio.timezone,
            currency=portfolio.currency,
            static=portfolio.static,
            horizon_days=HORIZON_DAYS,
        )
    )
    for day in days:
        moment = instant(day)
        everyone = ours.contexts[moment].tables["segment"]
        model = tuple(everyone.get(None, f"bgnbd_{name}") for name in ("r", "alpha", "a", "b"))
        known = Known(prepared, pd.Timestamp(day), model)
        seconds, accounts = timed(lambda known=known: account_features(known))
        total += seconds
        seconds, deals = timed(lambda known=known, of=accounts: deal_features(known, of))
        total += seconds
        _agree(_of_day(ours.accounts, moment), accounts, day)
        _agree(_of_day(ours.deals, moment), deals, day)
    return total


def _of_day(rows: FeatureMatrix, moment: int) -> FeatureMatrix:
    return rows.take(np.flatnonzero(rows.as_of == moment))


def _agree(matrix: FeatureMatrix, told: pd.DataFrame, day: date) -> None:
    values = told.reindex(columns=list(matrix.names)).to_numpy(dtype=float)
    is_same = np.isclose(matrix.values, values, rtol=1e-9, atol=1e-6, equal_nan=True)
    wrong = [name for name, same in zip(matrix.names, is_same.all(axis=0), strict=True) if not same]
    if wrong:
        raise Disagreement(f"pandas on {day}: {', '.join(wrong)}")


def _duckdb(events: EventSet, days: Sequence[date]) -> tuple[float, float, int]:
    """Seconds of the kernel and of SQL for the same aggregates, and how many SQL is spared."""
    as_of = [instant(day) for day in days]
    sources = sources_of(events)
    connection = connect(sources, as_of)
    kernel_seconds = sql_seconds = 0.0
    for source in sources:
        seconds, ours = timed(lambda source=source: read_by_kernel(source, as_of))
        kernel_seconds += seconds
        seconds, told = timed(lambda source=source: read_by_duckdb(connection, source))
        sql_seconds += seconds
        wrong = disagreements(source, ours, told, as_of)
        if wrong:
            raise Disagreement(f"DuckDB: {', '.join(wrong)}")
        del ours, told
        gc.collect()
    connection.close()
    return kernel_seconds, sql_seconds, sum(len(source.left_out) for source in sources)

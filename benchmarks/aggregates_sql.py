"""The aggregates of the declarations as DuckDB SQL: one query per source of events.

Written from the declarations, so that a new feature is measured without a line here. Statistics
that SQL can only take in passes of their own (steps and gaps between consecutive events, the share
of the heaviest value) are left out, in favour of SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from features.asof import US_PER_DAY
from features.events import EventSet
from features.kernel import Events, Floats, Output, State, compile_program, run
from features.kernel import Statistic as S
from features.signals.catalogue import ACCOUNT_SIGNALS, DEAL_SIGNALS
from features.signals.declare import Signal

READS: Mapping[S, str] = {
    S.COUNT: "count(*) FILTER (WHERE {rows})",
    S.SUM: "coalesce(sum({measure}) FILTER (WHERE {rows}), 0)",
    S.MEAN: "avg({measure}) FILTER (WHERE {rows})",
    S.STD: "stddev_samp({measure}) FILTER (WHERE {rows})",
    S.MIN: "min({measure}) FILTER (WHERE {rows})",
    S.MAX: "max({measure}) FILTER (WHERE {rows})",
    S.MEDIAN: "median({measure}) FILTER (WHERE {rows})",
    S.LAST: "arg_max({measure}, place) FILTER (WHERE {rows})",
    S.FIRST: "arg_min({measure}, place) FILTER (WHERE {rows})",
    S.DAYS: "count(DISTINCT day) FILTER (WHERE {rows})",
    S.AGE_LAST: f"min(age) FILTER (WHERE {{rows}}) / {US_PER_DAY}.0",
    S.AGE_FIRST: f"max(age) FILTER (WHERE {{rows}}) / {US_PER_DAY}.0",
    # The gaps of an entity add up to the time between its first day and its last.
    S.GAP_MEAN: "(max(day) FILTER (WHERE {rows}) - min(day) FILTER (WHERE {rows}))"
    " / nullif(count(DISTINCT day) FILTER (WHERE {rows}) - 1, 0)",
    S.DISTINCT: "count(DISTINCT {measure}) FILTER (WHERE {rows})",
    S.SLOPE: f"30.0 * regr_slope({{measure}}, -age / {US_PER_DAY}.0) FILTER (WHERE {{rows}})",
}
"""How SQL reads a statistic; the ones that are not here are left out."""


@dataclass(frozen=True)
class Source:
    """Events of one kind, and what is read off them by both sides.

    Attributes
    ----------
    name : str
        Name of the source, and of its table in DuckDB.
    events : Events
        The events.
    signals : tuple of Signal
        Aggregates that SQL reads too.
    left_out : tuple of Signal
        Aggregates that the kernel reads alone.
    """

    name: str
    events: Events
    signals: tuple[Signal, ...]
    left_out: tuple[Signal, ...]

    @property
    def outputs(self) -> list[Output]:
        """What the kernel reads, those of SQL first."""
        every = (*self.signals, *self.left_out)
        return [signal.output for signal in every if signal.output is not None]


def sources_of(events: EventSet) -> list[Source]:
    """Which aggregates do the declarations read off which events?"""
    found = []
    for name, own in events.sources.items():
        declared = [s for s in (*ACCOUNT_SIGNALS, *DEAL_SIGNALS) if s.source == name]
        told = [s for s in declared if s.output is not None and s.output.statistic in READS]
        rest = [s for s in declared if s not in told]
        if declared:
            found.append(Source(name, own, tuple(told), tuple(rest)))
    return found


def read_by_kernel(source: Source, as_of: Sequence[int]) -> Floats:
    """What does the kernel read off a source: (day, entity, output)?"""
    n, outputs = source.events.offsets.size - 1, source.outputs
    program = compile_program(source.events, dict(enumerate(outputs)))
    entity = np.repeat(np.arange(n), len(as_of))
    found = np.empty((entity.size, len(outputs)))
    run(source.events, program, entity, np.tile(np.array(as_of), n), found)
    return found.reshape(n, len(as_of), len(outputs)).transpose(1, 0, 2)


def connect(sources: Sequence[Source], as_of: Sequence[int]) -> duckdb.DuckDBPyConnection:
    """Give DuckDB the events as tables of its own, and the days."""
    connection = duckdb.connect()
    days = pa.table({"as_of": pa.array(as_of, pa.int64())})
    connection.register("arrow_days", days)
    connection.execute("CREATE TABLE days AS SELECT * FROM arrow_days")
    for source in sources:
        connection.register("arrow_events", _table(source.events))
        connection.execute(f"CREATE TABLE {source.name} AS SELECT * FROM arrow_events")  # noqa: S608
    return connection


def read_by_duckdb(connection: duckdb.DuckDBPyConnection, source: Source) -> pa.Table:
    """What does SQL read off a source: one row per entity with events and day?"""
    found: pa.Table = connection.sql(query_of(source)).to_arrow_table()
    return found


def disagreements(source: Source, kernel: Floats, sql: pa.Table, as_of: Sequence[int]) -> list[str]:
    """Which aggregates differ between the two, in any row?"""
    day = np.searchsorted(as_of, sql.column("as_of").to_numpy())
    entity = sql.column("entity").to_numpy()
    wrong = []
    for position, signal in enumerate(source.signals):
        is_number = signal.output is not None and signal.output.statistic in (
            S.COUNT, S.SUM, S.DAYS, S.DISTINCT,
        )  # fmt: skip
        told = np.full(kernel.shape[:2], 0.0 if is_number else np.nan)
        values = sql.column(signal.name).cast(pa.float64()).to_numpy(zero_copy_only=False)
        told[day, entity] = values
        if not np.allclose(told, kernel[:, :, position], rtol=1e-9, atol=1e-6, equal_nan=True):
            wrong.append(f"{source.name}.{signal.name}")
    return wrong


def query_of(source: Source) -> str:
    """Which query reads every aggregate of a source?"""
    reads = [
        f'{_read(signal.output)} AS "{signal.name}"'
        for signal in source.signals
        if signal.output is not None
    ]
    return (
        f"SELECT entity, as_of, {', '.join(reads)} FROM"  # noqa: S608
        " (SELECT e.*, d.as_of, d.as_of - e.at AS age, e.later < d.as_of AS is_settled"
        f" FROM {source.name} e JOIN days d ON e.at < d.as_of AND e.known_from < d.as_of"
        " AND d.as_of <= e.known_until) GROUP BY entity, as_of"
    )


def _read(output: Output) -> str:
    rows = [*output.where]
    if output.state is not State.ANY:
        rows.append("is_settled" if output.state is State.SETTLED else "NOT is_settled")
    if output.window_days is not None:
        rows.append(f"age <= {round(output.window_days * US_PER_DAY)}")
    if output.skip_days:
        rows.append(f"age > {round(output.skip_days * US_PER_DAY)}")
    if output.measure is not None:
        rows.append(f'"{output.measure}" IS NOT NULL')
    condition = " AND ".join(rows) or "true"
    return READS[output.statistic].format(measure=f'"{output.measure}"', rows=condition)


def _table(events: Events) -> pa.Table:
    entity = np.repeat(np.arange(events.offsets.size - 1), np.diff(events.offsets))
    flags = {
        name: (events.flags >> bit) & 1 == 1 for bit, name in enumerate(events.flag_names)
    }  # fmt: skip
    measures = {
        name: pa.array(values, from_pandas=True)
        for name, values in zip(events.measure_names, events.measures, strict=True)
    }
    return pa.table(
        {
            "entity": entity, "place": np.arange(entity.size), "at": events.at,
            "known_from": events.known_from, "known_until": events.known_until,
            "later": events.later, "day": events.day, **flags, **measures,
        }
    )  # fmt: skip

"""The processes of `bench_features_growth.py`: one makes records, one turns them into rows."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.large_portfolio import AS_OF, large_header, large_records, large_tables
from benchmarks.measuring import timed
from features.asof import day_of, instant
from features.context import Context, ContextMaker
from features.events import EventSet, build_events
from features.matrix import account_rows
from features.records.engines.duckdb import DuckDBEngine
from features.records.folder import Records, open_portfolio, save_portfolio

HORIZON_DAYS = 90
Contexts = Mapping[int, Context]


def make(folder: Path, n_accounts: int) -> None:
    """Write the records of so many accounts."""
    save_portfolio(folder / "records", large_header(), large_tables(n_accounts))


def measure(folder: Path) -> dict[str, float]:
    """How long do the records take to become feature rows on disk, and how much memory?"""
    contexts = _contexts()
    portfolio = open_portfolio(folder / "records")
    (folder / "rows").mkdir()
    number = count()

    def write(records: Records) -> int:
        return write_rows(records, contexts, folder / "rows" / f"{next(number)}.parquet")

    seconds, written = timed(lambda: list(DuckDBEngine(portfolio).map_buckets(write)))
    # Kilobytes, but on macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": seconds,
        "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9,
        "lines": portfolio.row_counts["orders"],
        "buckets": len(written),
        "rows": sum(written),
    }


def _contexts() -> Contexts:
    """Contexts of a small portfolio of the same kind; making them compiles everything too."""
    events = build_events(large_records(1_000))
    maker = ContextMaker(events, HORIZON_DAYS)
    contexts = maker.make_all([instant(day) for day in AS_OF])
    next(_rows(events, contexts))
    return contexts


def write_rows(records: Records, contexts: Contexts, path: Path) -> int:
    """Write the feature rows of the accounts of a bucket, day after day; how many are there?"""
    tables = _rows(build_events(records), contexts)
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return first.num_rows * len(contexts)


def _rows(events: EventSet, contexts: Contexts) -> Iterator[pa.Table]:
    """Rows of each day, read off the events in one pass for all of them."""
    accounts, moments = events.accounts.words, list(contexts)
    everyone = np.repeat(np.arange(len(accounts)), len(moments))
    matrix = account_rows(events, everyone, np.tile(moments, len(accounts)), contexts)
    for place, moment in enumerate(moments):
        days = pa.repeat(pa.scalar(day_of(moment)), len(accounts))
        columns = [
            np.ascontiguousarray(column) for column in matrix.values[place :: len(moments)].T
        ]
        yield pa.table(
            [pa.array(accounts), days, *columns], names=["account_id", "as_of", *matrix.names]
        )


def main() -> None:
    """Do one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("make", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accounts", type=int, default=50_000)
    options = parser.parse_args()
    if options.verb == "make":
        make(options.folder, options.accounts)
    else:
        print(json.dumps(measure(options.folder)))


if __name__ == "__main__":
    main()

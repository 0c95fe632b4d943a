"""How the rows of a folder reach the kernel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from features.records.checking import check_table
from features.records.contract import TABLES
from features.records.engines import Engine
from features.records.engines.duckdb import DuckDBEngine
from features.records.folder import Portfolio, Records, open_portfolio, save_portfolio

START = datetime(2011, 1, 1, tzinfo=UTC)
N_ACCOUNTS = 40


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    accounts = [f"A-{number}" for number in range(N_ACCOUNTS)]
    times = pa.array([START + timedelta(hours=hour) for hour in range(N_ACCOUNTS)])
    instants = times.cast(pa.timestamp("us", tz="UTC"))
    tables = {
        "orders": pa.table({
            "order_id": [f"O-{number}" for number in range(2 * N_ACCOUNTS)],
            "account_id": accounts * 2,
            "ordered_at": pa.concat_arrays([instants, instants]),
            "net_amount": [1.5] * (2 * N_ACCOUNTS),
        }),
        "opportunities": pa.table({
            "opportunity_id": [f"D-{number}" for number in range(N_ACCOUNTS)],
            "account_id": accounts[::-1],
            "created_at": instants,
        }),
        "opportunity_history": pa.table({
            "opportunity_id": [f"D-{number}" for number in range(N_ACCOUNTS)],
            "changed_at": instants,
            "stage": ["open"] * N_ACCOUNTS,
        }),
        "stages": pa.table({"stage": ["open"], "position": [0.0], "outcome": ["open"]}),
    }  # fmt: skip
    portfolio = Portfolio("p", "EUR", "UTC", frozenset(), START + timedelta(days=9))
    save_portfolio(tmp_path / "p", portfolio, tables)
    return DuckDBEngine(open_portfolio(tmp_path / "p"))


def test_buckets_hold_every_row_once_and_each_account_whole(engine: DuckDBEngine) -> None:
    buckets = list(engine.map_buckets(lambda records: records.tables, buckets=4))
    assert len(buckets) == 4
    seen: set[str] = set()
    for tables in buckets:
        accounts = set(tables["accounts"].column("account_id").to_pylist())
        assert not accounts & seen
        seen |= accounts
        assert set(tables["orders"].column("account_id").to_pylist()) == accounts
        deals = set(tables["opportunities"].column("opportunity_id").to_pylist())
        assert set(tables["opportunity_history"].column("opportunity_id").to_pylist()) == deals
        assert tables["stages"].num_rows == 1
    assert len(seen) == N_ACCOUNTS
    assert sum(tables["orders"].num_rows for tables in buckets) == 80


def test_the_bucket_of_an_account_never_changes(engine: DuckDBEngine) -> None:
    # md5("A-0") begins with f794f119, which is 1 modulo 4, whatever the version of anything
    buckets = list(engine.map_buckets(lambda records: records.tables["accounts"], buckets=4))
    assert "A-0" in buckets[1].column("account_id").to_pylist()


def test_one_bucket_is_the_whole_in_the_same_order(engine: DuckDBEngine) -> None:
    whole = engine.load().tables
    [bucket] = engine.map_buckets(lambda records: records.tables)
    assert list(bucket) == list(whole)
    assert all(bucket[name].equals(whole[name]) for name in whole)


def test_only_one_bucket_is_read_at_a_time(engine: DuckDBEngine) -> None:
    calls: list[int] = []

    def count(records: Records) -> int:
        calls.append(records.tables["orders"].num_rows)
        return len(calls)

    buckets = engine.map_buckets(count, buckets=4)
    assert (next(buckets), len(calls)) == (1, 1)


def test_more_buckets_than_accounts_leave_the_empty_ones_out(engine: DuckDBEngine) -> None:
    sizes = list(
        engine.map_buckets(lambda records: records.tables["accounts"].num_rows, buckets=5000)
    )
    assert min(sizes) == 1
    assert sum(sizes) == N_ACCOUNTS


def test_it_is_an_engine(engine: DuckDBEngine) -> None:
    as_engine: Engine = engine
    assert as_engine.load().portfolio.name == "p"


def test_every_table_of_the_contract_can_be_read(tmp_path: Path) -> None:
    values = {
        "id": "x", "text": "x", "number": 0.5, "instant": "2011-01-01T00:00:00Z",
        "date": "2011-01-01", "flag": True,
    }  # fmt: skip
    tables = {}
    for table in TABLES.values():
        raw = {c.name: [c.words[0] if c.words else values[c.kind]] for c in table.columns}
        checked = check_table(table, raw, timezone="UTC", clock=START, strict=True)
        assert checked.violations == ()
        tables[table.name] = checked.kept
    portfolio = Portfolio("p", "EUR", "UTC", frozenset(), START)
    save_portfolio(tmp_path / "p", portfolio, tables)
    loaded = DuckDBEngine(open_portfolio(tmp_path / "p")).load().tables
    assert list(loaded) == list(TABLES)
    assert all(loaded[name].equals(tables[name]) for name in TABLES)

"""The benches run at a tiny size, their rows have a bench row's form, and the sides agree."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmarks import (
    bench_features_1m,
    bench_features_growth,
    bench_features_request,
    growth_process,
    run,
)
from benchmarks.large_portfolio import AS_OF, large_records
from features.events import build_events
from tests.reference import Known, account_features

HERE = Path(run.__file__).parent
BENCHES = sorted(path.stem for path in HERE.glob("bench_*.py"))
ACCOUNTS = 120
DAYS = (AS_OF[2], AS_OF[-1])
# Of one day, all deals say the same of the day.
OF_THE_DAY = {"days_to_quarter_end", "weekday"}


def _are_rows(rows: list[run.Row], name: str) -> None:
    assert [row["name"] for row in rows][-1] == name
    for row in rows:
        assert tuple(row) == run.FIELDS
        assert row["name"].startswith(name)
        assert isinstance(row["value"], int | float)
        assert isinstance(row["met"], bool)
    assert rows[-1]["met"] == all(row["met"] for row in rows[:-1])
    assert len(run.table(rows).splitlines()) == len(rows) + 1


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_can_be_loaded_as_make_bench_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, sys)  # taken out again at the end
    assert callable(run.load(HERE / f"{name}.py").run)


def test_ours_pandas_and_duckdb_agree_and_are_timed() -> None:
    rows = bench_features_1m.run(ACCOUNTS, DAYS, times=1)
    _are_rows(rows, "features-1m")
    pandas, duckdb, _ = rows
    for row in (pandas, duckdb):
        assert row["ratio"] == pytest.approx(row["reference_value"] / row["value"])
        assert row["met"] is (row["ratio"] >= 20)


def test_no_time_counts_where_pandas_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(known: Known) -> pd.DataFrame:
        return account_features(known).assign(orders_30d=-1.0)

    monkeypatch.setattr(bench_features_1m, "account_features", wrong)
    with pytest.raises(bench_features_1m.Disagreement, match="orders_30d"):
        bench_features_1m.run(ACCOUNTS, DAYS, times=1)


def test_no_time_counts_where_sql_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = bench_features_1m.read_by_kernel
    monkeypatch.setattr(bench_features_1m, "read_by_kernel", lambda *asked: kernel(*asked) + 1.0)
    with pytest.raises(bench_features_1m.Disagreement, match="DuckDB"):
        bench_features_1m.run(ACCOUNTS, DAYS, times=1)


def test_a_large_portfolio_fills_every_feature() -> None:
    rows = bench_features_1m.feature_rows(build_events(large_records(2 * ACCOUNTS)), AS_OF[-1:])
    for matrix in (rows.accounts, rows.deals):
        same = {
            name
            for name, values in zip(matrix.names, matrix.values.T, strict=True)
            if np.unique(values[np.isfinite(values)]).size < 2
        }
        assert same <= OF_THE_DAY


def test_growth_is_held_against_eleven_times_and_eight_gigabytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = {
        50: {"seconds": 2.0, "gb": 0.5, "lines": 1_000, "buckets": 1, "rows": 600},
        500: {"seconds": 21.0, "gb": 8.5, "lines": 10_000, "buckets": 6, "rows": 6_000},
    }
    monkeypatch.setattr(bench_features_growth, "_measured", figures.__getitem__)
    rows = bench_features_growth.run(50)
    _are_rows(rows, "features-growth")
    assert [(row["name"], row["ratio"], row["met"]) for row in rows] == [
        ("features-growth/time", 10.5, True),
        ("features-growth/memory", 17.0, False),
        ("features-growth", None, False),
    ]


def test_what_grows_is_written_by_bucket(tmp_path: Path) -> None:
    growth_process.make(tmp_path, ACCOUNTS)
    found = growth_process.measure(tmp_path)
    assert found["rows"] == 12 * ACCOUNTS
    assert found["gb"] > 0
    [path] = (tmp_path / "rows").iterdir()
    written = pq.read_table(path)
    assert written.num_rows == 12 * ACCOUNTS
    assert written.column_names[:3] == ["account_id", "as_of", "days_since_last_order"]


def test_a_request_is_timed_and_compiles_nothing() -> None:
    rows = bench_features_request.run(times=3)
    _are_rows(rows, "features-request")
    assert [row["value"] for row in rows if row["name"] == "features-request/compiled"] == [0]


def test_the_request_of_the_bench_has_the_size_it_says() -> None:
    records = bench_features_request.request_records(large_records(100))
    sizes = {name: table.num_rows for name, table in records.tables.items() if table.num_rows}
    assert sizes["orders"] == 200
    assert sizes["interactions"] == 50
    assert sizes["opportunities"] == 3

"""Do ten times the order lines take ten times as long, within bounded memory?

Records lie in Parquet; one hash bucket of accounts at a time becomes feature rows, which are
written as Parquet again. Each size is measured in a process of its own, `growth_process.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measuring import Row, row, together

MOST_TIMES = 11.0
MOST_GB = 8.0
TIMES_LARGER = 10
PROCESS = Path(__file__).with_name("growth_process.py")


def run(n_accounts: int = 50_000) -> list[Row]:
    """How much longer do ten times the lines take, and how much memory?"""
    small = _measured(n_accounts)
    large = _measured(TIMES_LARGER * n_accounts)
    note = (
        f"{large['lines']:,} lines in {large['buckets']} buckets against {small['lines']:,} in"
        f" {small['buckets']}, Parquet to Parquet; {large['rows']:,} rows of accounts on 12 days;"
        " contexts are given, as a champion brings them"
    )
    ratio = large["seconds"] / small["seconds"]
    parts = [
        row(
            "features-growth/time", large["seconds"], "s", reference="a tenth of the lines",
            reference_value=small["seconds"], ratio=ratio,
            goal=f"at most {MOST_TIMES:g} times as long", met=ratio <= MOST_TIMES, note=note,
        ),
        row(
            "features-growth/memory", large["gb"], "GB", reference="a tenth of the lines",
            reference_value=small["gb"], ratio=large["gb"] / small["gb"],
            goal=f"under {MOST_GB:g} GB", met=large["gb"] < MOST_GB,
            note="peak resident memory of the process that reads, computes and writes",
        ),
    ]  # fmt: skip
    return [*parts, together("features-growth", large["seconds"], "s", parts, note)]


def _measured(n_accounts: int) -> Mapping[str, float]:
    """Figures of one size; what is written goes with its folder."""
    with tempfile.TemporaryDirectory() as folder:
        _process("make", folder, "--accounts", str(n_accounts))
        found: Mapping[str, float] = json.loads(_process("measure", folder))
    return found


def _process(*arguments: str) -> str:
    # The peak of a process counts that of the one it was forked from: this one stays small.
    command = [sys.executable, "-m", f"benchmarks.{PROCESS.stem}", *arguments]
    done = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, check=True, cwd=PROCESS.parents[1]
    )
    return done.stdout

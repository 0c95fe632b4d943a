"""How fast is each part beside its reference, and is the goal met?

Runs every ``bench_*.py`` beside this file, each in a process of its own, prints one table and
writes ``bench.json``. A bench module defines ``run()``, which returns rows of `FIELDS`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

FIELDS = (
    "name", "value", "unit", "reference", "reference_value", "ratio", "goal", "met", "note",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, Any]  # values of a row are text, numbers, booleans or null


def load(path: Path) -> ModuleType:
    """Which module is a bench file?

    Raises
    ------
    ValueError
        When it is not a Python file.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks for the module that it is declared in.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def run_here(path: Path) -> list[Row]:
    """What are the rows of one bench module?

    Raises
    ------
    ValueError
        When a row does not have exactly the fields of `FIELDS`.
    """
    rows: list[Row] = load(path).run()
    for row in rows:
        if set(row) != set(FIELDS):
            raise ValueError(f"{path.name}: a row needs the fields {', '.join(FIELDS)}")
    return rows


def run_apart(path: Path) -> list[Row]:
    """What are the rows of one bench module, run in its own process?

    A process of its own keeps one bench's memory and threads out of the next one's figures. A bench
    that fails is reported as not met, and the others still run.
    """
    command = [sys.executable, __file__, "--only", str(path)]
    # Benches share modules beside them, and the references with the tests.
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, check=False, env=surroundings
    )
    if done.returncode == 0:
        rows: list[Row] = json.loads(done.stdout.splitlines()[-1])
        return rows
    name = path.stem.removeprefix("bench_").replace("_", "-")
    failed: Row = dict.fromkeys(FIELDS)
    return [{**failed, "name": name, "met": False, "note": "the bench failed; see above"}]


def table(rows: list[Row]) -> str:
    """How do the rows read, aligned, one line each?"""
    cells = [list(FIELDS), *([_cell(row[field]) for field in FIELDS] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(FIELDS))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> int:
    """Run the benches; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="Run the benches.")
    parser.add_argument("--only", type=Path, help="one bench file, its rows printed as JSON")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(run_here(options.only)))
        return 0
    files = sorted(Path(__file__).parent.glob("bench_*.py"))
    rows = [row for path in files for row in run_apart(path)]
    options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(table(rows) if rows else "No bench is there yet.")
    return 1 if any(row["met"] is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Every notebook runs from top to bottom, asks one question and ends in a conclusion."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
LONGEST_FUNCTION = 12


def test_there_are_the_five_that_the_page_lists() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert [path.stem for path in NOTEBOOKS] == sorted(re.findall(r"^\| `(\w+)\.py`", page, re.M))
    assert len(NOTEBOOKS) == 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_a_question_and_ends_with_a_conclusion(path: Path) -> None:
    cells = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.M)[1:]
    assert re.match(r" \[markdown\]\n# # .*\?\n", cells[0])
    assert cells[-2].startswith(" [markdown]\n# ## Conclusion")
    assert "print(" in cells[-1]
    assert "assert " in cells[-1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_defines_no_logic_and_labels_its_pictures(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions if f.end_lineno - f.lineno > LONGEST_FUNCTION] == []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute)]
    drawn = [call for call in named if call.func.attr == "savefig"]
    labelled = [
        call for call in named
        if call.func.attr == "set"
        and {"xlabel", "ylabel", "title"} <= {keyword.arg for keyword in call.keywords}
    ]  # fmt: skip
    assert len(labelled) == len(drawn)
    assert drawn or path.stem == "none"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_what_it_concludes_holds(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", str(path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()

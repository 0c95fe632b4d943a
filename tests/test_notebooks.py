"""Every notebook runs as it stands, asks one question, draws readable pictures, and concludes."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.py"))
NAMES = [path.stem for path in PATHS]
PACKAGES = ("features", "training", "portfolio", "serving")
CELL = re.compile(r"^# %%(?P<kind>.*)\n", re.MULTILINE)
LONGEST = 12  # lines of a function, its docstring included: notebooks import, they define no logic


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook: markdown (its text without the signs of a comment) or code."""

    is_markdown: bool
    text: str


@dataclass(frozen=True)
class Run:
    """What a notebook printed and drew."""

    printed: str
    figures: tuple[Figure, ...]


def _cells(path: Path) -> list[Cell]:
    source = path.read_text(encoding="utf-8")
    starts = list(CELL.finditer(source))
    assert starts[0].start() == 0, "something stands before the first cell"
    ends = [start.start() for start in starts[1:]] + [len(source)]
    found = []
    for start, end in zip(starts, ends, strict=True):
        assert start["kind"] in {"", " [markdown]"}, start["kind"]
        is_markdown = start["kind"] == " [markdown]"
        lines = source[start.end() : end].strip().splitlines()
        if is_markdown:
            assert all(line == "#" or line.startswith("# ") for line in lines)
            lines = [line[2:] for line in lines]
        found.append(Cell(is_markdown, "\n".join(lines)))
    return found


@pytest.fixture(scope="module", params=PATHS, ids=NAMES)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run a notebook once for all that is asked of it; warnings are errors, as everywhere here."""
    pyplot.close("all")
    printed = io.StringIO()
    with mpl.rc_context(), contextlib.redirect_stdout(printed):
        mpl.use("agg")
        runpy.run_path(str(request.param), run_name="__main__")
    figures = tuple(pyplot.figure(number) for number in pyplot.get_fignums())
    yield Run(printed.getvalue(), figures)
    pyplot.close("all")


def _is_dressing(axes: Axes, figure: Figure) -> bool:
    """A colour bar, or a second scale that lies over labelled axes, as shap draws them."""
    if axes.get_label() == "<colorbar>":
        return True
    place = axes.get_position().bounds
    same = [other for other in figure.axes if other.get_position().bounds == place]
    return figure.axes.index(axes) > figure.axes.index(same[0])


def _unlabelled(figure: Figure) -> list[str]:
    found = []
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>" and not axes.get_ylabel():
            found.append("a colour bar says nothing")
        if not _is_dressing(axes, figure):
            said = {"x": axes.get_xlabel(), "y": axes.get_ylabel(), "title": axes.get_title()}
            found += [f"{what} of {said['title']!r}" for what, text in said.items() if not text]
    return found


def _overflowing(figure: Figure) -> list[str]:
    """Which titles and labels of the axes run out of their picture?"""
    figure.draw_without_rendering()
    width, height = figure.canvas.get_width_height()
    texts = [
        text
        for axes in figure.axes
        if not _is_dressing(axes, figure)
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
    ]
    boxes = {text.get_text(): text.get_window_extent() for text in texts if text.get_text()}
    return [
        said
        for said, box in boxes.items()
        if min(box.x0, box.y0) < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]


def test_a_picture_without_words_or_with_words_cut_off_is_found() -> None:
    figure = Figure(figsize=(3, 3), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel="days", title="a title that is far too long for a picture of three inches")
    assert _unlabelled(figure) == [f"y of {axes.get_title()!r}"]
    assert _overflowing(figure) == [axes.get_title()]


def test_there_are_five_notebooks() -> None:
    assert NAMES == [
        "backtest_read_critically", "data_and_features", "small_data", "weights_and_thresholds",
        "what_the_model_believes",
    ]  # fmt: skip


def test_a_notebook_runs_and_its_last_words_are_its_conclusion(run: Run) -> None:
    last = run.printed.strip().splitlines()[-1]
    assert len(last) > 200
    assert last.endswith(".")
    assert "nan" not in last.split()


def test_every_picture_has_a_title_and_labels_on_its_axes(run: Run) -> None:
    assert len(run.figures) >= 2
    assert [said for figure in run.figures for said in _unlabelled(figure)] == []


def test_no_title_or_label_runs_out_of_its_picture(run: Run) -> None:
    assert [said for figure in run.figures for said in _overflowing(figure)] == []


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_notebook_begins_with_one_question(path: Path) -> None:
    first = _cells(path)[0]
    assert first.is_markdown
    title, *rest = first.text.splitlines()
    assert re.fullmatch(r"# \S.*", title)
    (question,) = re.findall(r"^\*\*(.+?)\*\*$", "\n".join(rest), re.MULTILINE | re.DOTALL)
    assert question.endswith("?")


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_notebook_ends_by_asserting_what_it_concludes_and_printing_it(path: Path) -> None:
    heading, last = _cells(path)[-2:]
    assert heading == Cell(True, "## Conclusion")
    kinds = [type(node) for node in ast.parse(last.text).body]
    assert kinds.count(ast.Assert) >= 3
    final = ast.parse(last.text).body[-1]
    assert isinstance(final, ast.Expr)
    assert ast.unparse(final).startswith("print(")
    # A conclusion is made of figures, not of remembered words.
    assert len([node for node in ast.walk(final) if isinstance(node, ast.FormattedValue)]) >= 4


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_notebook_imports_its_logic(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions if f.end_lineno - f.lineno > LONGEST] == []  # type: ignore[operator]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {str(name).split(".")[0] for name in imported} & set(PACKAGES)
    assert not [name for name in imported if str(name).startswith("tests")]


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_notebook_shows_nobody_a_private_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert [name for name in names if name.startswith("_")] == []


def test_the_page_tells_of_every_notebook() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(\.\./notebooks/(\w+)\.py\)", page)
    assert sorted(linked) == NAMES
    for path in PATHS:
        title = _cells(path)[0].text
        (question,) = re.findall(r"^\*\*(.+?)\*\*$", title, re.MULTILINE | re.DOTALL)
        assert " ".join(question.split()) in page

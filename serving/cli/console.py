"""How does a verb speak: tables and progress for people, JSON for programs?

People read standard output, and standard error for progress; with ``--json`` standard output holds
one JSON document and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from serving.cli.visible import visible

_PIPE_WIDTH = 160  # columns when nobody's terminal says how wide it is


class Advance(Protocol):
    """What moves a progress bar: steps done, and what is being done now."""

    def __call__(self, steps: int = 1, now: str | None = None) -> None:
        """Move the bar."""


def emit(document: Any) -> None:  # any JSON value
    """Print one JSON document: days and instants in ISO 8601, paths as text, no NaN."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2, default=_plain)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a line as it is: nothing in it is taken for markup, and nothing steers the terminal."""
    _console().print(Text(visible(text)), soft_wrap=True)


def warn(text: str) -> None:
    """Print a line on standard error."""
    _console(on_error=True).print(Text(visible(text)), soft_wrap=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print rows in aligned columns: numbers to the right, a missing value as a dash.

    Values are text from records, so nothing in them is taken for markup.
    """
    shown = Table(title=Text(visible(title)) if title else None, title_justify="left", box=None)
    for position, name in enumerate(columns):
        values = [row[position] for row in rows if row[position] is not None]
        is_number = bool(values) and all(_is_number(value) for value in values)
        shown.add_column(Text(name, style="bold"), justify="right" if is_number else "left")
    for row in rows:
        shown.add_row(*(Text(_cell(value)) for value in row))
    _console().print(shown)


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Advance]:
    """Show a bar on standard error while the block runs, on a terminal only.

    Parameters
    ----------
    title : str
        What is being done.
    total : int or None
        How many steps; None where it is not known.
    """
    console = _console(on_error=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=total)

        def advance(steps: int = 1, now: str | None = None) -> None:
            bar.update(task, advance=steps, description=title if now is None else now)

        yield advance


def _console(*, on_error: bool = False) -> Console:
    stream = sys.stderr if on_error else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else visible(str(value))


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")

"""Which line of a CSV does not have the fields that its header promises?

A reader that guesses the shape of a file takes such a line for another header, or the commas for
part of the text. It is looked for only where that may have happened: a file that reads as its own
first line says is not read twice.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class RaggedLine:
    """A line with more or fewer fields than the header.

    Attributes
    ----------
    line : int
        1-based line of the file on which the row begins; the header is line 1.
    found, expected : int
        Fields of the row, and of the header.
    """

    line: int
    found: int
    expected: int


def is_empty(path: Path) -> bool:
    """Does a file hold no line at all, blank ones apart?"""
    return not _header(path, SEPARATORS[0])


def is_read_as_its_header(path: Path, columns: Sequence[str]) -> bool:
    """Did a reader find the columns that the first line names, between whichever signs?

    A first line that is one field however it is cut may be a title, and says nothing.
    """
    cuts = [names for sign in SEPARATORS if len(names := _header(path, sign)) > 1]
    return not cuts or any({name for name in names if name} <= set(columns) for names in cuts)


def ragged_line(path: Path) -> RaggedLine | None:
    """Which is the first row whose number of fields is not that of the header?

    The sign that cuts the header into most fields is taken to be the separator. Empty fields beyond
    the last column are no fields: many programs end their lines so.
    """
    separator = max(SEPARATORS, key=lambda sign: len(_header(path, sign)))
    expected = len(_header(path, separator))
    for line, fields in _rows(path, separator):
        if len(fields) < expected or any(fields[expected:]):
            return RaggedLine(line, len(fields), expected)
    return None


def _header(path: Path, separator: str) -> list[str]:
    _, fields = next(_rows(path, separator), (1, []))
    return [name.strip() for name in fields]


def _rows(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line it begins on; up to one that is no CSV."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        begins = 1
        try:
            for fields in reader:
                if fields:
                    yield begins, fields
                begins = reader.line_num + 1
        except csv.Error:
            return

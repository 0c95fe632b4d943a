"""What do the files of an export hold?

CSV, TSV, Parquet and spreadsheets become views of one DuckDB connection. Types of CSV are taken
from the whole file, but a column in which ``00123`` stands is text: it holds codes, not numbers.
"""

from __future__ import annotations

import glob
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from features.errors import Violation
from features.records.casting import Values
from features.records.python_values import object_array

_FORMATS: Mapping[str, str] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".xlsx": "sheet",
    ".xlsm": "sheet",
    ".xls": "sheet",
    ".ods": "sheet",
}
_CODES_NOT_NUMBERS = "^[+-]?0[0-9]"
_BEYOND_FLOAT = "^[+-]?[0-9]{16,}$"


class SourceError(Exception):
    """A source cannot be read; holds the violation to report."""

    def __init__(self, source: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.violation = Violation("CT005", source, None, f"{message} {fix}")


def find_files(source: str, pattern: str, base: Path, sources: Path | None = None) -> list[Path]:
    """Which files does this path or glob name?

    Parameters
    ----------
    source : str
        Name of the source, for the message.
    pattern : str
        Path or glob, as the mapping writes it.
    base : Path
        Folder of the mapping file.
    sources : Path, optional
        Folder to look in instead: for the path as written, then for the file's name alone.

    Raises
    ------
    SourceError
        No file is there.
    """
    places = [base / pattern]
    if sources is not None:
        name = Path(pattern).name
        places = [sources / (name if Path(pattern).is_absolute() else pattern), sources / name]
    for place in places:
        # Path.glob refuses absolute patterns and those that go up
        found = sorted(glob.glob(str(place), recursive=True))  # noqa: PTH207
        files = [Path(name) for name in found if Path(name).is_file()]
        if files or place.is_file():
            return files or [place]
    raise SourceError(source, f"No file matches {places[0]}.", "Check the path, or use --sources.")


def add_source(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    files: Sequence[Path],
    sheet: str | None = None,
) -> None:
    """Make the rows of these files a view of this name.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the view is made.
    name : str
        Name of the view.
    files : sequence of Path
        Files of one format; columns are matched by name.
    sheet : str, optional
        Sheet of a spreadsheet; default: the first.

    Raises
    ------
    SourceError
        A file cannot be read.
    """
    formats = {_FORMATS.get(file.suffix.lower()) for file in files}
    if len(formats) != 1 or None in formats:
        raise SourceError(
            name, f"{files[0]} is of no known format.", f"Use one of {', '.join(_FORMATS)}."
        )
    try:
        if formats == {"csv"}:
            _csv(connection, files).create_view(name)
        elif formats == {"parquet"}:
            paths = [str(file) for file in files]
            connection.read_parquet(paths, union_by_name=True).create_view(name)
        else:
            connection.register(name, _sheets(files, sheet))
    except (duckdb.Error, CalamineError, zipfile.BadZipFile, OSError) as error:
        raise SourceError(
            name, f"{files[0]} cannot be read: {shorten(error)}.", _mend(formats)
        ) from None


def shorten(error: Exception) -> str:
    """Give the first line of an error, without the advice that follows it."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return first[:200].rstrip(".")


def _mend(formats: set[str | None]) -> str:
    if formats == {"csv"}:
        return "Save it as UTF-8 with one header line and one separator throughout."
    return "Export it again."


def _csv(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> duckdb.DuckDBPyRelation:
    paths = [str(file) for file in files]
    tabs = {"sep": "\t"} if files[0].suffix.lower() == ".tsv" else {}

    read_csv: Any = connection.read_csv  # the stubs know one path and few options
    read = partial(read_csv, paths, header=True, sample_size=-1, union_by_name=True, **tabs)
    sniffed: duckdb.DuckDBPyRelation = read()
    patterns = {
        column: f"{_CODES_NOT_NUMBERS}|{_BEYOND_FLOAT}" if kind == "DOUBLE" else _CODES_NOT_NUMBERS
        for column, kind in zip(sniffed.columns, map(str, sniffed.types), strict=True)
        if kind in ("DOUBLE", "INTEGER") or kind.endswith("INT")
    }
    if not patterns:
        return sniffed
    tests = ", ".join(
        f"bool_or(regexp_matches(trim({quote(column)}), '{pattern}'))"
        for column, pattern in patterns.items()
    )
    answers = read(all_varchar=True).aggregate(tests).fetchall()[0]
    texts = [column for column, is_text in zip(patterns, answers, strict=True) if is_text]
    if texts:
        sniffed = read(dtype=dict.fromkeys(texts, "VARCHAR"))
    return sniffed


def quote(name: str) -> str:
    """Write a name so that SQL reads it as one."""
    return '"' + name.replace('"', '""') + '"'


def _sheets(files: Sequence[Path], sheet: str | None) -> pa.Table:
    columns: dict[str, list[object]] = {}
    n_rows = 0
    for file in files:
        workbook = CalamineWorkbook.from_path(str(file))
        names = workbook.sheet_names
        if sheet is not None and sheet not in names:
            raise OSError(f"it has no sheet {sheet}, only {', '.join(names)}")
        rows = workbook.get_sheet_by_name(sheet or names[0]).to_python()
        header = [str(cell).strip() for cell in rows[0]] if rows else []
        for place, name in enumerate(header):
            if name:
                cells: list[object] = [
                    cell if (cell := row[place]) != "" else None for row in rows[1:]
                ]
                columns.setdefault(name, [None] * n_rows).extend(cells)
        n_rows += max(len(rows) - 1, 0)
        for short in columns.values():
            short.extend([None] * (n_rows - len(short)))
    return pa.table({name: _cells(values) for name, values in columns.items()})


def _cells(values: Sequence[object]) -> Values:
    array, _ = object_array(values)
    if pa.types.is_floating(array.type):
        try:  # a spreadsheet keeps 17850 as 17850.0
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            return array
    return array

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

from features.counting import counted
from features.errors import Violation
from features.records.casting import Values
from features.records.python_values import object_array
from features.records.ragged import is_empty, is_read_as_its_header, ragged_line

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
_MEND_CSV = "Save it as UTF-8 with one header line and one separator throughout."


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
        if place.is_file():  # its name may hold the signs of a pattern
            return [place]
        # Path.glob refuses absolute patterns and those that go up
        found = sorted(glob.glob(str(place), recursive=True))  # noqa: PTH207
        files = [Path(name) for name in found if Path(name).is_file()]
        if files:
            return files
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
            _require_rows(name, files)
            _csv(connection, name, files).create_view(name)
        elif formats == {"parquet"}:
            connection.read_parquet(_paths(files), union_by_name=True).create_view(name)
        else:
            connection.register(name, _sheets(files, sheet))
    except (duckdb.Error, CalamineError, zipfile.BadZipFile, OSError) as error:
        if formats == {"csv"}:
            _require_no_ragged_line(name, files)
        mend = _MEND_CSV if formats == {"csv"} else "Export it again."
        raise SourceError(name, f"{files[0]} cannot be read: {shorten(error)}.", mend) from None


def _paths(files: Sequence[Path]) -> list[str]:
    """How does DuckDB read these files and no others, whatever signs their names hold?

    >>> _paths([Path("lines[1].csv")])
    ['lines[[]1].csv']
    """
    return [glob.escape(str(file)) for file in files]


def shorten(error: Exception) -> str:
    """Give the first line of an error, without the advice that follows it."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return first[:200].rstrip(".")


def _require_rows(name: str, files: Sequence[Path]) -> None:
    for file in files:
        if is_empty(file):
            raise SourceError(name, f"{file} is empty.", "Export it again, with a header line.")


def _require_no_ragged_line(name: str, files: Sequence[Path]) -> None:
    for file in files:
        found = ragged_line(file)
        if found is not None:
            fields = counted(found.found, "field")
            told = f"line {found.line} has {fields} where the header has {found.expected}"
            fix = "Quote what holds the separator, or mend the line."
            raise SourceError(name, f"{file} cannot be read: {told}.", fix)


def _csv(
    connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]
) -> duckdb.DuckDBPyRelation:
    tabs = {"sep": "\t"} if files[0].suffix.lower() == ".tsv" else {}

    read_csv: Any = connection.read_csv  # the stubs know one path and few options
    # Without comment="", rows whose first id begins with # are taken for remarks and left out.
    read = partial(
        read_csv, _paths(files), header=True, sample_size=-1, union_by_name=True, comment="",
        **tabs,
    )  # fmt: skip
    sniffed: duckdb.DuckDBPyRelation = read()
    strange = [file for file in files if not is_read_as_its_header(file, sniffed.columns)]
    _require_no_ragged_line(name, strange)
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
        header = _names(rows[0] if rows else [])
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


def _names(cells: Sequence[object]) -> list[str]:
    """Name the columns of a sheet as DuckDB names those of a CSV: the second x is x_1."""
    names: list[str] = []
    for name in (str(cell).strip() for cell in cells):
        free = [name, *(f"{name}_{number}" for number in range(1, len(cells)))]
        names.append(next(one for one in free if one not in names) if name else "")
    return names


def _cells(values: Sequence[object]) -> Values:
    array, _ = object_array(values)
    if pa.types.is_floating(array.type):
        try:  # a spreadsheet keeps 17850 as 17850.0
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            return array
    return array

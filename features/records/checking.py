"""Which rows of a table keep the contract, and what is wrong with the others?

One function for every source: a file being imported, a hand-made folder, the body of a request.
Rows in = rows kept + rows refused, and every fault of a refused row is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from features.errors import Violation
from features.records.casting import (
    ARROW_TYPES,
    Cast,
    Mask,
    RawColumn,
    Values,
    cast_column,
    no_values,
    valid_mask,
)
from features.records.contract import Column, Table
from features.records.sentences import Sentence

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array
Rows = npt.NDArray[np.int64]
RawTable = pa.Table | Mapping[str, RawColumn]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MENDS: Mapping[str, str] = {
    "CT003": "The table needs this column. Map it, or leave the table out.",
    "CT004": "The contract has no such column, so it is not read. Remove it, or correct its name.",
    "CT010": "A value is missing where one is needed. Fill it in, or leave the row out.",
    "CT011": "Text was expected. Send ids and codes as strings.",
    "CT012": "The number is not finite. Leave it empty when it is unknown.",
    "CT013": "An instant or a day of the years 1900 to 2200 was expected. Write it as ISO 8601.",
    "CT014": "A number was expected. Write it with digits and a decimal point.",
    "CT015": "The number lies outside {bounds}. Correct it, or leave it empty.",
    "CT016": "The word is not in the list. Use one of {words}.",
    "CT017": "The row is dated after now. Correct the date, or the time zone.",
    "CT018": "True or false was expected. Send true or false.",
    "CT019": "Another row carries the same key ({key}). Send one, or give each its own known_at.",
    "CT020": "The deal is not among the opportunities. Send the deal too, or leave the row out.",
    "CT021": "The value is of another type than its column. Send one type of value in a column.",
    "CT023": "The text holds the character NUL, which no database keeps. Remove it.",
}
"""What is wrong with a row and how to mend it, by code; `Sentence` fills the places."""


LARGEST_NUMBER = 1e15
"""No business has more of anything; sums of larger numbers would not be finite."""


@dataclass(frozen=True)
class Checked:
    """Rows of one table, sorted into kept and refused.

    Attributes
    ----------
    kept : pyarrow.Table
        Good rows, columns typed as `arrow_schema` says, in contract order, absent ones absent.
    refused : pyarrow.Table
        Bad rows as text, with their 0-based position ``row``, ``codes`` and ``messages``.
    violations : tuple of Violation
        One per code and column, with all row positions.
    positions : sequence of int
        Position in the raw table of each row of `kept`.
    """

    kept: pa.Table
    refused: pa.Table
    violations: tuple[Violation, ...]
    positions: Sequence[int]


@dataclass(frozen=True)
class _Fault:
    code: str
    column: Column
    rows: Mask


def arrow_schema(table: Table) -> pa.Schema:
    """Which Arrow types do the columns of this table have?"""
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.kind]) for column in table.columns])


def columns_from_rows(
    table: Table, rows: Sequence[Mapping[str, object]]
) -> dict[str, list[object]]:
    """What are the columns of these JSON rows, ready for `check_table`?

    Parameters
    ----------
    table : Table
        Its required columns are always there, so that a missing key is a fault of its row.
    rows : sequence of mappings
        One JSON object per row; values may be of any type.

    Returns
    -------
    dict of str to list
        One list per key met, None where a row lacks it.
    """
    names = dict.fromkeys((*table.required, *(name for row in rows for name in row)))
    columns: dict[str, list[object]] = {name: [row.get(name) for row in rows] for name in names}
    for name in names.keys() - {column.name for column in table.columns}:
        # an unknown key is a fault of its row even when it holds null
        columns[name] = ["null" if name in row and row[name] is None else row.get(name)
                         for row in rows]  # fmt: skip
    return columns


def check_table(
    table: Table, raw: RawTable, *, timezone: str, clock: datetime, strict: bool = False
) -> Checked:
    """Which of these rows keep the contract?

    Parameters
    ----------
    table : Table
        The contract of the table.
    raw : pyarrow.Table or mapping of str to column
        Columns by name; a column may be a list of mixed Python values.
    timezone : str
        Zone of naive instants and of local days.
    clock : datetime
        Aware instant; rows dated later are refused, plans excepted.
    strict : bool
        True for JSON: no value is read as another type, an unknown column names its rows, and an
        absent required column is a missing value of every row.

    Returns
    -------
    Checked
        Kept and refused rows, and every violation.
    """
    columns: Mapping[str, RawColumn] = _columns(raw)
    n_rows = raw.num_rows if isinstance(raw, pa.Table) else len(next(iter(columns.values()), ()))
    unknown = _unknown_columns(table, columns, strict)
    casts: dict[str, Values] = {}
    faults: list[_Fault] = []
    for column in table.columns:
        if column.name in columns:
            cast = cast_column(column, columns[column.name], timezone=timezone, strict=strict)
            values, found = _apply_rules(table, column, cast, clock, timezone)
            casts[column.name] = values
            faults += found
        elif column.required:
            code = "CT010" if strict else "CT003"
            faults.append(_Fault(code, column, np.ones(n_rows, np.bool_)))
            casts[column.name] = no_values(column.kind, n_rows)
    kept = pa.Table.from_arrays(list(casts.values()), names=list(casts))
    if not faults:
        return Checked(kept, _no_refusals(), unknown, range(n_rows))
    violations = [_violation(table, fault, columns) for fault in faults]
    bad = np.logical_or.reduce([fault.rows for fault in faults])
    good = np.flatnonzero(~bad)
    refused = _refused(columns, faults, violations, np.flatnonzero(bad))
    return Checked(kept.take(good), refused, (*unknown, *violations), good.tolist())


def refuse(checked: Checked, raw: RawTable, violation: Violation) -> Checked:
    """What remains when a rule that looks across rows refuses some of the kept ones?

    Parameters
    ----------
    checked : Checked
        Outcome of `check_table`.
    raw : pyarrow.Table or mapping
        The rows it was given.
    violation : Violation
        Its ``rows`` are positions in `raw`, of rows that are kept so far.
    """
    rows = np.array(violation.rows, dtype=np.int64)
    positions = np.asarray(checked.positions)
    good = np.flatnonzero(~np.isin(positions, rows))
    texts = {name: _texts(column, rows) for name, column in _columns(raw).items()}
    notes = {"codes": [violation.code] * len(rows), "messages": [violation.message] * len(rows)}
    more = pa.table({**texts, "row": pa.array(rows), **notes})
    refused = pa.concat_tables(
        [part for part in (checked.refused, more) if part.num_rows], promote_options="default"
    )
    return Checked(
        checked.kept.take(good), refused, (*checked.violations, violation), positions[good].tolist()
    )


def duplicate_keys(
    table: Table, kept: pa.Table, positions: Sequence[int] | None = None
) -> Violation | None:
    """Do two rows of one request claim to be the same fact (CT019)?

    Two versions with different ``known_at`` are history, and a key with a missing part never
    clashes. Reported, not refused.

    Parameters
    ----------
    table : Table
        The contract of the table.
    kept : pyarrow.Table
        Checked rows.
    positions : sequence of int, optional
        ``Checked.positions``, to report positions in the raw rows; default: positions in `kept`.
    """
    if not table.key or not set(table.key) <= set(kept.column_names):
        return None
    names = [*table.key, *(["known_at"] if "known_at" in kept.column_names else [])]
    seen: dict[tuple[object, ...], list[int]] = {}
    columns = [kept.column(name).to_pylist() for name in names]
    for row, key in enumerate(zip(*columns, strict=True)):
        if None not in key[: len(table.key)]:
            seen.setdefault(key, []).append(row)
    clashes = sorted(row for rows in seen.values() if len(rows) > 1 for row in rows)
    if not clashes:
        return None
    where = clashes if positions is None else [positions[row] for row in clashes]
    example = " / ".join(str(column[clashes[0]]) for column in columns[: len(table.key)])
    message = Sentence(MENDS["CT019"], key=", ".join(table.key))
    return Violation("CT019", table.name, table.key[0], message, tuple(where), _short(example))


def orphans(
    history: pa.Table, opportunities: pa.Table | None, positions: Sequence[int] | None = None
) -> Violation | None:
    """Which rows of ``opportunity_history`` tell of a deal that is not there (CT020)?

    Parameters
    ----------
    history, opportunities : pyarrow.Table
        Checked rows; no opportunities at all makes every row an orphan.
    positions : sequence of int, optional
        ``Checked.positions`` of the history.
    """
    deals = history.column("opportunity_id")
    known: Values = pa.array([], pa.string())
    if opportunities is not None:
        known = opportunities.column("opportunity_id").combine_chunks()
    lost = np.flatnonzero(~pc.is_in(deals, value_set=known).to_numpy()).tolist()
    if not lost:
        return None
    where = lost if positions is None else [positions[row] for row in lost]
    first = _short(str(deals[lost[0]]))
    return Violation(
        "CT020",
        "opportunity_history",
        "opportunity_id",
        Sentence(MENDS["CT020"]),
        tuple(where),
        first,
    )


def _columns(raw: RawTable) -> Mapping[str, RawColumn]:
    if isinstance(raw, pa.Table):
        return dict(zip(raw.column_names, raw.columns, strict=True))
    return raw


def _unknown_columns(
    table: Table, columns: Mapping[str, RawColumn], strict: bool
) -> tuple[Violation, ...]:
    known = {column.name for column in table.columns}
    found = []
    for name in columns:
        if name in known:
            continue
        values = columns[name]
        rows = [row for row, value in enumerate(values) if value is not None] if strict else []
        found.append(Violation("CT004", table.name, name, Sentence(MENDS["CT004"]), tuple(rows)))
    return tuple(found)


def _apply_rules(
    table: Table, column: Column, cast: Cast, clock: datetime, timezone: str
) -> tuple[Values, list[_Fault]]:
    values = cast.values
    faults = [_Fault(code, column, rows) for code, rows in cast.faults.items() if rows.any()]
    if column.required and values.null_count:
        missing = ~valid_mask(values)
        for fault in faults:
            missing = missing & ~fault.rows
        if missing.any():
            faults.append(_Fault("CT010", column, missing))
    if column.words:
        values = pc.utf8_lower(values)
        known = pc.is_in(values, value_set=pa.array(column.words))
        faults += _fault("CT016", column, pc.and_not(values.is_valid(), known))
    if column.kind == "number":
        faults += _out_of_bounds(column, values)
    if column.kind in ("instant", "date") and _is_dated(table, column):
        faults += _after_clock(column, values, clock, timezone)
    return values, faults


def _fault(code: str, column: Column, wrong: Values) -> list[_Fault]:
    if not wrong.true_count:
        return []
    return [_Fault(code, column, wrong.fill_null(False).to_numpy(zero_copy_only=False))]


def _out_of_bounds(column: Column, values: Values) -> list[_Fault]:
    low = -LARGEST_NUMBER if column.low is None else column.low
    high = LARGEST_NUMBER if column.high is None else column.high
    found = _fault("CT015", column, pc.less(values, low))
    found += _fault("CT015", column, pc.greater(values, high))
    if len(found) == 2:
        return [_Fault("CT015", column, found[0].rows | found[1].rows)]
    return found


def _is_dated(table: Table, column: Column) -> bool:
    dated = column.name in (table.event_time, "known_at") or column.name in table.decides
    return dated and not column.is_plan


def _after_clock(column: Column, values: Values, clock: datetime, timezone: str) -> list[_Fault]:
    if column.kind == "instant":
        numbers, limit = values.view(pa.int64()), (clock - _EPOCH) // datetime.resolution
    else:
        today = clock.astimezone(ZoneInfo(timezone)).date()
        numbers, limit = values.view(pa.int32()), (today - _EPOCH.date()).days
    return _fault("CT017", column, pc.greater(numbers, pa.scalar(limit, numbers.type)))


def _violation(table: Table, fault: _Fault, columns: Mapping[str, RawColumn]) -> Violation:
    column = fault.column
    low = f"{-LARGEST_NUMBER if column.low is None else column.low:g}"
    high = f"{LARGEST_NUMBER if column.high is None else column.high:g}"
    bounds, words = f"[{low}, {high}]", ", ".join(column.words)
    message = Sentence(MENDS[fault.code], bounds=bounds, words=words)
    if fault.code == "CT003":
        return Violation(fault.code, table.name, column.name, message)
    rows = np.flatnonzero(fault.rows)
    example = _texts(columns[column.name], rows[:1])[0].as_py() if column.name in columns else None
    return Violation(
        fault.code, table.name, column.name, message, tuple(rows.tolist()), _short(example)
    )


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= 60 else text[:59] + "…"


def _texts(column: RawColumn, rows: Rows) -> Values:
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        picked = column.take(rows)
        try:
            return picked.cast(pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            values = picked.to_pylist()
    else:
        values = [column[row] for row in rows]
    # half a character, which JSON can spell, cannot be written to a file
    texts = [None if v is None else str(v).encode(errors="replace").decode() for v in values]
    return pa.array(texts, pa.string())


def _no_refusals() -> pa.Table:
    fields = [("row", pa.int64()), ("codes", pa.string()), ("messages", pa.string())]
    return pa.schema([pa.field(name, kind) for name, kind in fields]).empty_table()


def _refused(
    columns: Mapping[str, RawColumn],
    faults: Sequence[_Fault],
    violations: Sequence[Violation],
    rows: Rows,
) -> pa.Table:
    codes: list[list[str]] = [[] for _ in rows]
    messages: list[list[str]] = [[] for _ in rows]
    for fault, violation in zip(faults, violations, strict=True):
        for place in np.flatnonzero(fault.rows[rows]).tolist():
            codes[place].append(violation.code)
            messages[place].append(f"{fault.column.name}: {violation.message}")
    texts = {name: _texts(column, rows) for name, column in columns.items()}
    notes = {
        "codes": [" ".join(dict.fromkeys(c)) for c in codes],
        "messages": [" ".join(m) for m in messages],
    }
    return pa.table({**texts, "row": pa.array(rows), **notes})

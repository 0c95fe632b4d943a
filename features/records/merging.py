"""What becomes of a portfolio when accounts that are one company are merged?

A merge file says of each account into which other it goes. Every table that names accounts is
rewritten; no order, deal or interaction is lost. Of the accounts themselves the one that stays is
kept, and its gaps are filled from those merged into it.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from features.errors import ContractError, Violation
from features.records.casting import Values

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CODES: Mapping[str, str] = {
    "MG001": "a merge file is missing, or is not a CSV with account_id and merge_into",
    "MG002": "a line of a merge file lacks one of the two accounts",
    "MG003": "a merge file names an account that the portfolio does not have",
    "MG004": "a merge file sends one account into two",
    "MG005": "a merge file sends accounts round in a circle",
}
"""Every code of a wrong merge file; each has a line in docs/errors.md."""

Row = dict[str, Any]  # a row of any columns

_NEEDED = ("account_id", "merge_into")
_N_EXAMPLES = 5
_MENDS: Mapping[str, str] = {
    "MG002": "Fill both in, or strike the line.",
    "MG003": "Strike the line: ids must be written as in the portfolio.",
    "MG004": "Keep one line per account.",
    "MG005": "Strike one line, so that one account stays.",
}


@dataclass(frozen=True)
class Merged:
    """Tables in which accounts were merged.

    Attributes
    ----------
    tables : mapping of str to pyarrow.Table
        The tables, with the accounts that stay.
    gone : pyarrow.Table or None
        Rows of ``accounts`` that were merged into others, as they were.
    n_accounts : int
        Accounts merged into others.
    n_rows : int
        Rows of other tables that changed their account.
    """

    tables: dict[str, pa.Table]
    gone: pa.Table | None
    n_accounts: int
    n_rows: int


def read_merges(path: Path, known: Collection[str]) -> dict[str, str]:
    """Into which account does each one go at last, chains followed to their end?

    Parameters
    ----------
    path : Path
        CSV (comma or semicolon) with a header line; columns beside the two needed are not read.
    known : collection of str
        All account ids of the portfolio.

    Raises
    ------
    ContractError
        MG001 to MG005, with every fault of the file.
    """
    pairs = _pairs(path)
    faults = list(_faults(path, pairs, set(known)))
    into = {account: target for account, target in pairs if account and target}
    circles = sorted(account for account in into if _end(account, into) is None)
    if circles:
        faults.append(_fault(path, "MG005", circles))
    if faults:
        message = f"The merge file {path.name} cannot be applied."
        raise ContractError(faults[0].code, message, "Mend what is listed.", faults)
    return {account: end for account in into if (end := _end(account, into)) is not None}


def merge_accounts(tables: Mapping[str, pa.Table], into: Mapping[str, str]) -> Merged:
    """What do these tables hold once accounts are merged?

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        Checked tables.
    into : mapping of str to str
        As `read_merges` gives it: no account that stays goes into another.

    Returns
    -------
    Merged
        Ids are rewritten wherever an account is named, as a parent and in the history of parents
        too; an account that would be its own parent has none. A gap of the account that stays is
        filled by the first account merged into it that has a value (and, where rows carry
        ``known_at``, was known by then); it is created with the earliest, and consents to campaigns
        only if none declines.
    """
    merged = dict(tables)
    n_rows = 0
    for name, rows in tables.items():
        if name != "accounts" and "account_id" in rows.column_names:
            merged[name], changed = _rewritten(rows, "account_id", into)
            n_rows += changed
    if "account_history" in merged:
        merged["account_history"] = _parents_in_history(merged["account_history"], into)
    gone = None
    if "accounts" in tables:
        merged["accounts"], gone = _accounts(tables["accounts"], into)
    return Merged(merged, gone, len(into), n_rows)


def _pairs(path: Path) -> list[tuple[str, str]]:
    fix = "Write a CSV in UTF-8 with the columns account_id and merge_into."
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        header = lines[0] if lines else ""
        comma = ";" if ";" in header and "," not in header else ","
        rows = list(csv.DictReader(lines, delimiter=comma, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"The merge file {path} cannot be read ({type(error).__name__})."
        raise ContractError("MG001", message, fix) from None
    names = [name.strip() for name in header.strip().replace('"', "").split(comma)]
    if not set(_NEEDED) <= set(names):
        raise ContractError("MG001", f"The merge file {path} has the columns {names}.", fix)
    return [((row["account_id"] or "").strip(), (row["merge_into"] or "").strip()) for row in rows]


def _faults(path: Path, pairs: Sequence[tuple[str, str]], known: set[str]) -> Iterator[Violation]:
    empty = [str(line) for line, pair in enumerate(pairs, start=2) if not all(pair)]
    if empty:
        yield _fault(path, "MG002", [f"line {line}" for line in empty])
    strange = sorted({account for pair in pairs for account in pair if account} - known)
    if strange:
        yield _fault(path, "MG003", strange)
    targets: dict[str, set[str]] = {}
    for account, target in pairs:
        targets.setdefault(account, set()).add(target)
    torn = sorted(account for account, found in targets.items() if account and len(found) > 1)
    if torn:
        yield _fault(path, "MG004", torn)


def _fault(path: Path, code: str, found: Sequence[str]) -> Violation:
    shown = ", ".join(found[:_N_EXAMPLES]) + (", ..." if len(found) > _N_EXAMPLES else "")
    message = f"{len(found)}: {shown}. {CODES[code][0].upper()}{CODES[code][1:]}. {_MENDS[code]}"
    return Violation(code, path.name, None, message, example=found[0])


def _end(account: str, into: Mapping[str, str]) -> str | None:
    """Follow the chain from an account to where it ends; None when it ends nowhere."""
    here = account
    for _ in range(len(into) + 1):
        if here not in into:
            return here
        here = into[here]
        if here == account:
            return None
    return None


def _rewritten(rows: pa.Table, column: str, into: Mapping[str, str]) -> tuple[pa.Table, int]:
    ids = rows.column(column).combine_chunks()
    place = pc.index_in(ids, value_set=pa.array(list(into), pa.string()))
    targets: Values = pa.array(list(into.values()), pa.string())
    new = pc.coalesce(targets.take(place), ids)
    position = rows.column_names.index(column)
    changed = len(place) - place.null_count
    return rows.set_column(position, rows.schema.field(column), new), changed


def _parents_in_history(history: pa.Table, into: Mapping[str, str]) -> pa.Table:
    moved, _ = _rewritten(history, "value", into)
    is_parent = pc.equal(history.column("field"), "parent_account_id")
    value = pc.if_else(is_parent, moved.column("value"), history.column("value"))
    position = history.column_names.index("value")
    return history.set_column(position, history.schema.field("value"), value)


def _accounts(accounts: pa.Table, into: Mapping[str, str]) -> tuple[pa.Table, pa.Table]:
    ids = accounts.column("account_id")
    ends: Values = pa.array(sorted(set(into.values())), pa.string())
    is_gone = pc.is_in(ids, value_set=pa.array(list(into), pa.string()))
    is_end = pc.is_in(ids, value_set=ends)
    gone = accounts.filter(is_gone)
    whole = _filled(accounts.filter(is_end).to_pylist(), gone.to_pylist(), into)
    untouched = accounts.filter(pc.invert(pc.or_(is_gone, is_end)))
    kept = pa.concat_tables([untouched, pa.Table.from_pylist(whole, schema=accounts.schema)])
    if "parent_account_id" in kept.column_names:
        kept, _ = _rewritten(kept, "parent_account_id", into)
        parents = kept.column("parent_account_id")
        own = pc.fill_null(pc.equal(parents, kept.column("account_id")), False)
        position = kept.column_names.index("parent_account_id")
        none: Any = pa.scalar(None, pa.string())
        cleared = pc.if_else(own, none, parents)
        kept = kept.set_column(position, kept.schema.field("parent_account_id"), cleared)
    return kept, gone


def _filled(stay: list[Row], gone: list[Row], into: Mapping[str, str]) -> list[Row]:
    versions: dict[str, list[Row]] = {}
    for row in stay:
        versions.setdefault(row["account_id"], []).append(row)
    for row in gone:
        target = into[row["account_id"]]
        if target not in versions:  # known by its orders alone until now
            versions[target] = [{**row, "account_id": target}]
            continue
        for version in versions[target]:
            if _is_known(row, version):
                _fill(version, row)
    return [row for rows in versions.values() for row in rows]


def _is_known(row: Row, version: Row) -> bool:
    learned, since = row.get("known_at"), version.get("known_at")
    return learned is None or (since is not None and learned <= since)


def _fill(version: Row, row: Row) -> None:
    created = [at for at in (version.get("created_at"), row.get("created_at")) if at is not None]
    consents = [
        c for c in (version.get("consent_marketing"), row.get("consent_marketing")) if c is not None
    ]
    for column, value in row.items():
        if version[column] is None and column != "known_at":
            version[column] = value
    if created:
        version["created_at"] = min(created)
    if consents:
        version["consent_marketing"] = all(consents)

"""Do these tables, taken together, make a portfolio?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from features.errors import ContractError, Violation
from features.records.checking import Checked, check_table, orphans, refuse
from features.records.contract import CORE_TABLES, TABLES

FATAL = frozenset({"CT001", "CT002", "CT003", "CT005", "CT006", "CT007"})
"""Codes with which a portfolio cannot be used; rows with any other are refused one by one."""


def check_tables(
    raw: Mapping[str, pa.Table],
    *,
    timezone: str,
    clock: datetime,
    expected: Collection[str] | None = None,
) -> tuple[dict[str, Checked], tuple[Violation, ...]]:
    """What is good and what is wrong in these tables, each alone and all together?

    Parameters
    ----------
    raw : mapping of str to pyarrow.Table
        Tables by name, unchecked.
    timezone : str
        Zone of naive instants and of local days.
    clock : datetime
        Rows dated later are refused.
    expected : collection of str, optional
        Tables that there are, read or not: what could not be read is not reported as absent.

    Returns
    -------
    tuple of dict and tuple of Violation
        Checked tables in contract order, and every violation.
    """
    checked = {
        name: check_table(table, raw[name], timezone=timezone, clock=clock)
        for name, table in TABLES.items()
        if name in raw
    }
    expected = raw.keys() if expected is None else expected
    history = checked.get("opportunity_history")
    if history is not None and ("opportunities" in checked or "opportunities" not in expected):
        deals = checked.get("opportunities")
        lost = orphans(history.kept, deals.kept if deals else None, history.positions)
        if lost is not None:
            raw_history = raw["opportunity_history"]
            checked["opportunity_history"] = refuse(history, raw_history, lost)
    violations = [violation for table in checked.values() for violation in table.violations]
    violations += [unknown_table(name) for name in raw if name not in TABLES]
    violations += [_empty(name) for name, table in checked.items() if not table.kept.num_rows]
    if not any(name in expected for name in CORE_TABLES):
        violations.append(_no_core())
    return checked, tuple(violations)


def raise_if_unusable(violations: Sequence[Violation], message: str) -> None:
    """Refuse a portfolio that misses a file, a table, a bold column or every row of a table.

    Raises
    ------
    ContractError
        With all violations, not the fatal ones alone.
    """
    fatal = [violation for violation in violations if violation.code in FATAL]
    if fatal:
        raise ContractError(fatal[0].code, message, "Mend what is listed.", violations)


def unknown_table(name: str) -> Violation:
    """Report a table that the contract does not have (CT001)."""
    return Violation(
        "CT001", name, None, f"The contract has no such table. Use one of {', '.join(TABLES)}."
    )


def _empty(name: str) -> Violation:
    return Violation(
        "CT007", name, None, "No valid row is left. Correct its columns, or leave the table out."
    )


def _no_core() -> Violation:
    return Violation(
        "CT002",
        "portfolio",
        None,
        f"None of {', '.join(CORE_TABLES)} is there. A portfolio needs one of them.",
    )

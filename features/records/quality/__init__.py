"""What in these records keeps the contract and will mislead all the same?

Every finding has a code, what it counts, how it is detected, why it matters and how to mend it.
One module per family of checks; docs/data-quality.md lists them all.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from features.records.folder import Records
from features.records.quality import (
    accounts,
    currencies,
    dates,
    deals,
    duplicates,
    gaps,
    leakage,
    lines,
    volume,
)
from features.records.quality.finding import Audited, Check, Finding, Severity

__all__ = ["CHECKS", "Check", "Finding", "Severity", "audit"]

_FAMILIES = (
    (lines, lines.check_lines),
    (deals, deals.check_deals),
    (accounts, accounts.check_accounts),
    (duplicates, duplicates.check_duplicates),
    (dates, dates.check_dates),
    (gaps, gaps.check_gaps),
    (volume, volume.check_volume),
    (currencies, currencies.check_currencies),
    (leakage, leakage.check_leakage),
)

_ALL = {code: check for module, _ in _FAMILIES for code, check in module.CHECKS.items()}
CHECKS = dict(sorted(_ALL.items()))


def audit(
    records: Records,
    *,
    refused: Mapping[str, pa.Table] | None = None,
    exports: Mapping[str, pa.Table] | None = None,
) -> tuple[Finding, ...]:
    """What in these records will mislead, in the order of the codes?

    Parameters
    ----------
    records : Records
        Checked rows of the whole portfolio.
    refused : mapping of str to pyarrow.Table, optional
        Rows that broke the contract, by table, as ``checking.Checked.refused``.
    exports : mapping of str to pyarrow.Table, optional
        Rows of the export with their ``outcome``, that the mapping kept for the audit alone.

    Returns
    -------
    tuple of Finding
        Checks whose tables are absent, and those that find nothing, leave none.
    """
    audited = Audited(records, refused or {}, exports or {})
    found = [finding for _, check in _FAMILIES for finding in check(audited)]
    return tuple(sorted(found, key=lambda finding: finding.code))

"""Small portfolios, row by row, and what the audit finds in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from features.records.checking import check_table, columns_from_rows
from features.records.contract import TABLES
from features.records.folder import Portfolio, Records
from features.records.quality import Finding, audit

AS_OF = datetime(2011, 12, 10, tzinfo=UTC)
STAGES = [
    {"stage": "new", "position": 0, "outcome": "open"},
    {"stage": "won", "position": 1, "outcome": "won"},
]


def records(
    static: tuple[str, ...] = (), as_of: datetime = AS_OF, **tables: list[dict[str, Any]]
) -> Records:
    checked = {}
    for name, rows in tables.items():
        raw = columns_from_rows(TABLES[name], rows)
        outcome = check_table(TABLES[name], raw, timezone="UTC", clock=AS_OF, strict=True)
        assert outcome.violations == ()
        checked[name] = outcome.kept
    return Records(Portfolio("p", "EUR", "UTC", frozenset(static), as_of), checked)


def find(
    code: str,
    static: tuple[str, ...] = (),
    as_of: datetime = AS_OF,
    refused: dict[str, pa.Table] | None = None,
    exports: dict[str, pa.Table] | None = None,
    **tables: list[dict[str, Any]],
) -> list[Finding]:
    found = audit(records(static, as_of, **tables), refused=refused, exports=exports)
    return [finding for finding in found if finding.code == code]


def order(
    order_id: str, account_id: str = "a", day: str = "2011-12-01", **more: Any
) -> dict[str, Any]:
    row = {"order_id": order_id, "account_id": account_id, "ordered_at": day, "net_amount": 5}
    return {**row, **more}


def deal(deal_id: str) -> dict[str, Any]:
    return {"opportunity_id": deal_id, "account_id": "a", "created_at": "2011-01-01"}


def move(deal_id: str, day: str, stage: str, **more: Any) -> dict[str, Any]:
    return {"opportunity_id": deal_id, "changed_at": day, "stage": stage, **more}

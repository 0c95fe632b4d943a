"""How long do the records of one account take to become its feature rows?

The records come as the HTTP door hands them over: read from a body, checked, as Arrow tables. The
clock runs from there to the row of the account and those of its deals.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numba.core import event

from benchmarks.large_portfolio import large_header, large_records
from benchmarks.measuring import Row, row, timed, together
from features.asof import instant
from features.context import Context, ContextMaker
from features.events import build_events
from features.matrix import FeatureMatrix, account_rows, deal_rows
from features.records.folder import Records
from serving.api.body import read_score_request

DAY = date(2024, 12, 1)
START = datetime(2023, 1, 1, tzinfo=UTC)
MOST_MS = 0.5
N_ORDERS, N_INTERACTIONS, N_DEALS = 200, 50, 3
KINDS = ("call", "email", "meeting", "ticket", "complaint", "survey", "visit", "campaign")

Contexts = Mapping[int, Context]


def run(times: int = 300) -> list[Row]:
    """How long does one request take, and does anything compile meanwhile?"""
    known = large_records(2_000)
    contexts = {instant(DAY): ContextMaker(build_events(known), 90).make(instant(DAY))}
    records = request_records(known)
    for _ in range(3):
        request_rows(records, contexts)
    with event.install_recorder("numba:compile") as compiled:
        seconds = [timed(lambda: request_rows(records, contexts))[0] for _ in range(times)]
    median = 1000 * statistics.median(seconds)
    slow = 1000 * float(np.quantile(seconds, 0.95))
    begun = sum(one.is_start for _, one in compiled.buffer)
    parts = [
        row(
            "features-request/time", median, "ms", goal=f"at most {MOST_MS:g} ms",
            met=median <= MOST_MS,
            note=f"median of {times}, 95th percentile {slow:.2f} ms: {N_ORDERS} orders,"
            f" {N_INTERACTIONS} interactions, {N_DEALS} deals, from Arrow to rows",
        ),
        row(
            "features-request/compiled", begun, "functions", goal="none", met=begun == 0,
            note="functions that numba compiled during these requests",
        ),
    ]  # fmt: skip
    return [*parts, together("features-request", median, "ms", parts, parts[0]["note"])]


def request_rows(records: Records, contexts: Contexts) -> tuple[FeatureMatrix, FeatureMatrix]:
    """Which rows have the accounts and the deals of a request?"""
    events = build_events(records)
    accounts, deals = (
        np.arange(len(ids.words), dtype=np.int64) for ids in (events.accounts, events.deals)
    )
    moment = instant(DAY)
    return (
        account_rows(events, accounts, np.full(accounts.size, moment), contexts),
        deal_rows(events, deals, np.full(deals.size, moment), contexts),
    )


def request_records(known: Records) -> Records:
    """Which records does the door hand over for the account of this bench?"""
    lists = {name: known.tables[name] for name in ("stages", "products")}
    body = json.dumps({"as_of": DAY.isoformat(), "accounts": [_account()]})
    request = read_score_request(
        body.encode(), portfolio=large_header(), reference=lists, clock=datetime.now(UTC)
    )
    return request.records


def _account() -> dict[str, object]:
    return {
        "account_id": "A1", "segment": "large", "country": "FR", "employees": 120,
        "orders": [_order(number) for number in range(N_ORDERS)],
        "interactions": [_interaction(number) for number in range(N_INTERACTIONS)],
        "opportunities": [_deal(number) for number in range(N_DEALS)],
    }  # fmt: skip


def _order(number: int) -> dict[str, object]:
    return {
        "order_id": f"O{number}", "ordered_at": _at(3.4 * number), "product_id": f"P{number % 9}",
        "net_amount": 25.0 * (1 + number % 17), "margin_amount": 5.0 * (1 + number % 17),
    }  # fmt: skip


def _interaction(number: int) -> dict[str, object]:
    kind = KINDS[number % len(KINDS)]
    found: dict[str, object] = {
        "interaction_id": f"T{number}", "occurred_at": _at(13.7 * number), "kind": kind,
        "direction": "outbound" if number % 3 else "inbound", "outcome": "answered",
        "duration_minutes": 10 + number, "contact_id": f"K{number % 4}",
    }  # fmt: skip
    if kind in ("ticket", "complaint"):
        found["resolved_at"] = _at(13.7 * number + 2)
    if number % 2:
        found["opportunity_id"] = f"D{number % N_DEALS}"
    return found


def _deal(number: int) -> dict[str, object]:
    opened = 400 + 40 * number
    return {
        "opportunity_id": f"D{number}", "created_at": _at(opened), "owner_id": f"R{number}",
        "history": [
            {"changed_at": _at(opened + 20 * place), "stage": stage, "amount": 7000 + 500 * place}
            for place, stage in enumerate(("lead", "qualified", "offer"))
        ],
    }  # fmt: skip


def _at(days: float) -> str:
    return (START + timedelta(days=days)).isoformat()

"""Events of accounts: orders, invoices, interactions, contacts, subscriptions, attributes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from features.asof import MISSING, NEVER, US_PER_DAY
from features.events.columns import (
    byte_ranks,
    codes,
    holds,
    if_present,
    instants,
    numbers,
    required,
)
from features.events.sorting import sort_events
from features.events.versions import Versions, versions_of
from features.events.world import World
from features.kernel import Codes, Events, Floats
from features.orders import roll_up
from features.records.contract import INTERACTION_KINDS


def orders(world: World) -> Events | None:
    """One event per order: placed at its first line, its amounts the sums of its lines."""
    lines = versions_of(world.records, "orders", "ordered_at", ("order_id", "line_id"))
    if lines is None:
        return None
    account = world.accounts.code(lines.table.column("account_id"))
    order = byte_ranks(lines.table.column("order_id"))
    names = ("net_amount", "margin_amount", "discount_amount", "quantity")
    found = {name: numbers(lines.table, name) for name in names}
    known = {name: values for name, values in found.items() if values is not None}
    measures = np.stack(list(known.values()))
    rolled = roll_up(
        account, order, lines.at, lines.known_from, lines.known_until, lines.row, measures
    )
    amounts = dict(zip(known, rolled.measures, strict=True))
    return sort_events(
        len(world.accounts.words),
        rolled.account,
        rolled.at,
        known_from=rolled.known_from,
        known_until=rolled.known_until,
        zone=world.zone,
        flags={
            "is_purchase": amounts["net_amount"] > 0,
            "is_credit_note": amounts["net_amount"] < 0,
        },
        measures={**amounts, "lines": rolled.lines},
        record=rolled.record,
    )


def lines(world: World) -> Events | None:
    """One event per order line."""
    lines = versions_of(world.records, "orders", "ordered_at", ("order_id", "line_id"))
    if lines is None or "product_id" not in lines.table.column_names:
        return None
    product = world.words["product"].code(lines.table.column("product_id")).astype(float)
    amount = required(numbers(lines.table, "net_amount"))
    return world.by_account(
        lines,
        flags={"is_purchase": amount > 0},
        measures={"product": np.where(product < 0, np.nan, product)},
    )


def invoices(world: World) -> Events | None:
    """One event per invoice, settled when paid."""
    found = versions_of(world.records, "invoices", "issued_at", ("invoice_id",))
    if found is None:
        return None
    paid = instants(found.table, "paid_at", NEVER)
    due = instants(found.table, "due_date", MISSING)
    # A whole day past due counts from the day after the due date.
    late = (paid - due) / US_PER_DAY - 1
    late = np.where((paid == NEVER) | (due == MISSING), np.nan, np.maximum(late, 0))
    return world.by_account(
        found,
        later=if_present(found.table, "paid_at", paid),
        measures={"amount": numbers(found.table, "amount"), "days_late": late},
    )


def interactions_of(world: World, entity: Callable[[pa.Table], Codes], n: int) -> Events | None:
    """One event per interaction, of the entity that each row names."""
    found = versions_of(world.records, "interactions", "occurred_at", ("interaction_id",))
    if found is None:
        return None
    table = found.table
    resolved = instants(table, "resolved_at", NEVER)
    is_kind = {f"is_{kind}": required(holds(table, "kind", kind)) for kind in INTERACTION_KINDS}
    flags = {
        **is_kind,
        "is_meaningful": is_kind["is_call"] | is_kind["is_meeting"] | is_kind["is_visit"],
        "is_inbound": holds(table, "direction", "inbound"),
        "is_outbound": holds(table, "direction", "outbound"),
    }
    hours = np.where(resolved == NEVER, np.nan, (resolved - found.at) / (US_PER_DAY / 24))
    return world.events(
        found,
        entity(table),
        n,
        later=if_present(table, "resolved_at", resolved),
        flags=flags,
        measures={
            "sentiment": numbers(table, "sentiment"),
            "survey_score": numbers(table, "survey_score"),
            "duration_minutes": numbers(table, "duration_minutes"),
            "hours_to_resolve": hours,
        },
    )


def interactions(world: World) -> Events | None:
    """One event per interaction of an account, settled when resolved."""
    return interactions_of(
        world,
        lambda table: world.accounts.code(table.column("account_id")),
        len(world.accounts.words),
    )


def contacts(world: World) -> Events | None:
    """One event per contact, settled when the person left."""
    found = versions_of(world.records, "contacts", "created_at", ("contact_id",))
    if found is None:
        return None
    left = instants(found.table, "left_at", NEVER)
    left_day = np.where(left == NEVER, np.nan, left / US_PER_DAY)
    # Where nobody notes who left, everybody we know is taken to be there.
    return world.by_account(found, later=left, measures={"left_day": left_day})


def subscriptions(world: World) -> Events | None:
    """One event per subscription, settled when it ended."""
    found = versions_of(world.records, "subscriptions", "start_date", ("subscription_id",))
    if found is None:
        return None
    return world.by_account(
        found,
        later=instants(found.table, "ended_at", NEVER),
        measures={
            "mrr_amount": numbers(found.table, "mrr_amount"),
            "term_end_day": numbers(found.table, "term_end_date"),
        },
    )


def attribute(world: World, column: str, words: str) -> Events | None:
    """Values of an account's attribute: its history, and before it the one static value."""
    parts = [_static_values(world, column, words), _changes(world, column, words)]
    found = [part for part in parts if part is not None]
    if not found:
        return None
    versions = [versions for versions, _ in found]
    return sort_events(
        len(world.accounts.words),
        np.concatenate([world.accounts.code(one.table.column("account_id")) for one in versions]),
        np.concatenate([one.at for one in versions]),
        known_from=np.concatenate([one.known_from for one in versions]),
        known_until=np.concatenate([one.known_until for one in versions]),
        zone=world.zone,
        measures={"code": np.concatenate([code for _, code in found])},
        record=np.concatenate([one.row for one in versions]),
    )


def _changes(world: World, column: str, words: str) -> tuple[Versions, Floats] | None:
    history = versions_of(world.records, "account_history", "changed_at", ())
    if history is None:
        return None
    found = history.take(np.flatnonzero(required(holds(history.table, "field", column))))
    return found, world.words[words].code(found.table.column("value")).astype(float)


def _static_values(world: World, column: str, words: str) -> tuple[Versions, Floats] | None:
    found = versions_of(world.records, "accounts", "created_at", ("account_id",))
    if found is None or f"accounts.{column}" not in world.records.portfolio.static:
        return None
    code = codes(found.table, column, world.words[words])
    return None if code is None else (found, code)

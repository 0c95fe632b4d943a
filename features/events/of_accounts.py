"""Events of accounts: orders, invoices, interactions, contacts, subscriptions, attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from features.asof import MISSING, NEVER, US_PER_DAY
from features.events.columns import (
    byte_ranks,
    codes,
    day_starts,
    holds,
    if_present,
    instants,
    numbers,
    required,
    texts_as_numbers,
)
from features.events.rates import signed
from features.events.sorting import sort_events
from features.events.stretches import Stretches, cut_as_known
from features.events.versions import Versions, versions_of
from features.events.world import World
from features.kernel import Codes, Events, Floats
from features.orders import roll_up
from features.records.contract import INTERACTION_KINDS

OUTCOMES = ("buying_signal", "objection")
"""Outcomes of an interaction that signals ask for by name."""
RESPONSES = ("answered", "responded", "replied", "clicked", "interested", "buying_signal")
"""Outcomes that tell that the other side took it up."""
GROWTH = ("growth", "funding", "project", "opening", "hiring", "acquisition")
"""Kinds of account events that announce more business."""
CHANGES = ("new_contact_role", "move", "merger", "reorganisation", "new_management", "contact_left")
"""Kinds of account events that open the relationship anew."""

_MONEY = ("net_amount", "margin_amount", "discount_amount")
_UNCONVERTED = "_unconverted"


def orders(world: World) -> Events | None:
    """One event per order: placed at its first line, its amounts the sums of its lines."""
    if world.order_lines is None:
        return None
    lines = world.order_lines.versions
    found = {name: world.order_lines.amounts(name) for name in _MONEY}
    found["quantity"] = numbers(lines.table, "quantity")
    found[_UNCONVERTED] = world.order_lines.unconverted()
    known = {name: values for name, values in found.items() if values is not None}
    rolled = roll_up(
        world.accounts.code(lines.table.column("account_id")),
        byte_ranks(lines.table.column("order_id")),
        lines.at, lines.known_from, lines.known_until, lines.row, np.stack(list(known.values())),
    )  # fmt: skip
    sums = dict(zip(known, rolled.measures, strict=True))
    sign = signed(sums["net_amount"], sums.pop(_UNCONVERTED, None))
    return sort_events(
        len(world.accounts.words),
        rolled.account,
        rolled.at,
        known_from=rolled.known_from,
        known_until=rolled.known_until,
        zone=world.zone,
        flags={"is_purchase": sign > 0, "is_credit_note": sign < 0},
        measures={**sums, "lines": rolled.lines},
        record=rolled.record,
    )


def lines(world: World) -> Events | None:
    """One event per order line, of the category that its product was known to have."""
    if world.order_lines is None:
        return None
    lines = world.order_lines.versions
    if "product_id" not in lines.table.column_names:
        return None
    product = world.words["product"].code(lines.table.column("product_id"))
    found, category = _categories(world, product, lines)
    place = found.place
    return sort_events(
        len(world.accounts.words),
        world.accounts.code(lines.table.column("account_id"))[place],
        lines.at[place],
        known_from=found.known_from,
        known_until=found.known_until,
        zone=world.zone,
        # The sign of an amount is known without a rate.
        flags={"is_purchase": required(numbers(lines.table, "net_amount"))[place] > 0},
        measures={
            "product": np.where(product < 0, np.nan, product)[place],
            "category": category,
            "net_amount": required(world.order_lines.amounts("net_amount"))[place],
        },
        record=lines.row[place],
    )


def _categories(world: World, product: Codes, lines: Versions) -> tuple[Stretches, Floats | None]:
    """Category of each line by its product, from when until when; None where there are none."""
    listed = versions_of(world.records, "products", None, ("product_id",))
    category = None if listed is None else codes(listed.table, "category", world.words["category"])
    if listed is None or category is None:
        whole = np.arange(product.size)
        return Stretches(whole, np.full(whole.size, -1), lines.known_from, lines.known_until), None
    code = world.words["product"].code(listed.table.column("product_id"))
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    found = cut_as_known(
        np.searchsorted(code[order], product),
        np.searchsorted(code[order], product, side="right"),
        (listed.known_from[order], listed.known_until[order]),
        (lines.known_from, lines.known_until),
    )
    return found, np.append(category[order], np.nan)[found.row]


def invoices(world: World) -> Events | None:
    """One event per invoice, settled when paid."""
    found = versions_of(world.records, "invoices", "issued_at", ("invoice_id",))
    if found is None:
        return None
    paid = instants(found.table, "paid_at", NEVER)
    # An invoice is late from the end of its due date on.
    overdue = day_starts(found.table, "due_date", MISSING, world.zone, days_later=1)
    late = np.maximum((paid - overdue) / US_PER_DAY, 0)
    late = np.where((paid == NEVER) | (overdue == MISSING), np.nan, late)
    return world.by_account(
        found,
        later=if_present(found.table, "paid_at", paid),
        measures={
            "amount": numbers(found.table, "amount"),
            "days_late": late,
            "is_late": np.where(np.isnan(late), np.nan, late > 0),
        },
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
            "contact": codes(table, "contact_id", world.words["contact"]),
            "hours_to_resolve": hours,
        },
    )


def interactions(world: World) -> Events | None:
    """One event per interaction of an account, settled when resolved."""
    return interactions_of(world, world.accounts_named, len(world.accounts.words))


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


def interaction_outcomes(world: World) -> Events | None:
    """One event per interaction of an account whose outcome we know, known when it was."""
    return outcomes_of(world, world.accounts_named, len(world.accounts.words))


def outcomes_of(world: World, entity: Callable[[pa.Table], Codes], n: int) -> Events | None:
    """One event per interaction whose outcome we know, of the entity that each row names."""
    found = versions_of(world.records, "interactions", "occurred_at", ("interaction_id",))
    if found is None or "outcome" not in found.table.column_names:
        return None
    table = found.table
    resolved = instants(table, "resolved_at", NEVER)
    # What a ticket came to is known once it is resolved; what a call came to, at once, unless
    # it too was left to be resolved.
    waits = required(holds(table, "kind", "ticket")) | required(holds(table, "kind", "complaint"))
    at_once = (resolved == NEVER) & ~waits
    learnt = np.where(at_once, found.known_from, np.maximum(found.known_from, resolved))
    responses = [required(holds(table, "outcome", word)) for word in RESPONSES]
    return world.events(
        replace(found, known_from=learnt),
        entity(table),
        n,
        flags={
            **{f"has_{outcome}": holds(table, "outcome", outcome) for outcome in OUTCOMES},
            "has_response": np.logical_or.reduce(responses),
            "is_campaign": holds(table, "kind", "campaign"),
            "is_outbound": holds(table, "direction", "outbound"),
        },
    )


def account_events(world: World) -> Events | None:
    """One event per thing that happened at the account."""
    found = versions_of(
        world.records, "account_events", "occurred_at", ("account_id", "occurred_at", "kind"),
        is_append_only=True,
    )  # fmt: skip
    if found is None:
        return None
    kinds = {word: required(holds(found.table, "kind", word)) for word in (*GROWTH, *CHANGES)}
    return world.by_account(
        found,
        flags={
            "is_growth": np.logical_or.reduce([kinds[word] for word in GROWTH]),
            "is_change": np.logical_or.reduce([kinds[word] for word in CHANGES]),
        },
    )


def notices(world: World) -> Events | None:
    """One event per notice given on a subscription, settled when the subscription ended."""
    found = versions_of(world.records, "subscriptions", "start_date", ("subscription_id",))
    if found is None or "cancelled_at" not in found.table.column_names:
        return None
    given = instants(found.table, "cancelled_at", NEVER)
    cancelled = found.take(np.flatnonzero(given < NEVER))
    given = given[given < NEVER]
    return world.by_account(
        replace(cancelled, at=given, known_from=np.maximum(cancelled.known_from, given)),
        # Where nobody notes what ended, every subscription is taken to run on.
        later=instants(cancelled.table, "ended_at", NEVER),
    )


def mrr_moves(world: World) -> Events | None:
    """Two events per subscription: its amount comes when it starts and goes when it ends."""
    found = versions_of(world.records, "subscriptions", "start_date", ("subscription_id",))
    if found is None or "mrr_amount" not in found.table.column_names:
        return None
    mrr = required(numbers(found.table, "mrr_amount"))
    ended = instants(found.table, "ended_at", NEVER)
    gone = np.flatnonzero(ended < NEVER)
    account = world.accounts.code(found.table.column("account_id"))
    end = np.maximum(ended[gone], found.at[gone])
    return sort_events(
        len(world.accounts.words),
        np.concatenate((account, account[gone])),
        np.concatenate((found.at, end)),
        known_from=np.concatenate((found.known_from, np.maximum(found.known_from[gone], end))),
        known_until=np.concatenate((found.known_until, found.known_until[gone])),
        zone=world.zone,
        measures={"mrr": np.concatenate((mrr, -mrr[gone]))},
        record=np.concatenate((found.row, found.row[gone])),
    )


def _history(world: World) -> Versions | None:
    return versions_of(
        world.records, "account_history", "changed_at", ("account_id", "changed_at", "field"),
        is_append_only=True,
    )  # fmt: skip


def number_attribute(world: World, column: str) -> Events | None:
    """Values of an account's numeric attribute: its history, and before it the static value."""
    parts = []
    accounts = versions_of(world.records, "accounts", "created_at", ("account_id",))
    if accounts is not None and f"accounts.{column}" in world.records.portfolio.static:
        value = numbers(accounts.table, column)
        if value is not None:
            parts.append((accounts, value))
    history = _history(world)
    if history is not None:
        rows = history.take(np.flatnonzero(required(holds(history.table, "field", column))))
        parts.append((rows, texts_as_numbers(rows.table.column("value"))))
    return _joined(world, parts, "value") if parts else None


def attribute(world: World, column: str, words: str) -> Events | None:
    """Values of an account's attribute: its history, and before it the one static value."""
    parts = [_static_values(world, column, words), _changes(world, column, words)]
    found = [part for part in parts if part is not None]
    return _joined(world, found, "code") if found else None


def _joined(world: World, parts: Sequence[tuple[Versions, Floats]], measure: str) -> Events:
    """Events of several groups of rows of accounts, one measure each."""
    versions = [rows for rows, _ in parts]
    account = [world.accounts.code(rows.table.column("account_id")) for rows in versions]
    return sort_events(
        len(world.accounts.words),
        np.concatenate(account),
        np.concatenate([rows.at for rows in versions]),
        known_from=np.concatenate([rows.known_from for rows in versions]),
        known_until=np.concatenate([rows.known_until for rows in versions]),
        zone=world.zone,
        measures={measure: np.concatenate([values for _, values in parts])},
        record=np.concatenate([rows.row for rows in versions]),
    )


def _changes(world: World, column: str, words: str) -> tuple[Versions, Floats] | None:
    history = _history(world)
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

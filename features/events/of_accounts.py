"""Events of accounts: orders, invoices, interactions, contacts, subscriptions, attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from features.asof import MISSING, NEVER, US_PER_DAY
from features.events.columns import codes, known_codes, later_of, required, texts_as_numbers
from features.events.rates import signed
from features.events.sheet import Sheet
from features.events.sorting import Marks, marked, sort_events
from features.events.stretches import Stretches, cut_as_known
from features.events.versions import Versions
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
    found["quantity"] = lines.sheet.numbers("quantity")
    found[_UNCONVERTED] = world.order_lines.unconverted()
    known = {name: values for name, values in found.items() if values is not None}
    rolled = roll_up(
        world.accounts_named(lines.sheet),
        required(lines.sheet.texts("order_id")).code,
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
    product = lines.sheet.codes("product_id", world.words["product"])
    if product is None:
        return None
    account = world.accounts_named(lines.sheet)
    # The sign of an amount is known without a rate.
    is_purchase = required(lines.sheet.numbers("net_amount")) > 0
    amount = required(world.order_lines.amounts("net_amount"))
    listed = world.book.versions("products")
    category = None if listed is None else codes(listed.sheet, "category", world.words["category"])
    if listed is None or category is None:
        return world.events(
            lines,
            account,
            len(world.accounts.words),
            flags={"is_purchase": is_purchase},
            measures={"product": known_codes(product), "net_amount": amount},
        )
    found = _listings(world, product, lines, listed)
    place = found.place
    return sort_events(
        len(world.accounts.words),
        account[place],
        lines.at[place],
        known_from=found.known_from,
        known_until=found.known_until,
        zone=world.zone,
        flags={"is_purchase": is_purchase[place]},
        measures={
            "product": known_codes(product)[place],
            "category": np.append(category, np.nan)[found.row],
            "net_amount": amount[place],
        },
        record=lines.row[place],
    )


def _listings(world: World, product: Codes, lines: Versions, listed: Versions) -> Stretches:
    """Which row lists the product of each line, from when until when?"""
    code = required(listed.sheet.codes("product_id", world.words["product"]))
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    # Of the product without a code, which comes last, there is no row.
    count = np.append(np.bincount(code[order], minlength=product.max(initial=-1) + 1), 0)
    end = count.cumsum()
    found = cut_as_known(
        (end - count)[product],
        end[product],
        (listed.known_from[order], listed.known_until[order]),
        (lines.known_from, lines.known_until),
    )
    return replace(found, row=np.append(order, -1)[found.row])


def invoices(world: World) -> Events | None:
    """One event per invoice, settled when paid."""
    found = world.book.versions("invoices")
    if found is None:
        return None
    paid = found.sheet.instants("paid_at", NEVER)
    # An invoice is late from the end of its due date on.
    overdue = found.sheet.day_starts("due_date", MISSING, world.zone, days_later=1)
    late = np.maximum((paid - overdue) / US_PER_DAY, 0)
    late = np.where((paid == NEVER) | (overdue == MISSING), np.nan, late)
    return world.by_account(
        found,
        later=later_of(found.sheet, "paid_at"),
        measures={
            "amount": found.sheet.numbers("amount"),
            "days_late": late,
            "is_late": np.where(np.isnan(late), np.nan, late > 0),
        },
    )


_KINDS = Marks(
    {
        **{kind: (f"is_{kind}",) for kind in INTERACTION_KINDS},
        **{kind: (f"is_{kind}", "is_meaningful") for kind in ("call", "meeting", "visit")},
    }
)
_DIRECTIONS = Marks({"inbound": ("is_inbound",), "outbound": ("is_outbound",)})


def interactions_of(world: World, entity: Callable[[Sheet], Codes], n: int) -> Events | None:
    """One event per interaction, of the entity that each row names."""
    found = world.book.versions("interactions")
    if found is None:
        return None
    sheet = found.sheet
    resolved = sheet.instants("resolved_at", NEVER)
    hours = np.where(resolved == NEVER, np.nan, (resolved - found.at) / (US_PER_DAY / 24))
    return world.events(
        found,
        entity(sheet),
        n,
        later=later_of(sheet, "resolved_at"),
        flags=marked(
            (required(sheet.texts("kind")), _KINDS),
            (sheet.texts("direction"), _DIRECTIONS),
        ),
        measures={
            "sentiment": sheet.numbers("sentiment"),
            "survey_score": sheet.numbers("survey_score"),
            "duration_minutes": sheet.numbers("duration_minutes"),
            "contact": codes(sheet, "contact_id", world.words["contact"]),
            "hours_to_resolve": hours,
        },
    )


def interactions(world: World) -> Events | None:
    """One event per interaction of an account, settled when resolved."""
    return interactions_of(world, world.accounts_named, len(world.accounts.words))


def contacts(world: World) -> Events | None:
    """One event per contact, settled when the person left."""
    found = world.book.versions("contacts")
    if found is None:
        return None
    left = found.sheet.instants("left_at", NEVER)
    left_day = np.where(left == NEVER, np.nan, left / US_PER_DAY)
    # Where nobody notes who left, everybody we know is taken to be there, and who left is unknown.
    if not found.sheet.has("left_at"):
        return world.by_account(found, later=left)
    return world.by_account(found, later=left, measures={"left_day": left_day})


def subscriptions(world: World) -> Events | None:
    """One event per subscription, settled when it ended."""
    found = world.book.versions("subscriptions")
    if found is None:
        return None
    return world.by_account(
        found,
        later=found.sheet.instants("ended_at", NEVER),
        measures={
            "mrr_amount": found.sheet.numbers("mrr_amount"),
            "term_end_day": found.sheet.numbers("term_end_date"),
        },
    )


def interaction_outcomes(world: World) -> Events | None:
    """One event per interaction of an account whose outcome we know, known when it was."""
    return outcomes_of(world, world.accounts_named, len(world.accounts.words))


_OUTCOMES = Marks(
    {
        word: (f"has_{word}",) * (word in OUTCOMES) + ("has_response",) * (word in RESPONSES)
        for word in (*OUTCOMES, *RESPONSES)
    }
)
_CAMPAIGN, _OUTBOUND = Marks({"campaign": ("is_campaign",)}), Marks({"outbound": ("is_outbound",)})


def outcomes_of(world: World, entity: Callable[[Sheet], Codes], n: int) -> Events | None:
    """One event per interaction whose outcome we know, of the entity that each row names."""
    found = world.book.versions("interactions")
    if found is None or not found.sheet.has("outcome"):
        return None
    sheet = found.sheet
    kind = required(sheet.texts("kind"))
    resolved = sheet.instants("resolved_at", NEVER)
    # What a ticket came to is known once it is resolved; what a call came to, at once, unless
    # it too was left to be resolved.
    at_once = (resolved == NEVER) & ~kind.holds("ticket", "complaint")
    learnt = np.where(at_once, found.known_from, np.maximum(found.known_from, resolved))
    return world.events(
        replace(found, known_from=learnt),
        entity(sheet),
        n,
        flags=marked(
            (sheet.texts("outcome"), _OUTCOMES),
            (kind, _CAMPAIGN),
            (sheet.texts("direction"), _OUTBOUND),
        ),
    )


_EVENTS = Marks({**dict.fromkeys(GROWTH, ("is_growth",)), **dict.fromkeys(CHANGES, ("is_change",))})


def account_events(world: World) -> Events | None:
    """One event per thing that happened at the account."""
    found = world.book.versions("account_events")
    if found is None:
        return None
    return world.by_account(found, flags=marked((required(found.sheet.texts("kind")), _EVENTS)))


def notices(world: World) -> Events | None:
    """One event per notice given on a subscription, settled when the subscription ended."""
    found = world.book.versions("subscriptions")
    if found is None or not found.sheet.has("cancelled_at"):
        return None
    given = found.sheet.instants("cancelled_at", NEVER)
    cancelled = found.where(given < NEVER)
    given = given[given < NEVER]
    return world.by_account(
        replace(cancelled, at=given, known_from=np.maximum(cancelled.known_from, given)),
        # Where nobody notes what ended, every subscription is taken to run on.
        later=cancelled.sheet.instants("ended_at", NEVER),
    )


def mrr_moves(world: World) -> Events | None:
    """Two events per subscription: its amount comes when it starts and goes when it ends."""
    found = world.book.versions("subscriptions")
    mrr = None if found is None else found.sheet.numbers("mrr_amount")
    if found is None or mrr is None:
        return None
    ended = found.sheet.instants("ended_at", NEVER)
    gone = np.flatnonzero(ended < NEVER)
    account = world.accounts_named(found.sheet)
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


def number_attribute(world: World, column: str) -> Events | None:
    """Values of an account's numeric attribute: its history, and before it the static value."""
    parts = []
    accounts = world.book.versions("accounts")
    if accounts is not None and f"accounts.{column}" in world.book.portfolio.static:
        value = accounts.sheet.numbers(column)
        if value is not None:
            parts.append((accounts, value))
    history = world.book.versions("account_history")
    if history is not None:
        rows = _rows_of(history, column)
        parts.append((rows, texts_as_numbers(required(rows.sheet.texts("value")))))
    return _joined(world, parts, "value") if parts else None


def _rows_of(history: Versions, field: str) -> Versions:
    """Changes of one attribute."""
    return history.where(required(history.sheet.texts("field")).holds(field))


def attribute(world: World, column: str, words: str) -> Events | None:
    """Values of an account's attribute: its history, and before it the one static value."""
    parts = [_static_values(world, column, words), _changes(world, column, words)]
    found = [part for part in parts if part is not None]
    return _joined(world, found, "code") if found else None


def _joined(world: World, parts: Sequence[tuple[Versions, Floats]], measure: str) -> Events:
    """Events of several groups of rows of accounts, one measure each."""
    if len(parts) == 1:
        return world.by_account(parts[0][0], measures={measure: parts[0][1]})
    versions = [rows for rows, _ in parts]
    account = [world.accounts_named(rows.sheet) for rows in versions]
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
    history = world.book.versions("account_history")
    if history is None:
        return None
    found = _rows_of(history, column)
    return found, required(found.sheet.codes("value", world.words[words])).astype(float)


def _static_values(world: World, column: str, words: str) -> tuple[Versions, Floats] | None:
    found = world.book.versions("accounts")
    if found is None or f"accounts.{column}" not in world.book.portfolio.static:
        return None
    code = codes(found.sheet, column, world.words[words])
    return None if code is None else (found, code)

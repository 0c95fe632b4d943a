"""Events of deals: their moves, what was exchanged about them, what is known of them."""

from __future__ import annotations

import numpy as np

from features.asof import NEVER
from features.closings import Spells
from features.events.columns import codes, required
from features.events.of_accounts import interactions_of, outcomes_of
from features.events.sorting import sort_events
from features.events.world import World
from features.kernel import Events


def deal_interactions(world: World) -> Events | None:
    """One event per interaction about a deal."""
    if world.book.texts("interactions", "opportunity_id") is None:
        return None
    return interactions_of(world, world.deals_named, len(world.deals.words))


def deal_outcomes(world: World) -> Events | None:
    """One event per interaction about a deal whose outcome we know, known when it was."""
    if world.book.texts("interactions", "opportunity_id") is None:
        return None
    return outcomes_of(world, world.deals_named, len(world.deals.words))


def moves(world: World) -> Events | None:
    """One event per dated snapshot of a deal."""
    found = world.book.versions("opportunity_history")
    if found is None or world.opportunities is None:
        return None
    sheet = found.sheet
    stage = required(sheet.codes("stage", world.words["stage"]))
    outcome = world.stage_outcome[stage]
    has_stages = "stages" in world.book.sheets
    return world.events(
        found,
        world.deal_codes(sheet),
        len(world.deals.words),
        flags={"is_won": outcome == 1, "is_lost": outcome == 2, "is_closed": outcome > 0},
        measures={
            "stage": stage.astype(float),
            "position": world.stage_position[stage] if has_stages else None,
            "amount": sheet.numbers("amount"),
            "expected_close_day": sheet.numbers("expected_close_date"),
            "owner": codes(sheet, "owner_id", world.words["owner"]),
        },
    )


def created(world: World) -> Events | None:
    """One event per deal: its opening, by an account."""
    found = world.opportunities
    if found is None:
        return None
    return world.events(
        found,
        world.deal_codes(found.sheet),
        len(world.deals.words),
        measures={"account": world.accounts_named(found.sheet).astype(float)},
    )


def account_deals(world: World, spells: Spells) -> Events | None:
    """One event per deal of an account and spell of its state, settled when learnt closed."""
    found = world.opportunities
    if found is None:
        return None
    deal = world.deal_codes(found.sheet)
    row, spell = spells.of_deals(deal)
    known_from = np.maximum(found.known_from[row], spells.since[spell])
    known_until = np.minimum(found.known_until[row], spells.until[spell])
    lasts = known_from < known_until
    row, spell = row[lasts], spell[lasts]
    is_closed, is_won = spells.closed_at[spell] < NEVER, spells.is_won[spell]
    return sort_events(
        len(world.accounts.words),
        world.accounts_named(found.sheet)[row],
        found.at[row],
        known_from=known_from[lasts],
        known_until=known_until[lasts],
        later=spells.learnt[spell],
        zone=world.zone,
        flags={"is_won": is_closed & is_won, "is_lost": is_closed & ~is_won},
        record=found.row[row],
    )


def deal_attribute(world: World, column: str, words: str) -> Events | None:
    """The one value of a static attribute of each deal."""
    found = world.opportunities
    if found is None or f"opportunities.{column}" not in world.book.portfolio.static:
        return None
    return world.events(
        found,
        world.deal_codes(found.sheet),
        len(world.deals.words),
        measures={"code": codes(found.sheet, column, world.words[words])},
    )

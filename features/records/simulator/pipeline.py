"""Which tables describe the deals, their stages, and what must be sold?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from features.records.simulator.accounts import CHANNELS, SEGMENTS, Accounts, owner_count
from features.records.simulator.clock import Ints, office_hours
from features.records.simulator.deals import (
    COMPETITORS,
    KINDS,
    LOST,
    SOURCES,
    STAGES,
    WON,
    Deals,
)
from features.records.simulator.products import N_PRODUCTS
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.tables import (
    Column,
    choose,
    contract_table,
    dates,
    ids,
    instants,
    numbers,
)

_QUARTER_QUOTA = 90_000.0
_CHANNEL_COSTS = np.array([400.0, 2500.0, 4000.0, 3000.0, 1200.0])


def deal_tables(
    random: np.random.Generator, accounts: Accounts, deals: Deals, settings: SimulatorSettings
) -> dict[str, pa.Table]:
    """Which tables tell the deals? opportunities, opportunity_history and stages."""
    openings = deals.openings
    changes = deals.changes.sort_values(["deal", "day"], kind="stable")
    deal = changes["deal"].to_numpy()
    day = changes["day"].to_numpy()
    changed = office_hours(random, day)
    kept = np.unique(deal)
    is_first = np.concatenate([[True], deal[1:] != deal[:-1]]) if deal.size else deal > 0
    account = openings.account[kept]
    opportunities = {
        "opportunity_id": ids("D", kept),
        "account_id": ids("A", account),
        "created_at": instants(settings, changed[is_first]),
        "name": _names(openings.kind[kept], kept),
        "owner_id": ids("R", accounts.owner[account], 3),
        "kind": choose(KINDS, openings.kind[kept]),
        "source": choose(SOURCES, openings.source[kept]),
        "product_id": ids("P", random.integers(N_PRODUCTS, size=kept.size), 3),
        "competitor": choose(COMPETITORS, openings.competitor[kept]),
    }
    history = {
        "opportunity_id": ids("D", deal),
        "changed_at": instants(settings, changed),
        "stage": choose(STAGES, changes["stage"].to_numpy()),
        "amount": numbers(changes["amount"].to_numpy()),
        "expected_close_date": dates(settings, changes["expected"].to_numpy()),
        "owner_id": ids("R", accounts.owner[openings.account[deal]], 3),
    }
    return {
        "opportunities": contract_table("opportunities", opportunities),
        "opportunity_history": contract_table("opportunity_history", history),
        "stages": _stages(),
    }


def _names(kind: Ints, number: Ints) -> Column:
    named = [f"{KINDS[i].title()} {j}" for i, j in zip(kind, number, strict=True)]
    return pa.array(named, pa.string())


def _stages() -> pa.Table:
    position = np.arange(len(STAGES))
    outcome = np.where(position == WON, 1, np.where(position == LOST, 2, 0))
    return contract_table(
        "stages",
        {
            "stage": choose(STAGES, position),
            "position": numbers(position.astype(np.float64)),
            "outcome": choose(("open", "won", "lost"), outcome),
        },
    )


def plan_tables(
    random: np.random.Generator, accounts: Accounts, settings: SimulatorSettings
) -> dict[str, pa.Table]:
    """What must each rep sell per quarter and segment, and what does each channel cost?

    Drawn before anything is sold, up to the quarter after the history.
    """
    starts = _quarters(settings)
    quarter, owner, segment = (
        part.ravel()
        for part in np.meshgrid(
            np.arange(starts.size - 1),
            np.arange(owner_count(settings)),
            np.arange(len(SEGMENTS)),
            indexing="ij",
        )
    )
    cell = np.bincount(
        accounts.owner * len(SEGMENTS) + accounts.segment,
        minlength=owner_count(settings) * len(SEGMENTS),
    )
    share = cell[owner * len(SEGMENTS) + segment] * owner_count(settings) / accounts.size
    amount = _QUARTER_QUOTA * share * np.exp(random.normal(0, 0.1, quarter.size))
    quotas = {
        "period_start": dates(settings, starts[quarter]),
        "period_end": dates(settings, starts[quarter + 1]),
        "amount": numbers(np.round(amount, -2)),
        "owner_id": ids("R", owner, 3),
        "segment": choose(SEGMENTS, segment),
    }
    return {
        "quotas": contract_table("quotas", quotas),
        "channel_costs": _channel_costs(random, starts, settings),
    }


def _quarters(settings: SimulatorSettings) -> Ints:
    years = range(settings.origin.year, settings.end_date.year + 2)
    firsts = [date(year, month, 1) for year in years for month in (1, 4, 7, 10)]
    days = np.array([(first - settings.origin).days for first in firsts])
    after_end = int(np.searchsorted(days, settings.days, side="left"))
    before_start = max(int(np.searchsorted(days, 0, side="right")) - 1, 0)
    return days[before_start : after_end + 2]


def _channel_costs(
    random: np.random.Generator, starts: Ints, settings: SimulatorSettings
) -> pa.Table:
    # A cost is a fact, not a plan: only quarters that have begun have one.
    begun = starts[:-1][starts[:-1] < settings.days]
    quarter = np.repeat(np.arange(begun.size), len(CHANNELS))
    channel = np.tile(np.arange(len(CHANNELS)), begun.size)
    noise = np.exp(random.normal(0, 0.2, channel.size))
    scale = settings.accounts / 1000
    return contract_table(
        "channel_costs",
        {
            "period_start": dates(settings, starts[quarter]),
            "period_end": dates(settings, starts[quarter + 1]),
            "acquisition_channel": choose(CHANNELS, channel),
            "amount": numbers(_CHANNEL_COSTS[channel] * noise * scale),
        },
    )

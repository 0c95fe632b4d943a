"""Who are the accounts, who owns them, and what are their traits?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.records.simulator.clock import NEVER, Flags, Floats, Ints, office_hours
from features.records.simulator.names import company_names, people_names
from features.records.simulator.settings import SEGMENT_CAUSE, SimulatorSettings
from features.records.simulator.tables import (
    Column,
    choose,
    contract_table,
    flags,
    ids,
    instants,
    numbers,
)

SEGMENTS = ("enterprise", "mid_market", "small_business", "public_sector")
INDUSTRIES = (
    "construction", "food", "health", "hospitality", "logistics", "manufacturing", "retail",
    "services",
)  # fmt: skip
COUNTRIES = ("FR", "BE", "CH", "DE", "GB")
CHANNELS = ("referral", "web", "trade_fair", "prospecting", "partner")
TEAMS = ("Grands comptes", "Régions", "Île-de-France", "International")

_SEGMENT_SHARES = (0.1, 0.3, 0.45, 0.15)
_SEGMENT_GAP_DAYS = np.array([22.0, 32.0, 44.0, 40.0])
_SEGMENT_BASKETS = np.array([2400.0, 900.0, 320.0, 1100.0])
_SEGMENT_EMPLOYEES = np.array([2500.0, 220.0, 18.0, 400.0])
_SEGMENT_SERVICE_COSTS = np.array([6000.0, 1500.0, 350.0, 1800.0])
_SEGMENT_LOG_ODDS = np.array([-0.2, 0.0, 0.3, -0.5])
_PROSPECT_SHARE = 0.15
_SUBSCRIBER_SHARE = 0.08
_COMMON_GAP_DAYS = -90 / np.log(0.2)
"""With this one rhythm, exactly 20 % of memoryless accounts order nothing in 90 days: 55.9 days."""


@dataclass(frozen=True)
class Accounts:
    """Traits of the accounts, one entry each; prospects are accounts that never ordered.

    Attributes
    ----------
    created, start : ndarray
        Moment the account entered the records, and day it starts to order (NEVER for a prospect
        that has not won a deal); start 0 stands for customers from before the history.
    gap_days, basket : ndarray
        Usual days between orders, and usual net amount of an order.
    segment, country, industry, channel, owner, parent : ndarray
        Positions in the lists of words; parent is -1 for none.
    skill : ndarray
        Skill of the owner of the account, in standard deviations.
    """

    created: Floats
    start: Ints
    gap_days: Floats
    basket: Floats
    segment: Ints
    country: Ints
    industry: Ints
    channel: Ints
    owner: Ints
    parent: Ints
    skill: Floats
    is_prospect: Flags
    is_subscriber: Flags
    has_consent: Flags

    @property
    def size(self) -> int:
        """Number of accounts."""
        return int(self.segment.size)


def owner_count(settings: SimulatorSettings) -> int:
    """How many reps are there? Eight for a thousand accounts, at least three."""
    return max(3, round(settings.accounts * 8 / 1000))


def segment_log_odds(settings: SimulatorSettings) -> Floats:
    """What does each segment add to the daily log-odds of leaving?"""
    return settings.log_odds(SEGMENT_CAUSE) * _SEGMENT_LOG_ODDS


def draw_accounts(random: np.random.Generator, settings: SimulatorSettings) -> Accounts:
    """Who are the accounts?

    Two thirds of the customers were there before the history, the others start evenly during it.
    """
    n = settings.accounts
    segment = random.choice(4, n, p=_SEGMENT_SHARES)
    is_prospect = random.random(n) < _PROSPECT_SHARE
    is_old = random.random(n) < 0.67
    start = np.where(is_old, 0, random.integers(1, settings.days, n))
    lead = np.where(is_old, random.integers(1, 2000, n), random.integers(5, 60, n))
    owner = random.integers(owner_count(settings), size=n)
    skill = np.clip(random.normal(size=owner_count(settings)), -2, 2)
    skill -= skill.mean()
    subscribes = random.random(n) < _SUBSCRIBER_SHARE * settings.subscriptions
    return Accounts(
        created=office_hours(random, start - lead),
        start=np.where(is_prospect, NEVER, start),
        gap_days=_gaps(random, segment, settings),
        basket=_SEGMENT_BASKETS[segment] * np.exp(random.normal(0, 0.5, n)),
        segment=segment,
        country=random.choice(5, n, p=(0.6, 0.12, 0.1, 0.1, 0.08)),
        industry=random.integers(len(INDUSTRIES), size=n),
        channel=random.choice(5, n, p=(0.2, 0.3, 0.15, 0.25, 0.1)),
        owner=owner,
        parent=_parents(random, segment),
        skill=skill[owner],
        is_prospect=is_prospect,
        is_subscriber=subscribes & ~is_prospect,
        has_consent=random.random(n) < 0.8,
    )


def _gaps(random: np.random.Generator, segment: Ints, settings: SimulatorSettings) -> Floats:
    own = np.log(_SEGMENT_GAP_DAYS[segment]) + random.normal(0, 0.4, segment.size)
    common = np.log(_COMMON_GAP_DAYS)
    return np.asarray(np.exp(common + settings.rhythm_spread * (own - common)), dtype=np.float64)


def _parents(random: np.random.Generator, segment: Ints) -> Ints:
    groups = np.flatnonzero(segment == 0)
    parent = np.full(segment.size, -1)
    if groups.size:
        belongs = (random.random(segment.size) < 0.06) & (segment != 0)
        parent[belongs] = random.choice(groups, int(belongs.sum()))
    return parent


def account_tables(
    random: np.random.Generator, accounts: Accounts, settings: SimulatorSettings
) -> dict[str, pa.Table]:
    """Which tables describe the accounts and the reps?

    Every column is drawn from traits that never change, so none tells the outcome.
    """
    n, segment = accounts.size, accounts.segment
    noise = np.exp(random.normal(0, 0.4, (4, n)))
    yearly = accounts.basket * 365 / accounts.gap_days
    columns: Mapping[str, Column] = {
        "account_id": ids("A", np.arange(n)),
        "name": pa.array(company_names(random, accounts.country == COUNTRIES.index("GB"))),
        "segment": choose(SEGMENTS, segment),
        "industry": choose(INDUSTRIES, accounts.industry),
        "country": choose(COUNTRIES, accounts.country),
        "created_at": instants(settings, accounts.created),
        "owner_id": ids("R", accounts.owner, 3),
        "acquisition_channel": choose(CHANNELS, accounts.channel),
        "parent_account_id": ids("A", accounts.parent),
        "employees": numbers(np.ceil(_SEGMENT_EMPLOYEES[segment] * noise[0])),
        "potential_revenue": numbers(1.5 * yearly * noise[1]),
        "wallet_revenue": numbers(2.5 * yearly * noise[2]),
        "service_cost_annual": numbers(_SEGMENT_SERVICE_COSTS[segment] * noise[3]),
        "is_natural_person": flags((segment == 2) & (random.random(n) < 0.06)),
        "consent_marketing": flags(accounts.has_consent),
    }
    return {
        "accounts": contract_table("accounts", columns),
        "owners": _owners(random, owner_count(settings)),
    }


def _owners(random: np.random.Generator, count: int) -> pa.Table:
    hours = random.choice([24.0, 28.0, 32.0, 35.0], count)
    return contract_table(
        "owners",
        {
            "owner_id": ids("R", np.arange(count), 3),
            "name": pa.array(people_names(random, count)),
            "team": choose(TEAMS, np.arange(count) % len(TEAMS)),
            "weekly_hours": numbers(hours),
        },
    )

"""Which contacts, events and contracts does each account have?"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.records.simulator.accounts import Accounts
from features.records.simulator.clock import NEVER, Floats, Ints, office_hours
from features.records.simulator.life import Life
from features.records.simulator.names import people_names
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.tables import (
    choose,
    contract_table,
    dates,
    flags,
    ids,
    instants,
    numbers,
)

NOTICE_DAYS = 30
"""Days between leaving (cancelled_at) and the end of a subscription (ended_at)."""

_TERM_DAYS = 365
_ROLES = ("acheteur", "directrice des achats", "office manager", "chef d'atelier", "gérante")
_CHANCE_EVENTS = ("growth", "funding", "project", "move")
_CHANCE_EVENTS_PER_DAY = 0.3 / 365


def relationship_tables(
    random: np.random.Generator, accounts: Accounts, life: Life, settings: SimulatorSettings
) -> dict[str, pa.Table]:
    """Which contacts, account events and subscriptions are there?

    Subscriptions are absent when nobody holds one.
    """
    tables = {
        "contacts": _contacts(random, accounts, life, settings),
        "account_events": _events(random, life, settings),
    }
    if accounts.is_subscriber.any():
        tables["subscriptions"] = _subscriptions(random, accounts, life, settings)
    return tables


def _contacts(
    random: np.random.Generator, accounts: Accounts, life: Life, settings: SimulatorSettings
) -> pa.Table:
    account, left, replaced = life.spells("contact_loss")
    after = replaced < NEVER
    everyone = np.arange(accounts.size)
    first_left = np.full(accounts.size, NEVER)
    np.minimum.at(first_left, account, left)
    # The successor of one loss is the one who leaves at the account's next loss.
    next_left = np.append(left[1:], NEVER)
    next_left[np.append(account[1:], -1) != account] = NEVER
    assistants = np.flatnonzero(random.random(accounts.size) < 0.5)
    who = np.concatenate([everyone, account[after], assistants])
    created = np.concatenate(
        [accounts.created, office_hours(random, replaced[after]), accounts.created[assistants]]
    )
    leaves = np.concatenate([first_left, next_left[after], np.full(assistants.size, NEVER)])
    return _contact_table(random, who, created, office_hours(random, leaves), settings)


def _contact_table(
    random: np.random.Generator,
    account: Ints,
    created: Floats,
    left: Floats,
    settings: SimulatorSettings,
) -> pa.Table:
    n = account.size
    return contract_table(
        "contacts",
        {
            "contact_id": ids("K", np.arange(n)),
            "account_id": ids("A", account),
            "name": pa.array(people_names(random, n), pa.string()),
            "role": choose(_ROLES, random.integers(len(_ROLES), size=n)),
            "created_at": instants(settings, created),
            "left_at": instants(settings, left),
            "consent_marketing": flags(random.random(n) < 0.7),
        },
    )


def _events(random: np.random.Generator, life: Life, settings: SimulatorSettings) -> pa.Table:
    risen, rise, fall = life.spells("price")
    lost, _, replaced = life.spells("contact_loss")
    known = np.flatnonzero(life.start < settings.days)
    spans = settings.days - life.start[known]
    chance = np.repeat(known, random.poisson(_CHANCE_EVENTS_PER_DAY * spans))
    days = np.floor(random.random(chance.size) * (settings.days - life.start[chance]))
    account = np.concatenate([risen, risen, lost, chance])
    day = np.concatenate([rise, fall, replaced, life.start[chance] + days.astype(np.int64)])
    kind = np.repeat([4, 5, 6, -1], [risen.size, risen.size, lost.size, chance.size])
    kind[kind < 0] = random.integers(len(_CHANCE_EVENTS), size=chance.size)
    rows = np.flatnonzero(day < settings.days)
    rows = rows[np.argsort(day[rows], kind="stable")]
    words = (*_CHANCE_EVENTS, "price_rise", "discount_restored", "new_contact_role")
    return contract_table(
        "account_events",
        {
            "account_id": ids("A", account[rows]),
            "occurred_at": instants(settings, office_hours(random, day[rows])),
            "kind": choose(words, kind[rows]),
        },
    )


def _subscriptions(
    random: np.random.Generator, accounts: Accounts, life: Life, settings: SimulatorSettings
) -> pa.Table:
    """Which yearly contracts ran? Each is followed on its last day by the next, until notice."""
    holders = np.flatnonzero(accounts.is_subscriber & (life.start < settings.days))
    since = np.where(
        life.start[holders] == 0, -random.integers(0, _TERM_DAYS, holders.size), life.start[holders]
    )
    notice = life.departed[holders]
    terms = np.maximum((np.minimum(notice, settings.days) - 1 - since) // _TERM_DAYS, 0) + 1
    row = np.repeat(np.arange(holders.size), terms)
    term = np.arange(row.size) - np.repeat(np.cumsum(terms) - terms, terms)
    start = since[row] + term * _TERM_DAYS
    is_last = term == terms[row] - 1
    cancelled = np.where(is_last, notice[row], NEVER)
    ended = np.where(is_last, cancelled + NOTICE_DAYS, start + _TERM_DAYS)
    mrr = accounts.basket[holders] * 0.2 * np.exp(random.normal(0, 0.3, holders.size))
    return contract_table(
        "subscriptions",
        {
            "subscription_id": ids("S", np.arange(row.size), 5),
            "account_id": ids("A", holders[row]),
            "start_date": dates(settings, start),
            "term_end_date": dates(settings, start + _TERM_DAYS),
            "cancelled_at": instants(settings, office_hours(random, cancelled)),
            "ended_at": instants(settings, ended.astype(np.float64)),
            "mrr_amount": numbers(mrr[row]),
            "product_id": ids("P", random.integers(30, size=holders.size)[row], 3),
        },
    )

"""What do the champions say of some accounts and their deals? The one scoring path.

Command line, batch, HTTP, pages and notebooks all enter here with checked records; equal records
give equal scores through every door.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from features.asof import US_PER_DAY, instant, to_instant
from features.context import PORTFOLIO
from features.counting import counted
from features.events import EventSet, build_events
from features.events.rates import lines_without_rate
from features.records.folder import Records
from serving.champions import Champions
from serving.scoring.of_accounts import ScoredAccounts, score_accounts
from serving.scoring.of_deals import ScoredDeals, score_deals
from serving.scoring.said import STALE_DAYS
from serving.scoring.weighing import money_context
from serving.settings import Settings
from training.dataset import TASKS


@dataclass(frozen=True)
class Scored:
    """What the champions say of some records on a day."""

    as_of: date
    events: EventSet
    champions: Champions
    accounts: ScoredAccounts
    deals: ScoredDeals
    value_is_margin: bool
    warnings: tuple[str, ...]


def score_records(
    records: Records, champions: Champions, *, as_of: date, settings: Settings
) -> Scored:
    """What do the champions say of the accounts and deals of some records?

    Parameters
    ----------
    records : Records
        Checked rows of some or all accounts.
    champions : Champions
        Verified models with their contexts.
    as_of : date
        Only what was known before midnight UTC of this day counts.
    settings : Settings
        Weights, priors of the plays, reference days.
    """
    events = build_events(records)
    moment = instant(as_of)
    money = money_context(champions, moment)
    accounts = score_accounts(
        events, champions.churn, moment, money, as_of, settings, value=champions.value
    )
    deals = score_deals(
        events, champions.close, moment, money, accounts, as_of, settings,
        duration=champions.duration,
    )  # fmt: skip
    margin_rate = money.get(PORTFOLIO, "margin_rate")
    warnings = _warnings(events, champions, accounts, deals, as_of)
    return Scored(as_of, events, champions, accounts, deals, not np.isnan(margin_rate), warnings)


def _warnings(
    events: EventSet,
    champions: Champions,
    accounts: ScoredAccounts,
    deals: ScoredDeals,
    as_of: date,
) -> tuple[str, ...]:
    found = [
        f"{scores.champion.model}: {as_of} lies before every context kept; that of"
        f" {scores.context.as_of_date} was taken."
        for scores in (accounts.churn, deals.close)
        if scores is not None and scores.is_before_contexts
    ]
    found += [
        f"There is no {name} champion: fanal train PORTFOLIO --model {name}"
        for name, champion in champions.by_model.items()
        if champion is None and name in TASKS
    ]
    found += _without_rate(events, instant(as_of))
    if to_instant(events.portfolio.data_as_of) < instant(as_of) - STALE_DAYS * US_PER_DAY:
        found.append(
            f"The records end on {events.portfolio.data_as_of.date()}, long before {as_of}."
        )
    return tuple(found)


def _without_rate(events: EventSet, moment: int) -> list[str]:
    """Say which amounts the scores leave out."""
    if events.order_lines is None:
        return []
    rows = lines_without_rate(events.order_lines, moment)
    if not rows.size:
        return []
    return [
        f"Without a rate in fx_rates on or before their day: {counted(rows.size, 'order line')},"
        " whose amounts are left out."
    ]

"""How much will each account bring in, within the horizon and within a year?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.context import Context, ContextTable
from features.events import EventSet
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix, account_rows, are_alike_for_accounts
from serving.scoring.weighing import margin_rates
from training.artefact import Champion
from training.models import TwoPart

YEAR_DAYS = 365
_LOW, _HIGH = 0.1, 0.9


@dataclass(frozen=True)
class ValueScores:
    """What the value champion says of some accounts; money in portfolio currency.

    Attributes
    ----------
    champion : Champion
        Who says it.
    row : (n_accounts,) int64
        Row of each account below; -1 where the champion does not know its like.
    amount, low, high : (n,) float64
        Expected amount within the horizon, and the 80 % interval.
    year : (n,) float64
        Expected amount within a year: beyond the horizon carried on by BG/NBD.
    year_if_kept : (n,) float64
        The same of an account that buys at all in that year.
    """

    champion: Champion
    row: Codes
    amount: Floats
    low: Floats
    high: Floats
    year: Floats
    year_if_kept: Floats

    @property
    def is_year_extrapolated(self) -> bool:
        """Whether the year reaches beyond the horizon that the history could teach."""
        return self.champion.task.horizon.horizon_days < YEAR_DAYS


def score_value(
    events: EventSet,
    champion: Champion | None,
    moment: int,
    active: Codes,
    rows: FeatureMatrix,
    context: Context,
    money: ContextTable,
) -> ValueScores | None:
    """What does the value champion say of the active accounts?

    Parameters
    ----------
    events : EventSet
        Events of the accounts.
    champion : Champion or None
        Of `value`.
    moment : int
        As of.
    active : (n,) int64
        Accounts with an order in the champion's activity window.
    rows, context : FeatureMatrix and Context
        Rows of all accounts, and what they were made with; read where the champion's own context
        gives the same.
    money : ContextTable
        Margin rates of segments.
    """
    if champion is None or not isinstance(champion.rung, TwoPart):
        return None
    own, _ = champion.context_for(moment)
    if are_alike_for_accounts(own, context):
        of_value = rows.take(active)
    else:
        moments = np.full(active.size, moment, dtype=np.int64)
        of_value = account_rows(events, active, moments, {moment: own})
    rung, horizon = champion.rung, champion.task.horizon
    amounts = rung.amounts(of_value)
    # A model that learnt margins speaks of margins already.
    is_margin = champion.facts.get("basis") == "margin"
    rate = np.ones(active.size) if is_margin else margin_rates(of_value, money)
    amount = amounts.expected * rate
    most = YEAR_DAYS / horizon.horizon_days
    growth = (
        np.full(active.size, max(most, 1.0))
        if rung.process is None
        else rung.process.growth(of_value, horizon, YEAR_DAYS)
    )
    year = amount * growth if horizon.horizon_days < YEAR_DAYS else amount
    p_year = 1.0 - (1.0 - amounts.p_any) ** max(most, 1.0)
    row = np.full(len(events.accounts.words), -1, dtype=np.int64)
    row[active] = np.arange(active.size)
    return ValueScores(
        champion, row, amount, amounts.quantile(_LOW) * rate, amounts.quantile(_HIGH) * rate,
        year, year / np.maximum(p_year, 1e-9),
    )  # fmt: skip

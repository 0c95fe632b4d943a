"""What is said of accounts: risk, value, and whom to save or win back?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.cohorts import active_accounts
from features.context import Context, ContextTable
from features.events import EventSet
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix, account_rows
from portfolio.actions import reactivate_actions, save_actions
from portfolio.priority import Actions, Priority
from serving.scoring.of_value import ValueScores, score_value
from serving.scoring.said import ModelScores, score_rows
from serving.scoring.weighing import margin_rates, plays_of, weigh
from serving.settings import Settings
from training.artefact import Champion

_DEFAULT_ACTIVITY_DAYS = 180
_DAYS_PER_YEAR = 365.0


@dataclass(frozen=True)
class ScoredAccounts:
    """Everything said of the accounts of some records; arrays of length n_accounts.

    Attributes
    ----------
    rows : FeatureMatrix
        Feature rows of all accounts.
    status : (n,) str
        scored, lapsed or no_history.
    churn_row : (n,) int64
        Row of the account in `churn`; -1 where it is not scored.
    yearly_value : (n,) float64
        Margin of the trailing 365 days, or revenue where margins are unknown.
    value : ValueScores or None
        What the value champion says; None without one.
    action : (n,) str
        save, reactivate, or empty.
    priority_row : (n,) int64
        Row of the account in `priority`; -1 where there is no action.
    """

    rows: FeatureMatrix
    status: NDArray[np.str_]
    churn: ModelScores | None
    churn_row: Codes
    yearly_value: Floats
    value: ValueScores | None
    action: NDArray[np.str_]
    priority: Priority
    priority_row: Codes


def score_accounts(
    events: EventSet,
    champion: Champion | None,
    moment: int,
    money: ContextTable,
    as_of: date,
    settings: Settings,
    *,
    value: Champion | None = None,
) -> ScoredAccounts:
    """What is said of every account of some records at an instant?"""
    n = len(events.accounts.words)
    everyone = np.arange(n, dtype=np.int64)
    context, has_context = (
        champion.context_for(moment) if champion else (_bare_context(money, moment), True)
    )
    rows = account_rows(events, everyone, np.full(n, moment), {moment: context})
    days = champion.task.activity_days if champion else _DEFAULT_ACTIVITY_DAYS
    active = active_accounts(events, moment, activity_days=days)
    status = np.where(np.isnan(rows.column("days_since_first_order")), "no_history", "lapsed")
    status[active] = "scored"
    churn, churn_row = None, np.full(n, -1, dtype=np.int64)
    if champion is not None:
        churn = score_rows(champion, rows.take(active), context, is_before_contexts=not has_context)
        churn_row[active] = np.arange(active.size)
    buying = (
        active
        if value is None or value.task.activity_days == days
        else active_accounts(events, moment, activity_days=value.task.activity_days)
    )
    valued = score_value(events, value, moment, buying, rows, context, money)
    yearly = _yearly_value(rows, money)
    stake = yearly.copy()
    if valued is not None:
        stake[valued.row >= 0] = valued.year_if_kept[valued.row[valued.row >= 0]]
    action, actions = _account_actions(rows, status, churn, stake, money, settings)
    acting = np.flatnonzero(action != "")
    priority = weigh(actions, rows.keys["segment"][acting], money, as_of, settings)
    priority_row = np.full(n, -1, dtype=np.int64)
    priority_row[acting] = np.arange(acting.size)
    return ScoredAccounts(
        rows, status, churn, churn_row, yearly, valued, action, priority, priority_row
    )


def _bare_context(money: ContextTable, moment: int) -> Context:
    """A context for feature rows that no model reads (there is no churn champion)."""
    nothing = ContextTable({})
    return Context(moment, 0, {"segment": money, "country": nothing, "parent": nothing})


def _yearly_value(rows: FeatureMatrix, money: ContextTable) -> Floats:
    """Margin of the trailing 365 days, or revenue where the portfolio knows no margins."""
    revenue = np.nan_to_num(rows.column("revenue_365d"), nan=0.0)
    return np.maximum(revenue, 0.0) * margin_rates(rows, money)


def _account_actions(
    rows: FeatureMatrix,
    status: NDArray[np.str_],
    churn: ModelScores | None,
    value: Floats,
    money: ContextTable,
    settings: Settings,
) -> tuple[NDArray[np.str_], Actions]:
    """Save whom a champion has scored; win back who lapsed."""
    plays = plays_of(settings)
    action = np.full(status.size, "", dtype="<U10")
    action[status == "lapsed"] = "reactivate"
    save = Actions(*(np.full(status.size, np.nan) for _ in range(4)))
    if churn is not None:
        action[churn.rows.code] = "save"
        save = _spread(
            save_actions(value[churn.rows.code], churn.probability, plays),
            churn.rows.code, status.size,
        )  # fmt: skip
    # What the account bought in a usual year of its life with us.
    usual_year = np.nan_to_num(rows.column("revenue_per_month"), nan=0.0) * _DAYS_PER_YEAR / 30.0
    if_back = np.where(value > 0, value, np.maximum(usual_year, 0.0) * margin_rates(rows, money))
    back = reactivate_actions(if_back, _usual_churn(churn), plays)
    acting = np.flatnonzero(action != "")
    is_save = action[acting] == "save"
    return action, Actions(
        *(
            np.where(is_save, getattr(save, name)[acting], getattr(back, name)[acting])
            for name in ("stake", "probability", "risk", "days")
        )
    )


def _spread(actions: Actions, code: Codes, n: int) -> Actions:
    """Put rows of some accounts at their places among all accounts."""
    placed = []
    for name in ("stake", "probability", "risk", "days"):
        column = np.full(n, np.nan)
        column[code] = getattr(actions, name)
        placed.append(column)
    return Actions(*placed)


def _usual_churn(churn: ModelScores | None) -> float:
    """Median probability of leaving in the context; 0 without a champion."""
    cuts = None if churn is None else churn.context.scales.get("churn")
    return cuts[1] if cuts else 0.0


def risk_of(accounts: ScoredAccounts) -> Floats:
    """Chance of leaving of every account: 0 for a prospect, the top quartile's for a lapsed one."""
    risk = np.zeros(accounts.status.size)
    if accounts.churn is not None:
        cuts = accounts.churn.context.scales.get("churn")
        risk[accounts.status == "lapsed"] = cuts[2] if cuts else 0.0
        risk[accounts.churn.rows.code] = accounts.churn.probability
    return risk

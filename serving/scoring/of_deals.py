"""What is said of deals: chance, duration, and what winning them is worth?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.cohorts import open_deals
from features.context import Context, ContextTable
from features.events import EventSet
from features.kernel import Codes, Output
from features.kernel import Statistic as S
from features.matrix import FeatureMatrix, are_alike_for_accounts, deal_rows
from features.sight import Sight
from portfolio.actions import deal_actions
from portfolio.priority import Actions, Priority
from serving.scoring.of_accounts import ScoredAccounts, risk_of
from serving.scoring.of_duration import Durations, score_durations, usual_durations
from serving.scoring.said import ModelScores, score_rows
from serving.scoring.weighing import margin_rates, weigh
from serving.settings import Settings
from training.artefact import Champion
from training.labels import closings


@dataclass(frozen=True)
class ScoredDeals:
    """Everything said of the deals of some records.

    Attributes
    ----------
    code : (n,) int64
        Deals opened before the as_of instant.
    status : (n,) str
        open, won, lost, or no_history without a dated stage.
    close : ModelScores or None
        Of the open ones.
    close_row : (n,) int64
        Row of the deal in `close` (and of its priority); -1 where it is closed or unscored.
    durations : Durations or None
        When the open ones close, in their order; None where nothing is known of it.
    open_row : (n,) int64
        Row of the deal in `durations`; -1 where it is not open.
    action : (n,) str
        win or expand.
    """

    code: Codes
    status: NDArray[np.str_]
    close: ModelScores | None
    close_row: Codes
    durations: Durations | None
    open_row: Codes
    action: NDArray[np.str_]
    priority: Priority


def score_deals(
    events: EventSet,
    champion: Champion | None,
    moment: int,
    money: ContextTable,
    accounts: ScoredAccounts,
    as_of: date,
    settings: Settings,
    *,
    duration: Champion | None = None,
) -> ScoredDeals:
    """What is said of every deal of some records that was opened before an instant?"""
    code, status = _visible_deals(events, moment)
    is_open = np.flatnonzero(status == "open")
    close_row = np.full(code.size, -1, dtype=np.int64)
    open_row = np.full(code.size, -1, dtype=np.int64)
    open_row[is_open] = np.arange(is_open.size)
    none = weigh(
        Actions(*(np.empty(0) for _ in range(4))),
        np.array([], dtype=object),
        money,
        as_of,
        settings,
    )
    action = np.where(accounts.status[events.deal_account[code]] == "scored", "expand", "win")
    if champion is None or not is_open.size:
        alone = score_durations(events, duration, moment, code[is_open], None, None, None, 0)
        return ScoredDeals(code, status, None, close_row, alone, open_row, action, none)
    context, has_context = champion.context_for(moment)
    moments = np.full(is_open.size, moment)
    shared = _shared_rows(accounts, context)
    rows = deal_rows(events, code[is_open], moments, {moment: context}, shared)
    close = score_rows(champion, rows, context, is_before_contexts=not has_context)
    close_row[is_open] = np.arange(is_open.size)
    horizon = champion.task.horizon
    durations = score_durations(
        events, duration, moment, rows.code, rows, context, close.probability,
        horizon.lead_days + horizon.horizon_days,
    ) or usual_durations(rows, context)  # fmt: skip
    account = events.deal_account[rows.code]
    margin = rows.column("amount") * margin_rates(accounts.rows.take(account), money)
    expected = durations.expected_days
    known_days = np.where(np.isnan(expected), settings.priority.reference_days, expected)
    risk = risk_of(accounts)[account]
    priority = weigh(
        deal_actions(np.nan_to_num(margin, nan=0.0), close.probability, risk, known_days),
        rows.keys["segment"], money, as_of, settings,
    )  # fmt: skip
    return ScoredDeals(code, status, close, close_row, durations, open_row, action, priority)


def _shared_rows(accounts: ScoredAccounts, context: Context) -> FeatureMatrix | None:
    """Rows of the accounts, where the other champion's context gives the same."""
    if accounts.churn is None or not are_alike_for_accounts(accounts.churn.context, context):
        return None
    return accounts.rows


def _visible_deals(events: EventSet, moment: int) -> tuple[Codes, NDArray[np.str_]]:
    """Deals opened before the instant, and how they stand; without a dated stage: no_history."""
    closed_at, is_won = closings(events, moment)
    is_open = np.zeros(len(events.deals.words), dtype=bool)
    is_open[open_deals(events, moment)] = True
    is_closed = closed_at < moment
    created = events.sources.get("created")
    is_there = np.zeros(is_open.size, dtype=bool)
    if created is not None:
        is_there = Sight([moment]).at(moment)(created, [Output(S.COUNT)])[:, 0] > 0
    code = np.flatnonzero(is_open | is_closed | is_there)
    closed = np.where(is_won[code] == 1, "won", "lost")
    status = np.where(is_open[code], "open", np.where(is_closed[code], closed, "no_history"))
    return code, status

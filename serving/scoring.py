"""What do the champions say of some accounts and their deals? The one scoring path.

Command line, batch, HTTP, pages and notebooks all enter here with checked records; equal records
give equal scores through every door.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.asof import instant, to_instant
from features.cohorts import active_accounts, open_deals
from features.context import PORTFOLIO, Context, ContextTable
from features.events import EventSet, build_events
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix, account_rows, deal_rows
from features.records.folder import Records
from portfolio.actions import PlayPriors, deal_actions, reactivate_actions, save_actions
from portfolio.priority import Actions, MoneyScale, Priority, Weights, prioritise
from serving.champions import Champions
from serving.explanations import Explanation, explain
from serving.settings import Settings
from serving.store.rows import Trend
from training.artefact import Champion
from training.labels import closings
from training.models import Boosted, Logistic, select, to_probability

STALE_DAYS = 35
"""A score is stale when its context is older than this on its day."""

TREND_STEP = 0.02
"""A probability moved when it differs by this much from the previous one."""

_DEFAULT_ACTIVITY_DAYS = 180
_DAYS_PER_YEAR = 365.0

Status = Literal["scored", "lapsed", "no_history"]
Words = NDArray[np.object_]


@dataclass(frozen=True)
class ModelScores:
    """What one champion says of some rows.

    Attributes
    ----------
    champion : Champion
        Who says it.
    context : Context
        The context the rows were made with.
    is_before_contexts : bool
        True when the as_of instant lies before every context that the champion keeps.
    rows : FeatureMatrix
        (n, n_features) the rows.
    margin, probability : (n,) float64
        Calibrated log-odds and probability.
    grade : (n,) str
        A to D, A the best for us; empty without a scale.
    explanations : tuple of Explanation
        Reasons, one per row.
    """

    champion: Champion
    context: Context
    is_before_contexts: bool
    rows: FeatureMatrix
    margin: Floats
    probability: Floats
    grade: NDArray[np.str_]
    explanations: tuple[Explanation, ...]

    def is_stale(self, as_of: int) -> bool:
        """Whether the context is too old on that day."""
        return as_of - self.context.as_of > STALE_DAYS * 86_400_000_000


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
    action: NDArray[np.str_]
    priority: Priority
    priority_row: Codes


@dataclass(frozen=True)
class ScoredDeals:
    """Everything said of the deals of some records.

    Attributes
    ----------
    code : (n,) int64
        Deals opened before the as_of instant.
    status : (n,) str
        open, won or lost.
    close : ModelScores or None
        Of the open ones.
    close_row : (n,) int64
        Row of the deal in `close` (and of its priority); -1 where it is closed or unscored.
    expected_days, p80_days : (n,) float64
        Usual days until a deal in this stage closes.
    action : (n,) str
        win or expand.
    """

    code: Codes
    status: NDArray[np.str_]
    close: ModelScores | None
    close_row: Codes
    expected_days: Floats
    p80_days: Floats
    action: NDArray[np.str_]
    priority: Priority


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
    money = _money_context(champions, moment)
    accounts = _score_accounts(events, champions.churn, moment, money, as_of, settings)
    deals = _score_deals(events, champions.close, moment, money, accounts, as_of, settings)
    margin_rate = money.get(PORTFOLIO, "margin_rate")
    warnings = _warnings(events, champions, accounts, deals, as_of)
    return Scored(as_of, events, champions, accounts, deals, not np.isnan(margin_rate), warnings)


def _context(champion: Champion, moment: int) -> tuple[Context, bool]:
    context, is_before = champion.context_for(moment)
    return context, not is_before


def _money_context(champions: Champions, moment: int) -> ContextTable:
    """Segment values of the newest context of either champion."""
    found = [
        champion.context_for(moment)[0]
        for champion in champions.by_model.values()
        if champion is not None
    ]
    newest = max(found, key=lambda context: context.as_of)
    return newest.tables["segment"]


def score_rows(
    champion: Champion, rows: FeatureMatrix, context: Context, *, is_before_contexts: bool = False
) -> ModelScores:
    """What does one champion say of some rows, and why?"""
    margin = champion.margin(rows)
    base, parts = champion.contributions(rows)
    is_featured = isinstance(champion.rung, Boosted | Logistic)
    values = select(rows, champion.rung.features) if is_featured else np.full(parts.shape, np.nan)
    peers = [
        context.peers.get(segment or PORTFOLIO, context.peers.get(PORTFOLIO, {}))
        for segment in rows.keys["segment"]
    ]
    probability = to_probability(margin)
    explanations = explain(
        model=champion.model, features=champion.rung.features, base=base, contributions=parts,
        values=values, row_values=rows, peers=peers, currency=champion.portfolio.currency,
    )  # fmt: skip
    return ModelScores(
        champion, context, is_before_contexts, rows, margin, probability,
        _grades(champion.model, probability, context), tuple(explanations),
    )  # fmt: skip


def _grades(model: str, probability: Floats, context: Context) -> NDArray[np.str_]:
    """A to D by the context's quartiles of the probability, A the best for us."""
    cuts = context.scales.get(model)
    if cuts is None:
        return np.full(probability.size, "", dtype="<U1")
    quarter = np.searchsorted(np.array(cuts), probability, side="left")
    letters = np.array(list("ABCD" if model == "churn" else "DCBA"))
    return letters[quarter]


def _score_accounts(
    events: EventSet,
    champion: Champion | None,
    moment: int,
    money: ContextTable,
    as_of: date,
    settings: Settings,
) -> ScoredAccounts:
    n = len(events.accounts.words)
    everyone = np.arange(n, dtype=np.int64)
    context, is_before = (
        _context(champion, moment) if champion else (_bare_context(money, moment), False)
    )
    rows = account_rows(events, everyone, np.full(n, moment), {moment: context})
    days = champion.task.activity_days if champion else _DEFAULT_ACTIVITY_DAYS
    active = active_accounts(events, moment, activity_days=days)
    status = np.where(np.isnan(rows.column("days_since_first_order")), "no_history", "lapsed")
    status[active] = "scored"
    churn, churn_row = None, np.full(n, -1, dtype=np.int64)
    if champion is not None:
        churn = score_rows(champion, rows.take(active), context, is_before_contexts=is_before)
        churn_row[active] = np.arange(active.size)
    value = _yearly_value(rows, money)
    action, actions = _account_actions(rows, status, churn, value, money, settings)
    acting = np.flatnonzero(action != "")
    priority = _prioritise(actions, rows.keys["segment"][acting], money, as_of, settings)
    priority_row = np.full(n, -1, dtype=np.int64)
    priority_row[acting] = np.arange(acting.size)
    return ScoredAccounts(rows, status, churn, churn_row, value, action, priority, priority_row)


def _bare_context(money: ContextTable, moment: int) -> Context:
    """A context for feature rows that no model reads (there is no churn champion)."""
    return Context(moment, 0, {"segment": money})


def _yearly_value(rows: FeatureMatrix, money: ContextTable) -> Floats:
    """Margin of the trailing 365 days, or revenue where the portfolio knows no margins."""
    revenue = np.nan_to_num(rows.column("revenue_365d"), nan=0.0)
    return np.maximum(revenue, 0.0) * _margin_rates(rows, money)


def _margin_rates(rows: FeatureMatrix, money: ContextTable) -> Floats:
    """Margin rate of each row: its own, else its segment's; 1 where none is known."""
    usual = _of_segment(rows.keys["segment"], money, "margin_rate")
    own = (
        rows.column("margin_rate_365d")
        if "margin_rate_365d" in rows.names
        else np.full(usual.size, np.nan)
    )
    rate = np.where(np.isnan(own), usual, np.clip(own, 0.0, 1.0))
    return np.where(np.isnan(rate), 1.0, rate)


def _of_segment(segment: Words, money: ContextTable, name: str) -> Floats:
    return np.array([money.get(word, name) for word in segment], dtype=np.float64)


def _account_actions(
    rows: FeatureMatrix,
    status: NDArray[np.str_],
    churn: ModelScores | None,
    value: Floats,
    money: ContextTable,
    settings: Settings,
) -> tuple[NDArray[np.str_], Actions]:
    """Save whom a champion has scored; win back who lapsed."""
    plays = _plays(settings)
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
    if_back = np.where(value > 0, value, np.maximum(usual_year, 0.0) * _margin_rates(rows, money))
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


def _plays(settings: Settings) -> PlayPriors:
    save, back = settings.plays.save, settings.plays.reactivate
    return PlayPriors(save.success, save.void, save.days, back.probability, back.days)


def quarter_of(day: date) -> str:
    """Which quarter does a day belong to?

    >>> quarter_of(date(2026, 11, 22))
    '2026Q4'
    """
    return f"{day.year}Q{(day.month - 1) // 3 + 1}"


def _prioritise(
    actions: Actions, segment: Words, money: ContextTable, as_of: date, settings: Settings
) -> Priority:
    found = {
        word: settings.weights_for(quarter_of(as_of), word or "*") for word in {*segment.tolist()}
    }
    names = ("potential", "probability", "risk", "duration_penalty")
    weights = Weights(
        *(np.array([getattr(found[word], name) for word in segment]) for name in names)
    )
    scale = MoneyScale(
        money.get(PORTFOLIO, "stake_median"),
        money.get(PORTFOLIO, "stake_p95"),
        _of_segment(segment, money, "stake_p95"),
    )
    return prioritise(actions, scale, weights, reference_days=settings.priority.reference_days)


def _score_deals(
    events: EventSet,
    champion: Champion | None,
    moment: int,
    money: ContextTable,
    accounts: ScoredAccounts,
    as_of: date,
    settings: Settings,
) -> ScoredDeals:
    code, status = _visible_deals(events, moment)
    is_open = np.flatnonzero(status == "open")
    close_row = np.full(code.size, -1, dtype=np.int64)
    nothing = np.full(code.size, np.nan)
    none = _prioritise(
        Actions(*(np.empty(0) for _ in range(4))),
        np.array([], dtype=object),
        money,
        as_of,
        settings,
    )
    action = np.where(accounts.status[events.deal_account[code]] == "scored", "expand", "win")
    if champion is None or not is_open.size:
        return ScoredDeals(code, status, None, close_row, nothing, nothing, action, none)
    context, is_before = _context(champion, moment)
    rows = deal_rows(events, code[is_open], np.full(is_open.size, moment), {moment: context})
    close = score_rows(champion, rows, context, is_before_contexts=is_before)
    close_row[is_open] = np.arange(is_open.size)
    expected, p80 = nothing.copy(), nothing.copy()
    stage = context.tables["stage"]
    for days, name in ((expected, "days_to_close"), (p80, "days_to_close_p80")):
        days[is_open] = [stage.get(word, name) for word in rows.keys["stage"]]
    account = events.deal_account[rows.code]
    margin = rows.column("amount") * _margin_rates(accounts.rows.take(account), money)
    known_days = np.where(
        np.isnan(expected[is_open]), settings.priority.reference_days, expected[is_open]
    )
    risk = _risk_of(accounts)[account]
    priority = _prioritise(
        deal_actions(np.nan_to_num(margin, nan=0.0), close.probability, risk, known_days),
        rows.keys["segment"], money, as_of, settings,
    )  # fmt: skip
    return ScoredDeals(code, status, close, close_row, expected, p80, action, priority)


def _visible_deals(events: EventSet, moment: int) -> tuple[Codes, NDArray[np.str_]]:
    """Deals with a dated stage before the instant, and how they stand."""
    closed_at, is_won = closings(events, moment)
    is_open = np.zeros(len(events.deals.words), dtype=bool)
    is_open[open_deals(events, moment)] = True
    is_closed = closed_at < moment
    code = np.flatnonzero(is_open | is_closed)
    status = np.where(is_open[code], "open", np.where(is_won[code] == 1, "won", "lost"))
    return code, status


def _risk_of(accounts: ScoredAccounts) -> Floats:
    """Chance of leaving of every account: 0 for a prospect, the top quartile's for a lapsed one."""
    risk = np.zeros(accounts.status.size)
    if accounts.churn is not None:
        cuts = accounts.churn.context.scales.get("churn")
        risk[accounts.status == "lapsed"] = cuts[2] if cuts else 0.0
        risk[accounts.churn.rows.code] = accounts.churn.probability
    return risk


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
        if champion is None
    ]
    if to_instant(events.portfolio.data_as_of) < instant(as_of) - STALE_DAYS * 86_400_000_000:
        found.append(
            f"The records end on {events.portfolio.data_as_of.date()}, long before {as_of}."
        )
    return tuple(found)


def trend_of(previous: float | None, probability: float) -> Trend | None:
    """Did a probability move since the previous score: up, down, flat, or None for a first one?

    >>> trend_of(0.48, 0.61), trend_of(0.60, 0.61), trend_of(None, 0.61)
    ('up', 'flat', None)
    """
    if previous is None:
        return None
    change = probability - previous
    if abs(change) < TREND_STEP:
        return "flat"
    return "up" if change > 0 else "down"

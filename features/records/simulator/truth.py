"""What is the true probability of each outcome on each as_of_date, and what causes it?

``churn`` and ``close`` state, for the horizon of 90 days, what a perfect observer of the state
would predict. An account that has left is stated as such (`is_departed`, p = 1): nobody can see
that yet on the day itself, so a model of what is observable cannot reach these rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.records.simulator.accounts import Accounts
from features.records.simulator.clock import Floats, Ints
from features.records.simulator.deals import (
    ADVANCES_PER_DAY,
    N_OPEN_STAGES,
    SLIPS_PER_DAY,
    STALE_DAYS,
    TIRES_PER_DAY,
    WAKES_PER_DAY,
    Deals,
    closing_per_day,
    fixed_log_odds,
    moving_log_odds,
)
from features.records.simulator.departure import (
    BIN_DAYS,
    N_BINS,
    Departures,
    Silence,
    departures,
    log_odds_of_segment,
    p_no_order,
)
from features.records.simulator.life import BITS, Life
from features.records.simulator.orders import Orders, Rhythm
from features.records.simulator.relationship import NOTICE_DAYS
from features.records.simulator.settings import (
    ACTIVITY_DAYS,
    CHURN_CAUSES,
    HORIZON_DAYS,
    SimulatorSettings,
)
from features.records.simulator.tables import Column, choose, dates, flags, ids, instants, numbers

_FAR = 1e5
"""More usual gaps than any clock shows: keeps the clocks of two accounts apart on one line."""


def account_truth(
    accounts: Accounts, life: Life, rhythm: Rhythm, settings: SimulatorSettings
) -> pa.Table:
    """What is true of each account? Grain: account; instants missing when not (yet) so."""
    return pa.table(
        {
            "account_id": ids("A", np.arange(accounts.size)),
            "started_at": instants(settings, life.start.astype(np.float64)),
            "declined_at": instants(settings, rhythm.decline.astype(np.float64)),
            "departed_at": instants(settings, life.departed.astype(np.float64)),
            "usual_gap_days": numbers(accounts.gap_days, 6),
            "is_prospect": flags(accounts.is_prospect),
            "is_subscriber": flags(accounts.is_subscriber),
        }
    )


def churn_truth(
    accounts: Accounts, life: Life, orders: Orders, rhythm: Rhythm, settings: SimulatorSettings
) -> pa.Table:
    """How likely does each account churn, on each as_of_date? Grain: account that has started, day.

    `p_no_order` is the order rule; `p_churn` the rule that holds for the row (`churn_rule`).
    """
    leaving = departures(settings)
    parts = [
        _churn_on(day, leaving, accounts, life, orders, rhythm, settings)
        for day in settings.as_of_days
    ]
    return pa.concat_tables(parts)


def _churn_on(
    day: int,
    leaving: Departures,
    accounts: Accounts,
    life: Life,
    orders: Orders,
    rhythm: Rhythm,
    settings: SimulatorSettings,
) -> pa.Table:
    account = np.flatnonzero(life.start < day)
    departed = life.departed[account]
    has_left = departed < day
    days = np.full(account.size, day)
    shown, last_day = _last_order(account, days, orders, rhythm)
    state = life.states[day, account].astype(np.int64)
    silence = Silence(
        accounts.segment[account], state, shown, _ahead(day, accounts.gap_days[account], rhythm)
    )
    silent = np.where(has_left, 1.0, p_no_order(silence, leaving, rhythm.slow, settings))
    # Notice given before day 60 of the window ends the contract before day 90.
    ends = leaving.leaves_by_day[silence.segment, state, HORIZON_DAYS - NOTICE_DAYS]
    has_contract = accounts.is_subscriber[account] & (departed + NOTICE_DAYS >= day)
    is_active = has_contract | ((last_day >= 0) & (last_day >= day - ACTIVITY_DAYS))
    return pa.table(
        {
            "account_id": ids("A", account),
            "as_of_date": dates(settings, days),
            "churn_rule": choose(("order", "subscription"), has_contract.astype(np.int64)),
            "p_churn": numbers(np.where(has_contract & ~has_left, ends, silent), 9),
            "p_no_order": numbers(silent, 9),
            "is_active": flags(is_active),
            "is_departed": flags(has_left),
            **_churn_terms(silence, settings),
        }
    )


def _churn_terms(silence: Silence, settings: SimulatorSettings) -> dict[str, Column]:
    terms: dict[str, Floats] = {
        cause.name: settings.log_odds(cause) * (silence.state >> BITS[cause.name] & 1).astype(float)
        for cause in CHURN_CAUSES
    }
    terms["segment"] = log_odds_of_segment(settings, silence.segment)
    return {f"log_odds_{name}": numbers(term, 9) for name, term in terms.items()}


def _last_order(account: Ints, days: Ints, orders: Orders, rhythm: Rhythm) -> tuple[Floats, Ints]:
    """What has the clock shown since the last order, and on which day was it (-1: not seen)?"""
    now = rhythm.clock(account, days)
    line = orders.account * _FAR + orders.shown
    before = np.searchsorted(line, account * _FAR + now) - 1
    found = (before >= 0) & (orders.account[before] == account)
    shown = np.where(found, now - orders.shown[before], now)
    return shown, np.where(found, orders.day[before], -1)


def _ahead(day: int, gap_days: Floats, rhythm: Rhythm) -> Floats:
    # Both a turn and a leave take effect at the midnight that begins their day.
    middles = day + BIN_DAYS * np.arange(N_BINS) + (BIN_DAYS - 1) / 2
    moments = np.append(middles, day + HORIZON_DAYS)
    business = np.interp(moments, np.arange(rhythm.business.size), rhythm.business)
    return np.asarray((business - rhythm.business[day]) / gap_days[:, None])


def close_truth(deals: Deals, settings: SimulatorSettings) -> pa.Table:
    """How likely is each open deal won within 90 days, on each as_of_date? Grain: open deal, day.

    Computed backward from the window's end over all states of a deal, on 61 values of the sum of
    its fixed causes, interpolated between them (which moves p by less than 0.001).
    """
    shots = deals.snapshots
    deal, stage, age = (shots[name].to_numpy() for name in ("deal", "stage", "age"))
    is_active, has_slipped = shots["is_active"].to_numpy(), shots["has_slipped"].to_numpy()
    fixed = {name: term[deal] for name, term in fixed_log_odds(deals.openings, settings).items()}
    moving = moving_log_odds(stage, age, is_active, has_slipped, settings)
    total = np.asarray(sum(fixed.values()), dtype=np.float64)
    grid, value = _win_values(total, settings)
    place = np.clip(np.searchsorted(grid, total) - 1, 0, grid.size - 2)
    weight = (total - grid[place]) / (grid[1] - grid[0])
    at = (stage, age, is_active.astype(np.int64), has_slipped.astype(np.int64))
    low, high = value[(place, *at)], value[(place + 1, *at)]
    p_win = np.asarray(low + weight * (high - low), dtype=np.float64)
    terms = {f"log_odds_{name}": numbers(term, 9) for name, term in {**fixed, **moving}.items()}
    return pa.table(
        {
            "opportunity_id": ids("D", deal),
            "as_of_date": dates(settings, shots["day"].to_numpy()),
            "p_win": numbers(p_win, 9),
            **terms,
        }
    )


def _win_values(total: Floats, settings: SimulatorSettings) -> tuple[Floats, Floats]:
    """How likely is a win within the horizon, by sum of fixed causes and by state?

    Returns
    -------
    grid : ndarray, shape (61,)
    value : ndarray, shape (61, stages, days in stage, is active, has slipped)
    """
    low, high = (total.min(), total.max()) if total.size else (0.0, 0.0)
    grid = np.linspace(low - 0.01, high + 0.01, 61)
    states = np.indices((N_OPEN_STAGES, STALE_DAYS + 1, 2, 2))
    moving = moving_log_odds(states[0], states[1], states[2] == 1, states[3] == 1, settings)
    z = grid[:, None, None, None, None] + sum(moving.values())
    win, lose = closing_per_day(z)
    value = np.zeros_like(z)
    for _ in range(HORIZON_DAYS):
        value = win + (1 - win - lose) * _expected_next(value)
    return grid, value


def _expected_next(value: Floats) -> Floats:
    """What is the value of tomorrow's state, over how stage, activity and close date may move?"""
    slips = np.array([SLIPS_PER_DAY, 0.0])
    mixed = (1 - slips) * value + slips * value[..., [1]]
    turns = np.array([WAKES_PER_DAY, TIRES_PER_DAY])[:, None]
    mixed = (1 - turns) * mixed + turns * mixed[..., ::-1, :]
    older = np.minimum(np.arange(STALE_DAYS + 1) + 1, STALE_DAYS)
    stays = mixed[:, :, older]
    advanced = mixed[:, 1:, [0]]
    result: Floats = stays.copy()
    result[:, :-1] = (1 - ADVANCES_PER_DAY) * stays[:, :-1] + ADVANCES_PER_DAY * advanced
    return result

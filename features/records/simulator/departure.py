"""How likely is it, given what is known of an account today, that nothing is ordered in 90 days?

The label is 1 when no order arrives before the window ends. Two things decide it: when the account
leaves, which depends on its state alone, and whether its clock happens to bring no order until
then. So

    p = sum over (turn, leave) of P(decline begins at turn, account leaves at leave | state)
        x P(no order while the clock runs until then | how long it has been silent)

with "never within the window" among the values of both. The first factor is carried forward day by
day over all states, exactly. The second is the survival of a gamma gap, exactly. The sum puts what
happens within six days at their middle; that is the only approximation, and it moves p by less
than 0.002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc

from features.records.simulator.accounts import segment_log_odds
from features.records.simulator.clock import Floats, Ints
from features.records.simulator.life import (
    BITS,
    N_STATES,
    flipping_per_day,
    leaving_per_day,
)
from features.records.simulator.settings import HORIZON_DAYS, SimulatorSettings

BIN_DAYS = 6
N_BINS = HORIZON_DAYS // BIN_DAYS
_N_CALM = N_STATES // 2
_DECLINES = BITS["decline"]
_GRID = np.linspace(0, 60, 6001)


@dataclass(frozen=True)
class Departures:
    """When do accounts of one segment leave, given the state they are in?

    Attributes
    ----------
    calm : ndarray
        Shape (states without decline, N_BINS + 1, N_BINS + 1): chance that decline begins in a
        bin and that the account leaves in a bin; the last of either is "not within the window".
    declining : ndarray
        Shape (states without decline, N_BINS + 1): chance that an account that declines already
        leaves in a bin, by its other causes.
    leaves_by_day : ndarray
        Shape (states, HORIZON_DAYS + 1): chance to have left before day k.
    """

    calm: Floats
    declining: Floats
    leaves_by_day: Floats


def departures(settings: SimulatorSettings) -> list[Departures]:
    """When do accounts leave? One entry per segment."""
    leaving = leaving_per_day(settings)
    return [_segment_departures(leaving[segment]) for segment in range(leaving.shape[0])]


def _segment_departures(leaving: Floats) -> Departures:
    calm_leaving, declining_leaving = leaving[:_N_CALM], leaving[_N_CALM:]
    moves = _calm_moves()
    turn_chance = float(flipping_per_day()[0, _DECLINES])
    after_turn = _leaves_on_day(declining_leaving, moves)
    by_day = np.zeros((_N_CALM, HORIZON_DAYS + 1, HORIZON_DAYS + 1))
    present = np.eye(_N_CALM)
    for day in range(HORIZON_DAYS):
        by_day[:, HORIZON_DAYS, day] = present @ calm_leaving
        moved = (present * (1 - calm_leaving)) @ moves
        turned, present = moved * turn_chance, moved * (1 - turn_chance)
        if day + 1 < HORIZON_DAYS:
            left = turned @ after_turn[:, : HORIZON_DAYS - day - 1]
            by_day[:, day + 1, day + 1 : HORIZON_DAYS] = left
            by_day[:, day + 1, HORIZON_DAYS] = turned.sum(axis=1) - left.sum(axis=1)
        else:
            present = moved
    by_day[:, HORIZON_DAYS, HORIZON_DAYS] = present.sum(axis=1)
    stays = 1 - after_turn.sum(axis=1, keepdims=True)
    declining = np.concatenate([after_turn, stays], axis=1)
    cumulated = np.concatenate([by_day.sum(axis=1), declining])[:, :HORIZON_DAYS].cumsum(axis=1)
    return Departures(
        calm=_binned(_binned(by_day, 1), 2),
        declining=_binned(declining, 1),
        leaves_by_day=np.concatenate([np.zeros((N_STATES, 1)), cumulated], axis=1),
    )


def _calm_moves() -> Floats:
    """How likely is each state without decline followed by each other, for one that stays?"""
    flipping = flipping_per_day()[:_N_CALM, :_DECLINES]
    states = np.arange(_N_CALM)
    moves = np.ones((_N_CALM, _N_CALM))
    for bit in range(_DECLINES):
        flips = (states[:, None] ^ states) >> bit & 1
        moves *= np.where(flips, flipping[:, [bit]], 1 - flipping[:, [bit]])
    return moves


def _leaves_on_day(leaving: Floats, moves: Floats) -> Floats:
    """How likely does an account leave on each day, by its state at first? (states, days)."""
    chances = np.empty((leaving.size, HORIZON_DAYS))
    ahead = leaving
    for day in range(HORIZON_DAYS):
        chances[:, day] = ahead
        ahead = (1 - leaving) * (moves @ ahead)
    return chances


def _binned(by_day: Floats, axis: int) -> Floats:
    return np.asarray(np.add.reduceat(by_day, np.arange(0, HORIZON_DAYS + 1, BIN_DAYS), axis=axis))


@dataclass(frozen=True)
class Silence:
    """What the orders of some accounts look like from one as_of_date each.

    Attributes
    ----------
    segment, state : ndarray of int
        Segment, and state at the as_of_date.
    shown : ndarray
        What the clock has shown since the last order, in usual gaps.
    ahead : ndarray
        Shape (rows, N_BINS + 1): what a clock at full speed will show by the middle of each bin,
        and, last, by the end of the window.
    """

    segment: Ints
    state: Ints
    shown: Floats
    ahead: Floats


def p_no_order(silence: Silence, slow: float, settings: SimulatorSettings) -> Floats:
    """How likely does each account, still there, order nothing within the window? 0 to 1."""
    log_survival = _log_survival(1 + settings.regularity)
    tables = departures(settings)
    calm = np.stack([table.calm for table in tables])
    declining = np.stack([table.declining for table in tables])
    others, turned = silence.state & (_N_CALM - 1), silence.state >= _N_CALM
    silent_so_far = np.interp(silence.shown, _GRID, log_survival)
    total = np.zeros(silence.state.size)

    def add(rows: Ints, chance: Floats, clock: Floats) -> None:
        survival = np.interp(silence.shown[rows] + clock, _GRID, log_survival)
        total[rows] += chance * np.exp(survival - silent_so_far[rows])

    for leave in range(N_BINS + 1):
        rows = np.flatnonzero(turned)
        chance = declining[silence.segment[rows], others[rows], leave]
        add(rows, chance, slow * silence.ahead[rows, leave])
        rows = np.flatnonzero(~turned)
        ahead = silence.ahead[rows]
        for turn in [*range(min(leave + 1, N_BINS)), N_BINS]:
            chance = calm[silence.segment[rows], others[rows], turn, leave]
            usual = ahead[:, min(turn, leave)]
            add(rows, chance, usual + slow * (ahead[:, leave] - usual))
    return total


def _log_survival(shape: float) -> Floats:
    return np.asarray(np.log(gammaincc(shape, shape * _GRID)))


def log_odds_of_segment(settings: SimulatorSettings, segment: Ints) -> Floats:
    """What does the segment add to each account's daily log-odds of leaving?"""
    return segment_log_odds(settings)[segment]

"""How likely is it, given what is known of an account today, that nothing is ordered in 90 days?

The label is 1 when no order arrives before the window ends. Two things decide it: when the account
leaves, which depends on its state alone, and whether its clock happens to bring no order until
then. So

    p = sum over (turn, leave) of P(decline begins at turn, account leaves at leave | state)
        x P(no order while the clock runs until then | how long it has been silent)

with "never within the window" among the values of both. The first factor is carried forward day by
day over all states, exactly. The second is the survival of a gamma gap, exactly. The sum puts what
happens within three days at their middle; that is the only approximation: against single days it
moves p by less than 0.01, and the mean of p by less than 0.0001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
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

BIN_DAYS = 3
N_BINS = HORIZON_DAYS // BIN_DAYS
_N_CALM = N_STATES // 2
_DECLINES = BITS["decline"]
_GRID_END, _PER_GAP = 60, 100
"""Survival is tabled up to 60 usual gaps, 100 times per gap."""


@dataclass(frozen=True)
class Departures:
    """When do accounts leave, given the segment and the state they are in?

    Attributes
    ----------
    calm : ndarray
        Shape (segments, states without decline, N_BINS + 1, N_BINS + 1): chance that decline begins
        in a bin and that the account leaves in a bin; the last of either is "not in the window".
    declining : ndarray
        Shape (segments, states without decline, N_BINS + 1): chance that an account that declines
        already leaves in a bin, by its other causes.
    leaves_by_day : ndarray
        Shape (segments, states, HORIZON_DAYS + 1): chance to have left before day k.
    """

    calm: Floats
    declining: Floats
    leaves_by_day: Floats


def departures(settings: SimulatorSettings) -> Departures:
    """When do accounts leave, in this world?"""
    moves = _calm_moves()
    calm, declining, leaves = [], [], []
    for leaving in leaving_per_day(settings):
        after_turn = _leaves_on_day(leaving[_N_CALM:], moves)
        by_day = _by_turn_and_leave(leaving[:_N_CALM], after_turn, moves)
        stays = 1 - after_turn.sum(axis=1, keepdims=True)
        declines = np.concatenate([after_turn, stays], axis=1)
        by_leave = np.concatenate([by_day.sum(axis=1), declines])[:, :HORIZON_DAYS]
        calm.append(_binned(_binned(by_day, 1), 2))
        declining.append(_binned(declines, 1))
        leaves.append(np.pad(by_leave.cumsum(axis=1), ((0, 0), (1, 0))))
    return Departures(np.stack(calm), np.stack(declining), np.stack(leaves))


def _by_turn_and_leave(calm_leaving: Floats, after_turn: Floats, moves: Floats) -> Floats:
    """How likely does decline begin on a day, and the account leave on a day?

    Returns
    -------
    ndarray
        Shape (states without decline, days + 1, days + 1); the last of either is "not within the
        window".
    """
    turn_chance = float(flipping_per_day()[0, _DECLINES])
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
    return by_day


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


def p_no_order(
    silence: Silence, leaving: Departures, slow: float, settings: SimulatorSettings
) -> Floats:
    """How likely does each account, still there, order nothing within the window? 0 to 1."""
    shape = 1 + settings.regularity
    chances: Floats = _silent_chances(
        silence.segment,
        silence.state,
        silence.shown,
        silence.ahead,
        leaving.calm,
        leaving.declining,
        gammaincc(shape, shape * np.arange(_GRID_END * _PER_GAP + 1) / _PER_GAP),
        slow,
    )
    return chances


@njit(cache=True)
def _survival_at(survival: Floats, gaps: float) -> float:
    place = min(gaps, _GRID_END - 1.0) * _PER_GAP
    below = int(place)
    return float(survival[below] + (place - below) * (survival[below + 1] - survival[below]))


@njit(cache=True)
def _silent_chances(
    segment: Ints,
    state: Ints,
    shown: Floats,
    ahead: Floats,
    calm: Floats,
    declining: Floats,
    survival: Floats,
    slow: float,
) -> Floats:
    total = np.zeros(state.size)
    for row in range(state.size):
        others = state[row] % _N_CALM
        for leave in range(N_BINS + 1):
            end = ahead[row, leave]
            if state[row] >= _N_CALM:
                chance = declining[segment[row], others, leave]
                total[row] += chance * _survival_at(survival, shown[row] + slow * end)
                continue
            chance = calm[segment[row], others, N_BINS, leave]
            total[row] += chance * _survival_at(survival, shown[row] + end)
            for turn in range(min(leave + 1, N_BINS)):
                chance = calm[segment[row], others, turn, leave]
                clock = ahead[row, turn] + slow * (end - ahead[row, turn])
                total[row] += chance * _survival_at(survival, shown[row] + clock)
        total[row] /= _survival_at(survival, shown[row])
    return total


def log_odds_of_segment(settings: SimulatorSettings, segment: Ints) -> Floats:
    """What does the segment add to each account's daily log-odds of leaving?"""
    return segment_log_odds(settings)[segment]

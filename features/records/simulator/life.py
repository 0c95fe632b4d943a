"""What happens to each account, day by day, and when does it leave?

The state of an account is a byte: bit i says whether cause i of `CHURN_CAUSES` is on. On every day
an account that is still there first leaves or stays, by the state it woke up in; if it stays, each
cause begins or ends by its own chance, independently. So an account's future depends on its past
through the state alone, which is what makes the true probabilities in ``truth.py`` exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.records.simulator.accounts import Accounts, segment_log_odds
from features.records.simulator.clock import NEVER, Floats, Ints
from features.records.simulator.settings import CHURN_CAUSES, SimulatorSettings

BITS = {cause.name: bit for bit, cause in enumerate(CHURN_CAUSES)}
N_STATES = 2 ** len(CHURN_CAUSES)
_LEAVING_ODDS_PER_DAY = 0.00008


@dataclass(frozen=True)
class Life:
    """What happened to each account.

    Attributes
    ----------
    start, departed : ndarray of int
        Day from which the account orders, and day from which it no longer does; NEVER when it
        has not happened by the end of the history.
    states : ndarray of uint8, shape (days + 1, accounts)
        State at the midnight that begins each day; it stays as it was once the account has left.
    """

    start: Ints
    departed: Ints
    states: npt.NDArray[np.uint8]

    def has(self, cause: str) -> npt.NDArray[np.bool_]:
        """Is the cause on, at each midnight, for each account? Shape (days + 1, accounts)."""
        return np.asarray(self.states & (1 << BITS[cause]) > 0)

    def spells(self, cause: str) -> tuple[Ints, Ints, Ints]:
        """When did the cause begin and end?

        Returns
        -------
        accounts, begin, end : ndarray
            One entry per spell, by account and time; the day during which it began and the one
            during which it ended (NEVER while it lasts). A cause that was on from the first day
            has no beginning and is left out.
        """
        on = self.has(cause).T
        days = self.states.shape[0]
        account, begin = np.nonzero(~on[:, :-1] & on[:, 1:])
        ends = np.flatnonzero(on[:, :-1] & ~on[:, 1:])
        # One flat clock over all accounts: day d of account a is a * (days - 1) + d.
        following = np.searchsorted(ends, account * (days - 1) + begin)
        end = np.append(ends, NEVER * days)[following] - account * (days - 1)
        return account, begin, np.where(end < days - 1, end, NEVER)

    def first_day(self, cause: str) -> Ints:
        """On which midnight was the cause on for the first time? NEVER when it was not."""
        on = self.has(cause)
        return np.where(on.any(axis=0), on.argmax(axis=0), NEVER)


def leaving_per_day(settings: SimulatorSettings) -> Floats:
    """How likely does an account leave on a day?

    Returns
    -------
    ndarray
        Shape (segments, states), 0 to 1: odds 0.00008 x `departure` x exp(sum of the log-odds of
        the causes that are on and of the segment).
    """
    states = np.arange(N_STATES)
    log_odds = np.zeros(N_STATES)
    for bit, cause in enumerate(CHURN_CAUSES):
        log_odds += settings.log_odds(cause) * (states >> bit & 1)
    total = segment_log_odds(settings)[:, None] + log_odds
    odds = _LEAVING_ODDS_PER_DAY * settings.departure * np.exp(total)
    return np.asarray(odds / (1 + odds), dtype=np.float64)


def flipping_per_day() -> Floats:
    """How likely does each cause begin (or end) on a day, in each state? Shape (states, causes)."""
    return np.array(
        [
            [
                cause.ends_per_day if state >> bit & 1 else cause.begins_per_day
                for bit, cause in enumerate(CHURN_CAUSES)
            ]
            for state in range(N_STATES)
        ]
    )


def live(random: np.random.Generator, accounts: Accounts, settings: SimulatorSettings) -> Life:
    """What happens to the accounts during the history?"""
    n, days = accounts.size, settings.days
    leaving, flipping = leaving_per_day(settings), flipping_per_day()
    powers = (1 << np.arange(len(CHURN_CAUSES))).astype(np.uint8)
    state = _first_states(random, n)
    states = np.empty((days + 1, n), dtype=np.uint8)
    departed = np.full(n, NEVER)
    for day in range(days):
        states[day] = state
        is_there = (accounts.start <= day) & (departed == NEVER)
        leaves = is_there & (random.random(n) < leaving[accounts.segment, state])
        departed[leaves] = day
        flips = (random.random((n, powers.size)) < flipping[state]) @ powers
        state = np.where(is_there & ~leaves, state ^ flips, state).astype(np.uint8)
    states[days] = state
    return Life(accounts.start, departed, states)


def _first_states(random: np.random.Generator, n: int) -> npt.NDArray[np.uint8]:
    bit = BITS["engagement"]
    cause = CHURN_CAUSES[bit]
    usual = cause.begins_per_day / (cause.begins_per_day + cause.ends_per_day)
    return ((random.random(n) < usual) * (1 << bit)).astype(np.uint8)

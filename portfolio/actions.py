"""What could be done for an account or a deal, in the four numbers of the formula?

Which number a kind of action takes from where is the table of docs/adr/0004-priority-formula.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portfolio.priority import Actions, Floats

KINDS = ("win", "expand", "save", "reactivate")


@dataclass(frozen=True)
class PlayPriors:
    """What is assumed of the plays until a held-out arm has measured them.

    Attributes
    ----------
    save_success : float
        Chance 0..1 that the play keeps an account that would have left.
    save_void : float
        Chance 0..1 that the play is void or does harm.
    save_days, reactivate_days : float
        Usual days until the play has worked.
    reactivate_probability : float
        Chance 0..1 of an order of a lapsed account, given the play.
    """

    save_success: float = 0.30
    save_void: float = 0.0
    save_days: float = 30.0
    reactivate_probability: float = 0.08
    reactivate_days: float = 45.0


def save_actions(yearly_value: Floats, p_churn: Floats, plays: PlayPriors) -> Actions:
    """What is there to save: the value of the year times the chance that it is lost.

    Churn enters the stake, so the priority rises with it.

    >>> save = save_actions(np.array([1000.0]), np.array([0.6]), PlayPriors())
    >>> save.stake.tolist(), save.probability.tolist()
    ([600.0], [0.3])
    """
    same = np.ones(p_churn.shape)
    return Actions(
        np.maximum(yearly_value, 0.0) * p_churn,
        plays.save_success * same,
        plays.save_void * same,
        plays.save_days * same,
    )


def reactivate_actions(value_if_back: Floats, p_churn_after: float, plays: PlayPriors) -> Actions:
    """What is there to win back: the value of a year if the account returns."""
    same = np.ones(value_if_back.shape)
    return Actions(
        np.maximum(value_if_back, 0.0),
        plays.reactivate_probability * same,
        p_churn_after * same,
        plays.reactivate_days * same,
    )


def deal_actions(
    margin: Floats, p_win: Floats, p_churn_of_account: Floats, expected_days: Floats
) -> Actions:
    """What is there to win: the margin of an open deal; its risk is that of its account."""
    return Actions(np.maximum(margin, 0.0), p_win, p_churn_of_account, expected_days)

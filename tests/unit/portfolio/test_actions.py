from __future__ import annotations

import numpy as np
import pytest

from portfolio.actions import PlayPriors, deal_actions, reactivate_actions, save_actions

PLAYS = PlayPriors(
    save_success=0.25,
    save_void=0.05,
    save_days=20.0,
    reactivate_days=40.0,
    reactivate_probability=0.1,
)


def test_what_is_there_to_save_is_the_value_that_would_be_lost() -> None:
    found = save_actions(np.array([1000.0, 1000.0, -10.0]), np.array([0.1, 0.6, 0.6]), PLAYS)
    assert found.stake == pytest.approx([100.0, 600.0, 0.0])
    assert found.probability.tolist() == [0.25, 0.25, 0.25]
    assert found.risk.tolist() == [0.05, 0.05, 0.05]
    assert found.days.tolist() == [20.0, 20.0, 20.0]


def test_a_lapsed_account_is_worth_its_value_if_it_comes_back() -> None:
    found = reactivate_actions(np.array([800.0, -1.0]), 0.4, PLAYS)
    assert found.stake.tolist() == [800.0, 0.0]
    assert found.probability.tolist() == [0.1, 0.1]
    assert found.risk.tolist() == [0.4, 0.4]
    assert found.days.tolist() == [40.0, 40.0]


def test_a_deal_bears_the_risk_of_its_account() -> None:
    found = deal_actions(np.array([70.0, -5.0]), *(np.array([x, x]) for x in (0.5, 0.2, 41.0)))
    assert found.stake.tolist() == [70.0, 0.0]
    assert (found.probability[0], found.risk[0], found.days[0]) == (0.5, 0.2, 41.0)

"""On how much does a probability rest, and how sure is the share?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.unit.training.made import TASK, dataset
from training.evidence import evidence, newest, shrunken, wilson
from training.models import fit_prior, fit_rates


@pytest.mark.parametrize(("outcomes", "n"), [(15, 61), (0, 50), (200, 200), (1, 3)])
def test_the_interval_of_a_share_is_wilsons(outcomes: int, n: int) -> None:
    expected = binomtest(outcomes, n).proportion_ci(0.95, method="wilson")
    found = wilson(outcomes, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_without_any_outcome_nothing_is_known_of_the_share() -> None:
    found = wilson(0, 0)
    assert (found.low, found.high) == (0.0, 1.0)
    assert evidence(None, TASK, fit_prior(dataset(20)))["n"] == 0


def test_a_rate_without_rows_lies_where_its_prior_lies() -> None:
    # Beta(10, 10): symmetric about a half, standard deviation 1 / (2 sqrt 21) = 0.109
    found = shrunken(0, 0, 0.5)
    assert found.low + found.high == pytest.approx(1.0)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.1091, rel=0.03)


def test_an_account_counts_once_with_its_newest_outcome() -> None:
    data = dataset(200)
    once = newest(data)
    assert once.size == 200
    assert set(once.matrix.as_of) == {data.matrix.as_of.max()}
    # The newest of the three days are the last 200 rows.
    assert np.array_equal(np.sort(once.label), np.sort(data.label[400:]))


def test_rates_say_for_each_segment_on_how_many_accounts_they_rest() -> None:
    data = dataset(200)
    found = evidence(data, TASK, fit_rates(data, "segment"))
    # Codes 0 to 199 by thirds: retail 0, 3, ..., 198 and public 1, 4, ..., 199.
    assert {key: share["n"] for key, share in found["by_key"].items()} == {
        "retail": 67, "public": 67,
    }  # fmt: skip
    assert found["text"].startswith("rests on 200 accounts whose outcome is known; ")
    retail = found["by_key"]["retail"]
    assert 0 < retail["low"] < retail["outcomes"] / 67 < retail["high"] < 1


def test_a_rate_weighs_accounts_not_their_recurring_rows() -> None:
    # 67 accounts of a segment on three days, all of them lost: as 67 lost ones, not as 201.
    data = dataset(200)
    data.label[data.matrix.keys["segment"] == "retail"] = 1.0
    base = (data.label.sum() + 0.5) / 601.0
    expected = (67 + 20 * base) / 87
    said = 1 / (1 + np.exp(-fit_rates(data, "segment").log_odds["retail"]))
    assert said == pytest.approx(expected)

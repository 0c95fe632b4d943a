from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.capacity import Capacity, flagged, gain_curve, lists_of


def test_each_rep_works_the_top_of_a_list_of_their_own() -> None:
    owner = np.array(["Ada", "Ada", "Ada", "Bo", "Bo", None], dtype=object)
    lists = lists_of(owner, 6)
    score = np.array([0.9, 0.8, 0.1, 0.3, 0.2, 0.7])
    assert flagged(score, lists, Capacity(places=1)).tolist() == [1, 0, 0, 1, 0, 1]


def test_without_reps_there_is_one_list() -> None:
    nobody = np.full(4, None, dtype=object)
    assert lists_of(nobody, 4).tolist() == lists_of(None, 4).tolist() == [0, 0, 0, 0]


def test_a_rep_named_like_nothing_is_still_a_rep() -> None:
    assert len({*lists_of(np.array(["", None, "A"], dtype=object), 3).tolist()}) == 3


@pytest.mark.parametrize(("places", "flags"), [(3, [1, 2 / 3, 2 / 3, 2 / 3]), (9, [1, 1, 1, 1])])
def test_rows_that_score_alike_at_the_edge_are_flagged_in_part(
    places: int, flags: list[float]
) -> None:
    score = np.array([0.9, 0.4, 0.4, 0.4])
    found = flagged(score, np.zeros(4, np.int64), Capacity(places=places))
    assert found.tolist() == pytest.approx(flags)


def test_a_curve_finds_everything_at_the_end_and_nothing_at_the_start() -> None:
    score, label = np.array([0.9, 0.8, 0.7, 0.6]), np.array([1.0, 0.0, 1.0, 0.0])
    found = gain_curve(score, label, np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    assert found.tolist() == [0.0, 0.5, 0.5, 1.0, 1.0]
    assert np.isnan(gain_curve(score, np.zeros(4), np.array([0.5]))).all()


def test_a_constant_finds_what_chance_finds() -> None:
    found = gain_curve(np.full(4, 0.3), np.array([1.0, 0, 0, 0]), np.array([0.25, 0.5]))
    assert found.tolist() == [0.25, 0.5]

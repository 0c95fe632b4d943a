from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.measures import brier
from training.evaluate.reliability import bins_of, brier_parts, calibration_curve, wilson


def test_the_parts_of_a_brier_score_add_up_to_it() -> None:
    random = np.random.default_rng(2)
    said = random.beta(2, 5, 3000)
    label = (random.random(3000) < said**0.8).astype(float)
    parts = brier_parts(said, label)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(brier(said, label), abs=1e-15)
    assert abs(parts.within) < 0.01


def test_probabilities_a_tenth_too_high_lose_a_hundredth_by_reliability() -> None:
    # 3 of 10 happen where 0.4 was said, 7 of 10 where 0.8 was
    said = np.repeat([0.4, 0.8], 10)
    label = np.array([1.0] * 3 + [0.0] * 7 + [1.0] * 7 + [0.0] * 3)
    parts = brier_parts(said, label)
    assert parts.reliability == pytest.approx(0.01)
    assert parts.resolution == pytest.approx(0.04)
    assert parts.uncertainty == pytest.approx(0.25)
    assert parts.within == pytest.approx(0.0, abs=1e-12)


def test_a_constant_tells_no_rows_apart() -> None:
    parts = brier_parts(np.full(40, 0.25), np.array([1.0] * 10 + [0.0] * 30))
    assert (parts.reliability, parts.resolution) == (0.0, 0.0)


def test_equal_probabilities_share_a_bin() -> None:
    said = np.array([0.1] * 70 + [0.2] * 5 + [0.9] * 25)
    place = bins_of(said)
    assert len({*zip(said.tolist(), place.tolist(), strict=True)}) == 3


def test_a_curve_says_how_sure_each_of_its_points_is() -> None:
    said = np.repeat([0.2, 0.6], 50)
    label = np.array([1.0] * 10 + [0.0] * 40 + [1.0] * 25 + [0.0] * 25)
    low, high = calibration_curve(said, label)
    assert (low.said, low.happened, low.count) == (pytest.approx(0.2), 0.2, 50)
    assert (high.said, high.happened, high.count) == (pytest.approx(0.6), 0.5, 50)
    # Wilson's interval of 10 out of 50, by the formula on paper
    assert (low.low, low.high) == (pytest.approx(0.1124, abs=5e-5), pytest.approx(0.3304, abs=5e-5))


def test_even_a_share_of_all_rows_has_an_interval() -> None:
    assert wilson(1.0, 20)[1] == 1.0
    assert wilson(1.0, 20)[0] == pytest.approx(0.8389, abs=5e-5)
    assert wilson(0.0, 0) == (0.0, 1.0)

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from training.calibration import Calibration, fit_calibration


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.6, -0.5), (1.8, 0.7)])
def test_a_planted_slope_and_intercept_are_recovered(slope: float, intercept: float) -> None:
    random = np.random.default_rng(7)
    margin = random.normal(scale=1.5, size=60_000)
    label = (random.random(margin.size) < expit(slope * margin + intercept)).astype(float)
    found = fit_calibration(margin, label, fitted_on="rolling")
    np.testing.assert_allclose((found.slope, found.intercept), (slope, intercept), atol=0.04)
    assert found.fitted_on == "rolling"


def test_separated_rows_do_not_give_an_infinite_slope() -> None:
    found = fit_calibration(
        np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]), fitted_on="folds"
    )
    assert 1.0 < found.slope < 5.0
    assert abs(found.intercept) < 1e-6


def test_margins_that_are_worse_than_nothing_still_keep_their_order() -> None:
    found = fit_calibration(
        np.array([-2.0, -1.0, 1.0, 2.0] * 50), np.array([1.0, 1.0, 0.0, 0.0] * 50), fitted_on="x"
    )
    assert found.slope == 0.05


@pytest.mark.parametrize("label", [[], [1.0, 1.0], [0.0]])
def test_without_both_outcomes_nothing_is_fitted(label: list[float]) -> None:
    margin = np.linspace(-1, 1, len(label))
    found = fit_calibration(margin, np.array(label), fitted_on="rolling")
    assert found == Calibration(1.0, 0.0, "none")

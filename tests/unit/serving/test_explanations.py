"""Worked example: nobody stands at 27 % (log-odds -1); causes raise and lower it from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from features.matrix import FeatureMatrix
from features.signals.catalogue import feature_names
from serving.explanations import Explanation, Model, explain
from serving.explanations.points import share_out

Floats = NDArray[np.float64]


def _rows(
    model: Model, rows: Sequence[Mapping[str, float]], keys: Mapping[str, object] | None = None
) -> FeatureMatrix:
    entity = "account" if model == "churn" else "deal"
    names = feature_names(entity)
    values = np.array([[row.get(name, np.nan) for name in names] for row in rows])
    return FeatureMatrix(
        entity,
        np.arange(len(rows)),
        np.zeros(len(rows), dtype=np.int64),
        names,
        values.reshape(len(rows), len(names)),
        {name: np.array([key] * len(rows), dtype=object) for name, key in (keys or {}).items()},
    )


def _explain(
    contributions: Mapping[str, float],
    values: Mapping[str, float] | None = None,
    *,
    model: Model = "churn",
    base: float = -1.0,
    peers: Mapping[str, float] | None = None,
    keys: Mapping[str, object] | None = None,
) -> Explanation:
    matrix = _rows(model, [values or {}], keys)
    features = list(contributions)
    shown = [[(values or {}).get(name, np.nan) for name in features]]
    (explanation,) = explain(
        model=model,
        features=features,
        base=base,
        contributions=np.array([list(contributions.values())]).reshape(1, len(features)),
        values=np.array(shown).reshape(1, len(features)),
        row_values=matrix,
        peers=[peers or {}],
        currency="GBP",
    )
    return explanation


def test_features_of_one_code_make_one_reason() -> None:
    explanation = _explain(
        {"days_since_last_order": 0.5, "overdue_ratio": 0.5},
        {"days_since_last_order": 97.04, "expected_gap_days": 15.0, "overdue_ratio": 6.5},
        peers={"days_since_last_order": 31.0},
    )
    # From a log-odds of -1 (26.9 %) to 0 (50 %): 23 points, all of one cause.
    (reason,) = explanation.reasons
    assert (reason.code, reason.theme, reason.direction) == ("RHYTHM_BROKEN", "rhythm", "up")
    assert (reason.strength, reason.points, reason.unit) == ("strong", 23, "days")
    assert (reason.value, reason.usual_value, reason.peer_value) == (97.0, 15.0, 31.0)
    assert reason.feature == "days_since_last_order"
    assert explanation.probability == 0.5
    assert explanation.base_probability == pytest.approx(0.2689414213699951, abs=1e-15)
    assert explanation.themes == {"rhythm": 23}


def test_the_number_of_a_plain_feature_is_shown_where_a_ratio_contributes_most() -> None:
    values = {"days_since_last_order": 97.0, "expected_gap_days": 15.0, "overdue_ratio": 6.5}
    explanation = _explain({"days_since_last_order": 0.1, "overdue_ratio": 0.9}, values)
    assert explanation.reasons[0].feature == "days_since_last_order"
    assert explanation.reasons[0].value == 97.0


def test_of_two_plain_features_the_one_that_contributes_more_is_shown() -> None:
    values = {"open_complaints": 0.0, "complaints_365d": 4.0}
    shown = [
        _explain({"open_complaints": one, "complaints_365d": other}, values).reasons[0].feature
        for one, other in ((0.5, 0.2), (0.2, -0.8))
    ]
    assert shown == ["open_complaints", "complaints_365d"]


def test_a_feature_without_a_value_gives_way_to_one_that_has_it() -> None:
    reason = _explain(
        {"days_since_contact_left": 0.8, "contacts_left": 0.1}, {"contacts_left": 0.0}
    ).reasons[0]
    assert (reason.feature, reason.value) == ("contacts_left", 0.0)


def test_a_reason_without_any_number_has_none() -> None:
    reason = _explain({"last_survey_score": 0.4}, peers={"last_survey_score": 8.0}).reasons[0]
    assert (reason.value, reason.usual_value, reason.peer_value) == (None, None, None)


def test_the_direction_is_the_sign_of_the_summed_contribution() -> None:
    explanation = _explain({"days_since_last_order": 0.3, "overdue_ratio": -0.7, "orders_90d": 0.2})
    directions = {reason.code: reason.direction for reason in explanation.reasons}
    assert directions == {"RHYTHM_BROKEN": "down", "ORDER_FREQUENCY": "up"}


def test_at_most_three_causes_up_and_three_down_are_shown_strongest_first() -> None:
    explanation = _explain(
        {
            "days_since_last_order": 0.90, "orders_90d": 0.80, "revenue_90d": 0.70,
            "open_complaints": 0.60, "margin_rate_365d": -0.85, "discount_rate_365d": -0.20,
            "products_180d": -0.75, "unpaid_amount": -0.65, "sentiment_180d": -0.099,
        }
    )  # fmt: skip
    assert [(reason.code, reason.direction) for reason in explanation.reasons] == [
        ("RHYTHM_BROKEN", "up"),
        ("MARGIN", "down"),
        ("ORDER_FREQUENCY", "up"),
        ("PRODUCT_RANGE", "down"),
        ("SPEND_LEVEL", "up"),
        ("LATE_PAYMENT", "down"),
    ]


def test_strength_is_a_word_for_the_size_of_the_contribution() -> None:
    explanation = _explain({"orders_90d": 0.70, "revenue_90d": -0.30, "open_tickets": 0.29})
    assert [reason.strength for reason in explanation.reasons] == ["strong", "moderate", "slight"]


def test_nothing_stands_out_is_a_reason_too() -> None:
    explanation = _explain({"orders_90d": 0.099, "revenue_90d": -0.05})
    (reason,) = explanation.reasons
    assert (reason.code, reason.direction, reason.points) == ("NONE", "neutral", 0)
    assert explanation.themes == {"rhythm": 2, "spend": -1}


def test_a_score_of_the_prior_says_that_it_is_everybodys() -> None:
    explanation = _explain({}, base=0.0)
    (reason,) = explanation.reasons
    assert (reason.code, reason.direction, reason.value) == ("PRIOR", "neutral", 0.5)
    assert (explanation.probability, explanation.themes) == (0.5, {})


def test_a_rate_of_a_segment_is_shown_beside_the_one_of_all() -> None:
    reason = _explain({"segment": 1.0}).reasons[0]
    assert (reason.code, reason.theme, reason.direction) == ("SEGMENT_RATE", "profile", "up")
    assert (reason.value, reason.usual_value, reason.unit) == (0.5, 0.2689, "share")
    reason = _explain({"stage": -1.0}, model="close", base=0.0).reasons[0]
    assert (reason.code, reason.theme, reason.direction) == ("STAGE_RATE", "deal", "down")


def test_money_is_counted_in_the_currency_of_the_portfolio() -> None:
    values = {"revenue_90d": 120.456, "revenue_365d": 2000.0, "days_since_first_order": 800.0}
    reason = _explain({"revenue_90d": 0.5}, values).reasons[0]
    assert (reason.value, reason.usual_value, reason.unit) == (120.46, 500.0, "GBP")


def test_a_quarter_is_usual_only_after_a_year() -> None:
    values = {"orders_90d": 2.0, "orders_365d": 8.0}
    young = _explain({"orders_90d": 0.5}, {**values, "days_since_first_order": 364.0})
    grown = _explain({"orders_90d": 0.5}, {**values, "days_since_first_order": 365.0})
    assert young.reasons[0].usual_value is None
    assert grown.reasons[0].usual_value == 2.0


def test_a_trend_is_shown_as_two_windows() -> None:
    orders = _explain({"orders_change_90d": 0.5}, {"orders_90d": 2.0, "orders_180d": 8.0})
    assert (orders.reasons[0].value, orders.reasons[0].usual_value) == (2.0, 6.0)
    # (now - before) / (now + before) = (3 - 9) / 12
    contacts = {"contact_change_90d": -0.5, "interactions_90d": 3.0}
    reason = _explain({"contact_change_90d": 0.5}, contacts).reasons[0]
    assert (reason.value, reason.usual_value) == (3.0, 9.0)


def test_a_deal_in_its_stage_is_compared_with_what_is_usual_there() -> None:
    values = {"stage_age_days": 42.0, "usual_stage_age_days": 12.0}
    reason = _explain({"stage_age_days": -0.5}, values, model="close").reasons[0]
    assert (reason.code, reason.value, reason.usual_value) == ("STAGE_AGE", 42.0, 12.0)


def test_a_deal_without_a_competitor_has_no_rate_against_one() -> None:
    values = {"competitor_win_rate": 0.3}
    shown = [
        _explain({"competitor_win_rate": 0.5}, values, model="close", keys={"competitor": key})
        .reasons[0]
        .value
        for key in (None, "Acme")
    ]
    assert shown == [None, 0.3]


@pytest.mark.parametrize(
    ("feature", "key"),
    [
        ("segment_churn_rate", "segment"),
        ("country_churn_rate", "country"),
        ("revenue_position_in_country", "country"),
    ],
)
def test_an_account_without_a_segment_or_country_has_no_place_in_it(feature: str, key: str) -> None:
    shown = [
        _explain({feature: 0.5}, {feature: 0.3}, keys={key: word}).reasons[0].value
        for word in (None, "FR")
    ]
    assert shown == [None, 0.3]


def test_peers_of_an_account_answer_for_the_feature_that_its_deal_carries() -> None:
    reason = _explain(
        {"account_orders_365d": 0.5},
        {"account_orders_365d": 3.0},
        model="close",
        peers={"orders_365d": 5.0},
    ).reasons[0]
    assert reason.peer_value == 5.0


def test_a_peer_value_that_is_not_known_is_left_out() -> None:
    reason = _explain({"orders_90d": 0.5}, {"orders_90d": 1.0}, peers={"orders_90d": np.nan})
    assert reason.reasons[0].peer_value is None


def test_points_of_all_codes_add_up_to_the_rounded_distance_from_the_base() -> None:
    names = feature_names("account")
    contributions = np.random.default_rng(3).normal(0.0, 0.15, (500, len(names)))
    values = np.zeros_like(contributions)
    explanations = explain(
        model="churn",
        features=names,
        base=-1.3,
        contributions=contributions,
        values=values,
        row_values=_rows("churn", [{}] * 500),
        peers=[{}] * 500,
        currency="EUR",
    )
    for explanation in explanations:
        distance = 100.0 * (explanation.probability - explanation.base_probability)
        assert sum(explanation.themes.values()) == round(distance)
        for reason in explanation.reasons:
            assert {"up": reason.points >= 0, "down": reason.points <= 0}.get(
                reason.direction, True
            )


def test_points_follow_the_slope_at_the_base_when_causes_cancel_out() -> None:
    # At 50 % a log-odds of 0.4 is worth 0.4 x 0.25 = 10 points.
    explanation = _explain({"orders_90d": 0.4, "revenue_90d": -0.4}, base=0.0)
    assert explanation.probability == 0.5
    assert explanation.themes == {"rhythm": 10, "spend": -10}


def test_a_feature_that_the_catalogue_does_not_have_counts_as_other_and_is_not_shown() -> None:
    explanation = _explain({"from_another_version": 1.0})
    assert explanation.themes == {"other": 23}
    assert [reason.code for reason in explanation.reasons] == ["NONE"]


def test_no_rows_have_no_explanations() -> None:
    empty = np.zeros((0, 1))
    found = explain(
        model="churn", features=["orders_90d"], base=0.0, contributions=empty, values=empty,
        row_values=_rows("churn", []), peers=[], currency="EUR",
    )  # fmt: skip
    assert found == []


@pytest.mark.parametrize(
    ("parts", "total", "expected"),
    [
        ([0.4, 0.4, 0.4], 1, [1, 0, 0]),
        ([-0.4, -0.7, 0.2], -1, [0, -1, 0]),
        ([2.6, -1.6], 1, [3, -2]),
        ([12.3, 4.6, -0.2, -0.2], 17, [12, 5, 0, 0]),
        ([0.0, 0.0], 0, [0, 0]),
    ],
)
def test_points_are_shared_out_by_largest_remainder(
    parts: list[float], total: int, expected: list[int]
) -> None:
    assert share_out(np.array([parts]), np.array([total])).tolist() == [expected]

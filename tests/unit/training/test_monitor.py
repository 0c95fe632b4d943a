"""A stable portfolio gives no alarm, and whatever moves names itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from features.asof import instant
from features.matrix import FeatureMatrix
from tests.unit.training.made import DAYS, NAMES, champion, dataset
from training.calibration import Calibration
from training.dataset import Dataset
from training.models import fit_logistic
from training.monitor import (
    CODES,
    Ages,
    Live,
    Matured,
    Watch,
    expected_performance,
    reference_from_json,
    seen_in_training,
    watch,
)
from training.monitor.drift import jensen_shannon, missing_by_chance, psi, psi_by_chance
from training.monitor.expected import auc_by_chance, expected_auc

TRAINED = dataset(400, seed=7)
CHAMPION = replace(champion(fit_logistic(TRAINED, NAMES, strength=0.1)), calibration=Calibration())
NOW = datetime(2011, 9, 15, tzinfo=UTC)
FRESH = Ages(NOW, NOW - timedelta(days=2), date(2011, 9, 14), date(2011, 8, 1))


def _day(data: Dataset) -> Dataset:
    return data.take(data.matrix.as_of == instant(DAYS[-1]))


REFERENCE = seen_in_training(
    CHAMPION, TRAINED, _day(dataset(400, seed=8)).matrix, {"auc": 0.79, "brier": 0.18}
)


def _watch(rows: FeatureMatrix, *, ages: Ages = FRESH, matured: tuple[Matured, ...] = ()) -> Watch:
    live = Live(date(2011, 9, 15), rows, CHAMPION.probability(rows))
    return watch(REFERENCE, live, model="churn", version="1", ages=ages, matured=matured)


def _matured(data: Dataset, label: np.ndarray | None = None) -> tuple[Matured, ...]:
    said = CHAMPION.probability(data.matrix)
    return (Matured(date(2011, 6, 1), "1", said, data.label if label is None else label),)


def _found(watched: Watch) -> set[tuple[str, str]]:
    return {(found.code, found.about) for found in watched.findings}


def _with_column(rows: FeatureMatrix, name: str, values: np.ndarray) -> FeatureMatrix:
    changed = rows.values.copy()
    changed[:, rows.names.index(name)] = values
    return replace(rows, values=changed)


def test_a_stable_portfolio_gives_no_alarm() -> None:
    found = []
    for seed in range(100, 120):
        data = _day(dataset(400, seed=seed))
        found.append(_found(_watch(data.matrix, matured=_matured(data))))
    # each of three kinds of test errs in one of a hundred: of 20 portfolios, one may cry wolf
    assert sum(bool(one) for one in found) <= 1, found


def test_small_stable_portfolios_give_no_alarm_either() -> None:
    found = []
    for seed in range(200, 220):
        data = _day(dataset(60, seed=seed))
        found.append(_found(_watch(data.matrix, matured=_matured(data))))
    assert sum(bool(one) for one in found) <= 1, found


def test_a_feature_that_shifted_names_itself_and_calls_for_training() -> None:
    rows = _day(dataset(400, seed=9)).matrix
    moved = _with_column(rows, "days_since_last_order", rows.column("days_since_last_order") + 1.5)
    watched = _watch(moved)
    assert ("MN001", "days_since_last_order") in _found(watched)
    assert ("MN004", "score") in _found(watched)
    assert watched.verdict == "retrain"
    assert watched.features[0].name == "days_since_last_order"
    assert watched.findings[0].advice == "retrain"


def test_a_feature_that_says_little_may_shift_without_alarm() -> None:
    rows = _day(dataset(400, seed=9)).matrix
    quiet = min(REFERENCE.weights, key=lambda name: REFERENCE.weights[name])
    reference = replace(REFERENCE, weights={**REFERENCE.weights, quiet: 0.001})
    moved = _with_column(rows, quiet, rows.column(quiet) * 50)
    live = Live(date(2011, 9, 15), moved, CHAMPION.probability(rows))
    watched = watch(reference, live, model="churn", version="1", ages=FRESH)
    assert max(one.psi for one in watched.features if one.name == quiet) > 0.2
    assert ("MN001", quiet) not in _found(watched)


def test_values_that_go_missing_are_named() -> None:
    rows = _day(dataset(400, seed=9)).matrix
    column = rows.column("days_since_last_order").copy()
    column[::3] = np.nan
    watched = _watch(_with_column(rows, "days_since_last_order", column))
    assert ("MN002", "days_since_last_order") in _found(watched)
    one = next(d for d in watched.features if d.name == "days_since_last_order")
    assert (round(one.missing_then, 1), round(one.missing_now, 1)) == (0.1, 0.4)


def test_words_that_training_never_saw_are_counted() -> None:
    rows = _day(dataset(400, seed=9)).matrix
    segment = rows.keys["segment"].copy()
    segment[:40] = "aerospace"
    watched = _watch(replace(rows, keys={"segment": segment}))
    assert watched.unseen == {"segment": 0.1}
    assert _found(watched) == {("MN003", "segment")}
    assert watched.verdict == "look"


def test_a_base_rate_that_moved_names_itself_alone() -> None:
    data = _day(dataset(400, seed=10))
    said = CHAMPION.probability(data.matrix)
    random = np.random.default_rng(3)
    more = (random.random(said.size) < expit(logit(said) + 0.8)).astype(np.float64)
    watched = _watch(data.matrix, matured=_matured(data, more))
    assert _found(watched) == {("MN006", "level")}
    assert watched.verdict == "retrain"
    (realised,) = watched.realised
    assert realised.happened - realised.said > 0.1 > realised.by_chance > 0.04


def test_a_ranking_that_went_bad_names_itself() -> None:
    data = _day(dataset(400, seed=10))
    shuffled = np.random.default_rng(5).permutation(data.label)
    watched = _watch(data.matrix, matured=_matured(data, shuffled))
    assert ("MN007", "auc") in _found(watched)
    assert watched.realised[0].measured.auc == pytest.approx(
        roc_auc_score(shuffled, CHAMPION.probability(data.matrix))
    )


def test_scores_that_no_longer_tell_rows_apart_promise_less() -> None:
    rows = _day(dataset(400, seed=9)).matrix
    middling = expit(0.2 * logit(CHAMPION.probability(rows)))
    live = Live(date(2011, 9, 15), rows, middling)
    watched = watch(REFERENCE, live, model="churn", version="1", ages=FRESH)
    assert ("MN005", "auc") in _found(watched)


@pytest.mark.parametrize(
    ("ages", "code", "verdict"),
    [
        (replace(FRESH, data_as_of=NOW - timedelta(days=40)), "MN008", "look"),
        (replace(FRESH, scored_as_of=date(2011, 8, 1)), "MN009", "look"),
        (replace(FRESH, scored_as_of=None), "MN009", "look"),
        (replace(FRESH, trained_through=date(2011, 1, 1)), "MN010", "retrain"),
    ],
)
def test_what_has_grown_old_names_itself_alone(ages: Ages, code: str, verdict: str) -> None:
    watched = _watch(_day(dataset(400, seed=9)).matrix, ages=ages)
    assert [found.code for found in watched.findings] == [code]
    assert watched.verdict == verdict


def test_a_handful_of_rows_tells_nothing_of_a_distribution() -> None:
    rows = _day(dataset(400, seed=9)).matrix.take(np.arange(20))
    moved = _with_column(rows, "days_since_last_order", np.full(20, 9.0))
    watched = _watch(moved)
    assert {one.psi for one in watched.features} == {0.0}


def test_an_empty_portfolio_can_be_watched() -> None:
    watched = _watch(_day(dataset(400, seed=9)).matrix.take(np.arange(0)))
    assert watched.verdict == "steady"
    assert watched.expected.rows == 0


def test_what_training_saw_is_read_as_it_was_written() -> None:
    again = reference_from_json(REFERENCE.to_json())
    assert again == REFERENCE
    assert sum(again.weights.values()) == pytest.approx(1.0)
    assert again.features["orders_90d"].rows == TRAINED.size
    assert again.base_rate == pytest.approx(TRAINED.label.mean())


def test_every_code_of_a_finding_is_told() -> None:
    assert sorted(CODES) == [f"MN{number:03d}" for number in range(1, 11)]


def test_the_level_of_chance_holds_in_99_of_100_comparisons() -> None:
    random = np.random.default_rng(11)
    share = np.full(10, 0.1)
    above = [
        psi(random.multinomial(2000, share), random.multinomial(500, share))
        > psi_by_chance(2000, 500, 10)
        for _ in range(2000)
    ]
    assert 0.003 < np.mean(above) < 0.02


def test_shares_of_missing_values_differ_by_chance_in_one_of_100_comparisons() -> None:
    random = np.random.default_rng(12)
    then, now = random.binomial(2000, 0.2, 2000) / 2000, random.binomial(500, 0.2, 2000) / 500
    above = [
        abs(b - a) > missing_by_chance(a, b, rows=(2000, 500))
        for a, b in zip(then, now, strict=True)
    ]
    assert 0.003 < np.mean(above) < 0.02


def test_the_divergence_is_that_of_scipy() -> None:
    one, other = np.array([30.0, 50.0, 20.0]), np.array([10.0, 20.0, 70.0])
    expected = jensenshannon((one + 0.5), (other + 0.5), base=2) ** 2
    assert jensen_shannon(one, other) == pytest.approx(expected)


def test_promised_performance_is_the_mean_over_outcomes_drawn_as_promised() -> None:
    random = np.random.default_rng(4)
    said = np.round(random.beta(1.5, 3, 800), 2).clip(0.01, 0.99)
    drawn = (random.random((400, said.size)) < said).astype(float)
    aucs = [roc_auc_score(label, said) for label in drawn]
    assert expected_auc(said) == pytest.approx(np.mean(aucs), abs=0.003)
    found = expected_performance(said)
    assert found.brier == pytest.approx(((said - drawn) ** 2).mean(), abs=0.002)
    surprise = -(drawn * np.log(said) + (1 - drawn) * np.log(1 - said)).mean()
    assert found.log_loss == pytest.approx(surprise, abs=0.005)
    low, high = auc_by_chance(said)
    assert np.mean([low <= one <= high for one in aucs]) > 0.96
    assert low < np.mean(aucs) < high

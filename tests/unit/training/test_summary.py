"""The figures of a back-test's report, from days made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.special import expit

from tests.unit.training.made import TASK
from training.backtest import Backtest, Skill, SliceResult
from training.dataset import task
from training.evaluate import Interval, Scored, auc_gain, measure
from training.evaluate.capacity import Capacity
from training.slices import Slice
from training.stakes import Stakes
from training.summary import SHARES, summarise

DAYS = (date(2011, 7, 15), date(2011, 8, 12), date(2011, 9, 10))


def backtest(rows: int = 300, *, owners: int = 3) -> Backtest:
    """Three days with the same accounts; the logistic rung says the truth, recency half of it."""
    random = np.random.default_rng(7)
    group = np.arange(rows)
    segment = np.array(["retail", "public", None], dtype=object)[group % 3]
    segment[:10] = "tiny"
    owner = np.array([f"R{code % owners}" for code in group], dtype=object)
    slices = []
    for day in DAYS:
        margin = random.normal(-1.0, 1.2, rows)
        label = (random.random(rows) < expit(margin)).astype(np.float64)
        said = {
            "prior": np.full(rows, 0.3),
            "logistic": expit(margin),
            "recency": expit(0.5 * margin + random.normal(-0.7, 0.5, rows)),
        }
        scored = Scored(day.isoformat(), label, group, said)
        metrics = {name: measure(one, label) for name, one in said.items()}
        stakes = Stakes(segment, owner, random.lognormal(7.0, 1.0, rows), is_margin=True)
        slices.append(
            SliceResult(Slice(day, (date(2011, 3, 1),)), 900, scored, metrics, group, label, stakes)
        )
    skill = Skill("logistic", "recency", Interval(0.1, 0.05, 0.15))
    return Backtest(TASK, tuple(slices), "logistic", skill, "skill", "AUC +0.100 over recency")


RESULT = backtest()
SUMMARY = summarise(RESULT, draws=100)


def test_the_rung_comes_first_and_every_rule_stands_beside_it() -> None:
    assert list(SUMMARY.pool) == ["logistic", "prior", "recency"]
    assert list(SUMMARY.gains) == ["prior", "recency"]
    assert (SUMMARY.rung, SUMMARY.rule) == ("logistic", "recency")


def test_the_pool_is_the_rows_of_all_days_together() -> None:
    label = np.concatenate([day.scored.label for day in RESULT.slices])
    said = np.concatenate([day.scored.probability["logistic"] for day in RESULT.slices])
    expected, found = measure(said, label), SUMMARY.pool["logistic"]
    assert found.auc.mean == pytest.approx(expected["auc"])
    assert found.average_precision.mean == pytest.approx(expected["average_precision"])
    assert found.brier.mean == pytest.approx(expected["brier"])
    assert found.log_loss.mean == pytest.approx(expected["log_loss"])
    assert found.lift.mean == pytest.approx(expected["lift_at_10"])
    assert found.ece == pytest.approx(expected["ece"])


def test_every_figure_lies_within_its_interval() -> None:
    for found in SUMMARY.pool.values():
        for one in (found.auc, found.brier, found.log_loss, found.precision):
            assert one.low <= one.mean <= one.high
    assert SUMMARY.pool["logistic"].auc.low > SUMMARY.pool["recency"].auc.mean


def test_the_gain_over_a_rule_is_the_one_that_gates_judge_by() -> None:
    scored = [day.scored for day in RESULT.slices]
    assert SUMMARY.gains["recency"] == auc_gain(scored, "logistic", "recency", draws=100)


def test_each_of_three_reps_calls_a_tenth_of_a_hundred_accounts_on_each_day() -> None:
    assert (SUMMARY.lists, SUMMARY.flagged) == (3, 90)
    hits = 0.0
    for day in RESULT.slices:
        assert day.stakes is not None
        for owner in ("R0", "R1", "R2"):
            own = np.flatnonzero(day.stakes.owner == owner)
            top = own[np.argsort(-day.scored.probability["logistic"][own])[:10]]
            hits += day.scored.label[top].sum()
    assert SUMMARY.pool["logistic"].precision.mean == pytest.approx(hits / 90)


def test_a_stated_number_is_called_instead() -> None:
    assert summarise(RESULT, capacity=Capacity(places=7), draws=10).flagged == 63


def test_where_all_who_are_flagged_leave_the_interval_is_no_point() -> None:
    day = RESULT.slices[0]
    label = np.ones(day.scored.label.size)
    label[-1] = 0.0
    sure = replace(day, scored=replace(day.scored, label=label))
    found = summarise(replace(RESULT, slices=(sure,)), capacity=Capacity(places=1), draws=20)
    precision = found.pool["logistic"].precision
    assert precision.mean == 1.0
    # Wilson: three of three
    assert precision.low == pytest.approx(0.4385, abs=5e-5)


def test_segments_too_small_to_judge_are_counted() -> None:
    assert [one.rows for one in SUMMARY.segments] == [291, 291, 288]
    assert {one.segment for one in SUMMARY.segments} == {"retail", "public", None}
    assert SUMMARY.segments_left_out == 1


def test_the_better_ranking_earns_more() -> None:
    best = {name: money.best.per_account for name, money in SUMMARY.money.items()}
    assert best["logistic"] > best["recency"] > best["prior"]
    assert SUMMARY.money["logistic"].curve.shape == SHARES.shape
    assert SUMMARY.money["logistic"].curve[0] == 0.0
    assert SUMMARY.is_margin


def test_deals_have_no_campaign_to_keep_them() -> None:
    deals = replace(RESULT, task=task("close"))
    assert summarise(deals, draws=10).money == {}


def test_without_stakes_there_is_one_list_and_no_money() -> None:
    bare = tuple(replace(day, stakes=None) for day in RESULT.slices)
    found = summarise(replace(RESULT, slices=bare), draws=10)
    assert (found.lists, found.money, found.segments) == (1, {}, ())


def test_a_day_on_which_one_outcome_alone_came_about_is_shown_without_an_auc() -> None:
    day = RESULT.slices[0]
    lost = replace(day, scored=replace(day.scored, label=np.zeros(300)))
    found = summarise(replace(RESULT, slices=(lost, *RESULT.slices[1:])), draws=20)
    assert np.isnan(found.days[0].models["logistic"].auc.mean)
    assert found.days[0].base_rate == 0.0

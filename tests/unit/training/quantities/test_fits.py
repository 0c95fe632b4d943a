"""The rungs of duration and value: what they learn, what adds up, what is read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from features.asof import US_PER_DAY
from tests.unit.training.quantities.made import END, accounts, deals
from training.dataset import Dataset, task
from training.labels import OPEN
from training.models import Hazards, Rung, TwoPart, rung_from_json
from training.quantities.fit_amounts import fit_amounts
from training.quantities.fit_durations import (
    fit_closed_only,
    fit_durations,
    loss_of,
    recensored,
)
from training.quantities.measures import covered, pinball, pinballs
from training.quantities.purchases import fit_baseline

DURATION, VALUE = task("duration", horizon_days=60), task("value")
KINDS = [
    *(("duration", name) for name in ("prior", "rates", "logistic", "lightgbm")),
    *(("value", name) for name in ("prior", "rates", "linear", "lightgbm")),
]


@pytest.fixture(scope="module")
def fitted() -> Mapping[str, Mapping[str, Rung]]:
    """Every rung of both models."""
    durations = fit_durations(deals(), DURATION, quick=True)
    amounts = fit_amounts(accounts(), VALUE, quick=True)
    return {
        "duration": {name: found.rung for name, found in durations.items()},
        "value": {name: found.rung for name, found in amounts.items()},
    }


def _rows(model: str) -> Dataset:
    return deals(40, seed=11) if model == "duration" else accounts(40, seed=11)


@pytest.mark.parametrize(("model", "name"), KINDS)
def test_base_and_contributions_add_up_to_the_margin(
    model: str, name: str, fitted: Mapping[str, Mapping[str, Rung]]
) -> None:
    rung, rows = fitted[model][name], _rows(model).matrix
    base, parts = rung.contributions(rows)
    assert parts.shape == (rows.code.size, len(rung.features))
    np.testing.assert_allclose(base + parts.sum(axis=1), rung.margin(rows), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("model", "name"), KINDS)
def test_a_rung_is_read_back_as_it_was(
    model: str, name: str, fitted: Mapping[str, Mapping[str, Rung]]
) -> None:
    rung, rows = fitted[model][name], _rows(model).matrix
    body = json.loads(json.dumps({"name": rung.name, **rung.to_json()}, allow_nan=False))
    boosters = {
        key: lightgbm.Booster(model_str=trees.model_to_string())
        for key, trees in rung.boosters.items()
    }
    again = rung_from_json(body, boosters)
    np.testing.assert_array_equal(again.outputs(rows), rung.outputs(rows))
    assert (again.name, again.features, again.to_json()) == (name, rung.features, rung.to_json())


def test_trees_are_kept_by_cause_and_by_part(fitted: Mapping[str, Mapping[str, Rung]]) -> None:
    assert set(fitted["duration"]["lightgbm"].boosters) == {"won", "lost"}
    assert set(fitted["value"]["lightgbm"].boosters) == {"any", "amount"}
    assert fitted["duration"]["logistic"].boosters == {}
    assert fitted["value"]["linear"].boosters == {}


@pytest.mark.parametrize(("model", "name"), KINDS)
def test_a_row_gets_the_same_alone_and_among_others(
    model: str, name: str, fitted: Mapping[str, Mapping[str, Rung]]
) -> None:
    rung, rows = fitted[model][name], _rows(model).matrix
    together = rung.outputs(rows)
    alone = [rung.outputs(rows.take(np.array([place])))[0] for place in range(5)]
    np.testing.assert_array_equal(alone, together[:5])


@pytest.mark.parametrize("broken", ["edges", "added", "kind", "booster"])
def test_parts_that_make_no_rung_are_refused(
    broken: str, fitted: Mapping[str, Mapping[str, Rung]]
) -> None:
    rung = fitted["duration"]["lightgbm"]
    body = {"name": "lightgbm", **rung.to_json()}
    boosters = dict(rung.boosters)
    if broken == "edges":
        body["stages"] = {**body["stages"], "edges": body["stages"]["edges"][::-1]}
    elif broken == "added":
        body["added"] = {"won": body["added"]["won"]}
    elif broken == "kind":
        body["kind"] = "weather"
    else:
        boosters.pop("lost")
    with pytest.raises((ValueError, KeyError)):
        rung_from_json(body, boosters)


def test_what_features_know_makes_durations_better(
    fitted: Mapping[str, Mapping[str, Rung]],
) -> None:
    rungs = {name: rung for name, rung in fitted["duration"].items() if isinstance(rung, Hazards)}
    test = deals(100, seed=12)
    loss = {name: loss_of(rung, test).mean() for name, rung in rungs.items()}
    assert loss["rates"] < loss["prior"] - 0.01
    assert loss["logistic"] < loss["rates"] - 0.1
    assert loss["lightgbm"] < loss["rates"] - 0.1


def test_closed_deals_alone_promise_too_much(fitted: Mapping[str, Mapping[str, Rung]]) -> None:
    train = deals()
    ours = fitted["duration"]["rates"]
    assert isinstance(ours, Hazards)
    naive = fit_closed_only(train, DURATION, ours.stages.edges)
    lead = train.take(np.flatnonzero(train.matrix.keys["stage"] == "lead")[:1]).matrix
    # Of 1,500 leads like those of the rows, followed to their end.
    random = np.random.default_rng(9)
    pace = 0.01 * np.exp(random.normal(size=1500))
    truth = np.median(random.exponential(1.0 / pace))
    closed = train.ended.days[(train.ended.cause != OPEN) & (train.matrix.keys["stage"] == "lead")]
    said, promised = ours.curves(lead).days_until(0.5)[0], naive.curves(lead).days_until(0.5)[0]
    assert np.median(closed) < 0.75 * truth
    assert promised < 0.75 * truth
    assert said == pytest.approx(truth, rel=0.15)


def test_what_closed_later_was_open_on_an_earlier_day() -> None:
    data = deals()
    moment = int(data.matrix.as_of.max())
    known = recensored(data, moment)
    assert (known.matrix.as_of < moment).all()
    until = (moment - known.matrix.as_of) / US_PER_DAY
    assert (known.ended.followed == until).all()
    is_open = known.ended.cause == OPEN
    np.testing.assert_array_equal(known.ended.days[is_open], until[is_open])
    assert (known.ended.days[~is_open] < until[~is_open]).all()
    assert is_open.sum() > (data.ended.cause == OPEN).sum() * 0.5
    assert moment < END


def test_few_closings_carry_no_keen_rung() -> None:
    few = deals(5)
    few = few.take(np.flatnonzero(few.ended.cause == OPEN)[:30])
    assert set(fit_durations(few, DURATION)) == {"prior", "rates"}


def test_amounts_follow_what_was_bought_and_intervals_hold(
    fitted: Mapping[str, Mapping[str, Rung]],
) -> None:
    rungs = {name: rung for name, rung in fitted["value"].items() if isinstance(rung, TwoPart)}
    test = accounts(600, seed=13)
    said = {name: rung.amounts(test.matrix) for name, rung in rungs.items()}
    loss = {name: pinballs(found, test.label).mean() for name, found in said.items()}
    assert loss["rates"] < 0.7 * loss["prior"]
    assert loss["lightgbm"] < 0.7 * loss["prior"]
    for found in said.values():
        assert covered(found, test.label).mean() == pytest.approx(0.8, abs=0.03)
        assert found.expected.sum() == pytest.approx(test.label.sum(), rel=0.1)


def test_contributions_of_either_part_add_up_to_it(
    fitted: Mapping[str, Mapping[str, Rung]],
) -> None:
    rung, rows = fitted["value"]["lightgbm"], _rows("value").matrix
    assert isinstance(rung, TwoPart)
    apart = rung.contributions_apart(rows)
    said = rung.predict(rows)
    for name, margin in (("any", said.any), ("amount", said.log_amount)):
        base, parts = apart[name]
        np.testing.assert_allclose(base + parts.sum(axis=1), margin, rtol=0, atol=1e-9)


def test_a_year_is_at_most_in_proportion_and_at_least_the_horizon(
    fitted: Mapping[str, Mapping[str, Rung]],
) -> None:
    rung, rows = fitted["value"]["lightgbm"], _rows("value").matrix
    assert isinstance(rung, TwoPart)
    assert rung.process is not None
    growth = rung.process.growth(rows, VALUE.horizon, 365)
    assert ((growth >= 1.0) & (growth <= 365 / 90)).all()
    assert np.ptp(growth) > 0.1
    unknown = replace(rows, values=np.full(rows.values.shape, np.nan))
    np.testing.assert_allclose(rung.process.growth(unknown, VALUE.horizon, 365), 365 / 90)


def test_a_baseline_needs_orders() -> None:
    data = accounts(50)
    assert fit_baseline(data, VALUE) is not None
    nothing = replace(data, label=np.zeros(data.size))
    assert fit_baseline(nothing, VALUE) is None


def test_the_pinball_is_least_at_the_quantile() -> None:
    amount = np.arange(1.0, 101.0)
    tried = {said: pinball(np.full(100, said), amount, 0.9).sum() for said in (80.0, 90.5, 99.0)}
    assert min(tried, key=lambda said: tried[said]) == 90.5

"""Do durations and amounts of a portfolio to come keep what was said of them?

The portfolio is cut at a day: models learn from what was known then, and are held to what came.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.events import EventSet, build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from training.dataset import Workshop, task
from training.labels import OPEN, Horizon
from training.models import Hazards, TwoPart
from training.quantities.fit_amounts import fit_amounts
from training.quantities.fit_durations import fit_closed_only, fit_durations
from training.quantities.measures import covered
from training.quantities.trial import run_quantity_backtest
from training.slices import train_dates

LATER = timedelta(days=270)


def _events(accounts: int, folder: Path, seed: int = 21) -> EventSet:
    made = simulate(np.random.default_rng(seed), SimulatorSettings(accounts=accounts))
    write_simulation(made, folder)
    return build_events(read_records(open_portfolio(folder)))


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> EventSet:
    """1,500 accounts."""
    return _events(1_500, tmp_path_factory.mktemp("quantities"))


def test_days_to_close_of_closed_deals_alone_are_too_few(events: EventSet) -> None:
    workshop = Workshop(events, task("duration"))
    # A young funnel: 120 days of deals, the slow ones among them still open.
    day = workshop.data_end - LATER
    first = day - timedelta(days=120)
    days = train_dates(day, first, Horizon(30))
    train = workshop.dataset(days, day)
    rung = fit_durations(train, workshop.task, quick=True, only=("rates",))["rates"].rung
    assert isinstance(rung, Hazards)
    naive = fit_closed_only(train, workshop.task, rung.stages.edges)
    # Nine months later nearly all have ended.
    came = workshop.dataset([day], workshop.data_end)
    assert (came.ended.cause == OPEN).mean() < 0.1
    truth = float(np.median(came.ended.days))
    closed = train.ended.days[train.ended.cause != OPEN]
    ours = float(np.median(rung.curves(came.matrix).days_until(0.5)))
    promised = float(np.median(naive.curves(came.matrix).days_until(0.5)))
    assert float(np.median(closed)) < 0.8 * truth, (np.median(closed), truth)
    assert promised < 0.8 * truth
    assert ours == pytest.approx(truth, rel=0.2), (ours, truth)


def test_curves_that_respect_censoring_are_those_that_come_about(events: EventSet) -> None:
    result = run_quantity_backtest(Workshop(events, task("duration")), quick=True, count=2)
    # Pace depends on little in this world, and 1,500 accounts have few deals.
    mean = result.mean()
    assert mean["fanal"]["log_loss"] < mean["prior"]["log_loss"] < mean["closed_only"]["log_loss"]
    assert mean["fanal"]["closed_gap"] < 0.05 < mean["closed_only"]["closed_gap"]
    assert mean["fanal"]["closed_by_p50"] == pytest.approx(0.5, abs=0.06)
    body = result.to_json()
    assert (body["model"], "interval_80" in body) == ("duration", False)
    assert body["skill"]["ci95"][0] <= body["skill"]["loss_gain"] <= body["skill"]["ci95"][1]


def test_amounts_beat_the_purchase_process_and_intervals_hold(events: EventSet) -> None:
    result = run_quantity_backtest(Workshop(events, task("value")), quick=True, count=2)
    assert result.verdict == "skill", result.reason
    mean = result.mean()
    for metric in ("mae", "rmse", "pinball"):
        assert mean["fanal"][metric] < mean["bg_nbd"][metric]
    held = result.interval_held()
    assert held is not None
    assert 0.75 < held.mean < 0.85
    body = result.to_json()
    assert body["interval_80"] == {"held": held.mean, "ci95": [held.low, held.high]}
    assert set(body["slices"][0]["models"]["fanal"]) == {
        "mae", "rmse", "pinball", "interval_80_held", "interval_80_width", "total_ratio",
    }  # fmt: skip


@pytest.mark.long
def test_of_20_000_amounts_the_80_percent_interval_holds_78_to_82_percent(tmp_path: Path) -> None:
    held = []
    for seed in (31, 32, 33):
        workshop = Workshop(_events(4_000, tmp_path / str(seed), seed), task("value"))
        for back in (90, 120, 150, 180):
            day: date = workshop.data_end - timedelta(days=back)
            days = train_dates(day, workshop.first_day, workshop.task.horizon)
            train, test = workshop.dataset(days, day), workshop.dataset([day], workshop.data_end)
            rung = fit_amounts(train, workshop.task, only=("lightgbm",))["lightgbm"].rung
            assert isinstance(rung, TwoPart)
            held.append(covered(rung.amounts(test.matrix), test.label))
    pooled = np.concatenate(held)
    assert pooled.size >= 20_000
    assert 0.78 <= pooled.mean() <= 0.82

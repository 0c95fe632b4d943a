"""What a training of durations or amounts leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import mlflow
import numpy as np
import pytest

from features.events import EventSet, build_events
from features.records.folder import Records, open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from training.artefact import load_champion
from training.dataset import MODELS, Workshop, task, tasks_of, value_horizon
from training.models import Hazards, TwoPart
from training.registry import Registry
from training.run import Trained, train

# What mlflow warns of in its own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")


@dataclass(frozen=True)
class Done:
    """Trainings on one simulated portfolio."""

    records: Records
    events: EventSet
    registry: Registry
    trained: Mapping[str, Trained]


def _world(folder: Path, accounts: int) -> tuple[Records, EventSet]:
    made = simulate(np.random.default_rng(7), SimulatorSettings(accounts=accounts, days=540))
    write_simulation(made, folder)
    records = read_records(open_portfolio(folder))
    return records, build_events(records)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Value of 500 accounts, and what comes of durations of 40."""
    folder = tmp_path_factory.mktemp("quantities")
    records, events = _world(folder / "portfolio", 500)
    registry = Registry(folder / "home")
    trained = {"value": train(records, events, task("value"), registry, quick=True)}
    few, few_events = _world(folder / "few", 40)
    trained["duration"] = train(few, few_events, task("duration"), registry, quick=True)
    return Done(records, events, registry, trained)


def test_amounts_past_their_gates_have_a_champion_that_says_the_same_from_disk(
    done: Done,
) -> None:
    trained = done.trained["value"]
    assert (trained.verdict, trained.promoted) == ("promoted", True), trained.reason
    assert [gate.code for gate in trained.gates] == ["GT001", "GT002", "GT003", "GT004", "GT007"]
    champion = load_champion(done.registry.home, "demo", "value")
    assert isinstance(champion.rung, TwoPart)
    assert champion.rung.name == trained.rung
    assert champion.facts["basis"] == "margin"
    assert champion.facts["snapshot"] is None
    rows = Workshop(done.events, champion.task).rows(date(2026, 6, 1))
    amounts = champion.rung.amounts(rows)
    assert (amounts.quantile(0.1) <= amounts.quantile(0.9)).all()
    assert (amounts.expected > 0).all()


def test_the_run_has_the_metrics_of_amounts_and_the_card_says_what_is_predicted(
    done: Done,
) -> None:
    trained = done.trained["value"]
    run = mlflow.get_run(trained.run_id)
    for name in ("fanal", "prior", "rates", "linear", "bg_nbd"):
        assert {f"{name}.pinball", f"{name}.mae", f"{name}.interval_80_held"} <= set(
            run.data.metrics
        )
    assert run.data.metrics["loss_gain.low95"] > 0
    assert run.data.params["test_dates"].count(",") == 2
    card = mlflow.artifacts.load_text(f"runs:/{trained.run_id}/model_card.md")
    assert "What the account brings in within 90 days. Rung: " in card


def test_too_few_deals_are_served_the_life_table_of_all_so_labelled(done: Done) -> None:
    trained = done.trained["duration"]
    assert (trained.verdict, trained.rung, trained.promoted) == ("too_little_data", "prior", True)
    champion = load_champion(done.registry.home, "demo", "duration")
    assert isinstance(champion.rung, Hazards)
    assert champion.facts["verdict"] == "too_little_data"


def test_value_looks_as_far_ahead_as_the_history_teaches(done: Done) -> None:
    assert value_horizon(date(2023, 1, 1), date(2026, 1, 1)) == 365
    assert value_horizon(date(2024, 1, 1), date(2026, 1, 1)) == 90
    assert value_horizon(date(2025, 11, 1), date(2026, 1, 1)) == 30
    found = tasks_of(MODELS, done.events, horizon_days=None, lead_days=5)
    ahead = {made.name: (made.horizon.horizon_days, made.horizon.lead_days) for made in found}
    assert ahead["churn"] == ahead["close"] == (90, 5)
    assert ahead["duration"] == (90, 0)
    assert ahead["value"][0] in (90, 365)
    asked = tasks_of(MODELS, done.events, horizon_days=30)
    assert {made.horizon.horizon_days for made in asked} == {30}

"""What a training leaves behind: a run, a version, and a verdict with its reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow.entities import Run

from features.events import build_events
from features.records.folder import Records, open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from training import registry as registry_module
from training.artefact import load_champion
from training.artefact.trial import prove
from training.dataset import task
from training.monitor import reference_from_json
from training.registry import Registry
from training.run import Trained, data_digest, train
from training.summary import Summary

# What mlflow warns of in its own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")


@dataclass(frozen=True)
class Done:
    """A training of both models on a simulated portfolio, as the registry keeps it."""

    records: Records
    registry: Registry
    trained: Mapping[str, Trained]

    def run(self, model: str) -> Run:
        """The MLflow run of a model."""
        return mlflow.get_run(self.trained[model].run_id)

    def files(self, model: str) -> set[str]:
        """Names of the run's artefacts."""
        client = mlflow.MlflowClient()
        return {found.path for found in client.list_artifacts(self.trained[model].run_id)}


def _records(folder: Path, settings: SimulatorSettings) -> Records:
    write_simulation(simulate(np.random.default_rng(7), settings), folder)
    return read_records(open_portfolio(folder))


def _pages(summary: Summary) -> dict[str, str]:
    """What a door would write, in few words."""
    return {"backtest.en.html": f"{summary.rung} on {len(summary.days)} days"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Both models, trained on 1,500 accounts."""
    folder = tmp_path_factory.mktemp("run")
    records = _records(folder / "portfolio", SimulatorSettings(accounts=1500))
    events = build_events(records)
    registry = Registry(folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_module, "try_in_child", prove)
        trained = {
            model: train(records, events, task(model), registry, quick=True, pages=_pages)
            for model in ("churn", "close")
        }
    return Done(records, registry, trained)


@pytest.mark.parametrize("model", ["churn", "close"])
def test_a_model_past_its_gates_is_the_champion(model: str, done: Done) -> None:
    trained = done.trained[model]
    assert (trained.verdict, trained.promoted) == ("promoted", True), trained.reason
    champion = load_champion(done.registry.home, "demo", model)
    assert (champion.version, champion.rung.name) == (trained.version, trained.rung)
    assert champion.contexts[-1].as_of_date.isoformat() == "2026-07-01"


@pytest.mark.parametrize("model", ["churn", "close"])
def test_the_run_says_how_and_on_what_it_was_trained(model: str, done: Done) -> None:
    run = done.run(model)
    assert {
        "model", "horizon_days", "lead_days", "activity_days", "rung", "features", "train_dates",
        "test_dates", "rows", "search.unseen_log_loss",
    } <= set(run.data.params)  # fmt: skip
    assert run.data.params["horizon_days"] == "90"
    assert run.data.tags["data_digest"] == data_digest(done.records)
    assert {run.data.tags[gate] for gate in ("GT001", "GT002", "GT003", "GT004")} == {"passed"}
    assert len(run.data.tags["feature_set_version"]) == 12


@pytest.mark.parametrize("model", ["churn", "close"])
def test_the_run_has_every_rung_beside_the_dull_rules(model: str, done: Done) -> None:
    metrics = done.run(model).data.metrics
    rule = "recency" if model == "churn" else "stage_rate"
    for name in ("fanal", "prior", "logistic", "lightgbm", "default_lightgbm", rule):
        assert {f"{name}.auc", f"{name}.brier", f"{name}.log_loss", f"{name}.ece"} <= set(metrics)
    trained = done.trained[model]
    assert metrics["fanal.auc"] == pytest.approx(trained.metrics["auc"])
    assert metrics["auc_gain.low95"] < metrics["auc_gain"] < metrics["auc_gain.high95"]


@pytest.mark.parametrize("model", ["churn", "close"])
def test_metrics_have_their_intervals(model: str, done: Done) -> None:
    metrics = done.run(model).data.metrics
    rungs = [name for name in ("rates", "logistic", "lightgbm") if f"{name}.auc" in metrics]
    for name in ("fanal", *rungs):
        for metric in ("auc", "brier", "log_loss"):
            low, high = (metrics[f"{name}.{metric}.{end}95"] for end in ("low", "high"))
            assert low < metrics[f"{name}.{metric}"] < high


@pytest.mark.parametrize("model", ["churn", "close"])
def test_the_run_names_its_dataset(model: str, done: Done) -> None:
    (dataset,) = (given.dataset for given in done.run(model).inputs.dataset_inputs)
    assert dataset.name == "demo"
    assert data_digest(done.records).startswith(dataset.digest)


@pytest.mark.parametrize("model", ["churn", "close"])
def test_the_run_keeps_card_pictures_features_and_artefact(model: str, done: Done) -> None:
    assert {
        "model_card.md", "features.txt", "calibration.png", "lift.png", "shap_summary.png",
        "artefact",
    } <= done.files(model)  # fmt: skip
    run_id = done.trained[model].run_id
    card = mlflow.artifacts.load_text(f"runs:/{run_id}/model_card.md")
    assert f"# demo: {model}, version {done.trained[model].version}" in card
    assert "Verdict: **promoted**" in card
    names = mlflow.artifacts.load_text(f"runs:/{run_id}/features.txt").split()
    champion = load_champion(done.registry.home, "demo", model)
    assert names == list(champion.rung.features)


def test_the_trees_have_a_signature_of_doubles(done: Done) -> None:
    client = mlflow.MlflowClient()
    for model, trained in done.trained.items():
        if trained.rung != "lightgbm":
            continue
        experiment = client.get_experiment_by_name("demo")
        assert experiment is not None
        logged = [
            found
            for found in client.search_logged_models([experiment.experiment_id])
            if found.source_run_id == trained.run_id
        ]
        text = mlflow.artifacts.load_text(f"{logged[0].artifact_location}/MLmodel")
        assert text.count('\\"type\\": \\"double\\"') >= 1 or '"type": "double"' in text, model


def test_a_training_as_json_has_the_keys_that_programs_read(done: Done) -> None:
    for model, trained in done.trained.items():
        said = json.loads(json.dumps(trained.to_json(), allow_nan=False))
        assert {"model", "rung", "version", "promoted", "verdict", "gates", "metrics"} <= set(said)
        assert (said["model"], said["version"]) == (model, trained.version)


def test_records_that_are_equal_have_equal_digests(done: Done) -> None:
    orders = done.records.tables["orders"]
    half = {"orders": orders.slice(10, 500)}
    copied = {"orders": orders.take(list(range(10, 510)))}
    other = {"orders": orders.slice(11, 500)}
    one, two, three = (
        data_digest(Records(done.records.portfolio, tables)) for tables in (half, copied, other)
    )
    assert one == two
    assert one != three


def test_too_few_accounts_are_served_the_base_rate_so_labelled(tmp_path: Path) -> None:
    records = _records(tmp_path / "portfolio", SimulatorSettings(accounts=100))
    registry = Registry(tmp_path / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_module, "try_in_child", prove)
        trained = train(records, build_events(records), task("churn"), registry, quick=True)
    assert (trained.verdict, trained.rung, trained.promoted) == ("too_little_data", "prior", True)
    assert "200 are needed" in trained.reason
    champion = load_champion(registry.home, "demo", "churn")
    assert champion.facts["verdict"] == "too_little_data"


@pytest.mark.parametrize("model", ["churn", "close"])
def test_the_run_keeps_the_pages_that_a_door_writes(model: str, done: Done) -> None:
    place = f"*/{done.trained[model].run_id}/artifacts/backtest.en.html"
    (path,) = done.registry.runs_folder.glob(place)
    said = path.read_text(encoding="utf-8")
    assert said == f"{done.trained[model].rung} on 5 days"


@pytest.mark.parametrize("model", ["churn", "close"])
def test_a_champion_keeps_what_its_training_rows_looked_like(model: str, done: Done) -> None:
    champion = load_champion(done.registry.home, "demo", model)
    assert champion.distributions is not None
    seen = reference_from_json(champion.distributions)
    assert seen.rows == champion.facts["rows"]
    assert set(seen.features) == set(champion.rung.features)
    assert sum(seen.score.counts) == seen.rows
    assert seen.tested["auc"] == pytest.approx(done.trained[model].metrics["auc"])
    assert seen.base_rate == pytest.approx(champion.facts["outcomes"] / seen.rows)

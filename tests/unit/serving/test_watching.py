"""A watch reads the doors: records, stored scores, champions. One small portfolio, two models."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import mlflow
import numpy as np
import pytest

from features.errors import NotReady
from features.events import build_events
from features.records.folder import Records, open_portfolio, read_records
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.world import simulate
from features.records.simulator.writing import write_simulation
from serving.champions import Champions, load_champions
from serving.cli.main import main
from serving.settings import MonitorSettings, Settings
from serving.store.rows import Run, ScoredRow, ScoreInput
from serving.store.store import Store
from serving.watching import keep_watched, kept_watches, watch_champions
from tests.unit.serving.api.conftest import END, NOW, make_champion, promote
from training.artefact import Champion
from training.dataset import Workshop
from training.monitor import seen_in_training
from training.slices import train_dates

# What mlflow warns of in its own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")

LIMITS = MonitorSettings()
CLOCK = datetime.combine(END, datetime.min.time(), NOW.tzinfo) + timedelta(days=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("watched") / "demo"
    settings = SimulatorSettings(accounts=150, days=500, end_date=END)
    write_simulation(simulate(np.random.default_rng(7), settings), place, "demo")
    return place


@pytest.fixture(scope="module")
def records(folder: Path) -> Records:
    return read_records(open_portfolio(folder, clock=NOW))


@pytest.fixture(scope="module")
def workshop(records: Records, churn: Champion) -> Workshop:
    return Workshop(build_events(records), churn.task)


@pytest.fixture(scope="module")
def churn(records: Records) -> Champion:
    """A champion that knows its training rows."""
    bare = make_champion(records, "churn", "1")
    made = Workshop(build_events(records), bare.task)
    days = train_dates(made.data_end, made.first_day, bare.task.horizon, count=2)
    data = made.dataset(days, made.data_end)
    seen = seen_in_training(bare, data, made.rows(made.data_end), {"auc": 0.7})
    facts = {**bare.facts, "trained_through": "2026-06-01"}
    return replace(bare, distributions=seen.to_json(), facts=facts)


def _champions(churn: Champion) -> Champions:
    return Champions(churn.portfolio, churn, None)


def _keep(
    store: Store, workshop: Workshop, churn: Champion, day: date, shift: float = 0.0
) -> np.ndarray:
    """Store scores of a day as a batch does; returns their probabilities."""
    rows = workshop.rows(day)
    said = np.clip(churn.probability(rows) + shift, 0.01, 0.99)
    run = Run(f"r{day}", "demo", "score", CLOCK, "0", as_of=day)
    names = [workshop.events.accounts.words[int(code)] for code in rows.code]
    kept = [
        ScoredRow(
            f"{day}.{name}", "account", name, name, "churn", day, CLOCK, CLOCK, float(p),
            horizon_days=90, model_version="1", segment=segment,
        )
        for name, p, segment in zip(names, said, rows.keys["segment"], strict=True)
    ]  # fmt: skip
    values = np.where(np.isnan(rows.values), None, rows.values.astype(object))
    inputs = [
        ScoreInput(row.score_id, dict(zip(rows.names, line, strict=True)))
        for row, line in zip(kept, values.tolist(), strict=True)
    ]
    store.save_run(run)
    store.save_scores(run, kept, inputs)
    return said


def test_matured_scores_are_laid_beside_what_happened(
    records: Records, churn: Champion, workshop: Workshop, tmp_path: Path
) -> None:
    day = workshop.data_end - timedelta(days=125)  # subscriptions mature 30 days later
    with Store.open(tmp_path) as store:
        said = _keep(store, workshop, churn, day)
        _keep(store, workshop, churn, workshop.data_end)
        watched = watch_champions(
            _champions(churn), store, records=records, limits=LIMITS, clock=CLOCK
        )
    (one,) = watched.watches
    (realised,) = one.realised
    label = workshop.dataset([day], workshop.data_end).label
    assert (realised.as_of, realised.version) == (day, "1")
    assert realised.measured.rows == label.size
    assert realised.happened == pytest.approx(label.mean())
    assert realised.said == pytest.approx(said.mean())
    assert one.as_of == workshop.data_end
    assert not {"MN001", "MN004", "MN008", "MN009", "MN010"} & {f.code for f in one.findings}


def test_scores_that_said_too_much_call_for_training(
    records: Records, churn: Champion, workshop: Workshop, tmp_path: Path
) -> None:
    day = workshop.data_end - timedelta(days=125)  # subscriptions mature 30 days later
    with Store.open(tmp_path) as store:
        _keep(store, workshop, churn, day, shift=0.35)
        watched = watch_champions(
            _champions(churn), store, records=records, limits=LIMITS, clock=CLOCK
        )
    codes = {found.code for found in watched.watches[0].findings}
    # the newest scores are those of 125 days ago: old as well
    assert {"MN006", "MN009"} <= codes
    assert watched.verdict == "retrain"


def test_without_records_the_newest_stored_scores_are_watched(
    churn: Champion, workshop: Workshop, tmp_path: Path
) -> None:
    with Store.open(tmp_path) as store:
        _keep(store, workshop, churn, workshop.data_end)
        watched = watch_champions(
            _champions(churn), store, records=None, limits=LIMITS, clock=CLOCK
        )
    (one,) = watched.watches
    live = workshop.rows(workshop.data_end)
    assert one.expected.rows == live.code.size
    assert one.realised == ()
    assert one.score.psi < 0.2
    assert {drift.name for drift in one.features} == set(churn.rung.features)


def test_with_neither_records_nor_scores_there_is_nothing_to_watch(
    churn: Champion, tmp_path: Path
) -> None:
    with Store.open(tmp_path) as store, pytest.raises(NotReady) as caught:
        watch_champions(_champions(churn), store, records=None, limits=LIMITS, clock=CLOCK)
    assert caught.value.code == "NR041"


def test_a_champion_that_keeps_nothing_of_its_training_says_so(
    records: Records, churn: Champion, tmp_path: Path
) -> None:
    bare = replace(churn, distributions=None)
    with Store.open(tmp_path) as store, pytest.raises(NotReady) as caught:
        watch_champions(_champions(bare), store, records=records, limits=LIMITS, clock=CLOCK)
    assert caught.value.code == "NR040"


def test_what_was_found_is_kept_beside_the_champion_and_read_again(
    records: Records, churn: Champion, tmp_path: Path
) -> None:
    promote(tmp_path, churn)
    champions = load_champions(tmp_path)
    assert champions.churn is not None
    assert champions.churn.distributions == json.loads(json.dumps(churn.distributions))
    with Store.open(tmp_path) as store:
        watched = watch_champions(champions, store, records=records, limits=LIMITS, clock=CLOCK)
    keep_watched(tmp_path, watched)
    (kept,) = kept_watches(tmp_path)
    assert (kept["portfolio"], kept["model"], kept["version"]) == ("demo", "churn", "1")
    assert kept["verdict"] == watched.verdict


def test_the_limits_of_the_settings_are_those_of_the_watch() -> None:
    found = Settings(monitor={"psi": 0.1}).monitor  # type: ignore[arg-type]
    assert (found.psi, found.data_days) == (0.1, 35.0)


def test_the_verb_prints_keeps_and_logs(
    folder: Path, churn: Champion, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promote(home, churn)
    assert main(["monitor", str(folder), "--html", "watch.html", "--language", "fr"]) == 0
    said = capsys.readouterr().out
    assert "demo.churn version 1" in said
    assert "MN009 (look): No score is stored." in said
    page = Path("watch.html").read_text(encoding="utf-8")
    assert "Aucun score n&#39;est conservé." in page
    assert main(["monitor", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"][0]["model"] == "churn"
    assert document["verdict"] in ("look", "retrain")
    runs = mlflow.search_runs(experiment_names=["demo"], output_format="list")
    assert [run.data.tags["verdict"] for run in runs] == [document["verdict"]] * 2
    assert {"score.psi", "expected.auc", "data_age_days"} <= set(runs[0].data.metrics)
    files = mlflow.MlflowClient().list_artifacts(runs[0].info.run_id)
    assert [file.path for file in files] == ["monitor.html"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["monitor", "nowhere"], "PF001"),
        (["monitor", "--portfolio", "nobody"], "NR020"),
        (["monitor", "--html", "no/such/folder/page.html"], "CL003"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_mistake_is_told_with_its_code(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(code)

"""Evidence of a small simulated portfolio: is what was planted in the records found?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from features.events import build_events
from features.matrix import FeatureMatrix
from features.records.folder import Records, open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from features.signals.catalogue import feature_set_version
from tests.unit.training.gates.planted import sound
from training.artefact import Champion, write_artefact, write_pointer
from training.artefact.champion import reference_of
from training.backtest import Backtest, Skill, SliceResult
from training.calibration import Calibration
from training.contexts import context_at
from training.dataset import Dataset, Workshop, join, task
from training.evaluate import Interval, Scored, measure
from training.gates.champion import is_no_worse
from training.gates.drift import scores_are_familiar
from training.gates.dueling import duel
from training.gates.evidence import Spoken
from training.gates.gathering import gather
from training.gates.labels import are_sound
from training.gates.past import did_not_change
from training.gates.remembering import keep_snapshot, read_snapshot, remembered, snapshot_of
from training.gates.rereading import known_before, reread
from training.manifest import sha256
from training.models import fit_logistic, to_probability, usable_features
from training.pointer import models_folder
from training.slices import rolling_slices, train_dates

TASK = task("churn")
STRENGTH = 0.01


@dataclass(frozen=True)
class Trained:
    """A portfolio with a model of it."""

    workshop: Workshop
    data: Dataset
    model: Champion
    result: Backtest

    @property
    def records(self) -> Records:
        """Its records."""
        return self.workshop.events.records


def _fit(data: Dataset, n_features: int | None = None) -> object:
    return fit_logistic(data, usable_features(data)[:n_features], strength=STRENGTH)


def _train(records: Records, n_features: int | None = None) -> Trained:
    workshop = Workshop(build_events(records), TASK)
    days = train_dates(workshop.data_end, workshop.first_day, TASK.horizon, count=3)
    data = workshop.dataset(days, workshop.data_end)
    rung = _fit(data, n_features)
    facts = {"trained_through": workshop.data_end.isoformat(), "settings": {"strength": STRENGTH}}
    model = Champion(
        replace(records.portfolio, folder=None), TASK, "1", "", rung, Calibration(),
        feature_set_version(rung.features, "account"), (), reference_of(records), facts,
    )  # fmt: skip
    context = context_at(workshop, model, workshop.data_end)
    slices = []
    for piece in rolling_slices(workshop.first_day, workshop.data_end, TASK.horizon, count=2):
        train = workshop.dataset(piece.train_dates[:3], piece.test_date)
        test = workshop.dataset([piece.test_date], workshop.data_end)
        said = {"logistic": to_probability(_fit(train, n_features).margin(test.matrix))}
        scored = Scored(piece.test_date.isoformat(), test.label, test.group, said)
        metrics = {name: measure(p, test.label) for name, p in said.items()}
        piece = replace(piece, train_dates=piece.train_dates[:3])
        slices.append(SliceResult(piece, train.size, scored, metrics, test.group, test.label))
    skill = Skill("logistic", "recency", Interval(0.1, 0.05, 0.15))
    result = Backtest(TASK, tuple(slices), "logistic", skill, "skill", "skill")
    return Trained(workshop, data, replace(model, contexts=(context,)), result)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    folder = tmp_path_factory.mktemp("portfolio")
    made = simulate(np.random.default_rng(5), SimulatorSettings(accounts=400))
    write_simulation(made, folder)
    return read_records(open_portfolio(folder))


@pytest.fixture(scope="module")
def trained(records: Records) -> Trained:
    return _train(records)


@pytest.fixture(scope="module")
def home(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose champion is the model, with its snapshot."""
    folder = tmp_path_factory.mktemp("home")
    content = snapshot_of(trained.workshop, trained.data)
    facts = {**trained.model.facts, "snapshot": sha256(content)}
    written = write_artefact(folder, replace(trained.model, facts=facts), trained.data.matrix)
    keep_snapshot(folder, written, content)
    place = models_folder(folder, written.portfolio.name, "churn")
    write_pointer(place, "champion", written.version, written.digest)
    return folder


def test_a_sound_model_has_evidence_of_every_kind(trained: Trained, home: Path) -> None:
    found = gather(trained.result, trained.data, trained.workshop, trained.model, home)
    assert found.duel is not None
    assert found.remembered is not None
    assert found.reread is not None
    assert not found.duel.is_later
    assert (found.reread.missing, found.reread.columns) == (0, ())
    assert found.remembered.columns == ()
    assert found.remembered.was.size == trained.data.size
    for ask in (is_no_worse, did_not_change, are_sound, scores_are_familiar):
        assert ask(found).passed, ask(found).text


def test_without_a_champion_there_is_nothing_to_compare_with(
    trained: Trained, tmp_path: Path
) -> None:
    found = gather(trained.result, trained.data, trained.workshop, trained.model, tmp_path)
    assert (found.duel, found.remembered) == (None, None)
    assert found.why_no_duel == "there is no champion to compare with"


def test_a_snapshot_that_was_changed_is_not_believed(trained: Trained, tmp_path: Path) -> None:
    content = snapshot_of(trained.workshop, trained.data)
    model = replace(trained.model, facts={"snapshot": sha256(content)})
    keep_snapshot(tmp_path, model, content)
    kept = read_snapshot(tmp_path, model)
    assert kept is not None
    assert kept.label.tolist() == trained.data.label.tolist()
    keep_snapshot(tmp_path, model, content[:-1] + b"\0")
    assert read_snapshot(tmp_path, model) is None


def test_labels_flipped_for_a_fifth_of_the_rows_are_refused(trained: Trained, home: Path) -> None:
    random = np.random.default_rng(1)
    label = np.where(random.random(trained.data.size) < 0.2, 1 - trained.data.label,
                     trained.data.label)  # fmt: skip
    flipped = replace(trained.data, label=label)
    found = gather(trained.result, flipped, trained.workshop, trained.model, home)
    assert not are_sound(found).passed
    assert "are the opposite now" in are_sound(found).text


def test_orders_struck_out_of_the_records_turn_outcomes_round(trained: Trained, home: Path) -> None:
    orders = trained.records.tables["orders"]
    random = np.random.default_rng(2)
    lost = set(random.choice(400, 200, replace=False).tolist())
    names = sorted(set(orders.column("account_id").to_pylist()))
    gone = {names[place] for place in lost if place < len(names)}
    kept = orders.filter([name not in gone for name in orders.column("account_id").to_pylist()])
    again = _train(replace_orders(trained.records, kept))
    found = gather(again.result, again.data, again.workshop, again.model, home)
    assert not are_sound(found).passed


def replace_orders(records: Records, orders: object) -> Records:
    return Records(records.portfolio, {**records.tables, "orders": orders})


def test_a_challenger_that_lost_its_features_is_refused(trained: Trained) -> None:
    weak = _train(trained.records, n_features=2)
    found = duel(trained.model, weak.result, weak.workshop)
    assert found is not None
    answer = is_no_worse(replace(sound(weak.result), duel=found))
    assert not answer.passed, answer.text


class Hindsight(Workshop):
    """A workshop with a feature that knows how many orders are still to come."""

    def rows(self, day):  # type: ignore[no-untyped-def]
        found = super().rows(day)
        orders = self.events.sources["orders"]
        ahead = np.array([
            (orders.at[orders.offsets[code] : orders.offsets[code + 1]] >= moment).sum()
            for code, moment in zip(found.code, found.as_of, strict=True)
        ])  # fmt: skip
        values = found.values.copy()
        values[:, found.names.index("orders_90d")] += ahead
        return replace(found, values=values)


def test_a_feature_that_reads_what_came_later_is_found(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.gates.rereading.Workshop", Hindsight)
    workshop = Hindsight(trained.workshop.events, TASK)
    days = train_dates(workshop.data_end, workshop.first_day, TASK.horizon, count=3)
    data = workshop.dataset(days, workshop.data_end)
    found = reread(workshop, data)
    assert found is not None
    assert [column.name for column in found.columns] == ["orders_90d"]
    assert not did_not_change(replace(sound(), reread=found)).passed


def test_values_rewritten_with_their_outcome_are_found(trained: Trained, home: Path) -> None:
    rows = trained.data.matrix
    place = rows.names.index("days_since_last_order")
    values = rows.values.copy()
    values[trained.data.label == 1, place] += 30.0
    rewritten = replace(trained.data, matrix=replace(rows, values=values))
    champion = replace(
        trained.model,
        facts={"snapshot": sha256(snapshot_of(trained.workshop, trained.data))},
    )
    snapshot = read_snapshot(home, champion)
    assert snapshot is not None
    found = remembered(snapshot, "1", trained.workshop, rewritten)
    (column,) = found.columns
    assert (column.name, column.auc) == ("days_since_last_order", 1.0)
    assert not did_not_change(replace(sound(), remembered=found)).passed


def test_interactions_and_orders_that_stop_two_months_early_make_strangers(
    trained: Trained, home: Path
) -> None:
    end = int(trained.workshop.rows(trained.workshop.data_end).as_of[0])
    cut = known_before(trained.records, end - 60 * 86_400_000_000)
    stale = Records(trained.records.portfolio, cut.tables)
    workshop = Workshop(build_events(stale), TASK)
    rows = workshop.rows(workshop.data_end)
    ages = rows.column("days_since_first_order")
    found = gather(trained.result, trained.data, trained.workshop, trained.model, home)
    new = Spoken(trained.model.probability(rows), ages, rows.code)
    answer = scores_are_familiar(replace(found, new=new))
    assert not answer.passed, answer.text


def test_rows_of_one_account_on_one_day_stand_twice_when_joined(trained: Trained) -> None:
    doubled = join([trained.data, trained.data.take(np.arange(5))])
    assert isinstance(doubled.matrix, FeatureMatrix)
    assert not are_sound(replace(sound(), data=doubled)).passed

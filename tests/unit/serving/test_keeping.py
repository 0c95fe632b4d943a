"""What is kept of a scored portfolio: scores, what they were made of, and the past they know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from features.errors import NotReady, SettingsError
from features.records.folder import Records, open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from serving.answers import answer, read_reason
from serving.batch import score_portfolio
from serving.champions import Champions, load_champions
from serving.settings import Settings
from serving.store.store import Store
from serving.worklist import worklist
from tests.unit.serving.api.conftest import make_champion, promote

CLOCK = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """120 simulated accounts."""
    folder = tmp_path_factory.mktemp("keeping")
    settings = SimulatorSettings(accounts=120, days=500, end_date=date(2025, 6, 30))
    write_simulation(simulate(np.random.default_rng(5), settings), folder)
    return read_records(open_portfolio(folder))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, records: Records) -> Path:
    """A state folder with both champions."""
    found = tmp_path_factory.mktemp("home")
    for model in ("churn", "close"):
        promote(found, make_champion(records, model, "1"))
    return found


@pytest.fixture
def champions(home: Path) -> Champions:
    """Both champions, as a door loads them."""
    return load_champions(home)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "store") as found:
        yield found


def test_every_score_is_kept_with_its_feature_row_and_its_context(
    records: Records, champions: Champions, store: Store, home: Path
) -> None:
    batch = score_portfolio(records, champions, store, settings=Settings(home=home), clock=CLOCK)
    said = answer(batch.scored, language="en", past=batch.past)
    (run,) = store.runs("demo")
    assert (run.kind, run.as_of, run.finished_at) == ("score", date(2025, 7, 1), CLOCK)
    for result in said["results"]:
        if not result["churn"]:
            continue
        kept = store.score(result["churn"]["score_id"])
        inputs = store.inputs_of(result["churn"]["score_id"])
        assert kept is not None
        assert inputs is not None
        assert kept.row.entity_id == result["account_id"]
        assert kept.row.probability == result["churn"]["probability"]
        assert kept.row.priority == result["priority"]["score"]
        codes = [read_reason(reason).code for reason in kept.row.reasons]
        assert codes == [reason["code"] for reason in result["churn"]["reasons"]]
        assert inputs.records is None
        assert store.context(str(kept.row.context_version)) is not None


def test_a_kept_feature_row_gives_the_kept_score_again(
    records: Records, champions: Champions, store: Store, home: Path
) -> None:
    batch = score_portfolio(records, champions, store, settings=Settings(home=home), clock=CLOCK)
    churn = batch.scored.accounts.churn
    assert churn is not None
    name = batch.scored.events.accounts.words[int(churn.rows.code[0])]
    score_id = batch.past.score_ids["churn", name]
    kept, inputs = store.score(score_id), store.inputs_of(score_id)
    assert kept is not None
    assert inputs is not None
    row: Mapping[str, float | None] = inputs.features
    values = np.array([[np.nan if row[n] is None else row[n] for n in churn.rows.names]])
    again = replace(churn.rows.take(np.array([0])), values=values.astype(np.float64))
    assert float(churn.champion.probability(again)[0]) == kept.row.probability


def test_the_previous_score_and_the_trend_are_those_of_the_day_before(
    records: Records, champions: Champions, store: Store, home: Path
) -> None:
    settings = Settings(home=home)
    early, late = (
        score_portfolio(records, champions, store, settings=settings, clock=CLOCK, as_of=day)
        for day in (date(2025, 5, 1), date(2025, 6, 20))
    )
    assert early.past.previous == {}
    results = {r["account_id"]: r for r in answer(early.scored, language="en")["results"]}
    now = answer(late.scored, language="en", past=late.past)["results"]
    compared = [r for r in now if r["churn"] and results[r["account_id"]]["churn"]]
    assert len(compared) > 50
    for result in compared:
        before = results[result["account_id"]]["churn"]["probability"]
        change = result["churn"]["probability"] - before
        trend = "flat" if abs(change) < 0.02 else "up" if change > 0 else "down"
        assert (result["churn"]["previous"], result["churn"]["trend"]) == (before, trend)


def test_a_day_that_the_records_do_not_reach_is_refused(
    records: Records, champions: Champions, store: Store, home: Path
) -> None:
    with pytest.raises(SettingsError) as refused:
        score_portfolio(
            records, champions, store, settings=Settings(home=home), clock=CLOCK,
            as_of=date(2025, 7, 2),
        )  # fmt: skip
    assert refused.value.code == "ST011"
    assert store.runs("demo") == ()


def test_a_context_made_by_a_batch_is_there_for_the_next_door(
    records: Records, champions: Champions, store: Store, home: Path
) -> None:
    day = date(2025, 4, 10)
    batch = score_portfolio(
        records, champions, store, settings=Settings(home=home), clock=CLOCK, as_of=day
    )
    churn = batch.scored.accounts.churn
    assert churn is not None
    assert churn.context.as_of_date == day
    again = load_champions(home).churn
    assert again is not None
    assert churn.context.version in {context.version for context in again.contexts}
    for path in (home / "models").rglob("2025-04-10.*.json"):
        path.write_text(path.read_text().replace("2025-04-10", "2025-04-11"))
    tampered = load_champions(home).churn
    assert tampered is not None
    assert all(str(context.as_of_date)[:8] != "2025-04-" for context in tampered.contexts)


def test_the_list_of_a_rep_is_that_of_the_newest_run(
    records: Records, champions: Champions, store: Store, home: Path
) -> None:
    asked = {"names": {}, "currency": "EUR", "language": "en", "limit": 500}
    with pytest.raises(NotReady) as refused:
        worklist(store, "demo", owner=None, **asked)  # type: ignore[arg-type]
    assert refused.value.code == "NR030"
    batch = score_portfolio(records, champions, store, settings=Settings(home=home), clock=CLOCK)
    everyone = worklist(store, "demo", owner=None, **asked)  # type: ignore[arg-type]
    open_deals = int((batch.scored.deals.status == "open").sum())
    acting = int((batch.scored.accounts.action != "").sum())
    assert len(everyone) == open_deals + acting
    assert [item.rank for item in everyone] == list(range(1, len(everyone) + 1))
    assert all(one.priority >= other.priority for one, other in pairwise(everyone))
    owners = records.tables["owners"].column("owner_id").to_pylist()
    own = [worklist(store, "demo", owner=owner, **asked) for owner in owners]  # type: ignore[arg-type]
    ids = [item.entity_id for items in own for item in items]
    assert len(ids) == len(set(ids))
    assert set(ids) <= {item.entity_id for item in everyone}

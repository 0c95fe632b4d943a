"""Equal records get equal scores, to the last digit, through every door."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.asof import default_as_of
from features.events import build_events
from features.records.folder import Records, open_portfolio, read_records, save_portfolio
from features.records.mapping import import_portfolio
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from features.signals.catalogue import feature_set_version
from serving.access import Access
from serving.api.app import Installation, create_app, warm_up
from serving.api.champions import ChampionWatch
from serving.champions import Champions
from serving.cli.main import main
from serving.settings import Limits, Settings
from tests.unit.serving.api.conftest import Door, as_body, promote
from training.artefact import Champion, reference_of
from training.contexts import context_at
from training.dataset import Workshop, task
from training.quantities.fit_amounts import fit_amounts
from training.quantities.fit_durations import fit_durations
from training.search import fit_rungs
from training.slices import train_dates

CLOCK = datetime(2026, 11, 22, 12, tzinfo=UTC)
RUNGS = {"churn": "lightgbm", "close": "logistic", "duration": "lightgbm", "value": "lightgbm"}
FITS = {"duration": fit_durations, "value": fit_amounts}


def _champion(records: Records, model: str, rung: str) -> Champion:
    """Fit one rung on two days, without back-test or registry."""
    workshop = Workshop(build_events(records), task(model))
    days = train_dates(workshop.data_end, workshop.first_day, workshop.task.horizon, count=2)
    data = workshop.dataset(days, workshop.data_end)
    fit = FITS.get(model, fit_rungs)
    fitted = fit(data, workshop.task, quick=True, only=(rung,))[rung]
    bare = Champion(
        replace(records.portfolio, folder=None), workshop.task, "1", "", fitted.rung,
        fitted.calibration, feature_set_version(fitted.rung.features, workshop.task.entity), (),
        reference_of(records), {"trained_through": days[0].isoformat()},
    )  # fmt: skip
    # Of a training day alone: the batch makes that of the day it scores, for every door.
    return replace(bare, contexts=(context_at(workshop, bare, days[0]),))


@dataclass(frozen=True)
class House:
    """A portfolio with its champions, scored whole.

    Attributes
    ----------
    folder, home : Path
        The portfolio, and the state.
    day : date
        The as_of_date.
    bodies : sequence of mapping
        Some of its accounts as a program would send them.
    batch : mapping of str to mapping
        What ``fanal score PORTFOLIO`` says, by account.
    """

    folder: Path
    home: Path
    day: date
    bodies: Sequence[Mapping[str, Any]]
    batch: Mapping[str, Mapping[str, Any]]

    @property
    def body(self) -> dict[str, Any]:
        """The request."""
        return {"as_of": self.day.isoformat(), "language": "fr", "accounts": list(self.bodies)}


def _house(folder: Path, home: Path, models: Sequence[str], every: int, limit: int) -> House:
    records = read_records(open_portfolio(folder))
    for model in models:
        promote(home, _champion(records, model, RUNGS[model]))
    out = home / "batch.json"
    arguments = ["score", str(folder), "--home", str(home), "--language", "fr", "--out", str(out)]
    assert main(arguments) == 0
    batch = {result["account_id"]: result for result in json.loads(out.read_text())["results"]}
    day = default_as_of(records.portfolio.data_as_of)
    return House(folder, home, day, as_body(records)[::every][:limit], batch)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> House:
    """300 simulated accounts with their deals."""
    folder = tmp_path_factory.mktemp("simulated")
    settings = SimulatorSettings(accounts=300, days=500, end_date=date(2025, 6, 30))
    write_simulation(simulate(np.random.default_rng(3), settings), folder / "portfolio")
    return _house(folder / "portfolio", folder / "home", tuple(RUNGS), 2, 150)


def _sold_abroad(records: Records) -> dict[str, pa.Table]:
    """The tables with orders in three currencies, rates of one, some learnt late or withdrawn."""
    orders = records.tables["orders"]
    names = ["EUR", None, "USD", "USD", "CHF"]
    numbers = pc.dictionary_encode(orders.column("order_id")).combine_chunks().indices.to_pylist()
    currency = pa.array([names[number % len(names)] for number in numbers], pa.string())
    days = [date(2024, 1, 1) + timedelta(days=5 * step) for step in range(110)]
    rates = pa.table({
        "date": pa.array([day for day in days for _ in range(2)], pa.date32()),
        "currency": ["USD"] * 220,
        "rate": [0.5 + step % 7 / 10 for step in range(220)],
        "known_at": pa.array([
            datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=late)
            for day in days for late in (0, 40)
        ], pa.timestamp("us", tz="UTC")),
        "is_deleted": [step % 10 == 1 for step in range(220)],
    })  # fmt: skip
    return {
        **records.tables,
        "orders": orders.drop_columns("currency").append_column("currency", currency),
        "fx_rates": rates,
    }


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> House:
    """200 simulated accounts that pay in three currencies."""
    folder = tmp_path_factory.mktemp("abroad")
    settings = SimulatorSettings(accounts=200, days=500, end_date=date(2025, 6, 30))
    write_simulation(simulate(np.random.default_rng(5), settings), folder / "portfolio")
    records = read_records(open_portfolio(folder / "portfolio"))
    save_portfolio(folder / "portfolio", records.portfolio, _sold_abroad(records))
    return _house(folder / "portfolio", folder / "home", ("churn",), 2, 100)


@pytest.fixture(scope="module")
def retail(
    real_data: Callable[[str], Path], root: Path, tmp_path_factory: pytest.TempPathFactory
) -> House:
    """Every fortieth account of Online Retail."""
    folder = tmp_path_factory.mktemp("retail")
    import_portfolio(
        root / "features" / "records" / "mappings" / "uci_online_retail.toml",
        out=folder / "portfolio",
        clock=CLOCK,
        sources=real_data("uci_online_retail"),
    )
    return _house(folder / "portfolio", folder / "home", ("churn",), 40, 60)


HOUSES = ["simulated", "abroad", pytest.param("retail", marks=pytest.mark.real_data)]


def _said(result: Mapping[str, Any]) -> dict[str, object]:
    """What the records decide: not the ids under which a batch keeps it, nor its past."""
    kept = ("score_id", "trend", "previous", "data_as_of")

    def score(found: Mapping[str, Any] | None) -> object:
        return found and {name: value for name, value in found.items() if name not in kept}

    deals = [{**deal, "close": score(deal["close"])} for deal in result["opportunities"]]
    return {**result, "churn": score(result["churn"]), "opportunities": deals}


def _require_equal(answered: Mapping[str, Any], house: House) -> None:
    assert answered["errors"] == []
    assert [r["account_id"] for r in answered["results"]] == [
        account["account_id"] for account in house.bodies
    ]
    for result in answered["results"]:
        assert _said(result) == _said(house.batch[result["account_id"]])


def _open(home: Path) -> Door:
    settings = Settings(home=home, limits=Limits(max_body_mb=100))

    def warm(found: Champions) -> None:
        warm_up(found, settings=settings, clock=CLOCK)

    watch = ChampionWatch(home, warm=warm)
    installation = Installation(settings, Access(), watch, lambda: CLOCK, None)
    return Door(create_app(lambda: installation), home, watch)


@pytest.mark.parametrize("name", HOUSES)
def test_a_file_is_scored_as_its_portfolio_is(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    house: House = request.getfixturevalue(name)
    body, out = tmp_path / "BODY.json", tmp_path / "out.json"
    body.write_text(json.dumps(house.body))
    assert main(["score", str(body), "--home", str(house.home), "--out", str(out)]) == 0
    _require_equal(json.loads(out.read_text()), house)


@pytest.mark.parametrize("name", HOUSES)
def test_a_request_is_scored_as_its_portfolio_is(name: str, request: pytest.FixtureRequest) -> None:
    house: House = request.getfixturevalue(name)
    _require_equal(_open(house.home).score(house.body).json(), house)


def test_every_door_says_which_amounts_are_left_out(abroad: House, tmp_path: Path) -> None:
    out = tmp_path / "batch.json"
    assert main(["score", str(abroad.folder), "--home", str(abroad.home), "--out", str(out)]) == 0
    [batch] = [w for w in json.loads(out.read_text())["warnings"] if "fx_rates" in w]
    [request] = [w for w in _open(abroad.home).score(abroad.body).json()["warnings"] if "rate" in w]
    said = "Without a rate in fx_rates on or before their day: "
    orders = [order for account in abroad.bodies for order in account.get("orders", ())]
    in_francs = sum(order.get("currency") == "CHF" for order in orders)
    assert in_francs > 50
    assert request == f"{said}{in_francs} order lines, whose amounts are left out."
    assert batch.startswith(said)


def test_both_models_answer_and_no_score_is_like_another(simulated: House) -> None:
    churn = [r["churn"]["probability"] for r in simulated.batch.values() if r["churn"]]
    close = [
        deal["close"]["probability"]
        for result in simulated.batch.values()
        for deal in result["opportunities"]
        if deal["close"]
    ]
    assert len(churn) > 100
    assert len(close) > 30
    assert len(set(churn)) > 0.8 * len(churn)
    assert len(set(close)) > 0.8 * len(close)


def test_value_and_duration_come_from_their_models(simulated: House) -> None:
    results = simulated.batch.values()
    scored = [result["value"] for result in results if result["churn"]]
    assert {value["rung"] for value in scored} == {"lightgbm"}
    assert all(0 <= value["low"] <= value["high"] for value in scored)
    assert all(value["amount"] > 0 and value["horizon_days"] == 90 for value in scored)
    beyond = [value["beyond"] for value in scored]
    assert {(b["horizon_days"], b["rung"], b["extrapolated"]) for b in beyond} == {
        (365, "bgnbd", True)
    }
    for value, more in zip(scored, beyond, strict=True):
        assert value["amount"] - 0.01 <= more["amount"] <= value["amount"] * 365 / 90 + 0.05
    lapsed = [result["value"] for result in results if result.get("status") == "lapsed"]
    assert {value["rung"] for value in lapsed} == {"prior"}
    deals = [deal for result in results for deal in result["opportunities"] if deal["close"]]
    for deal in deals:
        said = deal["duration"]
        assert said["rung"] == "lightgbm"
        assert 0 < said["expected_days"] < said["p80_days"]
        by = {step["days"]: step["probability"] for step in said["won_by"]}
        assert list(by) == [30, 60, 90, 180, 365]
        assert list(by.values()) == sorted(by.values())
        # The curve is moved to what the close model says of its 90 days.
        assert by[90] == pytest.approx(deal["close"]["probability"], abs=1e-6)


def test_an_earlier_day_is_the_same_through_every_door_too(
    simulated: House, tmp_path: Path
) -> None:
    day = date(2025, 5, 20)
    out = tmp_path / "batch.json"
    given = ["score", str(simulated.folder), "--home", str(simulated.home), "--language", "fr"]
    assert main([*given, "--as-of", day.isoformat(), "--out", str(out)]) == 0
    results = json.loads(out.read_text())["results"]
    batch = {result["account_id"]: result for result in results}
    house = replace(simulated, day=day, batch=batch)
    _require_equal(_open(house.home).score(house.body).json(), house)


@pytest.mark.long
@pytest.mark.socket
@pytest.mark.parametrize("name", HOUSES)
def test_the_real_server_answers_as_the_portfolio_is_scored(
    name: str, request: pytest.FixtureRequest
) -> None:
    house: House = request.getfixturevalue(name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "fanal"), "serve", "--port", str(port)],
        cwd=house.home,
        env={**os.environ, "FANAL_HOME": str(house.home), "FANAL_LIMITS__MAX_BODY_MB": "100"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait(client)
            _require_equal(client.post("/v1/score", json=house.body).json(), house)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait(client: httpx.Client) -> None:
    for _ in range(480):
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.25)
    pytest.fail("the service is not ready after two minutes")

"""The service as a company runs it: ``fanal serve``, a real server, real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from features.records.folder import open_portfolio, read_records
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.world import simulate
from features.records.simulator.writing import write_simulation
from serving.api.schemas import REQUEST_EXAMPLE
from serving.watching import FILE, Watched, keep_watched
from tests.unit.serving.api.conftest import END, NOW, make_champion, promote
from tests.unit.serving.web.test_report_pages import made_watch

pytestmark = [pytest.mark.socket, pytest.mark.long]

_SECONDS = 90


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes
    ----------
    client : httpx.Client
        Calls it.
    home : Path
        Its home folder, without champion at first.
    """

    client: httpx.Client
    home: Path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """``fanal serve`` on a free port."""
    folder = tmp_path_factory.mktemp("service")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "fanal"), "serve", "--port", str(port)],
            cwd=folder,
            env={**os.environ, "FANAL_HOME": str(folder / "home")},
            stdout=log,
            stderr=log,
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        try:
            _wait(client)
            yield Service(client, folder / "home")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait(client: httpx.Client) -> None:
    for _ in range(_SECONDS * 4):
        try:
            if client.get("/livez").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.25)
    pytest.fail(f"the service does not answer after {_SECONDS} s")


def test_without_champion_it_lives_and_is_not_ready(service: Service) -> None:
    answered = service.client.get("/readyz")
    assert answered.status_code == 503
    assert "fanal train" in answered.json()["detail"]
    scored = service.client.post("/v1/score", json=REQUEST_EXAMPLE)
    assert (scored.status_code, scored.json()["code"]) == (503, "NR020")


def test_routes_of_the_server_keep_the_same_shape_and_headers(service: Service) -> None:
    for path in ("/livez", "/metrics", "/docs.json", "/nothing"):
        assert service.client.get(path).headers["x-content-type-options"] == "nosniff"
    assert service.client.get("/nothing").json()["code"] == "RQ030"


def test_prometheus_is_told_of_the_last_watch_beside_the_server(service: Service) -> None:
    before = service.client.get("/metrics").text
    assert "fanal_monitor" not in before
    kept = service.home / "models" / "watched" / "churn" / FILE
    kept.parent.mkdir(parents=True)
    keep_watched(kept.parents[3], Watched("watched", (made_watch(),), ()))
    after = service.client.get("/metrics").text
    assert 'fanal_monitor_verdict{portfolio="watched",model="churn",verdict="retrain"} 1.0' in after
    assert "bentoml_service_request_total" in after
    kept.unlink()


def test_no_page_of_the_server_calls_a_tracking_service(service: Service) -> None:
    assert service.client.get("/").headers["location"] == "/v1/openapi.json"


def test_large_bodies_are_cut_whether_they_say_their_size_or_not(service: Service) -> None:
    whole = b"[" + b" " * 20_000_000
    kind = {"content-type": "application/json"}
    declared = service.client.post("/v1/score", content=whole, headers=kind)
    assert (declared.status_code, declared.json()["code"]) == (413, "RQ006")
    chunks = (whole[start : start + 100_000] for start in range(0, len(whole), 100_000))
    try:
        chunked = service.client.post("/v1/score", content=chunks, headers=kind)
        assert chunked.status_code == 413
    except httpx.TransportError:
        pass  # the server hung up while the body was still being sent
    assert service.client.get("/livez").status_code == 200


def test_a_promotion_opens_the_service_without_a_restart(service: Service) -> None:
    folder = service.home.parent / "portfolio"
    made = simulate(
        np.random.default_rng(7), SimulatorSettings(accounts=150, days=500, end_date=END)
    )
    write_simulation(made, folder, "demo")
    records = read_records(open_portfolio(folder, clock=NOW))
    for model in ("churn", "close"):
        promote(service.home, make_champion(records, model, "1"))
    assert service.client.get("/readyz").status_code == 200
    document = service.client.post("/v1/score", json=REQUEST_EXAMPLE).json()
    assert document["models"]["churn"]["version"] == "1"
    assert [result["account_id"] for result in document["results"]] == ["17850"]


def test_many_at_once_get_the_answer_that_one_gets(service: Service) -> None:
    expected = service.client.post("/v1/score", json=REQUEST_EXAMPLE).content
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: service.client.post("/v1/score", json=REQUEST_EXAMPLE).content, range(64)
            )
        )
    assert set(answers) == {expected}


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{}", b'{"accounts": [NaN]}', b'{"accounts": [{"account_id": 1e999}]}']
)
def test_broken_bodies_are_problems_over_the_wire_too(service: Service, body: bytes) -> None:
    answered = service.client.post(
        "/v1/score", content=body, headers={"content-type": "application/json"}
    )
    assert 400 <= answered.status_code < 500
    assert answered.headers["content-type"] == "application/problem+json"
    assert json.loads(answered.content)["code"].startswith("RQ")

"""A home folder with two small champions, as training writes them, and the door before it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.types import ASGIApp

from features.events import build_events
from features.records.folder import Records, open_portfolio, read_records
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.world import simulate
from features.records.simulator.writing import write_simulation
from features.signals.catalogue import feature_set_version
from serving.access import Access
from serving.api.app import Installation, create_app, warm_up
from serving.api.champions import ChampionWatch
from serving.api.rows import ACCOUNT_TABLES
from serving.champions import Champions
from serving.settings import Limits, Settings
from training.artefact import (
    Champion,
    models_folder,
    reference_of,
    write_artefact,
    write_pointer,
)
from training.contexts import context_at
from training.dataset import Workshop, task
from training.search import fit_rungs
from training.slices import train_dates

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
END = date(2026, 6, 30)
NO_KEYS = Access()


@dataclass
class Door:
    """A service in this process.

    Attributes
    ----------
    app : ASGI application
        What answers.
    home : Path
        Its home folder.
    watch : ChampionWatch
        Its champions.
    """

    app: ASGIApp
    home: Path
    watch: ChampionWatch

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request; an error that the door does not catch is raised."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://fanal") as client:
                return await client.request(method, path, **more)

        return asyncio.run(send())

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for an address."""
        return self.ask("GET", path, headers=headers)

    def score(self, body: object, **headers: str) -> httpx.Response:
        """Send a body: bytes (or chunks of them) as they are, anything else as JSON."""
        is_raw = isinstance(body, bytes) or hasattr(body, "__aiter__")
        content = body if is_raw else json.dumps(body).encode()
        headers = {"content-type": "application/json", **headers}
        return self.ask("POST", "/v1/score", content=content, headers=headers)


@pytest.fixture(scope="session")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """A simulated portfolio of 150 accounts."""
    folder = tmp_path_factory.mktemp("portfolio")
    made = simulate(
        np.random.default_rng(7), SimulatorSettings(accounts=150, days=500, end_date=END)
    )
    write_simulation(made, folder, "demo")
    return read_records(open_portfolio(folder, clock=NOW))


def make_champion(records: Records, model: str, version: str) -> Champion:
    """Fit a logistic rung, without back-test or registry."""
    events = build_events(records)
    workshop = Workshop(events, task(model))
    days = train_dates(workshop.data_end, workshop.first_day, workshop.task.horizon, count=2)
    data = workshop.dataset(days, workshop.data_end)
    fitted = fit_rungs(data, workshop.task, quick=True, only=("logistic",))["logistic"]
    champion = Champion(
        replace(records.portfolio, folder=None), workshop.task, version, "", fitted.rung,
        fitted.calibration, feature_set_version(fitted.rung.features, workshop.task.entity), (),
        reference_of(records), {"trained_through": "2026-06-01"},
    )  # fmt: skip
    return replace(champion, contexts=(context_at(workshop, champion, workshop.data_end),))


def promote(home: Path, champion: Champion) -> None:
    """Write a model and point to it."""
    written = write_artefact(home, champion)
    folder = models_folder(home, champion.portfolio.name, champion.model)
    write_pointer(folder, "champion", written.version, written.digest)


@pytest.fixture(scope="session")
def champions(portfolio: Records) -> Mapping[str, Champion]:
    """The models of the portfolio."""
    return {model: make_champion(portfolio, model, "1") for model in ("churn", "close")}


@pytest.fixture
def open_door(tmp_path: Path) -> Callable[..., Door]:
    """Open the door to a home folder."""

    def open_to(
        home: Path = tmp_path, *, access: Access = NO_KEYS, keep: Any = None, **limits: float
    ) -> Door:
        settings = Settings(home=home, limits=Limits(**limits))

        def warm(found: Champions) -> None:
            warm_up(found, settings=settings, clock=NOW)

        watch = ChampionWatch(home, warm=warm)
        installation = Installation(settings, access, watch, lambda: NOW, keep)
        return Door(create_app(lambda: installation), home, watch)

    return open_to


@pytest.fixture(scope="session")
def champions_home(
    tmp_path_factory: pytest.TempPathFactory, champions: Mapping[str, Champion]
) -> Path:
    """A home folder with both champions; tests only read it."""
    home = tmp_path_factory.mktemp("home")
    for champion in champions.values():
        promote(home, champion)
    return home


@pytest.fixture
def door(open_door: Callable[..., Door], champions_home: Path) -> Door:
    """The door of a service with both champions."""
    return open_door(champions_home)


def as_body(records: Records) -> list[dict[str, Any]]:
    """Write the accounts of a portfolio as a program would send them, nulls left out."""
    accounts: dict[str, dict[str, Any]] = {}
    deals: dict[str, dict[str, Any]] = {}
    for name in ("accounts", *ACCOUNT_TABLES, "opportunity_history"):
        table = ACCOUNT_TABLES.get(name, name)
        rows = records.tables[table].to_pylist() if table in records.tables else []
        for row in rows:
            said = {
                column: value.isoformat() if isinstance(value, date) else value
                for column, value in row.items()
                if value is not None
            }
            if name == "accounts":
                accounts[said["account_id"]] = said
            elif name == "opportunity_history":
                deals[said.pop("opportunity_id")].setdefault("history", []).append(said)
            else:
                accounts[said.pop("account_id")].setdefault(name, []).append(said)
                deals.update({said["opportunity_id"]: said} if name == "opportunities" else {})
    return list(accounts.values())


@pytest.fixture
def body() -> dict[str, Any]:
    """A body with two accounts, one of them with a deal."""
    return {
        "as_of": "2026-07-01",
        "language": "fr",
        "accounts": [
            {
                "account_id": "A-1",
                "segment": "wholesale",
                "orders": [
                    {"order_id": "O-1", "ordered_at": "2026-03-01T08:26:00Z", "net_amount": 139.12},
                    {"order_id": "O-2", "ordered_at": "2026-05-01T09:00:00Z", "net_amount": 80},
                ],
                "interactions": [],
                "opportunities": [
                    {
                        "opportunity_id": "D-1",
                        "created_at": "2026-06-01T00:00:00Z",
                        "history": [
                            {
                                "changed_at": "2026-06-01T00:00:00Z",
                                "stage": "qualified",
                                "amount": 70000,
                            }
                        ],
                    }
                ],
            },
            {
                "account_id": "A-2",
                "orders": [
                    {"order_id": "O-3", "ordered_at": "2026-06-01T08:00:00Z", "net_amount": 5.5}
                ],
                "interactions": [],
            },
        ],
    }

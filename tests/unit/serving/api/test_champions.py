"""Which champions answer while pointers move under a running service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.errors import FanalError
from tests.unit.serving.api.conftest import Door, promote
from training.artefact import Champion, models_folder
from training.models import Prior


@pytest.fixture
def live(open_door: Callable[..., Door], champions: Mapping[str, Champion]) -> Door:
    """A running service whose churn champion is version 1."""
    door = open_door()
    promote(door.home, champions["churn"])
    assert version(door) == "1"
    return door


def version(door: Door) -> str:
    return str(door.get("/v1/models").json()["models"]["churn"]["version"])


def test_a_promotion_and_a_rollback_take_effect_at_the_next_request(
    live: Door, champions: Mapping[str, Champion]
) -> None:
    promote(live.home, replace(champions["churn"], version="2"))
    assert version(live) == "2"
    promote(live.home, champions["churn"])
    assert version(live) == "1"


def test_the_first_champion_opens_the_service(
    open_door: Callable[..., Door], champions: Mapping[str, Champion], body: dict[str, Any]
) -> None:
    door = open_door()
    assert door.score(body).status_code == 503
    promote(door.home, champions["close"])
    document = door.score(body).json()
    assert document["models"]["churn"] is None
    assert document["results"][0]["opportunities"][0]["close"]["model_version"] == "1"


def test_a_damaged_new_champion_is_refused_and_the_old_one_answers(
    live: Door, champions: Mapping[str, Champion], body: dict[str, Any]
) -> None:
    folder = models_folder(live.home, "demo", "churn")
    damaged = replace(champions["churn"], version="2")
    promote(live.home, damaged)
    (folder / "2" / "model.json").write_text("{}")
    assert live.score(body).json()["models"]["churn"]["version"] == "1"
    faults = live.get("/v1/models").json()["faults"]
    assert faults["churn"]["code"] == "ME002"
    promote(live.home, damaged)
    assert version(live) == "2"
    assert live.get("/v1/models").json()["faults"] == {}


def test_a_new_champion_that_cannot_score_is_refused(
    live: Door, champions: Mapping[str, Champion]
) -> None:
    promote(live.home, replace(champions["churn"], version="2", rung=Prior(0.0), contexts=()))
    assert version(live) == "1"
    assert live.get("/v1/models").json()["faults"]["churn"]["code"] == "ME004"


def test_a_damaged_first_champion_is_told(
    open_door: Callable[..., Door], champions: Mapping[str, Champion], body: dict[str, Any]
) -> None:
    door = open_door()
    promote(door.home, champions["churn"])
    (models_folder(door.home, "demo", "churn") / "champion").write_text("nonsense")
    answered = door.score(body)
    assert (answered.status_code, answered.json()["code"]) == (503, "ME002")


def test_several_portfolios_need_a_name(
    live: Door, open_door: Callable[..., Door], champions: Mapping[str, Champion]
) -> None:
    other = replace(champions["churn"].portfolio, name="other")
    promote(live.home, replace(champions["churn"], portfolio=other))
    assert version(live) == "1"
    with pytest.raises(FanalError, match="ST010"):
        open_door(live.home).watch.current()


def test_a_service_does_not_load_what_has_not_moved(
    live: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Champion:
        raise AssertionError

    monkeypatch.setattr("serving.api.champions.load_champion", fail)
    assert version(live) == "1"


def test_a_context_that_a_batch_run_made_is_taken_up(live: Door) -> None:
    folder: Path = models_folder(live.home, "demo", "churn") / "contexts" / "1"
    before = live.watch.current()
    folder.mkdir(parents=True)
    assert live.watch.current() is not before

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from features.errors import ModelError, NotReady
from tests.unit.training.made import champion, dataset, rungs
from training import registry as registry_module
from training.artefact import load_champion, models_folder, read_pointer
from training.registry import Registry

# What mlflow warns of in its own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")

RUNGS = rungs(dataset())
NAME = "made.churn"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry with three versions of one model, of which the first is the champion."""
    found = Registry(tmp_path_factory.mktemp("home"))
    for name in ("prior", "logistic", "lightgbm"):
        with found.start_run("made", "churn") as run:
            found.register(champion(RUNGS[name]), run.info.run_id, {"rung": name})
    return found


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial load of a sound model needs no process of its own here."""
    monkeypatch.setattr(registry_module, "loads_in_child", lambda *_: True)


def _aliases(registry: Registry) -> dict[str, str]:
    return {
        alias: version.version for version in registry.versions("made") for alias in version.aliases
    }


def _pointers(registry: Registry) -> dict[str, str]:
    folder = models_folder(registry.home, "made", "churn")
    return {
        name: read_pointer(registry.home, "made", "churn", name)[0]
        for name in ("champion", "previous")
        if (folder / name).exists()
    }


def test_versions_move_from_challenger_to_champion_to_previous_and_back(
    registry: Registry,
) -> None:
    assert _aliases(registry) == {"challenger": "3"}
    registry.promote("made", "churn", "1")
    assert _aliases(registry) == {"challenger": "3", "champion": "1"}
    with pytest.raises(NotReady) as refused:
        registry.rollback("made", "churn")
    assert refused.value.code == "NR022"

    registry.promote("made", "churn", "3")
    assert _aliases(registry) == {"challenger": "3", "champion": "3", "previous": "1"}
    assert load_champion(registry.home, "made", "churn").rung.name == "lightgbm"

    registry.promote("made", "churn", "3")
    assert _pointers(registry) == {"champion": "3", "previous": "1"}

    assert registry.rollback("made", "churn") == "1"
    assert _aliases(registry) == {"challenger": "3", "champion": "1", "previous": "3"}
    assert _pointers(registry) == {"champion": "1", "previous": "3"}
    assert load_champion(registry.home, "made", "churn").rung.name == "prior"


def test_versions_are_listed_newest_first_with_what_they_are(registry: Registry) -> None:
    found = registry.versions()
    assert [(v.model, v.version, v.rung) for v in found] == [
        (NAME, "3", "lightgbm"), (NAME, "2", "logistic"), (NAME, "1", "prior"),
    ]  # fmt: skip
    assert registry.versions("other") == ()


def test_a_version_that_is_not_there_is_not_promoted(registry: Registry) -> None:
    with pytest.raises(NotReady) as refused:
        registry.promote("made", "churn", "9")
    assert refused.value.code == "NR021"


def test_a_version_that_does_not_load_is_not_promoted(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _pointers(registry)
    monkeypatch.setattr(registry_module, "loads_in_child", lambda *_: False)
    with pytest.raises(ModelError) as refused:
        registry.promote("made", "churn", "2")
    assert refused.value.code == "ME005"
    path = models_folder(registry.home, "made", "churn") / "2" / "model.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ModelError) as refused:
        registry.promote("made", "churn", "2")
    path.write_bytes(whole)
    assert refused.value.code == "ME002"
    assert _pointers(registry) == before


def test_two_promotions_at_once_leave_one_champion_with_its_alias(registry: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        wanted = ["1", "2", "3", "2"]
        list(pool.map(lambda version: registry.promote("made", "churn", version), wanted))
    pointers, aliases = _pointers(registry), _aliases(registry)
    assert pointers == {name: aliases[name] for name in ("champion", "previous")}
    assert pointers["champion"] != pointers["previous"]
    assert load_champion(registry.home, "made", "churn").version == pointers["champion"]


def test_a_damaged_champion_gives_way_to_a_sound_version(registry: Registry) -> None:
    (models_folder(registry.home, "made", "churn") / "champion").write_bytes(b"\xff")
    registry.promote("made", "churn", "2")
    assert load_champion(registry.home, "made", "churn").version == "2"


@pytest.mark.long
def test_first_starts_of_several_processes_at_once_all_succeed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from training.registry import Registry;"
        " print(len(Registry(Path(sys.argv[1])).versions()))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "home")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    assert [process.communicate(timeout=300)[0] for process in started] == ["0\n"] * 4
    assert [process.returncode for process in started] == [0] * 4

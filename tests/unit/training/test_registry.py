from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.errors import FanalError, ModelError, NotReady, SettingsError
from tests.unit.training.first_start import open_registry
from tests.unit.training.made import champion, dataset, rungs
from tests.unit.training.trials import preload, start
from training import registry as registry_module
from training.artefact import Champion, load_champion, models_folder, read_pointer
from training.artefact.trial import prove
from training.manifest import read_manifest, sha256
from training.pointer import rollback
from training.registry import Registry
from training.waivers import Waiver, waivers

# What mlflow warns of in its own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")

DATA = dataset()
RUNGS = rungs(DATA)
NAME = "made.churn"


def _register(registry: Registry, model: Champion) -> str:
    with registry.start_run("made", model.model) as run:
        tags = {"rung": model.rung.name}
        return registry.register(model, run.info.run_id, tags, DATA.matrix).version


def _promote(registry: Registry, version: str, waived: tuple[Waiver, ...] = ()) -> None:
    seen = registry.look("made", "churn")
    registry.promote("made", "churn", version, seen=seen, waived=waived)


def _code(ask: Callable[[], object]) -> str:
    with pytest.raises(FanalError) as refused:
        ask()
    return refused.value.code


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry with three versions of one model."""
    found = Registry(tmp_path_factory.mktemp("home"))
    for name in ("prior", "logistic", "lightgbm"):
        _register(found, champion(RUNGS[name]))
    return found


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial of a sound model needs no process of its own here."""
    monkeypatch.setattr(registry_module, "try_in_child", prove)


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
    _promote(registry, "1")
    assert _aliases(registry) == {"challenger": "3", "champion": "1"}
    with pytest.raises(NotReady) as refused:
        registry.rollback("made", "churn")
    assert refused.value.code == "NR022"

    _promote(registry, "3")
    assert _aliases(registry) == {"challenger": "3", "champion": "3", "previous": "1"}
    assert load_champion(registry.home, "made", "churn").rung.name == "lightgbm"

    _promote(registry, "3")
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
        _promote(registry, "9")
    assert refused.value.code == "NR021"


def test_a_version_that_kills_its_process_is_not_promoted(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _pointers(registry)

    def die(*_: object) -> Mapping[str, Any]:
        raise ModelError("ME005", "it died of signal 11.")

    monkeypatch.setattr(registry_module, "try_in_child", die)
    assert _code(lambda: _promote(registry, "2")) == "ME005"
    path = models_folder(registry.home, "made", "churn") / "2" / "model.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert _code(lambda: _promote(registry, "2")) == "ME002"
    path.write_bytes(whole)
    assert _pointers(registry) == before


def test_what_was_found_at_the_promotion_stands_in_the_manifest(registry: Registry) -> None:
    folder = models_folder(registry.home, "made", "churn") / "3"
    seal = read_manifest(folder).seal
    _promote(registry, "3")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["promotion"]["waived"] == []
    trial = manifest["promotion"]["trial"]
    assert trial["leaves_met"] == trial["leaves"] > 0
    assert read_manifest(folder).seal == seal


def _hash_anew(folder: Path, name: str) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"][name] = sha256((folder / name).read_bytes())
    path.write_text(json.dumps(manifest, sort_keys=True))


def test_a_version_whose_files_and_manifest_agree_is_held_to_the_seal_of_its_training(
    registry: Registry,
) -> None:
    version = _register(registry, champion(RUNGS["logistic"]))
    folder = models_folder(registry.home, "made", "churn") / version
    body = json.loads((folder / "model.json").read_bytes())
    body["calibration"]["intercept"] += 1.0
    (folder / "model.json").write_text(json.dumps(body))
    _hash_anew(folder, "model.json")
    before = _pointers(registry)
    # whole in itself, and it says of its golden rows what it said: the seal alone tells
    assert prove(registry.home, "made", "churn", version)["golden_rows"] > 0
    assert _code(lambda: _promote(registry, version)) == "ME006"
    assert _pointers(registry) == before


def test_a_version_without_a_seal_is_not_promoted(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "_seal", lambda *_: None)
    assert _code(lambda: _promote(registry, "2")) == "ME006"


def test_of_two_promotions_that_saw_the_same_champion_one_wins(registry: Registry) -> None:
    seen = registry.look("made", "churn")
    gate = threading.Barrier(2)
    said: dict[str, str] = {}

    def promote(version: str) -> None:
        gate.wait()
        try:
            registry.promote("made", "churn", version, seen=seen)
            said[version] = "won"
        except ModelError as error:
            said[version] = f"{error.code} {error.message}"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(promote, ["1", "2"]))
    winner = next(version for version, words in said.items() if words == "won")
    loser = "2" if winner == "1" else "1"
    assert said[loser].startswith("ME007")
    assert f"is version {winner} now" in said[loser]
    assert _pointers(registry)["champion"] == winner
    pointers, aliases = _pointers(registry), _aliases(registry)
    assert pointers == {name: aliases[name] for name in ("champion", "previous")}


def test_a_rollback_without_mlflow_is_followed_by_the_aliases(registry: Registry) -> None:
    _promote(registry, "1")
    _promote(registry, "2")
    assert rollback(registry.home, "made", "churn") == "1"
    assert (_pointers(registry)["champion"], _aliases(registry)["champion"]) == ("1", "2")
    again = Registry(registry.home)
    assert {name: _aliases(again)[name] for name in ("champion", "previous")} == _pointers(again)


def test_a_damaged_version_is_not_rolled_back_to(registry: Registry) -> None:
    _promote(registry, "3")
    _promote(registry, "2")
    path = models_folder(registry.home, "made", "churn") / "3" / "boosters" / "margin.txt"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert _code(lambda: rollback(registry.home, "made", "churn")) == "ME002"
    path.write_bytes(whole)
    assert _pointers(registry)["champion"] == "2"


def test_a_damaged_champion_gives_way_to_a_sound_version(registry: Registry) -> None:
    (models_folder(registry.home, "made", "churn") / "champion").write_bytes(b"\xff")
    _promote(registry, "2")
    assert load_champion(registry.home, "made", "churn").version == "2"


REFUSED = (
    {"code": "GT001", "passed": True, "text": "enough"},
    {"code": "GT004", "passed": False, "text": "owner has AUC 0.99"},
    {"code": "GT009", "passed": False, "text": "log loss -0.1"},
)


def test_a_version_that_its_gates_refused_needs_somebody_to_answer_for_each(
    registry: Registry,
) -> None:
    facts = {"trained_through": "2011-08-01", "verdict": "refused", "gates": REFUSED}
    version = _register(registry, replace(champion(RUNGS["prior"]), facts=facts))
    with pytest.raises(ModelError) as refused:
        _promote(registry, version)
    assert (refused.value.code, refused.value.exit_code) == ("ME011", 3)
    assert "GT004 owner has AUC 0.99; GT009" in refused.value.message
    on = date(2026, 11, 27)
    one = waivers(["GT004"], "the owner is known on the day", on=on)
    assert _code(lambda: _promote(registry, version, one)) == "ME011"
    strange = waivers(["GT004", "GT008"], "the owner is known on the day", on=on)
    assert _code(lambda: _promote(registry, version, strange)) == "CL013"

    both = waivers(["GT004", "GT009"], "the owner is known on the day", on=on)
    _promote(registry, version, both)
    found = next(v for v in registry.versions() if v.version == version)
    assert found.waived == ("GT004", "GT009")
    said = load_champion(registry.home, "made", "churn").facts["waived"]
    assert said[0] == {
        "code": "GT004", "reason": "the owner is known on the day", "on": "2026-11-27",
    }  # fmt: skip
    tags = registry._client.get_model_version(NAME, version).tags
    assert tags["waived.GT004"] == "2026-11-27: the owner is known on the day"


@pytest.mark.parametrize(
    ("codes", "reason"), [(["GT004"], None), (["GT004"], "  ok "), ([], "no gate is named")]
)
def test_a_gate_is_waived_for_a_reason_and_a_reason_for_a_gate(
    codes: list[str], reason: str | None
) -> None:
    with pytest.raises(SettingsError) as refused:
        waivers(codes, reason, on=date(2026, 11, 27))
    assert refused.value.code == "CL013"


def test_first_starts_of_eight_processes_at_once_all_succeed(tmp_path: Path) -> None:
    preload("tests.unit.training.first_start", "tests.unit.training.trials")
    started = [start(open_registry, str(tmp_path / "home")) for _ in range(8)]
    for process in started:
        process.join(120)
    assert [process.exitcode for process in started] == [0] * 8


@pytest.mark.long
def test_first_starts_of_eight_programs_at_once_all_succeed(tmp_path: Path) -> None:
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
        for _ in range(8)
    ]
    assert [process.communicate(timeout=300)[0] for process in started] == ["0\n"] * 8
    assert [process.returncode for process in started] == [0] * 8

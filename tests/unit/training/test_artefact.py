from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import lightgbm
import pyarrow as pa
import pytest

from features.errors import FanalError, ModelError, NotReady
from tests.unit.training.made import CONTEXT, champion, dataset, rungs
from training.artefact import (
    Champion,
    champions_in,
    files,
    has_champion,
    load_champion,
    load_version,
    models_folder,
    read_pointer,
    try_in_child,
    write_artefact,
    write_pointer,
)
from training.artefact.trial import conclude
from training.manifest import sha256
from training.models import RUNGS

DATA = dataset()
FOLDER = Path("models") / "made" / "churn"


def promote(home: Path, model: Champion) -> Champion:
    written = write_artefact(home, model, DATA.matrix)
    write_pointer(models_folder(home, "made", "churn"), "champion", written.version, written.digest)
    return written


def _refused(home: Path) -> FanalError:
    with pytest.raises(FanalError) as refused:
        load_champion(home, "made", "churn")
    return refused.value


@pytest.fixture
def no_trees_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged model file kills the process that loads it: nothing may try."""

    def read(*_: object, **__: object) -> None:
        raise AssertionError("LightGBM was given the file")

    monkeypatch.setattr(lightgbm, "Booster", read)


@pytest.mark.parametrize("name", RUNGS)
def test_a_model_read_back_says_the_same_to_the_last_bit(name: str, tmp_path: Path) -> None:
    model = champion(rungs(DATA)[name])
    written = promote(tmp_path, model)
    found = load_champion(tmp_path, "made", "churn")
    assert found.margin(DATA.matrix).tobytes() == model.margin(DATA.matrix).tobytes()
    base, parts = model.contributions(DATA.matrix)
    found_base, found_parts = found.contributions(DATA.matrix)
    assert (found_base, found_parts.tobytes()) == (base, parts.tobytes())
    assert (found.digest, found.version) == (written.digest, "1")
    assert (found.portfolio, found.task, found.calibration) == (
        model.portfolio, model.task, model.calibration,
    )  # fmt: skip
    assert (found.contexts, found.facts) == ((CONTEXT,), {**model.facts, "waived": []})
    assert load_version(tmp_path, "made", "churn", "1").digest == written.digest


def test_tables_of_the_portfolio_come_back_with_their_types(tmp_path: Path) -> None:
    stages = pa.table(
        {"stage": ["offer", "won"], "position": [0.0, 1.0], "outcome": ["open", "won"]}
    )
    rates = pa.table(
        {
            "date": pa.array([date(2011, 1, 1)], pa.date32()),
            "currency": ["USD"],
            "rate": [0.75],
            "known_at": pa.array([datetime(2011, 1, 2, 8, tzinfo=UTC)], pa.timestamp("us", "UTC")),
            "is_deleted": [True],
        }
    )
    model = replace(champion(rungs(DATA)["prior"]), reference={"stages": stages, "fx_rates": rates})
    promote(tmp_path, model)
    found = load_champion(tmp_path, "made", "churn").reference
    assert (found["stages"], found["fx_rates"]) == (stages, rates)


FILES = (
    "model.json", "boosters/margin.txt", "golden.json", "reference.json",
    "contexts/2011-05-01.json", "manifest.json",
)  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.usefixtures("no_trees_read")
def test_a_damaged_file_is_refused_before_lightgbm_reads_a_byte(name: str, tmp_path: Path) -> None:
    promote(tmp_path, champion(rungs(DATA)["lightgbm"]))
    path = tmp_path / FOLDER / "1" / name
    whole = path.read_bytes()
    for damaged in _damages(whole):
        path.write_bytes(damaged)
        refused = _refused(tmp_path)
        assert (type(refused), refused.code, refused.exit_code) == (ModelError, "ME002", 3)
        assert path.name in refused.message
    path.unlink()
    assert _refused(tmp_path).code == "ME002"
    path.mkdir()
    assert _refused(tmp_path).code == "ME002"


def _damages(whole: bytes) -> Iterator[bytes]:
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        yield whole[:length]
    for place in (0, len(whole) // 3, len(whole) - 1):
        yield whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    yield whole + b"\n"


@pytest.mark.usefixtures("no_trees_read")
def test_a_version_is_held_to_its_own_manifest(tmp_path: Path) -> None:
    promote(tmp_path, champion(rungs(DATA)["lightgbm"]))
    path = tmp_path / FOLDER / "1" / "boosters" / "margin.txt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError) as refused:
        load_version(tmp_path, "made", "churn", "1")
    assert refused.value.code == "ME002"


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    model = champion(rungs(DATA)["lightgbm"])
    promote(tmp_path, replace(model, feature_set_version="0123456789ab"))
    assert _refused(tmp_path).code == "ME003"
    assert "fanal train" in _refused(tmp_path).fix


@pytest.mark.parametrize(
    "pointer",
    [b"", b"1", b"1 abc def", b"\xff\xfe", b"9 " + b"0" * 64, b"../1 " + b"0" * 64],
    ids=repr,
)
def test_a_pointer_that_points_nowhere_is_damage(pointer: bytes, tmp_path: Path) -> None:
    promote(tmp_path, champion(rungs(DATA)["prior"]))
    (tmp_path / FOLDER / "champion").write_bytes(pointer)
    assert _refused(tmp_path).code == "ME002"


def test_a_sound_version_with_another_manifest_than_promoted_is_refused(tmp_path: Path) -> None:
    promote(tmp_path, champion(rungs(DATA)["prior"]))
    write_artefact(tmp_path, champion(rungs(dataset(seed=8))["prior"]))
    assert _refused(tmp_path).code == "ME002"


def test_no_champion_yet_names_the_command(tmp_path: Path) -> None:
    refused = _refused(tmp_path)
    assert (type(refused), refused.code) == (NotReady, "NR020")
    assert "fanal train PORTFOLIO --model churn" in refused.fix
    assert not has_champion(tmp_path, "made", "churn")
    assert champions_in(tmp_path) == ()


def test_a_manifest_that_lists_a_model_this_version_cannot_read_is_refused(tmp_path: Path) -> None:
    promote(tmp_path, champion(rungs(DATA)["prior"]))
    folder = tmp_path / FOLDER / "1"
    body = json.loads((folder / "model.json").read_text())
    del body["calibration"]
    text = json.dumps(body).encode()
    (folder / "model.json").write_bytes(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model.json"] = sha256(text)
    content = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(content)
    write_pointer(tmp_path / FOLDER, "champion", "1", sha256(content))
    assert _refused(tmp_path).code == "ME004"


def test_a_pointer_is_swapped_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(tmp_path, champion(rungs(DATA)["prior"]))
    before = read_pointer(tmp_path, "made", "churn")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_pointer(tmp_path / FOLDER, "champion", "2", "0" * 64)
    assert read_pointer(tmp_path, "made", "churn") == before


def test_an_artefact_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(files, "_write_files", fail)
    with pytest.raises(OSError, match="disk full"):
        write_artefact(tmp_path, champion(rungs(DATA)["prior"]))
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_model_is_tried_in_a_process_of_its_own(tmp_path: Path) -> None:
    promote(tmp_path, champion(rungs(DATA)["lightgbm"]))
    found = try_in_child(tmp_path, "made", "churn", "1")
    assert found["leaves_met"] == found["leaves"] > 100
    with pytest.raises(ModelError) as refused:
        try_in_child(tmp_path, "made", "churn", "2")
    assert refused.value.code == "ME002"


@pytest.mark.parametrize(
    ("code", "said", "how"),
    [(-11, b"", "signal 11"), (-6, b'{"golden_rows": 3}', "signal 6"), (0, b"", "ended with 0")],
)
def test_a_process_that_dies_of_a_model_says_so(code: int, said: bytes, how: str) -> None:
    with pytest.raises(ModelError) as refused:
        conclude(code, said, "made", "churn", "1")
    assert refused.value.code == "ME005"
    assert how in refused.value.message


def test_the_context_for_a_day_is_the_newest_not_after_it() -> None:
    early, late = (replace(CONTEXT, as_of=as_of) for as_of in (100, 200))
    model = replace(champion(rungs(DATA)["prior"]), contexts=(early, late))
    assert model.context_for(150) == (early, True)
    assert model.context_for(200) == (late, True)
    assert model.context_for(99) == (early, False)


UNPICKLERS = {"pickle", "cPickle", "joblib", "cloudpickle", "dill", "skops", "shelve", "marshal"}


def test_nothing_in_the_four_packages_unpickles(root: Path) -> None:
    wrong = []
    for package in ("features", "training", "portfolio", "serving"):
        for path in sorted((root / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            wrong += [f"{path.relative_to(root)}: {name}" for name in _loads(tree)]
    assert wrong == []


def _loads(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        yield from (name for name in names if name.split(".")[0] in UNPICKLERS)
        if isinstance(node, ast.Attribute) and node.attr in {"load_model", "read_pickle"}:
            yield ast.unparse(node)
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield "allow_pickle"

"""A damaged model, hashed anew or not, is not promoted, kills nothing, and hides no champion."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from features.errors import FanalError, ModelError
from tests.unit.training.made import champion, dataset, rungs
from tests.unit.training.trials import preload, try_in_fork
from training import registry as registry_module
from training.artefact import load_champion, load_version, models_folder
from training.manifest import sha256
from training.registry import Registry

pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")

DATA = dataset()
FILES = ("boosters/margin.txt",) * 6 + ("model.json", "golden.json", "contexts/2011-05-01.json")
KINDS = ("truncated", "bit flipped", "digit changed")


@dataclass(frozen=True)
class Shelf:
    """A registry whose champion is version 1, and a sound challenger, version 2."""

    registry: Registry
    folder: Path
    sound: Path
    answer: bytes

    def restore(self) -> None:
        """Put the challenger's files back."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.sound, self.folder)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    preload("training.artefact.trial", "tests.unit.training.trials")
    home = tmp_path_factory.mktemp("home")
    registry = Registry(home)
    model = champion(rungs(DATA)["lightgbm"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_module, "try_in_child", try_in_fork)
        for _ in range(2):
            with registry.start_run("made", "churn") as run:
                registry.register(model, run.info.run_id, {}, DATA.matrix)
        registry.promote("made", "churn", "1", seen=None)
        folder = models_folder(home, "made", "churn") / "2"
        sound = home / "sound"
        shutil.copytree(folder, sound)
        yield Shelf(registry, folder, sound, model.margin(DATA.matrix).tobytes())


def _damage(whole: bytes, kind: str, random: np.random.Generator) -> bytes:
    if kind == "truncated":
        return whole[: random.integers(len(whole))]
    if kind == "bit flipped":
        place = random.integers(len(whole))
        return (
            whole[:place] + bytes([whole[place] ^ (1 << random.integers(8))]) + whole[place + 1 :]
        )
    digits = [place for place, byte in enumerate(whole) if 48 <= byte <= 57]
    place = digits[random.integers(len(digits))]
    other = (whole[place] - 48 + random.integers(1, 10)) % 10 + 48
    return whole[:place] + bytes([other]) + whole[place + 1 :]


def _hash_anew(folder: Path, name: str) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"][name] = sha256((folder / name).read_bytes())
    path.write_text(json.dumps(manifest, sort_keys=True, ensure_ascii=False))


def _promotion(shelf: Shelf) -> str:
    """Say with which code a promotion of the challenger is refused."""
    seen = shelf.registry.look("made", "churn")
    with pytest.raises(ModelError) as refused:
        shelf.registry.promote("made", "churn", "2", seen=seen)
    return refused.value.code


def _trial(home: Path) -> str:
    try:
        try_in_fork(home, "made", "churn", "2")
    except FanalError as error:
        return "killed its reader" if error.code == "ME005" else "refused by its trial"
    return "refused by the seal alone"


def _try_damaged(shelf: Shelf, seed: int) -> tuple[str, str]:
    """Damage a file, hashed anew every other time; give the kind, and what its own trial says."""
    random = np.random.default_rng(seed)
    name, kind = FILES[random.integers(len(FILES))], KINDS[seed % 3]
    path = shelf.folder / name
    path.write_bytes(_damage(path.read_bytes(), kind, random))
    home = shelf.registry.home
    try:
        if seed % 2:
            with pytest.raises(ModelError) as refused:
                load_version(home, "made", "churn", "2")
            assert _promotion(shelf) == refused.value.code == "ME002"
            return kind, "differs from its manifest"
        _hash_anew(shelf.folder, name)
        assert _promotion(shelf) == "ME006"
        # and had the registry been forged too: no process may die of it
        return kind, f"hashed anew, {_trial(home)}"
    finally:
        shelf.restore()


def _require_champion(shelf: Shelf) -> None:
    found = load_champion(shelf.registry.home, "made", "churn")
    assert (found.version, found.margin(DATA.matrix).tobytes()) == ("1", shelf.answer)


def test_60_damaged_artefacts_are_refused_and_kill_nothing(shelf: Shelf) -> None:
    found = Counter(_try_damaged(shelf, seed) for seed in range(60))
    _require_champion(shelf)
    _require_refused(found)


@pytest.mark.long
def test_1000_damaged_artefacts_are_refused_and_kill_nothing(shelf: Shelf) -> None:
    found = Counter(_try_damaged(shelf, seed) for seed in range(1000))
    _require_champion(shelf)
    assert sum(found.values()) == 1000
    _require_refused(found)


def _require_refused(found: Counter[tuple[str, str]]) -> None:
    assert {how for _, how in found} >= {
        "differs from its manifest", "hashed anew, refused by its trial",
    }  # fmt: skip
    assert not any(how.endswith("killed its reader") for _, how in found), found
    # a truncated file is never a model, whoever hashed it
    assert found["truncated", "hashed anew, refused by the seal alone"] == 0


LEAF = "leaf_value="


def test_every_digit_of_every_leaf_is_told_by_the_golden_rows(shelf: Shelf) -> None:
    path = shelf.folder / "boosters" / "margin.txt"
    lines = path.read_text().split("\n")
    places = [place for place, line in enumerate(lines) if line.startswith(LEAF)]
    codes = set()
    for place in places[::6]:
        for leaf in range(lines[place].count(" ") + 1):
            changed = list(lines)
            values = lines[place].removeprefix(LEAF).split(" ")
            # the third digit that counts
            digit = values[leaf].index(".") + 3
            old = values[leaf]
            values[leaf] = old[:digit] + str((int(old[digit]) + 1) % 10) + old[digit + 1 :]
            changed[place] = LEAF + " ".join(values)
            path.write_text("\n".join(changed))
            _hash_anew(shelf.folder, "boosters/margin.txt")
            with pytest.raises(ModelError) as refused:
                load_version(shelf.registry.home, "made", "churn", "2")
            codes.add(refused.value.code)
    shelf.restore()
    assert codes == {"ME009"}

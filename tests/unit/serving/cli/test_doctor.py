from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from serving.cli import doctor
from serving.cli.doctor import Finding, examine
from serving.cli.main import main
from serving.store.store import Store
from training.artefact import write_pointer

PARTS = {"tomli_w": "tomli-w"}


def _found(home: Path, name: str, config: Path | None = None) -> Finding:
    return next(f for f in examine(home, config, {}) if f.name == name)


def test_a_fresh_installation_is_in_order(home: Path) -> None:
    findings = examine(None, None, PARTS)
    assert [f.name for f in findings] == [
        "python", "threads", "tomli_w", "settings", "home", "store",
    ]  # fmt: skip
    assert [f.text for f in findings if not f.is_ok] == []
    assert not home.exists()


def test_the_command_prints_a_line_for_each_and_ends_with_0(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor.examine, "__defaults__", (PARTS,))
    assert main(["doctor", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert {
        "name": "store",
        "is_ok": True,
        "text": said["findings"][-1]["text"],
        "fix": "",
    } in said["findings"]
    assert main(["doctor"]) == 0
    assert "tomli_w" in capsys.readouterr().out


def test_a_problem_ends_the_command_with_2(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor.examine, "__defaults__", ({"no_such": "no-such-package"},))
    assert main(["doctor", "--json"]) == 2
    wrong = [f for f in json.loads(capsys.readouterr().out)["findings"] if not f["is_ok"]]
    assert [(f["name"], f["text"]) for f in wrong] == [("no_such", "not installed")]
    assert "make" in wrong[0]["fix"]


def test_a_part_that_does_not_load_is_named_with_the_last_line_it_said() -> None:
    finding = doctor._part("no_such_module", "pytest")
    assert not finding.is_ok
    assert finding.text.endswith(
        "does not load: ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_more_threads_than_cores_are_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    assert not _found(home, "threads").is_ok
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert _found(home, "threads").is_ok


def test_wrong_settings_are_a_finding_not_an_end(home: Path, tmp_path: Path) -> None:
    (tmp_path / "fanal.toml").write_text("colour = 1\n")
    finding = _found(home, "settings")
    assert not finding.is_ok
    assert finding.text.startswith("ST001")
    assert finding.fix == "Compare them with fanal.toml.example."


def test_a_home_that_is_a_file_is_a_problem(home: Path) -> None:
    home.write_text("x")
    assert not _found(home, "home").is_ok


def test_the_store_is_reported_by_its_step(home: Path) -> None:
    Store.open(home).close()
    assert _found(home, "store") == Finding("store", True, "at step 0001")
    connection = sqlite3.connect(home / "store.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    assert _found(home, "store").text == "at step 9999, written by a newer Fanal"
    (home / "store.db").write_bytes(b"not a database" * 400)
    broken = _found(home, "store")
    assert not broken.is_ok
    assert broken.text.endswith("cannot be opened (DatabaseError).")


def test_a_champion_that_is_not_the_version_promoted_is_a_problem(home: Path) -> None:
    folder = home / "models" / "Giftware" / "churn"
    (folder / "7").mkdir(parents=True)
    (folder / "7" / "manifest.json").write_bytes(b"{}")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    write_pointer(folder, "champion", "7", digest)
    name = "Giftware.churn"
    assert _found(home, name) == Finding(name, True, "champion is version 7")
    (folder / "7" / "manifest.json").write_bytes(b"{ }")
    assert _found(home, name).text == "version 7 differs from what was promoted"
    write_pointer(folder, "champion", "8", digest)
    assert _found(home, name).text == "champion names version 8, which is not there"
    (folder / "champion").write_text("7\n")
    assert not _found(home, name).is_ok
    (folder / "champion").write_bytes(b"\xff")
    assert not _found(home, name).is_ok

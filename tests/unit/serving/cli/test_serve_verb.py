"""How the service is started."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from serving.cli.main import main


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[str], Mapping[str, str]]]:
    """What would take the place of this process."""
    calls: list[tuple[Sequence[str], Mapping[str, str]]] = []
    monkeypatch.setattr("os.execve", lambda _, command, env: calls.append((command, env)))
    monkeypatch.delenv("FANAL_API_KEYS", raising=False)
    return calls


def test_the_service_starts_on_the_loopback_with_telemetry_off(
    home: Path,
    started: list[tuple[Sequence[str], Mapping[str, str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve"]) == 0
    command, environment = started[0]
    assert command == [
        sys.executable, "-m", "bentoml", "serve", "serving.service:Fanal",
        "--host", "127.0.0.1", "--port", "3000",
    ]  # fmt: skip
    assert environment["BENTOML_DO_NOT_TRACK"] == "true"
    assert environment["FANAL_HOME"] == str(home)
    said = capsys.readouterr()
    assert said.out.startswith("Fanal listens on http://127.0.0.1:3000 ")
    assert "Run: fanal train PORTFOLIO" in said.err


def test_what_the_command_line_says_reaches_the_workers(
    home: Path, started: list[tuple[Sequence[str], Mapping[str, str]]], tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text("language = 'fr'\n")
    arguments = ["--port", "3001", "--workers", "2", "--portfolio", "demo", "--config", "mine.toml"]
    assert main(["serve", *arguments]) == 0
    command, environment = started[0]
    assert list(command)[-1] == "3001"
    assert environment["FANAL_CONFIG"] == str(tmp_path / "mine.toml")
    assert environment["FANAL_PORTFOLIO"] == "demo"
    assert environment["BENTOML_CONFIG_OPTIONS"] == "services.Fanal.workers=2"


def test_where_others_reach_it_a_key_is_asked_for(
    home: Path,
    started: list[tuple[Sequence[str], Mapping[str, str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert capsys.readouterr().err.startswith("AC003 ")
    assert started == []

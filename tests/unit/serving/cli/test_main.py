from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from features.errors import ContractError, ModelError, Violation
from serving.cli import verbs
from serving.cli.failures import CODES, home_said
from serving.cli.main import main
from serving.cli.verbs import VERBS, Verb, command_of

Play = Callable[[Callable[..., None]], None]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, home: Path) -> Play:
    """Let the verb `play` run a function of the test."""

    def register(function: Callable[..., None]) -> None:
        monkeypatch.setattr(verbs, "VERBS", {"play": Verb("here:play", "Play.")})
        module = type("here", (), {"play": staticmethod(function)})
        monkeypatch.setattr(verbs, "import_module", lambda _: module)

    return register


def _raising(error: BaseException) -> Callable[..., None]:
    def play(json: bool = typer.Option(False, "--json")) -> None:
        raise error

    return play


def test_help_lists_every_verb_and_loads_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from serving.cli.main import main; code = main(['--help'])\n"
        "heavy = {'bentoml', 'duckdb', 'lightgbm', 'mlflow', 'numpy', 'pandas', 'pyarrow', 'rich', "
        "'sqlalchemy', 'pydantic', 'numba'}\n"
        "print('heavy', sorted(heavy & set(sys.modules)), code)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "heavy [] 0"
    for name, verb in VERBS.items():
        assert f"  {name} " in said.stdout
        assert verb.summary.split()[0] in said.stdout


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_that_is_listed_can_be_asked_for_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_of(name).name == name
    assert main([name, "--help"]) == 0
    assert f"Usage: fanal {name}" in capsys.readouterr().out


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: fanal" in capsys.readouterr().out


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["nosuch"], "CL001 No such command 'nosuch'."),
        (["doctor", "--nosuch"], "CL001 No such option: --nosuch"),
        (["doctor", "--home"], "CL001 Option '--home' requires an argument."),
    ],
)
def test_a_wrong_command_line_is_the_users_error(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(said)
    assert shown.out == ""


def test_a_wrong_command_line_is_json_when_json_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["nosuch", "--json"]) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["code"] == "CL001"
    assert shown.err == ""


def test_a_fanal_error_ends_with_its_exit_code_and_no_traceback(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    play(_raising(ModelError("MD001", "The model of version 7 is damaged.", "Promote another.")))
    assert main(["play"]) == 3
    shown = capsys.readouterr()
    assert shown.err == "MD001 The model of version 7 is damaged. Promote another.\n"
    assert shown.out == ""


def test_a_fanal_error_as_json_names_its_violations(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    violation = Violation("CT014", "orders", "net_amount", "A number was expected.", (3,), "été")
    play(_raising(ContractError("CT007", "Nothing is left.", "Mend it.", [violation])))
    assert main(["play", "--json"]) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "error": {
            "code": "CT007",
            "message": "Nothing is left.",
            "fix": "Mend it.",
            "violations": [
                {
                    "code": "CT014",
                    "table": "orders",
                    "column": "net_amount",
                    "message": "A number was expected.",
                    "count": 1,
                    "first_rows": [3],
                    "example": "été",
                }
            ],
            "errors": [],
        }
    }
    assert shown.err == ""


def test_an_unforeseen_error_is_short_and_its_log_quotes_no_record(
    play: Play, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(_raising(KeyError("Dupont & Fils")))
    assert main(["play"]) == 1
    shown = capsys.readouterr()
    log = home / "logs" / "fanal.log"
    assert shown.err.startswith("CL999 Something went wrong that nobody foresaw (KeyError).")
    assert str(log) in shown.err
    assert "Traceback" not in shown.err
    written = log.read_text()
    assert "KeyError at serving.cli.main:" in written
    assert "Dupont" not in written + shown.err
    assert str(Path.cwd()) not in written


def test_debug_shows_the_traceback(play: Play) -> None:
    play(_raising(KeyError("Dupont & Fils")))
    with pytest.raises(KeyError, match="Dupont"):
        main(["play", "--debug"])


def test_a_home_that_cannot_be_written_does_not_hide_the_error(
    play: Play, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file, not a folder")
    play(_raising(ValueError("x")))
    assert main(["play"]) == 1
    assert "No log could be written." in capsys.readouterr().err


def test_a_verb_that_is_stopped_says_so(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    play(_raising(typer.Abort()))
    assert main(["play"]) == 130
    assert capsys.readouterr().err == "CL002 Stopped.\n"


def test_the_exit_code_of_a_verb_is_that_of_the_process(play: Play) -> None:
    play(_raising(typer.Exit(3)))
    assert main(["play"]) == 3


@pytest.mark.parametrize(
    ("given", "home"),
    [
        (["x", "--home", "a"], Path("a")),
        (["x", "--home=b"], Path("b")),
        (["x", "--home"], None),
        (["x"], None),
    ],
)
def test_the_home_folder_is_read_from_the_command_line(given: list[str], home: Path | None) -> None:
    assert home_said(given) == home


def test_every_code_of_the_command_line_has_a_meaning() -> None:
    assert set(CODES) >= {"CL001", "CL002", "CL999"}
    assert all(CODES.values())


def test_a_first_start_that_takes_long_says_why_and_a_usual_one_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(_: str) -> object:
        time.sleep(0.3)
        return type("here", (), {"play": staticmethod(lambda: None)})

    monkeypatch.setattr(verbs, "VERBS", {"play": Verb("here:play", "Play.")})
    monkeypatch.setattr(verbs, "import_module", slow)
    assert main(["play"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(verbs, "SECONDS_WITHOUT_NOTICE", 0.05)
    assert main(["play"]) == 0
    told = capsys.readouterr()
    assert (told.out, "once" in told.err) == ("", True)

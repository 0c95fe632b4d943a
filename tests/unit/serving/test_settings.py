from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from features.errors import SettingsError
from serving.settings import CODES, Secrets, Settings, Weights, load_settings


def _written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _keys(given: Any, prefix: str = "") -> set[str]:
    if isinstance(given, list):
        return set().union(*(_keys(entry, prefix) for entry in given))
    if not isinstance(given, dict):
        return {prefix}
    return set().union(*(_keys(value, f"{prefix}.{key}") for key, value in given.items()))


def test_without_a_file_the_defaults_hold(home: Path) -> None:
    settings = load_settings(None)
    assert settings.home == home
    assert settings.language == "en"
    assert settings.priority.reference_days == 90
    assert (settings.plays.save.success, settings.plays.save.days) == (0.30, 30)
    assert (settings.plays.reactivate.probability, settings.plays.reactivate.days) == (0.08, 45)
    assert (settings.limits.max_body_mb, settings.limits.max_accounts) == (10, 1000)


def test_the_file_of_the_current_folder_is_read_and_its_home_is_beside_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FANAL_HOME")
    (tmp_path / "fanal.toml").write_text('home = "state"\n[server]\nport = 4000\n')
    settings = load_settings(None)
    assert settings.home == Path("state")
    assert settings.server.port == 4000
    assert load_settings(tmp_path / "fanal.toml").home == tmp_path / "state"


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _written(tmp_path, 'home = "a"\nlanguage = "en"\n[server]\nport = 4000\n')
    monkeypatch.setenv("FANAL_LANGUAGE", "fr")
    monkeypatch.setenv("FANAL_SERVER__PORT", "5000")
    settings = load_settings(path, home=Path("said"))
    assert (settings.home, settings.language, settings.server.port) == (Path("said"), "fr", 5000)
    assert load_settings(path, language="en").language == "en"
    with pytest.raises(SettingsError, match="Choose among en, fr"):
        load_settings(path, language="de")


def test_the_most_precise_weights_hold(home: Path, tmp_path: Path) -> None:
    entries = [("default", "*", 1), ("default", "b", 2), ("2026Q4", "*", 3), ("2026Q4", "b", 4)]
    text = "\n".join(
        f'[[weights]]\nquarter = "{quarter}"\nsegment = "{segment}"\npotential = {weight}'
        for quarter, segment, weight in entries
    )
    settings = load_settings(_written(tmp_path, text))
    assert settings.weights_for("2026Q4", "b").potential == 4
    assert settings.weights_for("2026Q4", "c").potential == 3
    assert settings.weights_for("2027Q1", "b").potential == 2
    assert settings.weights_for("2027Q1", "c").potential == 1
    assert settings.weights_for("2026Q4", None).potential == 3
    assert load_settings(None).weights_for("2026Q4", "b") == Weights()


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("colour = 1", "ST001", "home, language, limits, monitor, plays, priority, server"),
        (
            "[server]\nprot = 1",
            "ST001",
            "server.prot is no setting; allowed here: host, port, workers",
        ),
        ("[plays.save]\nx = 1", "ST001", "allowed here: days, success, void"),
        ("[[weights]]\nrsik = 1", "ST001", "duration_penalty, potential, probability, quarter"),
        ('store_url = "x"', "ST001", "store_url is no setting"),
        ("a = ", "ST002", "is not TOML"),
        ('language = "de"', "ST003", "language"),
        ("[server]\nport = 0", "ST003", "server.port"),
        ("[plays.save]\nsuccess = 1.5", "ST003", "plays.save.success"),
        ("[priority]\nreference_days = nan", "ST003", "priority.reference_days"),
        ("[[weights]]\nrisk = -0.1", "ST004", "weights.0.risk"),
        (
            "[[weights]]\npotential = 0\nprobability = 0\nrisk = 0\nduration_penalty = 0",
            "ST005",
            "above 0",
        ),
        ('[[weights]]\nquarter = "2026Q5"', "ST006", "like 2026Q4"),
        ("[[weights]]\n[[weights]]", "ST007", "default *"),
    ],
)
def test_a_wrong_setting_is_named_with_its_code(
    home: Path, tmp_path: Path, text: str, code: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(_written(tmp_path, text))
    assert caught.value.code == code
    assert said in str(caught.value)
    assert (caught.value.exit_code, caught.value.http_status) == (2, 400)


def test_all_faults_are_named_at_once(home: Path, tmp_path: Path) -> None:
    path = _written(tmp_path, "colour = 1\n[server]\nport = 0\n[[weights]]\nrisk = -1\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    for part in ("colour", "server.port", "weights.0.risk"):
        assert part in str(caught.value)


def test_a_settings_file_that_is_not_there_is_said_to_be_missing(
    home: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"ST002.*nowhere\.toml"):
        load_settings(tmp_path / "nowhere.toml")


def test_a_secret_comes_from_the_environment_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Secrets().store_url is None
    monkeypatch.setenv("FANAL_STORE_URL", "postgresql://u:hush@db/fanal")
    secret = Secrets().store_url
    assert secret is not None
    assert secret.get_secret_value() == "postgresql://u:hush@db/fanal"
    assert "hush" not in repr(Secrets())


def test_the_example_file_has_every_setting_with_its_default(
    root: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FANAL_HOME")
    example = root / "fanal.toml.example"
    settings = load_settings(example)
    assert settings.home == root / ".fanal"
    assert settings.weights == (Weights(),)
    assert settings.model_copy(update={"home": Path(".fanal"), "weights": ()}) == Settings()
    dumped = {**Settings().model_dump(), "weights": [Weights().model_dump()]}
    assert _keys(tomllib.loads(example.read_text())) == _keys(dumped)


def test_every_line_of_the_example_file_is_explained(root: Path) -> None:
    lines = (root / "fanal.toml.example").read_text().splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        if re.match(r"\w+ =", line):
            assert "  # " in line or above.startswith("# "), line


def test_every_code_of_the_settings_has_a_meaning() -> None:
    assert sorted(CODES) == [f"ST{number:03d}" for number in range(1, 8)]

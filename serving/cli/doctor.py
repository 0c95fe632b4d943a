"""``fanal doctor``: what is wrong with this installation, and how is it mended?"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

import typer

from features.errors import FanalError
from serving.cli import console
from serving.cli.options import Config, Home, Json
from serving.settings import Settings, load_settings
from serving.store.store import store_state

PARTS: Mapping[str, str] = {
    "duckdb": "duckdb",
    "lightgbm": "lightgbm",
    "numba": "numba",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "sklearn": "scikit-learn",
    "mlflow": "mlflow",
    "bentoml": "bentoml",
}
"""Modules that Fanal cannot do without, and the packages that bring them."""

_IMPORT_SECONDS = 120
_REINSTALL = "Remove .venv and run make again: it installs what requirements.lock lists."


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    name : str
        What was looked at.
    is_ok : bool
        False when something must be mended.
    text : str
        What was found.
    fix : str
        How to mend it; empty when nothing must be.
    """

    name: str
    is_ok: bool
    text: str
    fix: str = ""


def doctor(json: Json = False, home: Home = None, config: Config = None) -> None:
    """Look at the installation, print one line per finding, and exit 2 when one is a problem."""
    findings = examine(home, config)
    is_ok = all(finding.is_ok for finding in findings)
    if json:
        console.emit({"ok": is_ok, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [(f.name, "ok" if f.is_ok else "problem", f.text, f.fix) for f in findings]
        console.table(("looked at", "", "found", "fix"), rows)
    raise typer.Exit(0 if is_ok else 2)


def examine(
    home: Path | None, config: Path | None, parts: Mapping[str, str] = PARTS
) -> tuple[Finding, ...]:
    """What is found in this installation, in the order a person would look?

    Parameters
    ----------
    home, config : Path or None
        As on the command line.
    parts : mapping of str to str
        Modules to try, each with the package that brings it.
    """
    settings, said = _settings(home, config)
    return (
        _python(),
        _threads(),
        *(_part(module, package) for module, package in parts.items()),
        said,
        *_home_findings(settings.home),
    )


def _python() -> Finding:
    found = sys.version.split()[0]
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("python", True, found)
    return Finding("python", False, found, "Use Python 3.11 or 3.12.")


def _threads() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    asked = os.environ.get("OMP_NUM_THREADS", "")
    text = f"{cores} cores usable, OMP_NUM_THREADS {asked or 'not set'}"
    if (asked.isdigit() and 1 <= int(asked) <= (cores or 1)) or not asked:
        return Finding("threads", True, text)
    return Finding("threads", False, text, f"Unset OMP_NUM_THREADS, or set it to {cores} or less.")


def _part(module: str, package: str) -> Finding:
    """Does a module load? Tried in a process of its own: a broken library may end the process."""
    try:
        found = installed(package)
    except PackageNotFoundError:
        return Finding(module, False, "not installed", _REINSTALL)
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "true"}
    try:
        done = subprocess.run(  # noqa: S603 (the module names are ours)
            [sys.executable, "-c", f"import {module}"],
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            timeout=_IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(module, False, f"{found}, does not load in {_IMPORT_SECONDS} s", _REINSTALL)
    if done.returncode == 0:
        return Finding(module, True, found)
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    fix = "Install the system library libgomp." if "libgomp" in last else _REINSTALL
    return Finding(module, False, f"{found}, does not load: {last}", fix)


def _settings(home: Path | None, config: Path | None) -> tuple[Settings, Finding]:
    try:
        settings = load_settings(config, home=home)
    except FanalError as error:
        usual = Settings.model_construct(home=home or Path(".fanal"))
        return usual, Finding("settings", False, f"{error.code} {error.message}", error.fix)
    return settings, Finding("settings", True, f"home {settings.home}, {settings.language}")


def _home_findings(home: Path) -> Sequence[Finding]:
    return (_writable(home), _store(home), *_champions(home))


def _writable(home: Path) -> Finding:
    if not home.exists():
        return Finding("home", True, f"{home} is not there yet; the first verb makes it")
    try:
        with tempfile.TemporaryFile(dir=home):
            return Finding("home", True, f"{home} is writable")
    except OSError as error:
        fix = "Give yourself the right to write there, or set FANAL_HOME."
        return Finding("home", False, f"{home} is not writable ({error.strerror})", fix)


def _store(home: Path) -> Finding:
    if not (home / "store.db").exists():
        return Finding("store", True, "not there yet; the first score makes it")
    try:
        state = store_state(home)
    except FanalError as error:
        fix = "Put back a copy of store.db, or move it away to begin a new one."
        return Finding("store", False, error.message, fix)
    if not state.is_known:
        text = f"at step {state.current}, written by a newer Fanal"
        return Finding("store", False, text, "Install the version of Fanal that wrote it.")
    later = "" if state.is_current else f"; the next verb brings it to step {state.head}"
    return Finding("store", True, f"at step {state.current}{later}")


def _champions(home: Path) -> Sequence[Finding]:
    pointers = sorted(home.glob("models/*/*/champion"))
    return [_champion(pointer) for pointer in pointers]


def _champion(pointer: Path) -> Finding:
    name = f"{pointer.parent.parent.name}.{pointer.parent.name}"
    fix = f"Promote a version again: fanal promote {name}"
    try:
        said = pointer.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        return Finding(name, False, f"champion cannot be read ({type(error).__name__})", fix)
    if len(said) != 2:
        return Finding(name, False, "champion names no version and digest", fix)
    version, digest = said
    manifest = pointer.parent / version / "manifest.json"
    if not manifest.is_file():
        return Finding(name, False, f"champion names version {version}, which is not there", fix)
    if hashlib.sha256(manifest.read_bytes()).hexdigest() != digest:
        return Finding(name, False, f"version {version} differs from what was promoted", fix)
    wrong = _damaged_files(manifest)
    if wrong:
        return Finding(name, False, f"version {version} is damaged: {', '.join(wrong)}", fix)
    return Finding(name, True, f"champion is version {version}")


def _damaged_files(manifest: Path) -> list[str]:
    """Which files of a model differ from its manifest, or are missing?"""
    listed = json.loads(manifest.read_bytes()).get("files", {})
    return [
        name
        for name, digest in sorted(listed.items())
        if not (file := manifest.parent / name).is_file()
        or hashlib.sha256(file.read_bytes()).hexdigest() != digest
    ]

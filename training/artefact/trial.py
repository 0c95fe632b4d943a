"""Does a version load, and say what it said, in a process of its own that may die of it?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from features.errors import FanalError, ModelError
from training.artefact.files import golden_of, load_version
from training.artefact.golden import require_golden
from training.manifest import read_manifest, read_verified
from training.pointer import models_folder

CODES: Mapping[str, str] = {
    "ME005": "a version does not load in a process of its own",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

_SECONDS = 300


def try_in_child(home: Path, portfolio: str, model: str, version: str) -> Mapping[str, Any]:
    """Load a version in a process of its own, and hold it to its golden rows.

    Returns
    -------
    mapping
        What was found, for the manifest: `golden_rows`, `leaves`, `leaves_met` and the version of
        `lightgbm`.

    Raises
    ------
    ModelError
        What the process found wrong; ME005 when it died or took too long.
    """
    command = "import sys; from training.artefact.trial import main; sys.exit(main(sys.argv[1:]))"
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter, our own code, arguments as a list
            [sys.executable, "-c", command, str(home), portfolio, model, version],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _does_not_load(portfolio, model, version, f"not within {_SECONDS} s") from None
    return conclude(done.returncode, done.stdout, portfolio, model, version)


def conclude(code: int, said: bytes, portfolio: str, model: str, version: str) -> Mapping[str, Any]:
    """What does the end of the process say of the version?

    Parameters
    ----------
    code : int
        Exit code; negative: the signal it died of.
    said : bytes
        Its standard output.
    portfolio, model, version : str
        What it tried.

    Raises
    ------
    ModelError
        As for `try_in_child`.
    """
    try:
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError):
        found = {}
    if code == 0 and "golden_rows" in found:
        return found
    if code > 0 and "code" in found:
        raise ModelError(found["code"], found["message"], found["fix"])
    how = f"it died of signal {-code}" if code < 0 else f"it ended with {code}"
    raise _does_not_load(portfolio, model, version, how)


def _does_not_load(portfolio: str, model: str, version: str, how: str) -> ModelError:
    return ModelError(
        "ME005",
        f"version {version} of {portfolio}.{model} does not load in a process of its own ({how}).",
        "Train again; the champion has not changed.",
    )


def main(arguments: list[str]) -> int:
    """Be that process: print what was found as one line of JSON."""
    home, portfolio, model, version = arguments
    try:
        found = prove(Path(home), portfolio, model, version)
    except FanalError as error:
        document = {"code": error.code, "message": error.message, "fix": error.fix}
        sys.stdout.write(json.dumps(document) + "\n")
        return 1
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def prove(home: Path, portfolio: str, model: str, version: str) -> dict[str, Any]:
    """Load a version here, and hold it to its golden rows to the last bit.

    Raises
    ------
    ModelError
        As `load_version`, and ME009 when it has none, or says something else.
    """
    champion = load_version(home, portfolio, model, version)
    folder = models_folder(home, portfolio, model) / version
    golden = golden_of(read_verified(folder, read_manifest(folder)))
    if golden is None:
        raise ModelError("ME009", f"version {version} has no golden rows.", "Train again.")
    require_golden(golden, champion.rung, is_exact=True)
    return {
        "golden_rows": int(golden.rows.code.size),
        "leaves": golden.leaves,
        "leaves_met": golden.met,
        "lightgbm": installed("lightgbm"),
    }

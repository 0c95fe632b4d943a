"""Processes that tests start: forked from one that has everything imported."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.artefact.trial import conclude, main

_SECONDS = 120
_SERVER = multiprocessing.get_context("forkserver")


def preload(*modules: str) -> None:
    """Let the server import these before it forks anything; it takes effect at its first start."""
    _SERVER.set_forkserver_preload(list(modules))


def start(target: Callable[..., None], *arguments: Any) -> Any:  # a Process of this context
    """Start a process that is forked from the server."""
    process = _SERVER.Process(target=target, args=arguments)
    process.start()
    return process


def _try(arguments: list[str], answer: str) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main(arguments)
    Path(answer).write_text(said.getvalue(), encoding="utf-8")
    sys.exit(code)


def try_in_fork(home: Path, portfolio: str, model: str, version: str) -> Mapping[str, Any]:
    """What `try_in_child` does, in a process that is forked rather than begun anew."""
    answer = home / f".trial-{version}"
    answer.unlink(missing_ok=True)
    process = start(_try, [str(home), portfolio, model, version], str(answer))
    process.join(_SECONDS)
    said = answer.read_bytes() if answer.exists() else b""
    answer.unlink(missing_ok=True)
    return conclude(process.exitcode, said, portfolio, model, version)

"""What does ``fanal VERB`` do, and with which exit code does it end?

Exit codes: 0 done, 1 an unforeseen error, 2 the user's input, 3 refused by a gate or a damaged
model, 130 stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from features.errors import FanalError, SettingsError
from serving.cli.failures import home_said, keep_trace, tell
from serving.cli.verbs import Verbs

_STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        What follows ``fanal``; None takes it from the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    wants_json, is_debug = "--json" in given, "--debug" in given
    given = [argument for argument in given if argument != "--debug"] or ["--help"]
    try:
        code = typer.main.get_command(_app()).main(given, "fanal", standalone_mode=False)
    except FanalError as error:
        tell(error, wants_json=wants_json)
        return error.exit_code
    except typer.TyperException as error:
        wrong = SettingsError("CL001", error.format_message(), "Try --help.")
        tell(wrong, wants_json=wants_json)
        return wrong.exit_code
    except (KeyboardInterrupt, typer.Abort):
        tell(FanalError("CL002", "Stopped."), wants_json=wants_json)
        return _STOPPED
    except Exception as error:
        if is_debug:
            raise
        tell(_unforeseen(error, given), wants_json=wants_json)
        return 1
    return code if isinstance(code, int) else 0


def _app() -> typer.Typer:
    app = typer.Typer(
        cls=Verbs,
        add_completion=False,
        rich_markup_mode=None,
        help="Score a B2B customer portfolio: who will leave, which deals will close, why, and "
        "what to do next.",
        epilog="--debug shows where an unforeseen error arose.",
    )
    app.callback()(_fanal)
    return app


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(version("fanal"))
        raise typer.Exit


def _fanal(
    is_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that stand before the verb."""


def _unforeseen(error: Exception, given: Sequence[str]) -> FanalError:
    log = keep_trace(error, home_said(given) or _home())
    where = f"Where it arose lies in {log}." if log else "No log could be written."
    return FanalError(
        "CL999",
        f"Something went wrong that nobody foresaw ({type(error).__name__}). {where}",
        "Run it again with --debug to see more, and report it.",
    )


def _home() -> Path:
    # The settings cost a third of a second that --help must not pay.
    try:
        home: Path = import_module("serving.settings").load_settings(None).home
    except FanalError:
        return Path(".fanal")
    return home

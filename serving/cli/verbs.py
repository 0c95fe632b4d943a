"""Which verbs does the command line have, and where does each live?

A verb is one line of `VERBS`; its module is imported only when the verb is called, so that
``fanal --help`` answers at once while lightgbm or mlflow take seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from threading import Timer
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    # typer keeps its own copy of these under a private name.
    from typer._click import Command, HelpFormatter
    from typer._click.core import Context

SECONDS_WITHOUT_NOTICE = 8.0
"""A verb whose libraries are there, and compiled, has started by then."""

_FIRST_START = "Compiling for the first start on this machine: up to half a minute, once.\n"


@dataclass(frozen=True)
class Verb:
    """Where a verb lives.

    Attributes
    ----------
    place : str
        ``module:function``, the function with typer's annotations.
    summary : str
        One line for ``fanal --help``.
    """

    place: str
    summary: str


VERBS: Mapping[str, Verb] = {
    "import": Verb(
        "serving.cli.records_verbs:import_export",
        "Bring an export into contract tables, with a report on its quality.",
    ),
    "check": Verb("serving.cli.records_verbs:check", "Audit the records of a portfolio."),
    "backtest": Verb(
        "serving.cli.training_verbs:backtest",
        "Test a model on past days, beside the dull rules.",
    ),
    "train": Verb(
        "serving.cli.training_verbs:train",
        "Train, back-test, register and promote models, or say why not.",
    ),
    "promote": Verb("serving.cli.registry_verbs:promote", "Make a version the champion by hand."),
    "rollback": Verb(
        "serving.cli.registry_verbs:rollback", "Give the champion's place back to the one before."
    ),
    "score": Verb(
        "serving.cli.scoring_verbs:score",
        "Score a portfolio and keep the scores, or score the records in a file.",
    ),
    "worklist": Verb(
        "serving.cli.scoring_verbs:show_worklist", "Say what a rep should do next, and why."
    ),
    "models": Verb("serving.cli.registry_verbs:models", "List the versions of all models."),
    "monitor": Verb(
        "serving.cli.monitor_verb:monitor",
        "Compare live records, scores and outcomes with training; say when to retrain.",
    ),
    "serve": Verb("serving.cli.serve_verb:serve", "Answer over HTTP until stopped."),
    "demo": Verb(
        "serving.cli.demo:demo",
        "Simulate a portfolio with known causes, then train, score and list.",
    ),
    "doctor": Verb("serving.cli.doctor:doctor", "Say what is wrong with this installation."),
}


class Verbs(TyperGroup):
    """The group of all verbs, each imported when it is called."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Name the verbs in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Import the module of a verb and make its command; None for an unknown verb."""
        return command_of(cmd_name) if cmd_name in VERBS else None

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """List the verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


def command_of(name: str) -> Command:
    """Which command runs this verb? Imports its module."""
    module, function = VERBS[name].place.split(":")
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    with _telling_of_a_long_start():
        found = getattr(import_module(module), function)
    alone.command(name, help=VERBS[name].summary)(found)
    return typer.main.get_command(alone)


@contextmanager
def _telling_of_a_long_start() -> Iterator[None]:
    """Say on standard error why the first start takes so long: the kernel is compiled once."""
    notice = Timer(SECONDS_WITHOUT_NOTICE, sys.stderr.write, (_FIRST_START,))
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()

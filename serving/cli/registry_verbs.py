"""``fanal promote``, ``rollback``, ``models``: which version answers, and which are there?"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from features.errors import NotReady, SettingsError
from serving.cli import console
from serving.cli.options import Config, Home, Json
from serving.settings import load_settings
from training.pointer import rollback as roll_back
from training.waivers import waivers

MODELS = ("churn", "close", "duration", "value")
"""As `training.dataset.MODELS`, without what that imports: `fanal rollback` must be quick."""


def promote(
    model: Annotated[str, typer.Argument(help="PORTFOLIO.MODEL, as `fanal models` lists it.")],
    version: Annotated[str | None, typer.Option("--version", help="Default: the newest.")] = None,
    waive: Annotated[
        list[str] | None, typer.Option("--waive", help="Gate to answer for, such as GT004.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why it is waived.")] = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a registered version the champion, by hand, if its gates agree."""
    place, name = _split(model)
    waived = waivers(waive or (), reason, on=datetime.now(UTC).date())
    registry = _registry(config, home)
    seen = registry.look(place, name)
    chosen = version or next(
        (v.version for v in registry.versions(place) if v.model == model), None
    )
    if chosen is None:
        raise NotReady("NR021", f"{model} has no version.", "Run: fanal models")
    registry.promote(place, name, chosen, seen=seen, waived=waived)
    _tell_moved(model, chosen, json)


def rollback(
    model: Annotated[str, typer.Argument(help="PORTFOLIO.MODEL, as `fanal models` lists it.")],
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Give the champion's place back to the version before it."""
    place, name = _split(model)
    # Without MLflow, which takes seconds to start: its aliases follow when it is opened next.
    version = roll_back(load_settings(config, home=home).home, place, name)
    _tell_moved(model, version, json)


def models(home: Home = None, config: Config = None, json: Json = False) -> None:
    """List the versions of all models."""
    found = _registry(config, home).versions()
    if json:
        console.emit({"models": [vars(version) for version in found]})
        return
    if not found:
        console.say("No model yet. Run: fanal train PORTFOLIO")
        return
    rows = [
        (v.model, int(v.version), ", ".join(v.aliases), v.rung, v.verdict, ", ".join(v.waived),
         v.trained_through,
         datetime.fromtimestamp(v.created_at / 1000, UTC).strftime("%Y-%m-%d %H:%M"))
        for v in found
    ]  # fmt: skip
    console.table(
        ("model", "version", "is", "rung", "verdict", "waived", "trained through", "made (UTC)"),
        rows,
    )


def _registry(config: Path | None, home: Path | None) -> Any:  # Any: imported late, mlflow is slow
    return import_module("training.registry").Registry(load_settings(config, home=home).home)


def _split(model: str) -> tuple[str, str]:
    place, _, name = model.rpartition(".")
    if not place or name not in MODELS:
        raise SettingsError("CL010", f"{model!r} is not PORTFOLIO.MODEL.", "Run: fanal models")
    return place, name


def _tell_moved(model: str, version: str, json: bool) -> None:
    if json:
        console.emit({"model": model, "champion": version})
    else:
        console.say(f"{model}: version {version} is the champion now.")

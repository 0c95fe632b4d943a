"""``fanal serve``: the HTTP service, until it is stopped."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from features.errors import FanalError
from serving.access import load_access, require_guard
from serving.champions import choose_portfolio
from serving.cli import console
from serving.cli.options import Config, Home
from serving.settings import environment_of, load_settings
from training.artefact import champions_in

SERVICE = "serving.service:Fanal"


def serve(
    port: Annotated[
        int | None, typer.Option("--port", help="Port (3000).", min=1, max=65535)
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address (127.0.0.1).")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes (1).", min=1, max=256)
    ] = None,
    portfolio: Annotated[
        str | None, typer.Option("--portfolio", help="Whose models, where several have some.")
    ] = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Answer over HTTP until stopped; settings not given here are those of fanal.toml.

    Raises
    ------
    SettingsError
        A setting or key is wrong, or others would reach the service without a key (AC003).
    """
    settings = load_settings(config, home=home)
    server = settings.server
    host = "127.0.0.1" if (host or server.host) == "localhost" else host or server.host
    port = port or server.port
    require_guard(load_access(), host)
    if champions_in(settings.home):
        choose_portfolio(settings.home, portfolio)
    _say_where(settings.home, portfolio, host, port)
    environment = environment_of(
        FANAL_HOME=settings.home,
        FANAL_CONFIG=config,
        FANAL_PORTFOLIO=portfolio,
        BENTOML_CONFIG_OPTIONS=f"services.Fanal.workers={workers or server.workers}",
    )
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE, "--host", host]
    # takes the place of this process, so that whoever stops it stops the service
    os.execve(sys.executable, [*command, "--port", str(port)], environment)  # noqa: S606


def _say_where(home: Path, portfolio: str | None, host: str, port: int) -> None:
    console.say(f"Fanal listens on http://{host}:{port} (POST /v1/score, GET /v1/openapi.json).")
    try:
        console.say(f"Portfolio: {json.dumps(choose_portfolio(home, portfolio))}.")
    except FanalError as error:
        console.warn(f"Not ready yet: {error.message} {error.fix}")
    sys.stdout.flush()

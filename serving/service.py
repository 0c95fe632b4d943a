"""How does the HTTP service run? One BentoML service, with all routes of ours mounted in it.

Importing this module reads nothing; the installation is read when a worker starts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import bentoml
from starlette.concurrency import run_in_threadpool

from serving.access import load_access
from serving.api.app import Installation, create_app, warm_up
from serving.api.body import ScoreRequest
from serving.api.champions import ChampionWatch
from serving.api.door import Door, DoorRules
from serving.champions import Champions
from serving.gauges import gauges
from serving.requests import keep_request
from serving.settings import Launch, Secrets, load_settings
from serving.store.store import Store

_SECONDS = 60
"""A request that takes longer is cut."""


@lru_cache(maxsize=1)
def installation() -> Installation:
    """What do the routes of this process share?

    Raises
    ------
    SettingsError
        A setting or a key is wrong.
    """
    launch = Launch()
    settings = load_settings(launch.config)

    def warm(champions: Champions) -> None:
        warm_up(champions, settings=settings, clock=_now())

    watch = ChampionWatch(settings.home, launch.portfolio, warm=warm)
    url = Secrets().store_url
    store = Store.open(settings.home, None if url is None else url.get_secret_value())

    def keep(request: ScoreRequest, champions: Champions) -> dict[str, Any]:  # Any: JSON
        return keep_request(request, champions, settings, store=store, clock=_now())

    return Installation(settings, load_access(), watch, _now, keep)


def _now() -> datetime:
    return datetime.now(UTC)


def _rules() -> DoorRules:
    return installation().rules()


@bentoml.service(name="Fanal", traffic={"timeout": _SECONDS})
@bentoml.asgi_app(create_app(installation), path="/")
class Fanal:
    """Scores a B2B customer portfolio: who will leave, which deals will close, and why."""

    def __init__(self) -> None:
        # loads the champions, if there are any, and compiles what they need
        installation().watch.status()

    def __is_ready__(self) -> bool:
        """Tell whether a champion answers."""
        return installation().hindrance() is None

    async def __metrics__(self, content: str) -> str:
        """Add what `fanal monitor` last found to what Prometheus is told of the service."""
        home = installation().settings.home
        return content + await run_in_threadpool(gauges, home)


# routes of BentoML's own go through the door too
Fanal.add_asgi_middleware(Door, rules=_rules)  # type: ignore[attr-defined]  # a Service by now

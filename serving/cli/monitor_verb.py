"""``fanal monitor``: do the champions still hold, and if not, what is to be done?"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from features.records.folder import Records, open_portfolio
from serving.champions import load_champions
from serving.cli import console
from serving.cli.options import Config, Home, Json, Language
from serving.cli.pages import require_place, write_page
from serving.cli.training_verbs import read
from serving.settings import Secrets, Settings, load_settings
from serving.store.store import Store
from serving.watching import Watched, keep_watched, watch_champions
from serving.web.monitor_page import monitor_page
from training.monitor import Watch

_SHOWN = 10


def monitor(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[PORTFOLIO]", help="Folder of the portfolio as it is now."),
    ] = None,
    portfolio: Annotated[
        str | None,
        typer.Option("--portfolio", help="Whose champions, by name, where no folder is given."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as one HTML page.")
    ] = None,
    language: Language = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare live records, scores and outcomes with training, and say when to retrain."""
    settings = load_settings(config, home=home, language=language)
    require_place(html)
    name = portfolio if folder is None else open_portfolio(folder).name
    champions = load_champions(settings.home, name)
    with console.progress("Watching") as advance:
        records = None if folder is None else read(folder)
        url = Secrets().store_url
        with Store.open(settings.home, None if url is None else url.get_secret_value()) as store:
            watched = watch_champions(
                champions, store, records=records, limits=settings.monitor,
                clock=datetime.now(UTC), progress=lambda now: advance(now=now),
            )  # fmt: skip
        advance(now="keeping it")
        keep_watched(settings.home, watched)
        page = monitor_page(watched, language=settings.language)
        _log(settings, watched, page)
    if html is not None:
        write_page(html, page)
    if json:
        console.emit(watched.to_json())
    else:
        _show(watched, records, html)


def _log(settings: Settings, watched: Watched, page: str) -> None:
    """Keep what was found in MLflow, a run per model."""
    # MLflow takes seconds to import: the door waits with it until there is something to log.
    registry = import_module("training.registry")
    kept = registry.Registry(settings.home)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "monitor.html"
        path.write_text(page, encoding="utf-8")
        for one in watched.watches:
            with kept.start_run(watched.portfolio, f"{one.model}.monitor"):
                facts = {"model": one.model, "version": one.version, "as_of": one.as_of}
                codes = ",".join(sorted({found.code for found in one.findings}))
                registry.log_facts(facts, {"verdict": one.verdict, "findings": codes})
                registry.log_metrics(_metrics(one))
                registry.log_file(path)


def _metrics(one: Watch) -> dict[str, float]:
    """Numbers of a watch by the names that MLflow shows."""
    found: dict[str, float | None] = {
        "score.psi": one.score.psi,
        "features.moved": float(sum(f.code == "MN001" for f in one.findings)),
        "features.psi_max": max((drift.psi for drift in one.features), default=0.0),
        "expected.auc": one.expected.auc,
        "expected.brier": one.expected.brier,
        "expected.log_loss": one.expected.log_loss,
        "data_age_days": (one.ages.now - one.ages.data_as_of).total_seconds() / 86_400.0,
    }
    for newest in one.realised[:1]:
        found |= {
            "realised.auc": newest.measured.auc,
            "realised.brier": newest.measured.brier,
            "realised.log_loss": newest.measured.log_loss,
            "realised.said": newest.said,
            "realised.happened": newest.happened,
        }
    return {name: value for name, value in found.items() if value is not None}


def _show(watched: Watched, records: Records | None, html: Path | None) -> None:
    for one in watched.watches:
        console.say(
            f"{watched.portfolio}.{one.model} version {one.version}, as of {one.as_of}:"
            f" {one.verdict}."
        )
        for found in one.findings:
            console.say(f"  {found.code} ({found.advice}): {found.text}")
        rows = [
            (drift.name, drift.psi, drift.by_chance, drift.usual, drift.missing_now, drift.weight)
            for drift in (one.score, *one.features[:_SHOWN])
        ]
        columns = ("nearest to an alarm", "PSI", "by chance", "usual", "missing", "weight")
        console.table(columns, rows)
        expected = one.expected
        console.table(
            ("performance", "rows", "AUC", "Brier", "log loss"),
            [
                ("expected now", expected.rows, expected.auc, expected.brier, expected.log_loss),
                *(
                    (f"realised, as of {r.as_of}", r.measured.rows, r.measured.auc,
                     r.measured.brier, r.measured.log_loss)
                    for r in one.realised
                ),
            ],
        )  # fmt: skip
    for why in watched.left_out:
        console.say(f"Left out: {why}")
    if records is None:
        console.say("Name the folder of the records, and outcomes are laid beside scores.")
    if html is not None:
        console.say(f"Written to {html}.")

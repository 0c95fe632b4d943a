"""``fanal demo``: the whole way from records to a rep's list, on a simulated portfolio."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from features.counting import counted
from features.records.folder import check_portfolio, open_portfolio, read_records
from features.records.mapping import import_portfolio
from features.records.quality import audit
from features.records.simulator import SimulatorSettings, simulate, write_export
from serving.cli import console
from serving.cli.options import Config, Home, Language
from serving.cli.scoring_verbs import score, show_worklist
from serving.cli.training_verbs import train
from serving.settings import load_settings


def demo(
    accounts: Annotated[int, typer.Option("--accounts", help="How many accounts.", min=50)] = 3000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another portfolio.")] = 7,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; default: in the home folder.")
    ] = None,
    language: Language = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Simulate a portfolio with known causes, then import, check, train, score and list."""
    settings = load_settings(config, home=home, language=language)
    place = out or settings.home / "demo"
    folder = place / "portfolio"
    _step(1, f"Simulating {counted(accounts, 'account')} over two years, seed {seed}")
    simulation = simulate(np.random.default_rng(seed), SimulatorSettings(accounts=accounts))
    mapping = write_export(simulation, place / "export")
    console.say(f"   the export, its mapping.toml and the truth behind it: {place / 'export'}")
    _step(2, "Importing and checking it")
    _import_and_check(mapping, folder)
    _step(3, "Training churn and close")
    train(folder, quick=True, home=settings.home, config=config)
    _step(4, "Scoring everyone")
    score(folder, home=settings.home, config=config)
    owner = _busiest_owner(folder)
    _step(5, f"What should {owner} do next?")
    show_worklist(
        folder, owner=owner, limit=5, language=settings.language, home=settings.home, config=config
    )
    _say_what_next(settings.home, folder, owner)


def _step(number: int, text: str) -> None:
    console.say("")
    console.say(f"{number}. {text}")


def _import_and_check(mapping: Path, folder: Path) -> None:
    with console.progress("Importing") as advance:
        report = import_portfolio(
            mapping, out=folder, clock=datetime.now(UTC), progress=lambda now: advance(now=now)
        )
    rows = sum(table.kept for table in report.tables)
    as_of = f"{report.portfolio.data_as_of:%Y-%m-%d %H:%M} UTC"
    console.say(
        f"   {counted(rows, 'row')} of {counted(len(report.tables), 'table')}, data as of {as_of}"
    )
    checked = check_portfolio(folder)
    findings = audit(checked.records)
    console.say(
        f"   {counted(len(checked.violations), 'violation')}, {counted(len(findings), 'finding')}:"
    )
    for finding in findings:
        place = ".".join(filter(None, (finding.table, finding.column)))
        console.say(f"   {finding.code} {place}: {finding.message}")


def _busiest_owner(folder: Path) -> str:
    """Who has most accounts: the list worth showing."""
    accounts = read_records(open_portfolio(folder)).tables["accounts"]
    owners = [owner for owner in accounts.column("owner_id").to_pylist() if owner is not None]
    names, counts = np.unique(owners, return_counts=True)
    return str(names[int(counts.argmax())])


def _say_what_next(home: Path, folder: Path, owner: str) -> None:
    head = open_portfolio(folder)
    console.say("")
    console.say(f"Model cards, pictures and runs: {home / 'mlruns'}")
    console.say(
        f"  look at them: .venv/bin/mlflow ui --backend-store-uri sqlite:///{home}/mlflow.db"
    )
    console.say(f"The portfolio: {folder} ({head.name})")
    console.say(f"  its list: .venv/bin/fanal worklist {folder} --owner {owner} --language fr")
    console.say("Start the service:")
    console.say(f"  .venv/bin/fanal serve --home {home}")

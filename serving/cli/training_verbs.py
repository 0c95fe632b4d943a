"""``fanal backtest`` and ``train``: is there a model, and is it worth its place?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from features.counting import counted
from features.errors import ContractError, SettingsError
from features.events import EventSet, build_events
from features.records.engines.duckdb import DuckDBEngine
from features.records.folder import Records, check_portfolio, open_portfolio
from serving.cli import console
from serving.cli.options import Config, Home, Json
from serving.cli.pages import require_place, write_page
from serving.settings import load_settings
from serving.web.backtest_page import backtest_page
from serving.wording import LANGUAGES
from training.backtest import Backtest, require_slices, run_backtest
from training.dataset import MODELS, QUANTITIES, ModelName, Task, Workshop, require_tables, tasks_of
from training.evaluate.capacity import Capacity
from training.evaluate.profit import Campaign
from training.quantities.trial import QuantityBacktest, run_quantity_backtest
from training.summary import Summary, summarise

Folder = Annotated[Path, typer.Argument(help="Folder of the portfolio.")]
Model = Annotated[str, typer.Option("--model", help="churn, close, duration, value (or all).")]
Horizon = Annotated[
    int | None,
    typer.Option(
        "--horizon",
        help="Days ahead that are predicted; default: 90, of value what the history can teach.",
        min=1,
    ),
]
Lead = Annotated[int, typer.Option("--lead-days", help="Days left out before that.", min=0)]
Activity = Annotated[
    int, typer.Option("--activity-days", help="Accounts with an order in so many days.", min=1)
]
_REFUSED = 3
"""Exit code when a gate refused a model."""

Quick = Annotated[bool, typer.Option("--quick", help="Search less.")]


def backtest(
    portfolio: Folder,
    model: Annotated[str, typer.Option("--model", help="churn, close, duration or value.")],
    horizon: Horizon = None,
    lead_days: Lead = 0,
    activity_days: Activity = 180,
    test_dates: Annotated[
        str | None, typer.Option("--test-dates", help="Days to test on: D,D,D.")
    ] = None,
    quick: Quick = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as one HTML page.")
    ] = None,
    capacity: Annotated[
        int | None,
        typer.Option("--capacity", help="Rows of each rep's list worked on a day.", min=1),
    ] = None,
    contact_cost: Annotated[
        float, typer.Option("--contact-cost", help="Cost of calling one account.", min=0.01)
    ] = Campaign.contact_cost,
    offer_share: Annotated[
        float,
        typer.Option("--offer-share", help="Offer, as a share of value.", min=0, max=0.99),
    ] = Campaign.offer_share,
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the page: en or fr.")
    ] = None,
    json: Json = False,
) -> None:
    """Test a model on past days, beside the dull rules."""
    spoken = load_settings(None, language=language).language
    require_place(html)
    wanted = _models(model, allow_all=False)
    if html is not None and wanted[0] in QUANTITIES:
        raise SettingsError(
            "CL014", f"the model {wanted[0]} has no page of its back-test.", "Leave out --html."
        )
    with console.progress("Back-testing") as advance:
        records = read(portfolio)
        events = build_events(records)
        (chosen,) = tasks_of(
            wanted, events, horizon_days=horizon, lead_days=lead_days, activity_days=activity_days
        )
        run = run_quantity_backtest if chosen.name in QUANTITIES else run_backtest
        result: Backtest | QuantityBacktest = run(
            Workshop(events, chosen),
            test_dates=_dates(test_dates),
            quick=quick,
            progress=lambda now: advance(now=now),
        )
    require_slices(result)
    if html is not None and isinstance(result, Backtest):
        summary = summarise(
            result,
            capacity=Capacity(capacity),
            campaign=Campaign(contact_cost=contact_cost, offer_share=offer_share),
        )
        head = records.portfolio
        write_page(
            html, backtest_page(summary, name=head.name, currency=head.currency, language=spoken)
        )
    if json:
        console.emit(result.to_json())
        return
    show_backtest(result)
    if html is not None:
        console.say(f"Written to {html}.")


def train(
    portfolio: Folder,
    model: Model = "all",
    quick: Quick = False,
    horizon: Horizon = None,
    lead_days: Lead = 0,
    activity_days: Activity = 180,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Train, back-test, register and promote models, or say why not."""
    settings = load_settings(config, home=home)
    names = _models(model, allow_all=True)
    with console.progress("Training") as advance:
        records = read(portfolio)
        events = build_events(records)
        tasks = tasks_of(
            names, events, horizon_days=horizon, lead_days=lead_days, activity_days=activity_days
        )
        wanted, left_out = _trainable(events, tasks)
        # MLflow and shap take seconds to import: only training pays for them.
        run = import_module("training.run")
        registry = import_module("training.registry").Registry(settings.home)
        found = [
            run.train(
                records,
                events,
                chosen,
                registry,
                quick=quick,
                pages=pages_of(records),
                progress=lambda now, n=chosen.name: advance(now=f"{n}: {now}"),
            )
            for chosen in wanted
        ]
    if json:
        console.emit({"models": [trained.to_json() for trained in found]})
    else:
        show_trained(found, left_out)
        console.say(f"Runs and pictures: {registry.runs_folder} (mlflow.db beside it)")
    if any(trained.verdict == "refused" for trained in found):
        raise typer.Exit(_REFUSED)


def pages_of(records: Records) -> Callable[[Summary], dict[str, str]]:
    """Write the pages that a training keeps with its run: one per language."""

    def write(summary: Summary) -> dict[str, str]:
        head = records.portfolio
        return {
            f"backtest.{language}.html": backtest_page(
                summary, name=head.name, currency=head.currency, language=language
            )
            for language in LANGUAGES
        }

    return write


def read(folder: Path) -> Records:
    """Read all checked rows of a portfolio's folder; rows that are refused are told of."""
    portfolio = open_portfolio(folder)
    if portfolio.mapping_digest is None:
        refused = {name: rows.num_rows for name, rows in check_portfolio(folder).refused.items()}
        for name, count in refused.items():
            console.warn(f"{name}: {counted(count, 'row')} refused. See: fanal check {folder}")
    return DuckDBEngine(portfolio).load()


def show_backtest(result: Backtest | QuantityBacktest) -> None:
    """Print a back-test for people."""
    horizon = result.task.horizon
    lead = f", {horizon.lead_days} days ahead of it left out" if horizon.lead_days else ""
    console.say(f"{result.task.name} within {horizon.horizon_days} days{lead}")
    rows: list[tuple[Any, ...]] = [
        (found["as_of_date"], found["n"], found["n_train"], f"{100 * found['base_rate']:.1f} %")
        for found in result.to_json()["slices"]
    ]
    console.table(("test day", "rows", "training rows", "base rate"), rows)
    mean = result.mean()
    metrics = list(mean["fanal"])
    console.table(
        ("mean of the days", *metrics),
        [(name, *(_figure(found[metric]) for metric in metrics)) for name, found in mean.items()],
    )
    words = {"skill": "Skill", "no_skill": "No skill", "too_little_data": "Too little data"}
    console.say(f"{words[result.verdict]}: {result.reason}.")
    held = result.interval_held() if isinstance(result, QuantityBacktest) else None
    if held is not None:
        console.say(
            f"The 80 % interval held {100 * held.mean:.1f} % of the amounts"
            f" (95 % interval {100 * held.low:.1f} to {100 * held.high:.1f} %)."
        )


def _figure(value: float) -> str | None:
    return None if math.isnan(value) else f"{value:.4f}"


def show_trained(found: Sequence[Any], left_out: Sequence[tuple[str, str]]) -> None:
    """Print what came of a training for people."""
    for trained in found:
        state = "is the champion now" if trained.promoted else "was not promoted"
        version = f" version {trained.version}" if trained.version else ""
        console.say(
            f"{trained.model}{version} ({trained.rung}) {state}: {trained.verdict}. "
            f"{trained.reason}."
        )
        console.table(
            ("gate", "passed", "says"),
            [(gate.code, "yes" if gate.passed else "NO", gate.text) for gate in trained.gates],
        )
    for name, why in left_out:
        console.say(f"{name} was left out: {why}")


def _trainable(events: EventSet, tasks: Sequence[Task]) -> tuple[list[Task], list[tuple[str, str]]]:
    """Which tasks can the records teach, and why not the others?

    Raises
    ------
    ContractError
        None can be taught.
    """
    wanted: list[Task] = []
    left_out: list[tuple[str, str]] = []
    for chosen in tasks:
        try:
            require_tables(events, chosen)
        except ContractError as error:
            if len(tasks) == 1:
                raise
            left_out.append((chosen.name, f"{error.code} {error.message} {error.fix}"))
        else:
            wanted.append(chosen)
    if not wanted:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out)
        raise ContractError("CT002", f"no model can be trained: {reasons}", "Map more tables.")
    return wanted, left_out


def _models(name: str, *, allow_all: bool) -> tuple[ModelName, ...]:
    if name == "all" and allow_all:
        return MODELS
    found = tuple(known for known in MODELS if known == name)
    if found:
        return found
    allowed = ", ".join((*MODELS, "all") if allow_all else MODELS)
    raise SettingsError("CL011", f"there is no model {name!r}.", f"Ask for one of: {allowed}.")


def _dates(text: str | None) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(part.strip()) for part in text.split(",")) if text else ()
    except ValueError:
        raise SettingsError(
            "CL012", f"{text!r} is not a list of days.", "Write 2011-07-15,2011-08-12."
        ) from None

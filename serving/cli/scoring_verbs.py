"""``fanal score`` and ``fanal worklist``: what do the champions say, and what should a rep do?"""

from __future__ import annotations

import csv
import json as json_module
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from features.counting import counted
from features.errors import SettingsError
from features.records.folder import Portfolio, Records, open_portfolio, read_records
from serving.answers import answer
from serving.api.body import read_score_request
from serving.batch import Batch, score_portfolio
from serving.champions import load_champions
from serving.cli import console
from serving.cli.options import Config, Home, Json, Language
from serving.cli.training_verbs import read
from serving.requests import answer_request
from serving.settings import Secrets, Settings, load_settings
from serving.store.store import Store
from serving.wording import word_label, word_money
from serving.worklist import WorkItem, worklist

_SHOWN = 10
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def score(
    what: Annotated[Path, typer.Argument(help="Folder of the portfolio, or BODY.json.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Day, as 2026-11-22.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write: .json or .csv.")] = None,
    portfolio: Annotated[
        str | None, typer.Option("--portfolio", help="Whose champions score BODY.json.")
    ] = None,
    language: Language = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Score a whole portfolio and keep the scores, or score the records in a file."""
    settings = load_settings(config, home=home, language=language)
    day = _day(as_of)
    _require_writable(out)
    if what.is_file():
        document = _score_body(what, day, portfolio, settings)
        _write(out, document)
        if json or out is None:
            console.emit(document)
        return
    with console.progress("Scoring") as advance:
        records = read(what)
        batch = _score_folder(records, day, settings, lambda now: advance(now=now))
    document = answer(batch.scored, language=settings.language, past=batch.past)
    _write(out, document)
    if json:
        console.emit(document)
    else:
        _show(batch, records.portfolio, settings)


def show_worklist(
    portfolio: Annotated[Path, typer.Argument(help="Folder of the portfolio.")],
    owner: Annotated[str | None, typer.Option("--owner", help="Whose list; default: all.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many lines.", min=1)] = _SHOWN,
    language: Language = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what a rep should do next, and why."""
    settings = load_settings(config, home=home, language=language)
    head = open_portfolio(portfolio)
    names, owners = _names(head)
    if owner is not None and owners and owner not in owners:
        raise SettingsError(
            "CL020",
            f"there is no rep {owner!r}.",
            f"Choose among: {', '.join(sorted(owners)[:20])}.",
        )
    with Store.open(settings.home, _store_url()) as store:
        items = worklist(
            store, head.name, owner=owner, names=names, currency=head.currency,
            language=settings.language, limit=limit,
        )  # fmt: skip
    if json:
        console.emit({"owner": owner, "items": [item.to_json() for item in items]})
        return
    print_worklist(items, owners.get(owner, owner) if owner else None, head, settings.language)


def print_worklist(
    items: tuple[WorkItem, ...], owner: str | None, head: Portfolio, language: str
) -> None:
    """Print a worklist: a line per action, the reasons below it."""
    title = word_label("heading", "worklist", language)
    console.say(f"{title} · {owner or head.name}")
    for item in items:
        amount = word_money(item.expected_amount, language, currency=head.currency)
        deal = "" if item.entity_id == item.account_id else f" · {item.entity_id}"
        console.say("")
        console.say(f"{item.rank:>2}. {_who(item)}{deal} · {item.priority:.0f}/100 · {amount}")
        console.say(f"    → {item.todo}")
        for reason in item.why:
            console.say(f"    · {reason}")
    if not items:
        console.say("-")


def _who(item: WorkItem) -> str:
    same = item.name == item.account_id
    return item.name if same else f"{item.name} ({item.account_id})"


def _day(text: str | None) -> date | None:
    try:
        if text is not None and not _DAY.fullmatch(text):
            raise ValueError
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise SettingsError("CL012", f"{text!r} is not a day.", "Write 2026-11-22.") from None


def _store_url() -> str | None:
    url = Secrets().store_url
    return None if url is None else url.get_secret_value()


def _score_body(
    path: Path, as_of: date | None, portfolio: str | None, settings: Settings
) -> dict[str, Any]:  # Any: JSON
    """The answer that the HTTP service would give to the file."""
    champions = load_champions(settings.home, portfolio)
    clock = datetime.now(UTC)
    request = read_score_request(
        path.read_bytes(),
        portfolio=champions.portfolio,
        reference=champions.reference,
        read_tables=champions.read_tables,
        clock=clock,
        language=settings.language,
        max_accounts=settings.limits.max_accounts,
        as_of=as_of,
    )
    return answer_request(request, champions, settings)


def _score_folder(records: Records, as_of: date | None, settings: Settings, progress: Any) -> Batch:
    champions = load_champions(settings.home, records.portfolio.name)
    with Store.open(settings.home, _store_url()) as store:
        return score_portfolio(
            records, champions, store, settings=settings, clock=datetime.now(UTC), as_of=as_of,
            progress=progress,
        )  # fmt: skip


def _require_writable(out: Path | None) -> None:
    """Refuse a file that cannot be written before anything is scored."""
    if out is None:
        return
    if out.suffix not in (".json", ".csv"):
        raise SettingsError("CL021", f"{out.name} is neither .json nor .csv.", "Name one of them.")
    try:
        out.touch()
    except OSError:
        raise SettingsError("CL003", f"{out} cannot be written.", "Choose another file.") from None


def _write(out: Path | None, document: Mapping[str, Any]) -> None:
    """Write an answer as JSON, or one line per score as CSV."""
    if out is None:
        return
    if out.suffix == ".json":
        out.write_text(json_module.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    else:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_CSV)
            writer.writerows(_lines(document))


_CSV = (
    "account_id", "opportunity_id", "model", "status", "probability", "grade", "action", "priority",
    "expected_amount", "reason",
)  # fmt: skip


def _lines(document: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    lines = []
    for result in document["results"]:
        lines.append(_line(result["account_id"], "", "churn", result))
        lines += [
            _line(result["account_id"], deal["opportunity_id"], "close", deal)
            for deal in result["opportunities"]
        ]
    return lines


def _line(account: str, deal: str, model: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    said, urgency = entry[model] or {}, entry["priority"] or {}
    reasons = said.get("reasons") or [{}]
    return (
        _plain_cell(account), _plain_cell(deal), model, entry.get("status", "scored"),
        said.get("probability"), said.get("grade"), urgency.get("action"),
        urgency.get("score"), urgency.get("expected_amount"), reasons[0].get("text"),
    )  # fmt: skip


def _plain_cell(text: str) -> str:
    """Keep a spreadsheet from taking an id for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _names(head: Portfolio) -> tuple[dict[str, str], dict[str, str]]:
    """Names of accounts and of owners by id."""
    tables = read_records(head).tables
    return _named(tables.get("accounts"), "account_id"), _named(tables.get("owners"), "owner_id")


def _named(table: pa.Table | None, key: str) -> dict[str, str]:
    if table is None:
        return {}
    ids = table.column(key).to_pylist()
    names = table.column("name").to_pylist() if "name" in table.column_names else ids
    return {str(i): str(name or i) for i, name in zip(ids, names, strict=True)}


def _show(batch: Batch, head: Portfolio, settings: Settings) -> None:
    scored = batch.scored
    counts = {
        name: int((scored.accounts.status == name).sum())
        for name in ("scored", "lapsed", "no_history")
    }
    open_deals = int((scored.deals.status == "open").sum())
    console.say(
        f"{head.name} as of {scored.as_of}: {counted(counts['scored'], 'account')} scored,"
        f" {counts['lapsed']} lapsed, {counts['no_history']} without history,"
        f" {counted(open_deals, 'open deal')}."
    )
    for warning in scored.warnings:
        console.say(f"Note: {warning}")
    console.say(f"Kept as run {batch.run.run_id} in {settings.home / 'store.db'}.")
    console.say("Next: fanal worklist PORTFOLIO --owner ID")

"""How is a whole portfolio scored and kept?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from features.asof import default_as_of, instant
from features.errors import ContractError, SettingsError
from features.events import build_events
from features.records.folder import Records
from serving.answers import Past
from serving.champions import Champions, store_context
from serving.keeping import keep_scores
from serving.scoring import Scored, score_records
from serving.settings import Settings
from serving.store.rows import Run
from serving.store.store import Store
from training.artefact import Champion
from training.contexts import context_at
from training.dataset import Workshop

CODES: Mapping[str, str] = {
    "ST011": "a day that the records do not reach",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Batch:
    """A scored portfolio, and under which run it is kept."""

    scored: Scored
    run: Run
    past: Past


def score_portfolio(
    records: Records,
    champions: Champions,
    store: Store,
    *,
    settings: Settings,
    clock: datetime,
    as_of: date | None = None,
    progress: Progress = lambda _: None,
) -> Batch:
    """Score everyone in a portfolio as of a day, and keep scores, inputs and contexts.

    Parameters
    ----------
    records : Records
        The whole portfolio.
    champions : Champions
        Who scores.
    store : Store
        Where scores are kept.
    settings : Settings
        Of this installation.
    clock : datetime
        Now.
    as_of : date or None
        By default the first midnight UTC after the records.

    Raises
    ------
    SettingsError
        ST011 for a day that the records do not reach.
    """
    latest = default_as_of(records.portfolio.data_as_of)
    day = as_of or latest
    if day > latest:
        raise SettingsError(
            "ST011",
            f"the records end before {latest}; {day} cannot be scored as if they did not.",
            f"Import newer records, or score as of {latest} or earlier.",
        )
    progress("contexts")
    champions, notes = _with_context(records, champions, settings, day)
    progress("scores")
    scored = score_records(records, champions, as_of=day, settings=settings)
    scored = replace(scored, warnings=(*notes, *scored.warnings))
    progress("keeping them")
    run, past = keep_scores(scored, store, clock, kind="score")
    return Batch(scored, run, past)


def _with_context(
    records: Records, champions: Champions, settings: Settings, day: date
) -> tuple[Champions, list[str]]:
    """Make the context of the day for every champion that has none, and keep it.

    Records without the tables of a model leave its champion the contexts it has: the others are
    scored, and a note says which is missing.
    """
    found: dict[str, Champion | None] = {}
    notes = []
    events = build_events(records)
    for name, champion in champions.by_model.items():
        found[name] = champion
        if champion is None or champion.context_for(instant(day))[0].as_of == instant(day):
            continue
        try:
            workshop = Workshop(events, champion.task)
        except ContractError as error:
            notes.append(f"{name}: {error.message}")
            continue
        context = context_at(workshop, champion, day)
        store_context(settings.home, champion, context)
        contexts = sorted((*champion.contexts, context), key=lambda c: c.as_of)
        found[name] = replace(champion, contexts=tuple(contexts))
    return Champions.of(champions.portfolio, found), notes

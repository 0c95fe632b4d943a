"""Are the champions of a portfolio still where they were trained?

Reads what the doors hold (records, stored scores, models) and hands it to `training.monitor`. What
is found is kept beside each champion as ``watch.json``, for the gauges of the service.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from features.asof import instant
from features.errors import ContractError, NotReady
from features.events import EventSet, build_events
from features.events.sheet import Vocabulary
from features.kernel import Codes
from features.matrix import FeatureMatrix
from features.records.folder import Records
from serving.champions import Champions
from serving.settings import MonitorSettings
from serving.store.history import PastScore, features_of, scored_days, scores_as_of
from serving.store.rows import EntityKind
from serving.store.store import Store
from training.artefact import Champion, models_folder
from training.dataset import QUANTITIES, Workshop
from training.monitor import (
    Ages,
    Limits,
    Live,
    Matured,
    Reference,
    Watch,
    reference_from_json,
    watch,
)

CODES: Mapping[str, str] = {
    "NR040": "a champion keeps nothing of its training rows to compare with",
    "NR041": "there are neither records nor stored scores to watch",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

FILE = "watch.json"
_MATURED_DAYS = 6
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Watched:
    """What was found of every champion of a portfolio, and what could not be watched and why."""

    portfolio: str
    watches: tuple[Watch, ...]
    left_out: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `fanal monitor --json` prints."""
        return {
            "portfolio": self.portfolio,
            "verdict": self.verdict,
            "models": [one.to_json() for one in self.watches],
            "left_out": list(self.left_out),
        }

    @property
    def verdict(self) -> str:
        """The gravest verdict of its models."""
        found = {one.verdict for one in self.watches}
        return next((word for word in ("retrain", "look") if word in found), "steady")


def watch_champions(
    champions: Champions,
    store: Store,
    *,
    records: Records | None,
    limits: MonitorSettings,
    clock: datetime,
    progress: Progress = lambda _: None,
) -> Watched:
    """Are the champions still where they were trained?

    Parameters
    ----------
    champions : Champions
        Who scores.
    store : Store
        Scores given so far.
    records : Records or None
        The portfolio as it is now: everyone in it is scored afresh, and outcomes of stored scores
        are read from it. None watches the newest stored scores alone, without outcomes.
    limits : MonitorSettings
        From where on a difference counts.
    clock : datetime
        Now.

    Raises
    ------
    NotReady
        NR040 when no champion keeps what it was trained on, NR041 when there is nothing to watch.
    """
    events = None if records is None else build_events(records)
    found, left_out = [], []
    for name, champion in champions.by_model.items():
        if champion is None or name in QUANTITIES:
            continue  # durations and amounts keep no probabilities to watch
        progress(name)
        try:
            found.append(_watch(champion, store, events, Limits(**limits.model_dump()), clock))
        except (NotReady, ContractError) as error:
            left_out.append(error)
    if not found and left_out:
        raise left_out[0]
    return Watched(champions.portfolio.name, tuple(found), tuple(str(error) for error in left_out))


def _watch(
    champion: Champion, store: Store, events: EventSet | None, limits: Limits, clock: datetime
) -> Watch:
    reference = _reference(champion)
    name, kind = champion.portfolio.name, _kind(champion)
    days = scored_days(store, name, champion.model, kind)
    if events is None:
        live = _live_of_store(champion, reference, store, days)
        matured: tuple[Matured, ...] = ()
        data_as_of = champion.portfolio.data_as_of
    else:
        workshop = Workshop(events, champion.task)
        live = _live_of_records(champion, workshop)
        matured = _matured(champion, workshop, store, days)
        data_as_of = events.portfolio.data_as_of
    through = champion.facts.get("trained_through")
    ages = Ages(
        clock, data_as_of, days[0] if days else None,
        None if through is None else date.fromisoformat(through),
    )  # fmt: skip
    return watch(
        reference, live, model=champion.model, version=champion.version, ages=ages,
        matured=matured, limits=limits,
    )  # fmt: skip


def _kind(champion: Champion) -> EntityKind:
    return "account" if champion.task.entity == "account" else "opportunity"


def _reference(champion: Champion) -> Reference:
    if champion.distributions is None:
        raise NotReady(
            "NR040",
            f"version {champion.version} of {champion.model} keeps nothing of its training rows.",
            f"Train again: fanal train PORTFOLIO --model {champion.model}",
        )
    return reference_from_json(champion.distributions)


def _live_of_records(champion: Champion, workshop: Workshop) -> Live:
    """Everyone eligible on the first midnight after the records."""
    day = workshop.data_end
    rows = workshop.rows(day)
    return Live(day, rows, champion.probability(rows))


def _live_of_store(
    champion: Champion, reference: Reference, store: Store, days: Sequence[date]
) -> Live:
    """Rows of the newest stored scores, as their inputs were kept."""
    if not days:
        raise NotReady(
            "NR041",
            f"no scores of {champion.model} are stored, and no records were given.",
            "Run: fanal score PORTFOLIO, or: fanal monitor PORTFOLIO",
        )
    scores = scores_as_of(store, champion.portfolio.name, champion.model, _kind(champion), days[0])
    kept = features_of(store, [score.score_id for score in scores])
    scores = tuple(score for score in scores if score.score_id in kept)
    names = tuple(reference.features)
    values = np.array(
        [[kept[score.score_id].get(name) for name in names] for score in scores], dtype=np.float64
    ).reshape(len(scores), len(names))
    segment = np.array([score.segment for score in scores], dtype=object)
    rows = FeatureMatrix(
        champion.task.entity, np.arange(len(scores)), np.full(len(scores), instant(days[0])),
        names, values, {"segment": segment},
    )  # fmt: skip
    return Live(days[0], rows, np.array([score.probability for score in scores]))


def _matured(
    champion: Champion, workshop: Workshop, store: Store, days: Sequence[date]
) -> tuple[Matured, ...]:
    """Scores of the newest days whose horizon has passed, with what happened."""
    horizon = champion.task.horizon
    ahead = timedelta(days=horizon.lead_days + horizon.horizon_days)
    past = [day for day in days if day + ahead <= workshop.data_end][:_MATURED_DAYS]
    name, kind = champion.portfolio.name, _kind(champion)
    found = [
        _outcomes(champion, workshop, day, scores_as_of(store, name, champion.model, kind, day))
        for day in past
    ]
    return tuple(one for one in found if one is not None)


def _outcomes(
    champion: Champion, workshop: Workshop, day: date, scores: Sequence[PastScore]
) -> Matured | None:
    events = workshop.events
    words = events.accounts if champion.task.entity == "account" else events.deals
    horizon = champion.task.horizon.horizon_days
    asked = [score for score in scores if score.horizon_days == horizon]
    code = _codes(words, [score.entity_id for score in asked])
    there = np.flatnonzero(code >= 0)
    moments = np.full(there.size, instant(day))
    rows = FeatureMatrix(
        champion.task.entity, code[there], moments, (), np.zeros((there.size, 0)), {}
    )
    label = workshop.labels(rows, workshop.data_end).value
    known = ~np.isnan(label)
    if not known.any():
        return None
    kept = [asked[place] for place in there[known]]
    versions = {score.model_version or "" for score in kept}
    return Matured(
        day,
        versions.pop() if len(versions) == 1 else "",
        np.array([score.probability for score in kept]),
        label[known],
    )


def _codes(words: Vocabulary, ids: Sequence[str]) -> Codes:
    """Code of each id; -1 for one that the records do not have (any more)."""
    places = {word: code for code, word in enumerate(words.words)}
    return np.array([places.get(name, -1) for name in ids], dtype=np.int64)


def keep_watched(home: Path, watched: Watched) -> None:
    """Keep what was found beside each champion, whole or not at all."""
    for one in watched.watches:
        folder = models_folder(home, watched.portfolio, one.model)
        draft = folder / f".{FILE}-{os.getpid()}"
        body = {"portfolio": watched.portfolio, **one.to_json()}
        draft.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        draft.replace(folder / FILE)


def kept_watches(home: Path) -> tuple[Mapping[str, Any], ...]:
    """What was last found of every champion? A file that cannot be read is passed over."""
    found = []
    for path in sorted(home.glob(f"models/*/*/{FILE}")):
        try:
            found.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue
    return tuple(found)

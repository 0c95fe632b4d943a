"""Which champions answer for a portfolio, with which contexts?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from features.context import Context, context_from_json
from features.errors import NotReady, SettingsError
from features.records.folder import Portfolio
from features.records.names import slug
from features.signals.catalogue import BY_NAME
from training.artefact import Champion, champions_in, load_champion, models_folder
from training.dataset import MODELS

CODES: Mapping[str, str] = {
    "ST010": "a portfolio that has no champion, or several to choose from",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

_CONTEXTS = "contexts"


@dataclass(frozen=True)
class Champions:
    """The models that score a portfolio; None where there is none."""

    portfolio: Portfolio
    churn: Champion | None
    close: Champion | None
    duration: Champion | None = None
    value: Champion | None = None

    @classmethod
    def of(cls, portfolio: Portfolio, found: Mapping[str, Champion | None]) -> Champions:
        """Champions by the names of their models."""
        return cls(portfolio, *(found.get(name) for name in MODELS))

    @property
    def reference(self) -> dict[str, pa.Table]:
        """Stages, products and the like, that records of a request do not bring along."""
        found: dict[str, pa.Table] = {}
        for champion in self.by_model.values():
            found |= {} if champion is None else dict(champion.reference)
        return found

    @property
    def read_tables(self) -> frozenset[str]:
        """Tables that these champions read: a portfolio without invoices taught them none."""
        return frozenset(
            BY_NAME[champion.task.entity, name].table
            for champion in self.by_model.values()
            if champion is not None
            for name in champion.rung.features
            if (champion.task.entity, name) in BY_NAME
        )

    @property
    def by_model(self) -> Mapping[str, Champion | None]:
        """Champions by model, in the order they are shown."""
        return {name: getattr(self, name) for name in MODELS}


def choose_portfolio(home: Path, name: str | None) -> str:
    """Which portfolio is meant: the one named, or the only one with a champion?

    Raises
    ------
    NotReady
        NR020 when no portfolio has a champion.
    SettingsError
        ST010 when there are several and none is named, or the named one is not there.
    """
    known = sorted({portfolio for portfolio, _ in champions_in(home)})
    if name is not None and slug(name) in known:
        return slug(name)
    if not known:
        raise NotReady("NR020", "no model has been promoted yet.", "Run: fanal train PORTFOLIO")
    if name is None and len(known) == 1:
        return known[0]
    raise SettingsError(
        "ST010",
        "several portfolios have a champion." if name is None else f"no portfolio {name!r}.",
        f"Name one with --portfolio: {', '.join(known)}.",
    )


def load_champions(home: Path, name: str | None = None) -> Champions:
    """Load and verify the champions of a portfolio.

    Raises
    ------
    NotReady
        NR020 when there is none at all.
    ModelError
        When one is damaged.
    """
    place = choose_portfolio(home, name)
    models = {model for portfolio, model in champions_in(home) if portfolio == place}
    found = {
        model: with_stored_contexts(home, load_champion(home, place, model))
        for model in sorted(models)
    }
    newest = max(found.values(), key=lambda champion: champion.portfolio.data_as_of)
    return Champions.of(newest.portfolio, found)


def with_stored_contexts(home: Path, champion: Champion) -> Champion:
    """Add the contexts that batch runs made since the champion was trained.

    A file whose content does not have the version in its name is passed over.
    """
    folder = _folder(home, champion)
    found = {context.as_of: context for context in champion.contexts}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        text = path.read_text(encoding="utf-8")
        if hashlib.sha256(text.encode()).hexdigest()[:12] == path.stem.rpartition(".")[2]:
            context = context_from_json(text)
            found.setdefault(context.as_of, context)
    return replace(champion, contexts=tuple(found[as_of] for as_of in sorted(found)))


def store_context(home: Path, champion: Champion, context: Context) -> None:
    """Keep a context made by a batch run beside its champion, for every door."""
    folder = _folder(home, champion)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{context.as_of_date.isoformat()}.{context.version}.json"
    draft = folder / f".{path.name}-{os.getpid()}"
    draft.write_text(context.to_json(), encoding="utf-8")
    draft.replace(path)


def _folder(home: Path, champion: Champion) -> Path:
    folder = models_folder(home, champion.portfolio.name, champion.model)
    return folder / _CONTEXTS / champion.version

"""Which champions answer right now?

A promotion or a rollback moves a pointer file. Each request looks at the pointers (some tens of
microseconds), so it takes effect without a restart; a new model that is damaged, or cannot score,
is refused, and the one before it goes on answering.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from features.errors import FanalError, ModelError, NotReady
from serving.api.problems import trail
from serving.champions import Champions, choose_portfolio, with_stored_contexts
from training.artefact import Champion, load_champion, models_folder
from training.dataset import MODELS

Marks = tuple[tuple[bytes, int, int], ...]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """The champions that answer, and what is wrong with those that do not.

    Attributes
    ----------
    champions : Champions or None
        Who answers; None while there is no one.
    faults : mapping of str to FanalError
        By model: why the champion that the pointer names does not answer.
    """

    champions: Champions | None = None
    faults: Mapping[str, FanalError] = field(default_factory=dict)

    @property
    def models(self) -> dict[str, Champion]:
        """Champions by the name of their model."""
        found = {} if self.champions is None else self.champions.by_model
        return {name: champion for name, champion in found.items() if champion is not None}


class ChampionWatch:
    """Keeps the champions of one portfolio loaded, and looks whether the pointers moved.

    Parameters
    ----------
    home : Path
        Home folder.
    portfolio : str or None
        Whose; None where only one has models.
    warm : callable
        Scores something with these champions, so that nothing is compiled during a request; what
        it raises refuses them.
    """

    def __init__(
        self, home: Path, portfolio: str | None = None, *, warm: Callable[[Champions], object]
    ) -> None:
        self._home = home
        self._wanted = portfolio
        self._place: str | None = None
        self._warm = warm
        self._lock = threading.Lock()
        self._marks: Marks | None = None
        self._serving = Serving()

    def status(self) -> Serving:
        """Which champions answer, perhaps none, and which do not?"""
        with contextlib.suppress(FanalError):
            self.current()
        return self._serving

    def current(self) -> Champions:
        """Which champions answer?

        Raises
        ------
        NotReady
            NR020 when there is none yet.
        ModelError
            None of those there are can be used.
        SettingsError
            ST010 when it is not clear whose.
        """
        if self._place is None:
            self._place = choose_portfolio(self._home, self._wanted)
        marks = self._look(self._place)
        # While one request loads new champions, the others are answered by the old ones.
        if marks != self._marks and self._lock.acquire(blocking=not self._serving.models):
            try:
                if marks != self._marks:
                    self._serving = self._load(self._place)
                    self._marks = marks
            finally:
                self._lock.release()
        serving = self._serving
        if serving.champions is None:
            raise next(iter(serving.faults.values()), _none_yet())
        return serving.champions

    def _look(self, place: str) -> Marks:
        return tuple(_mark(models_folder(self._home, place, model)) for model in MODELS)

    def _load(self, place: str) -> Serving:
        old = self._serving.models
        models: dict[str, Champion] = {}
        faults: dict[str, FanalError] = {}
        for model in MODELS:
            try:
                found = load_champion(self._home, place, model)
                models[model] = with_stored_contexts(self._home, found)
            except NotReady:
                continue
            except FanalError as error:
                _LOG.error("the champion of %s.%s is refused: %s", place, model, error)
                faults[model] = error
                models.update({model: old[model]} if model in old else {})
        if not models:
            return Serving(None, faults)
        newest = max(models.values(), key=lambda champion: champion.portfolio.data_as_of)
        champions = Champions.of(newest.portfolio, models)
        return self._tried(Serving(champions, faults), champions)

    def _tried(self, serving: Serving, champions: Champions) -> Serving:
        """Keep the champions before these, when these cannot score."""
        try:
            self._warm(champions)
        except Exception as error:
            # whatever a model fails with, it must not take the service down with it
            _LOG.error("the new champions cannot score: %s", trail(error))
            old = {name: champion.digest for name, champion in self._serving.models.items()}
            changed = [name for name, one in serving.models.items() if one.digest != old.get(name)]
            fault = ModelError(
                "ME004", "the champion cannot score.", "Run: fanal rollback, or train again."
            )
            faults = {**serving.faults, **dict.fromkeys(changed, fault)}
            return Serving(self._serving.champions, faults)
        return serving


def _mark(folder: Path) -> tuple[bytes, int, int]:
    """What does the pointer say since when, and when did a context last come to that version?"""
    pointer = folder / "champion"
    try:
        said, since = pointer.read_bytes(), pointer.stat().st_mtime_ns
    except OSError:
        return b"", 0, 0
    version = said.split()[0].decode(errors="replace") if said.split() else ""
    try:
        return said, since, (folder / "contexts" / version).stat().st_mtime_ns
    except (OSError, ValueError):
        return said, since, 0


def _none_yet() -> NotReady:
    return NotReady("NR020", "no model has been promoted yet.", "Run: fanal train PORTFOLIO")

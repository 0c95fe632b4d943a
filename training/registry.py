"""Where are runs and versions kept, and which version answers?

MLflow on SQLite tracks runs and versions, keeps the seal of each version (what its manifest was
when it was trained), and shows the aliases challenger, champion and previous. The truth is the
pointer beside the artefact (`training.pointer`): scoring reads it alone, a promotion moves it
first, and the aliases follow, at once or when the registry is opened next.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

# Before mlflow is imported: it would otherwise report its use.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import numpy as np
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

from features.errors import NotReady
from features.matrix import FeatureMatrix
from features.records.names import slug
from training.artefact import Champion, try_in_child, write_artefact
from training.artefact.files import read_facts
from training.manifest import read_manifest, record_promotion, require_seal
from training.models import Boosted
from training.pointer import (
    CHAMPION,
    PREVIOUS,
    Pointer,
    Unreadable,
    has_champion,
    lock_of,
    look,
    models_folder,
    move,
    require_unmoved,
    rollback,
)
from training.waivers import Waiver, require_gates

CODES: Mapping[str, str] = {
    "NR021": "a version that the registry does not have",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

_FOLLOWING = {CHAMPION: CHAMPION, PREVIOUS: PREVIOUS}
"""Aliases in MLflow, and the pointers they follow."""

_TAG_LENGTH = 5_000


@dataclass(frozen=True)
class Version:
    """One version of a model, as people list it."""

    model: str
    version: str
    aliases: tuple[str, ...]
    rung: str
    verdict: str
    created_at: int
    trained_through: str
    waived: tuple[str, ...] = ()


class Registry:
    """The registry of one installation.

    Parameters
    ----------
    home : Path
        FANAL_HOME. The database is made once, under a lock: several first starts at once would
        break each other's migrations.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Its notices of migrations are no news to the person who trains.
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.home = home.resolve()
        uri = f"sqlite:///{self.home / 'mlflow.db'}"
        with FileLock(self.home / "mlflow.lock"):
            self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._client.search_experiments(max_results=1)
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        self._follow_pointers()

    @property
    def runs_folder(self) -> Path:
        """Where the artefacts of runs lie."""
        return self.home / "mlruns"

    def start_run(self, portfolio: str, model: str) -> mlflow.ActiveRun:
        """Start a run in the portfolio's experiment."""
        name = slug(portfolio)
        if self._client.get_experiment_by_name(name) is None:
            self._client.create_experiment(name, (self.runs_folder / name).as_uri())
        mlflow.set_experiment(name)
        return mlflow.start_run(run_name=model)

    def register(
        self,
        champion: Champion,
        run_id: str,
        tags: Mapping[str, str],
        rows: FeatureMatrix | None = None,
    ) -> Champion:
        """Write the artefact under the next version, as the challenger, and keep its seal.

        Parameters
        ----------
        champion : Champion
            The model; its `version` and `digest` are not read.
        run_id : str
            MLflow run it came of.
        tags : mapping of str to str
            What people search versions by.
        rows : FeatureMatrix, optional
            Its training rows, of which the golden ones are chosen.

        Returns
        -------
        Champion
            The same with its version and digest.
        """
        name = f"{slug(champion.portfolio.name)}.{champion.model}"
        try:
            self._client.create_registered_model(name)
        except MlflowException:
            # It is there already.
            self._client.get_registered_model(name)
        source = self._client.get_run(run_id).info.artifact_uri + "/artefact"
        made = self._client.create_model_version(name, source, run_id, tags=dict(tags))
        written = write_artefact(self.home, replace(champion, version=str(made.version)), rows)
        folder = models_folder(self.home, champion.portfolio.name, champion.model)
        seal = read_manifest(folder / written.version).seal
        self._client.set_model_version_tag(name, written.version, "seal", seal)
        self._client.log_artifacts(run_id, str(folder / written.version), "artefact")
        _log_booster(written)
        self._client.set_registered_model_alias(name, "challenger", written.version)
        return written

    def look(self, portfolio: str, model: str) -> Pointer | Unreadable | None:
        """What does the champion's pointer say now? To be given to `promote` later."""
        return look(models_folder(self.home, portfolio, model))

    def promote(
        self,
        portfolio: str,
        model: str,
        version: str,
        *,
        seen: Pointer | Unreadable | None,
        waived: Sequence[Waiver] = (),
    ) -> None:
        """Make a version the champion: its pointer first, the aliases after it.

        Parameters
        ----------
        portfolio, model, version : str
            Which.
        seen : Pointer, Unreadable or None
            What `look` said before it was decided to promote: nobody's promotion is undone unseen.
        waived : sequence of Waiver
            Gates that a person answers for.

        Raises
        ------
        NotReady
            NR021 when there is no such version.
        ModelError
            ME011 when a gate refused it that nobody waives; ME007 when the champion changed since
            it was looked at; ME002, ME004 to ME006, ME008 or ME009 when its artefact is damaged, is
            not what was trained, or kills the process that loads it.
        SettingsError
            CL013 when a waiver fits no gate that refused it.
        """
        name = f"{slug(portfolio)}.{model}"
        folder = models_folder(self.home, portfolio, model)
        place = folder / version
        if not version.isdigit() or not place.is_dir():
            raise NotReady("NR021", f"{name} has no version {version}.", "Run: fanal models")
        manifest = read_manifest(place)
        require_seal(place, manifest, self._seal(name, version))
        facts = read_facts(place, manifest)
        require_gates(name, version, facts, waived, has_champion(self.home, portfolio, model))
        trial = dict(try_in_child(self.home, portfolio, model, version))
        found = {"trial": trial, "waived": [asdict(waiver) for waiver in waived]}
        with lock_of(folder):
            require_unmoved(folder, seen)
            # What the child read may have changed since.
            manifest = read_manifest(place)
            require_seal(place, manifest, self._seal(name, version))
            digest = record_promotion(place, manifest, found).digest
            move(folder, Pointer(version, digest))
        for waiver in waived:
            text = f"{waiver.on}: {waiver.reason}"[:_TAG_LENGTH]
            self._client.set_model_version_tag(name, version, f"waived.{waiver.code}", text)
        self._follow(name, folder)

    def rollback(self, portfolio: str, model: str) -> str:
        """Give the champion's place back to the version before it; returns that version."""
        version = rollback(self.home, portfolio, model)
        folder = models_folder(self.home, portfolio, model)
        self._follow(f"{slug(portfolio)}.{model}", folder)
        return version

    def _seal(self, name: str, version: str) -> str | None:
        try:
            return self._client.get_model_version(name, version).tags.get("seal")
        except MlflowException:
            return None

    def _follow_pointers(self) -> None:
        """Bring the aliases of every model to its pointers, which may have moved without MLflow."""
        for folder in sorted(self.home.glob("models/*/*")):
            if any((folder / pointer).exists() for pointer in _FOLLOWING.values()):
                self._follow(f"{folder.parent.name}.{folder.name}", folder)

    def _follow(self, name: str, folder: Path) -> None:
        try:
            aliases = self._client.get_registered_model(name).aliases
        except MlflowException:
            return  # a folder that was brought here without its registry
        with lock_of(folder):
            for alias, pointer in _FOLLOWING.items():
                found = look(folder, pointer)
                is_there = isinstance(found, Pointer) and self._seal(name, found.version)
                if isinstance(found, Pointer) and is_there:
                    if str(aliases.get(alias)) != found.version:
                        self._client.set_registered_model_alias(name, alias, found.version)
                elif alias in aliases:
                    self._client.delete_registered_model_alias(name, alias)

    def versions(self, portfolio: str | None = None) -> tuple[Version, ...]:
        """Which versions are there, newest first?"""
        found = []
        for registered in self._client.search_registered_models():
            place, _, _model = registered.name.rpartition(".")
            if portfolio is None or slug(portfolio) == place:
                aliases = self._client.get_registered_model(registered.name).aliases
                found += [
                    _version(made, aliases)
                    for made in self._client.search_model_versions(f"name='{registered.name}'")
                ]
        return tuple(sorted(found, key=lambda v: (v.model, -int(v.version))))


def _version(made: ModelVersion, aliases: Mapping[str, str]) -> Version:
    own = tuple(sorted(a for a, version in aliases.items() if str(version) == str(made.version)))
    tags = made.tags
    return Version(
        made.name, str(made.version), own, tags.get("rung", ""), tags.get("verdict", ""),
        int(made.creation_timestamp), tags.get("trained_through", ""),
        tuple(sorted(t.removeprefix("waived.") for t in tags if t.startswith("waived."))),
    )  # fmt: skip


def _log_booster(champion: Champion) -> None:
    """Log the trees with their signature, for people who look at them in MLflow."""
    if isinstance(champion.rung, Boosted):
        columns: list[ColSpec | TensorSpec] = [
            ColSpec("double", name) for name in champion.rung.features
        ]
        mlflow.lightgbm.log_model(
            champion.rung.booster,
            name="booster",
            signature=ModelSignature(Schema(columns), Schema([ColSpec("double", "log_odds")])),
            pip_requirements=["lightgbm"],
        )


def log_metrics(metrics: Mapping[str, float]) -> None:
    """Log numbers to the run that is active; missing ones are left out."""
    known = {name: float(value) for name, value in metrics.items() if np.isfinite(value)}
    mlflow.log_metrics(known)


def log_facts(parameters: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    """Log parameters and tags to the run that is active."""
    mlflow.log_params(dict(parameters))
    mlflow.set_tags(dict(tags))


def log_dataset(portfolio: str, digest: str) -> None:
    """Log which records the active run learnt from; MLflow shows the first digits of a digest."""
    source = CodeDatasetSource({"portfolio": portfolio})
    # mlflow never calls the method that its class leaves open.
    found = MetaDataset(source, name=portfolio, digest=digest[:32])  # type: ignore[abstract]
    mlflow.log_input(found, context="training")


def log_file(path: Path, folder: str | None = None) -> None:
    """Log a file to the run that is active."""
    mlflow.log_artifact(str(path), folder)

"""Where are runs and versions kept, and which version answers?

MLflow on SQLite tracks runs and versions and holds the aliases challenger, champion and previous.
Scoring never asks MLflow: it reads the pointer beside the artefact, which moves after the alias.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
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

from features.errors import ModelError, NotReady
from features.records.names import slug
from training.artefact import (
    Champion,
    load_version,
    loads_in_child,
    models_folder,
    read_pointer,
    write_artefact,
    write_pointer,
)
from training.models import Boosted

CODES: Mapping[str, str] = {
    "NR021": "a version that the registry does not have",
    "NR022": "there is no version before the champion",
    "ME005": "a version does not load in a process of its own",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""


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
    evidence: str


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

    def register(self, champion: Champion, run_id: str, tags: Mapping[str, str]) -> Champion:
        """Write the artefact under the next version, as the challenger.

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
        written = write_artefact(
            self.home, Champion(**{**vars(champion), "version": str(made.version)})
        )
        folder = models_folder(self.home, champion.portfolio.name, champion.model)
        self._client.log_artifacts(run_id, str(folder / written.version), "artefact")
        _log_booster(written)
        self._client.set_registered_model_alias(name, "challenger", written.version)
        return written

    def promote(self, portfolio: str, model: str, version: str) -> None:
        """Make a version the champion: alias first, pointer last.

        Raises
        ------
        NotReady
            NR021 when there is no such version.
        ModelError
            When its artefact is damaged, or kills the process that loads it.
        """
        name = f"{slug(portfolio)}.{model}"
        folder = models_folder(self.home, portfolio, model)
        if not (folder / version).is_dir():
            raise NotReady("NR021", f"{name} has no version {version}.", "Run: fanal models")
        if not loads_in_child(self.home, portfolio, model, version):
            # Says which file is wrong, when it can be said without dying.
            load_version(self.home, portfolio, model, version)
            raise ModelError("ME005", f"version {version} of {name} does not load.", "Train again.")
        digest = load_version(self.home, portfolio, model, version).digest
        with FileLock(folder / ".lock"):
            self._move(name, folder, portfolio, model, version, digest)

    def rollback(self, portfolio: str, model: str) -> str:
        """Give the champion's place back to the version before it; returns that version.

        Raises
        ------
        NotReady
            NR022 when there is none.
        """
        name = f"{slug(portfolio)}.{model}"
        folder = models_folder(self.home, portfolio, model)
        with FileLock(folder / ".lock"):
            try:
                version, digest = read_pointer(self.home, portfolio, model, "previous")
            except NotReady:
                raise NotReady(
                    "NR022", f"{name} has no version before the champion.", "Run: fanal models"
                ) from None
            load_version(self.home, portfolio, model, version)
            self._move(name, folder, portfolio, model, version, digest)
        return version

    def _move(
        self, name: str, folder: Path, portfolio: str, model: str, version: str, digest: str
    ) -> None:
        """Move alias and pointer; the caller holds the lock."""
        try:
            old = read_pointer(self.home, portfolio, model)
        except (NotReady, ModelError):
            old = None
        if old is not None and old[0] != version:
            self._client.set_registered_model_alias(name, "previous", old[0])
            write_pointer(folder, "previous", *old)
        self._client.set_registered_model_alias(name, "champion", version)
        write_pointer(folder, "champion", version, digest)

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
        tags.get("evidence", ""),
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

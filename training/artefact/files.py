"""How is a model written to its folder, and read back from it?"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import lightgbm
import pyarrow as pa

from features.context import context_from_json
from features.errors import FanalError, ModelError
from features.matrix import FeatureMatrix
from features.records.checking import arrow_schema
from features.records.contract import TABLES
from features.records.folder import Portfolio
from features.records.names import slug
from features.signals.catalogue import BY_NAME, feature_set_version
from features.signals.declare import Entity
from training.artefact.champion import Champion
from training.artefact.golden import Golden, choose_golden, golden_from_json, require_golden
from training.artefact.trees import readable_trees
from training.calibration import Calibration
from training.dataset import Task
from training.labels import Horizon
from training.manifest import (
    MANIFEST,
    Manifest,
    from_json,
    read_manifest,
    read_verified,
    sha256,
    to_json,
    unreadable,
)
from training.models import Rung, rung_from_json
from training.pointer import models_folder, read_pointer

CODES: Mapping[str, str] = {
    "ME003": "a model was made for other features than this version of Fanal computes",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""


def write_artefact(home: Path, champion: Champion, rows: FeatureMatrix | None = None) -> Champion:
    """Write a model's folder, whole or not at all, and give it its digest.

    Parameters
    ----------
    home : Path
        Home folder.
    champion : Champion
        The model; its `digest` is not read.
    rows : FeatureMatrix, optional
        Training rows, of which the golden ones are chosen; without them the model is recognised by
        its files alone, and not promoted.
    """
    folder = models_folder(home, champion.portfolio.name, champion.model) / champion.version
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        digest = _write_files(draft, champion, rows)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return replace(champion, digest=digest)


def _write_files(folder: Path, champion: Champion, rows: FeatureMatrix | None) -> str:
    files = {"model.json": to_json(_model_json(champion))}
    for name, booster in champion.rung.boosters.items():
        files[f"boosters/{name}.txt"] = booster.model_to_string()
    if rows is not None:
        files["golden.json"] = to_json(choose_golden(champion.rung, rows).to_json())
    files["reference.json"] = to_json(
        {name: _columns(table) for name, table in champion.reference.items()}
    )
    if champion.distributions is not None:
        files["distributions.json"] = to_json(champion.distributions)
    for context in champion.contexts:
        files[f"contexts/{context.as_of_date.isoformat()}.json"] = context.to_json()
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())
    digests = {name: sha256(text.encode()) for name, text in files.items()}
    manifest = Manifest(digests, champion.feature_set_version)
    (folder / MANIFEST).write_bytes(manifest.to_bytes())
    return manifest.digest


def _model_json(champion: Champion) -> dict[str, Any]:
    head = champion.portfolio
    task = champion.task
    return {
        "version": champion.version,
        "portfolio": {
            "name": head.name,
            "currency": head.currency,
            "timezone": head.timezone,
            "static": sorted(head.static),
            "data_as_of": head.data_as_of.isoformat(),
        },
        "task": {
            "name": task.name,
            "entity": task.entity,
            "rule": task.rule,
            "key": task.key,
            "horizon_days": task.horizon.horizon_days,
            "lead_days": task.horizon.lead_days,
            "activity_days": task.activity_days,
        },
        "rung": {"name": champion.rung.name, **champion.rung.to_json()},
        "calibration": vars(champion.calibration),
        "feature_set_version": champion.feature_set_version,
        "facts": dict(champion.facts),
    }


def _columns(table: pa.Table) -> dict[str, Any]:
    return {name: table.column(name).to_pylist() for name in table.column_names}


def load_version(home: Path, portfolio: str, model: str, version: str) -> Champion:
    """Load one version of a model, verified against its own manifest.

    Raises
    ------
    ModelError
        ME002 when it is damaged or missing, ME003 when it does not fit this version of Fanal,
        ME004, ME008 and ME009 when its files agree and are no model, or another one.
    """
    folder = models_folder(home, portfolio, model) / version
    return _load(folder, read_manifest(folder))


def load_champion(home: Path, portfolio: str, model: str) -> Champion:
    """Load the champion of a model, verified from the pointer down to the last byte.

    Raises
    ------
    NotReady
        NR020 when there is none yet.
    ModelError
        ME002 when it is damaged; ME003, ME004, ME008 and ME009 as for `load_version`.
    """
    version, digest = read_pointer(home, portfolio, model)
    folder = models_folder(home, portfolio, model) / version
    return _load(folder, read_manifest(folder, digest))


def read_facts(folder: Path, manifest: Manifest) -> Mapping[str, Any]:
    """What a version knows of its training, read without loading its trees.

    Raises
    ------
    ModelError
        ME002 when a file is damaged, ME004 when they are no model.
    """
    try:
        facts = from_json(read_verified(folder, manifest)["model.json"])["facts"]
        if not isinstance(facts, dict):
            raise TypeError("facts")
        return facts
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(folder, error) from error


def _load(folder: Path, manifest: Manifest) -> Champion:
    """Verify every file, then read them, then ask the model what it says."""
    contents = read_verified(folder, manifest)
    trees = {
        name.removeprefix("boosters/").removesuffix(".txt"): readable_trees(name, content)
        for name, content in contents.items()
        if name.startswith("boosters/")
    }
    try:
        champion = _champion(contents, trees, manifest, folder)
        golden = golden_of(contents)
        if golden is not None:
            require_golden(golden, champion.rung, is_exact=False)
        return champion
    except FanalError:
        raise
    except Exception as error:
        # Whatever files that were hashed anew fail with, it is the model's fault and is said so.
        raise unreadable(folder, error) from error


def golden_of(contents: Mapping[str, bytes]) -> Golden | None:
    """Golden rows of the verified files of a version; None where it has none."""
    return golden_from_json(from_json(c)) if (c := contents.get("golden.json")) else None


def _champion(
    contents: Mapping[str, bytes], trees: Mapping[str, str], manifest: Manifest, folder: Path
) -> Champion:
    body = from_json(contents["model.json"])
    head, task = body["portfolio"], body["task"]
    portfolio = Portfolio(
        head["name"],
        head["currency"],
        head["timezone"],
        frozenset(head["static"]),
        datetime.fromisoformat(head["data_as_of"]),
    )
    boosters = {name: lightgbm.Booster(model_str=text) for name, text in trees.items()}
    rung = rung_from_json(body["rung"], boosters)
    _require_fit(rung, task["entity"], body["feature_set_version"])
    place = (slug(portfolio.name), task["name"], body["version"])
    if place != (folder.parent.parent.name, folder.parent.name, folder.name):
        raise ValueError("a version that lies in the folder of another")
    contexts = (
        context_from_json(contents[name].decode())
        for name in sorted(contents)
        if name.startswith("contexts/")
    )
    reference = from_json(contents["reference.json"])
    waived = (manifest.promotion or {}).get("waived", [])
    return Champion(
        portfolio,
        Task(
            task["name"],
            task["entity"],
            task["rule"],
            task["key"],
            Horizon(task["horizon_days"], task["lead_days"]),
            task["activity_days"],
        ),
        body["version"],
        manifest.digest,
        rung,
        Calibration(**body["calibration"]),
        body["feature_set_version"],
        tuple(contexts),
        {name: _table(name, columns) for name, columns in reference.items()},
        {**body["facts"], "waived": waived},
        from_json(contents["distributions.json"]) if "distributions.json" in contents else None,
    )


def _table(name: str, columns: Mapping[str, list[Any]]) -> pa.Table:
    schema = arrow_schema(TABLES[name])
    return pa.table(
        {
            field.name: pa.array(_moments(columns[field.name], field.type), field.type)
            for field in schema
            if field.name in columns
        }
    )


def _moments(values: list[Any], kind: pa.DataType) -> list[Any]:
    """Read days and instants from the texts that JSON keeps of them."""
    if not pa.types.is_temporal(kind):
        return values
    read = date.fromisoformat if pa.types.is_date(kind) else datetime.fromisoformat
    return [None if value is None else read(value) for value in values]


def _require_fit(rung: Rung, entity: Entity, version: str) -> None:
    # A rung that reads no column is none the worse for columns that changed.
    reads = any((entity, name) in BY_NAME for name in rung.features)
    if reads and version != feature_set_version(rung.features, entity):
        raise ModelError(
            "ME003",
            "the champion was trained with other features than this version of Fanal computes.",
            "Train again: fanal train PORTFOLIO",
        )

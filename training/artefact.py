"""How does a trained model lie on disk, and when may it be believed?

A model is a folder ``models/PORTFOLIO/MODEL/VERSION/`` of text: ``model.json`` (what it is),
``booster.txt`` (LightGBM's own text, for the rung that has one), ``distributions.json`` (what its
training rows looked like), ``contexts/DATE.json``,
``reference.json`` (stages, products, ... of the portfolio), and ``manifest.json`` with the sha256
of each. The pointer file ``models/PORTFOLIO/MODEL/champion`` holds the version and the sha256 of
its manifest. Every byte is verified before LightGBM reads one: a damaged model file kills the
process that loads it. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa

from features.context import Context, context_from_json
from features.errors import ModelError, NotReady
from features.kernel import Floats
from features.matrix import FeatureMatrix
from features.records.checking import arrow_schema
from features.records.contract import TABLES
from features.records.folder import Portfolio, Records
from features.records.names import slug
from features.signals.catalogue import feature_set_version
from features.signals.declare import Entity
from training.calibration import Calibration
from training.dataset import ModelName, Task
from training.labels import Horizon
from training.models import Boosted, Logistic, Prior, Rates, Rung, to_probability

FORMAT = 1
_CHILD_SECONDS = 300
REFERENCE_TABLES = ("stages", "products", "owners", "fx_rates")
"""Tables of the portfolio that a request does not bring along."""

CODES: Mapping[str, str] = {
    "ME002": "a file of a model differs from its manifest, or is missing",
    "ME003": "a model was made for other features than this version of Fanal computes",
    "ME004": "a model cannot be loaded",
    "NR020": "there is no champion yet",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""


@dataclass(frozen=True)
class Champion:
    """A verified model, ready to score.

    Attributes
    ----------
    portfolio : Portfolio
        What held for the records it learnt from.
    task : Task
        What it predicts of whom.
    version : str
        Version in the registry.
    digest : str
        sha256 of its manifest.
    rung : Rung
        What gives the margin.
    calibration : Calibration
        What makes it a probability.
    feature_set_version : str
        Version of the declarations it was trained with.
    contexts : tuple of Context
        Of its training days and of the end of its records, oldest first.
    reference : mapping of str to pyarrow.Table
        Tables of the portfolio that requests do not bring.
    facts : mapping
        trained_through, verdict, metrics and the like, for people.
    distributions : mapping or None
        What its training rows looked like, as `training.monitor` writes it.
    """

    portfolio: Portfolio
    task: Task
    version: str
    digest: str
    rung: Rung
    calibration: Calibration
    feature_set_version: str
    contexts: tuple[Context, ...]
    reference: Mapping[str, pa.Table]
    facts: Mapping[str, Any]  # Any: JSON
    distributions: Mapping[str, Any] | None = None  # Any: JSON

    @property
    def model(self) -> ModelName:
        """Name of the model: churn or close."""
        return self.task.name

    def context_for(self, as_of: int) -> tuple[Context, bool]:
        """Newest context not after an instant; the earliest, and False, when all are after it."""
        before = [context for context in self.contexts if context.as_of <= as_of]
        return (before[-1], True) if before else (self.contexts[0], False)

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) calibrated log-odds."""
        return self.calibration.apply(self.rung.margin(rows))

    def probability(self, rows: FeatureMatrix) -> Floats:
        """(n,) calibrated probability."""
        return to_probability(self.margin(rows))

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Calibrated base and (n, n_features) contributions that add up to the margin."""
        base, parts = self.rung.contributions(rows)
        slope = self.calibration.slope
        return slope * base + self.calibration.intercept, slope * parts


def models_folder(home: Path, portfolio: str, model: str) -> Path:
    """Where do the versions of a model lie?"""
    return home / "models" / slug(portfolio) / model


def reference_of(records: Records) -> dict[str, pa.Table]:
    """Tables of a portfolio that requests score with."""
    return {name: records.tables[name] for name in REFERENCE_TABLES if name in records.tables}


def write_artefact(home: Path, champion: Champion) -> Champion:
    """Write a model's folder, whole or not at all, and give it its digest.

    The `digest` of the argument is not read.
    """
    folder = models_folder(home, champion.portfolio.name, champion.model) / champion.version
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        digest = _write_files(draft, champion)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Champion(**{**vars(champion), "digest": digest})


def _write_files(folder: Path, champion: Champion) -> str:
    files = {"model.json": _json(_model_json(champion))}
    if isinstance(champion.rung, Boosted):
        files["booster.txt"] = champion.rung.booster.model_to_string()
    files["reference.json"] = _json(
        {name: _columns(table) for name, table in champion.reference.items()}
    )
    if champion.distributions is not None:
        files["distributions.json"] = _json(champion.distributions)
    for context in champion.contexts:
        files[f"contexts/{context.as_of_date.isoformat()}.json"] = context.to_json()
    (folder / "contexts").mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    manifest = _json(
        {
            "format": FORMAT,
            "files": {name: _sha256(text.encode()) for name, text in sorted(files.items())},
        }
    )
    (folder / "manifest.json").write_bytes(manifest.encode())
    return _sha256(manifest.encode())


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


def _json(body: object) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _columns(table: pa.Table) -> dict[str, Any]:
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def load_version(home: Path, portfolio: str, model: str, version: str) -> Champion:
    """Load one version of a model, verified against its own manifest.

    Raises
    ------
    ModelError
        ME002 when it is damaged or missing, ME003 when it does not fit this version of Fanal.
    """
    folder = models_folder(home, portfolio, model) / version
    return _load(folder, _read(folder / "manifest.json"))


def load_champion(home: Path, portfolio: str, model: str) -> Champion:
    """Load the champion of a model, verified from the pointer down to the last byte.

    Raises
    ------
    NotReady
        NR020 when there is none yet.
    ModelError
        ME002 when it is damaged, ME003 when it does not fit this version of Fanal.
    """
    folder = models_folder(home, portfolio, model)
    version, digest = read_pointer(home, portfolio, model)
    manifest = _read(folder / version / "manifest.json")
    if _sha256(manifest) != digest:
        raise _damaged(folder / version / "manifest.json")
    return _load(folder / version, manifest)


def read_pointer(home: Path, portfolio: str, model: str, name: str = "champion") -> tuple[str, str]:
    """Which version does a pointer name, and which manifest must it have?

    Raises
    ------
    NotReady
        NR020 when the pointer is not there.
    """
    pointer = models_folder(home, portfolio, model) / name
    try:
        version, digest = pointer.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        raise NotReady(
            "NR020",
            f"no {model} model has been promoted for the portfolio {portfolio}.",
            f"Run: fanal train PORTFOLIO --model {model}",
        ) from None
    except (OSError, ValueError):
        raise _damaged(pointer) from None
    return version, digest


def has_champion(home: Path, portfolio: str, model: str) -> bool:
    """Does a model have a champion, sound or not?"""
    return (models_folder(home, portfolio, model) / "champion").exists()


def write_pointer(folder: Path, name: str, version: str, digest: str) -> None:
    """Swap a pointer atomically: readers see the old one or the new one, never a part."""
    draft = folder / f".{name}-{os.getpid()}"
    with draft.open("w", encoding="utf-8") as file:
        file.write(f"{version} {digest}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)


def champions_in(home: Path) -> tuple[tuple[str, str], ...]:
    """Which (portfolio folder, model) pairs have a champion?"""
    pointers = sorted(home.glob("models/*/*/champion"))
    return tuple((pointer.parent.parent.name, pointer.parent.name) for pointer in pointers)


def loads_in_child(home: Path, portfolio: str, model: str, version: str) -> bool:
    """Does a model load in a process of its own (one that may die of it)?"""
    command = (
        "import sys; from pathlib import Path; from training.artefact import load_version;"
        " load_version(Path(sys.argv[1]), *sys.argv[2:5])"
    )
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter, our own code, arguments as a list
            [sys.executable, "-c", command, str(home), portfolio, model, version],
            capture_output=True,
            timeout=_CHILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise _damaged(path) from None


def _damaged(path: Path) -> ModelError:
    return ModelError(
        "ME002",
        f"{path.parent.name}/{path.name} is missing or differs from what was promoted.",
        "Run: fanal rollback, or train and promote again.",
    )


def _load(folder: Path, manifest: bytes) -> Champion:
    """Verify every file, then read them."""
    contents: dict[str, bytes] = {}
    try:
        listed = json.loads(manifest)["files"]
        for name, digest in listed.items():
            contents[name] = _read(folder / name)
            if _sha256(contents[name]) != digest:
                raise _damaged(folder / name)
        return _champion(contents, _sha256(manifest))
    except (ValueError, KeyError, TypeError, AttributeError, lightgbm.basic.LightGBMError) as error:
        raise ModelError(
            "ME004",
            f"version {folder.name} cannot be loaded ({type(error).__name__}).",
            "Run: fanal rollback, or train and promote again.",
        ) from error


def _champion(contents: Mapping[str, bytes], digest: str) -> Champion:
    body = json.loads(contents["model.json"])
    head = body["portfolio"]
    portfolio = Portfolio(
        head["name"],
        head["currency"],
        head["timezone"],
        frozenset(head["static"]),
        datetime.fromisoformat(head["data_as_of"]),
    )
    task = body["task"]
    rung = _rung(body["rung"], contents.get("booster.txt"))
    _require_fit(rung, task["entity"], body["feature_set_version"])
    contexts = (
        context_from_json(contents[name].decode())
        for name in sorted(contents)
        if name.startswith("contexts/")
    )
    reference = json.loads(contents["reference.json"])
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
        digest,
        rung,
        Calibration(**body["calibration"]),
        body["feature_set_version"],
        tuple(contexts),
        {name: _table(name, columns) for name, columns in reference.items()},
        body["facts"],
        json.loads(contents["distributions.json"]) if "distributions.json" in contents else None,
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
    if isinstance(rung, Logistic | Boosted) and version != feature_set_version(
        rung.features, entity
    ):
        raise ModelError(
            "ME003",
            "the champion was trained with other features than this version of Fanal computes.",
            "Train again: fanal train PORTFOLIO",
        )


def _rung(body: Mapping[str, Any], booster: bytes | None) -> Rung:
    name = body["name"]
    if name == "prior":
        return Prior(body["log_odds"])
    if name == "rates":
        return Rates(body["key"], body["log_odds"], body["base"])
    features = tuple(body["features"])
    if name == "logistic":
        mean, scale, weight, weight_missing, share_missing = (
            np.array(body[part], dtype=np.float64)
            for part in ("mean", "scale", "weight", "weight_missing", "share_missing")
        )
        return Logistic(
            features, mean, scale, weight, weight_missing, share_missing, body["intercept"]
        )
    if booster is None:
        raise KeyError("booster.txt")
    loaded = lightgbm.Booster(model_str=booster.decode())
    if tuple(loaded.feature_name()) != features:
        raise ValueError("features of the booster")
    return Boosted(features, loaded)

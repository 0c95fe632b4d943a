"""Which files make a version of a model, and are they what was trained?

A version is a folder ``models/PORTFOLIO/MODEL/VERSION/`` of text. Its ``manifest.json`` holds the
sha256 of each file, and what was found at its promotion. The *seal* is the sha256 of the part that
training wrote: the registry keeps it, so that files and manifest that were changed together are
found out. Nothing here imports a library that is slow to start, or that reads a model.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from features.errors import ModelError

FORMAT = 2
MANIFEST = "manifest.json"

CODES: Mapping[str, str] = {
    "ME002": "a file of a model differs from its manifest, or is missing",
    "ME004": "a model cannot be loaded",
    "ME006": "a version differs from what was trained, or was never sealed",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

_NAME = re.compile(
    r"(?:model|reference|golden|distributions)\.json|boosters/[a-z0-9_]{1,40}\.txt"
    r"|contexts/[0-9]{4}-[0-9]{2}-[0-9]{2}\.json"
)
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Manifest:
    """What a version consists of.

    Attributes
    ----------
    files : mapping of str to str
        sha256 by path within the folder.
    feature_set_version : str
        Which declarations of features it was trained with.
    promotion : mapping or None
        What was found when it was promoted: ``trial`` (how it loaded in a process of its own) and
        ``waived`` (gates that a person waived: code, reason, date). None before.
    """

    files: Mapping[str, str]
    feature_set_version: str
    promotion: Mapping[str, Any] | None = None  # Any: JSON

    @property
    def seal(self) -> str:
        """sha256 of the part that training wrote."""
        return sha256(to_json(self._trained()).encode())

    @property
    def digest(self) -> str:
        """sha256 of the whole file: what a pointer holds."""
        return sha256(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The file as it is written."""
        return to_json({**self._trained(), "promotion": self.promotion}).encode()

    def _trained(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "files": dict(self.files),
            "feature_set_version": self.feature_set_version,
        }


def sha256(content: bytes) -> str:
    """Hexadecimal sha256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def to_json(body: object) -> str:
    """JSON with sorted keys, no NaN, days and instants in ISO 8601."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def from_json(content: bytes) -> Any:  # Any: JSON
    """Read JSON without NaN, infinities or doubled keys.

    Raises
    ------
    ValueError
        When it is not such JSON.
    """
    try:
        return json.loads(content, parse_constant=_refuse, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def read_manifest(folder: Path, digest: str | None = None) -> Manifest:
    """Read the manifest of a version's folder.

    Parameters
    ----------
    folder : Path
        Of the version.
    digest : str or None
        sha256 that it must have; None takes it as it is.

    Raises
    ------
    ModelError
        ME002 when it is missing or not that one, ME004 when it is no manifest.
    """
    content = read_file(folder / MANIFEST)
    if digest is not None and sha256(content) != digest:
        raise damaged(folder / MANIFEST)
    try:
        body = from_json(content)
        if set(body) != {"format", "files", "feature_set_version", "promotion"}:
            raise ValueError("keys of the manifest")
        files = body["files"]
        promotion = body["promotion"]
        is_right = body["format"] == FORMAT and all(
            _NAME.fullmatch(name) and isinstance(value, str) for name, value in files.items()
        )
        if not is_right or not isinstance(promotion, dict | None):
            raise ValueError("content of the manifest")
        return Manifest(files, str(body["feature_set_version"]), promotion)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(folder, error) from error


def read_verified(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """Read every file of a version, each held to its sha256.

    Raises
    ------
    ModelError
        ME002, naming the file that is missing or differs.
    """
    contents = {}
    for name, digest in manifest.files.items():
        contents[name] = read_file(folder / name)
        if sha256(contents[name]) != digest:
            raise damaged(folder / name)
    return contents


def read_file(path: Path) -> bytes:
    """Read a file of a model.

    Raises
    ------
    ModelError
        ME002 when it cannot be read, or is larger than any model.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise damaged(path)
        return path.read_bytes()
    except OSError:
        raise damaged(path) from None


def record_promotion(folder: Path, manifest: Manifest, promotion: Mapping[str, Any]) -> Manifest:
    """Write what was found at a promotion into the manifest, whole or not at all."""
    found = replace(manifest, promotion=promotion)
    content = found.to_bytes()
    if (folder / MANIFEST).read_bytes() != content:
        write_whole(folder / MANIFEST, content)
    return found


def require_seal(folder: Path, manifest: Manifest, seal: str | None) -> None:
    """Refuse a version that is not what the registry saw being trained.

    Raises
    ------
    ModelError
        ME006.
    """
    if seal is None or manifest.seal != seal:
        raise ModelError(
            "ME006",
            f"version {folder.name} is not what was trained: the registry keeps another seal, or"
            " none.",
            "Put the files back from a copy, or train again; the champion has not changed.",
        )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, whole."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def damaged(path: Path) -> ModelError:
    """Say that a file is missing, or not what it must be."""
    return ModelError(
        "ME002",
        f"{path.parent.name}/{path.name} is missing or differs from what was promoted.",
        "Run: fanal rollback, or train and promote again.",
    )


def unreadable(folder: Path, error: BaseException) -> ModelError:
    """Say that a version, though whole, is no model."""
    return ModelError(
        "ME004",
        f"version {folder.name} cannot be loaded ({type(error).__name__}).",
        "Run: fanal rollback, or train and promote again.",
    )

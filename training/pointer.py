"""Which version of a model answers?

The pointer file ``models/PORTFOLIO/MODEL/champion`` holds the version and the sha256 of its
manifest; ``previous`` holds the one before. The pointer is the truth: scoring reads nothing else,
and the aliases in MLflow follow it. It moves under a lock, from the pointer that the mover saw to
another (compare-and-swap), by renaming a whole file over it.

Nothing here imports a library that is slow to start: ``fanal rollback`` takes a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from features.errors import ModelError, NotReady
from features.records.names import slug
from training.manifest import damaged, read_manifest, read_verified, write_whole

CODES: Mapping[str, str] = {
    "NR020": "there is no champion yet",
    "NR022": "there is no version before the champion",
    "ME007": "the champion changed since it was looked at",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

CHAMPION, PREVIOUS = "champion", "previous"


@dataclass(frozen=True)
class Pointer:
    """A version, and the sha256 that its manifest must have."""

    version: str
    digest: str


@dataclass(frozen=True)
class Unreadable:
    """A pointer that names nothing, with the bytes it holds instead."""

    content: bytes


def models_folder(home: Path, portfolio: str, model: str) -> Path:
    """Where do the versions of a model lie?"""
    return home / "models" / slug(portfolio) / model


def champions_in(home: Path) -> tuple[tuple[str, str], ...]:
    """Which (portfolio folder, model) pairs have a champion?"""
    pointers = sorted(home.glob(f"models/*/*/{CHAMPION}"))
    return tuple((pointer.parent.parent.name, pointer.parent.name) for pointer in pointers)


def has_champion(home: Path, portfolio: str, model: str) -> bool:
    """Does a model have a champion, sound or not?"""
    return (models_folder(home, portfolio, model) / CHAMPION).exists()


def read_pointer(home: Path, portfolio: str, model: str, name: str = CHAMPION) -> tuple[str, str]:
    """Which version does a pointer name, and which manifest must it have?

    Raises
    ------
    NotReady
        NR020 when the pointer is not there.
    ModelError
        ME002 when it names nothing.
    """
    folder = models_folder(home, portfolio, model)
    found = look(folder, name)
    if found is None:
        raise NotReady(
            "NR020",
            f"no {model} model has been promoted for the portfolio {portfolio}.",
            f"Run: fanal train PORTFOLIO --model {model}",
        )
    if isinstance(found, Unreadable):
        raise damaged(folder / name)
    return found.version, found.digest


def look(folder: Path, name: str = CHAMPION) -> Pointer | Unreadable | None:
    """What does a pointer of a model's folder say, whatever it is?"""
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return Unreadable(b"")
    try:
        version, digest = content.decode("ascii").split()
    except ValueError:
        return Unreadable(content)
    return Pointer(version, digest) if version.isdigit() else Unreadable(content)


def write_pointer(folder: Path, name: str, version: str, digest: str) -> None:
    """Point to a version, in one step that a reader sees whole or not at all."""
    write_whole(folder / name, f"{version} {digest}\n".encode("ascii"))


def lock_of(folder: Path) -> FileLock:
    """The lock under which the pointers of a model move."""
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".lock")


def require_unmoved(folder: Path, seen: Pointer | Unreadable | None) -> None:
    """Refuse to move a pointer that somebody else has moved; the caller holds the lock.

    Parameters
    ----------
    folder : Path
        Of the model.
    seen : Pointer, Unreadable or None
        What the pointer said when the mover looked.

    Raises
    ------
    ModelError
        ME007.
    """
    found = look(folder)
    if found != seen:
        raise ModelError(
            "ME007",
            f"the champion of {folder.parent.name}.{folder.name} changed meanwhile:"
            f" it was {_spoken(seen)}, and is {_spoken(found)} now.",
            "Look at fanal models; train again, or promote by hand.",
        )


def _spoken(pointer: Pointer | Unreadable | None) -> str:
    if pointer is None:
        return "none"
    return f"version {pointer.version}" if isinstance(pointer, Pointer) else "a damaged pointer"


def move(folder: Path, to: Pointer) -> None:
    """Move the champion's pointer, and keep the one before; the caller holds the lock."""
    old = look(folder)
    if isinstance(old, Pointer) and old.version != to.version:
        write_pointer(folder, PREVIOUS, old.version, old.digest)
    elif not isinstance(old, Pointer):
        before = look(folder, PREVIOUS)
        # A version is never the one before itself.
        if isinstance(before, Pointer) and before.version == to.version:
            (folder / PREVIOUS).unlink()
    write_pointer(folder, CHAMPION, to.version, to.digest)


def rollback(home: Path, portfolio: str, model: str) -> str:
    """Give the champion's place back to the version before it; returns that version.

    Its files are held to the manifest that was promoted. They loaded then, so they are not loaded
    again.

    Raises
    ------
    NotReady
        NR022 when there is none.
    ModelError
        ME002 when it is damaged.
    """
    folder = models_folder(home, portfolio, model)
    none_before = NotReady(
        "NR022", f"{slug(portfolio)}.{model} has no version before the champion.",
        "Run: fanal models",
    )  # fmt: skip
    if not (folder / PREVIOUS).exists():
        raise none_before
    with lock_of(folder):
        before = look(folder, PREVIOUS)
        if before is None or before == look(folder):
            raise none_before
        if isinstance(before, Unreadable):
            raise damaged(folder / PREVIOUS)
        version = folder / before.version
        read_verified(version, read_manifest(version, before.digest))
        move(folder, before)
    return before.version

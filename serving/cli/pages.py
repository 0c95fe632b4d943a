"""How does a verb write a page to a file that somebody named?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import SettingsError


def require_place(path: Path | None) -> None:
    """Refuse a file that cannot be written before anything is computed for it.

    Raises
    ------
    SettingsError
        CL003 when its folder is missing or is no folder, or the name is that of a folder.
    """
    if path is None:
        return
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise SettingsError("CL003", f"{path} cannot be written.", "Choose another file.")


def write_page(path: Path, page: str) -> None:
    """Write a page.

    Raises
    ------
    SettingsError
        CL003 when it cannot be written.
    """
    with writing(path):
        path.write_text(page, encoding="utf-8")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in our words that a file cannot be written.

    Raises
    ------
    SettingsError
        CL003 when it cannot be written.
    """
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror})."
        raise SettingsError("CL003", message, "Choose another file.") from None

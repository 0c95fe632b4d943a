"""What a process does that starts on a fresh home folder."""

from __future__ import annotations

import sys
from pathlib import Path

from training.registry import Registry


def open_registry(home: str) -> None:
    """Open the registry, and end with 0 when it answers."""
    sys.exit(len(Registry(Path(home)).versions()))

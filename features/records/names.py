"""Under which name does a portfolio go in paths and registries?"""

from __future__ import annotations

import hashlib
import re
import unicodedata


def slug(name: str) -> str:
    """Which file name stands for a portfolio's name? Stable, ASCII, its own slug.

    Names that leave nothing readable get a digest instead.

    >>> slug("Négoce & Fils, Lyon")
    'negoce-fils-lyon'
    >>> slug("negoce-fils-lyon")
    'negoce-fils-lyon'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:80].strip("-")
    return found or "portfolio-" + hashlib.sha256(name.encode()).hexdigest()[:8]

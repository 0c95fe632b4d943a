"""How is a text shown that may hold signs which steer a terminal?"""

from __future__ import annotations

_STEERING = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\n"}


def visible(text: str) -> str:
    r"""How is a text of somebody's records shown, so that it moves no cursor and wipes no screen?

    >>> visible("A\x1b[2J")
    'A\\x1b[2J'
    """
    return text.translate(_STEERING)

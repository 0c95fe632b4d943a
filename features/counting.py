"""How is a number of things said?"""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """How is a number of things said in English?

    Parameters
    ----------
    number : int
        How many.
    one, many : str
        What one is called, and several; by default with an s.

    >>> counted(1, "row"), counted(0, "row"), counted(2, "currency", "currencies")
    ('1 row', '0 rows', '2 currencies')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"

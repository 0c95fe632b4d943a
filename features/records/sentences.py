"""How does an English sentence remember what it was made of, so that others can translate it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


class Sentence(str):
    """An English sentence with its values in place.

    It is a plain string to whoever prints or stores it; a page in another language takes `text`
    to its catalogue and puts `values` in anew. A value may be a sentence too.

    Attributes
    ----------
    text : str
        The sentence with named places, as `str.format` reads them.
    values : mapping of str to object
        What stands in the places.

    Examples
    --------
    >>> said = Sentence("{rows} rows in {table}.", rows=3, table="orders")
    >>> said, said.text
    ('3 rows in orders.', '{rows} rows in {table}.')
    """

    text: str
    values: Mapping[str, object]

    def __new__(cls, text: str, /, **values: object) -> Self:
        """Put the values in; a text without values is taken as it is."""
        sentence = super().__new__(cls, text.format(**values) if values else text)
        sentence.text = text
        sentence.values = values
        return sentence

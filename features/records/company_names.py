"""Which names of companies are the same name, or nearly?

Names are compared without case, accents, punctuation and legal form: ``Dupont & Fils S.A.R.L.`` and
``DUPONT ET FILS`` are one. Candidates come from neighbours in three sorted lists and from rare
words in common, so that 100,000 names take seconds; a pair is near when its score reaches
`THRESHOLD`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

THRESHOLD = 90.0
"""Least score (0..100) of near names: one letter in ten, roughly."""

Codes = npt.NDArray[np.int64]

_NEIGHBOURS, _SHARING = 8, 20
_REST = 75.0
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
     "&": " and ", "+": " and "}
)  # fmt: skip
_ABBREVIATION = re.compile(r"\b(\w)\.\s?(?=\w\b)|\b(\w)\.")
_NO_WORD = re.compile(r"[\W_]+")
_FILLERS = frozenset({"and", "et", "und", "the"})
_PHRASES = tuple(
    (re.compile(rf"\b{words}\b"), short)
    for words, short in (
        ("s ?a r ?l", "sarl"), ("s r ?o", "sro"), ("sp z ?o ?o", "spzoo"), ("a s$", "as"),
        ("societe anonyme", "sa"), ("societe par actions simplifiee", "sas"),
        ("societe a responsabilite limitee", "sarl"), ("aktiengesellschaft", "ag"),
        ("gesellschaft mit beschrankter haftung", "gmbh"), ("ug haftungsbeschrankt", "ug"),
    )
)  # fmt: skip
"""Legal forms of several words, as they stand once punctuation is gone."""
_LONG = {
    "bros": "brothers", "cie": "compagnie", "ets": "etablissements", "gebr": "gebruder",
    "st": "saint", "ste": "sainte",
}  # fmt: skip
_LEADING_FORMS = frozenset({
    "ab", "bv", "eirl", "eurl", "firma", "gie", "nv", "oy", "sa", "sarl", "sas", "sasu", "sca",
    "scop", "scs", "selarl", "snc", "soc", "societe", "sprl",
})  # fmt: skip
"""Those that also stand before a name; AG Insurance has its name from its letters."""
_LEGAL_FORMS = (_LEADING_FORMS - {"firma"}) | {
    "ag", "aps", "as", "asa", "bvba", "co", "company", "compagnie", "corp", "corporation", "cv",
    "eg", "ek", "ev", "gbr", "gesmbh", "gmbh", "inc", "incorporated", "kft", "kg", "kgaa", "kk",
    "limited", "llc", "llp", "lp", "ltd", "mbh", "ohg", "oyj", "plc", "pty", "pvt", "se", "sl",
    "slu", "spa", "spol", "spzoo", "srl", "sro", "ug", "vof",
}  # fmt: skip
_UMLAUT = re.compile(r"(?<=[aou])e")


@dataclass(frozen=True)
class NearPairs:
    """Pairs of near names.

    Attributes
    ----------
    first, second : (n,) int64
        Positions in the names, first < second.
    score : (n,) float64
        Likeness, from `THRESHOLD` to 100.
    """

    first: Codes
    second: Codes
    score: npt.NDArray[np.float64]


def plain_name(name: str) -> str:
    """What is left of a company's name without case, accents, punctuation and legal form?

    A name that is nothing but a legal form keeps it.

    >>> plain_name("Dupont & Fils S.A.R.L.")
    'dupont fils'
    >>> plain_name("SARL DUPONT ET FILS"), plain_name("Müller GmbH & Co. KG"), plain_name("SAS")
    ('dupont fils', 'muller', 'sas')
    >>> plain_name("Ets Dupont S.à r.l."), plain_name("AG Insurance")
    ('etablissements dupont', 'ag insurance')
    """
    folded = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    spaced = _NO_WORD.sub(" ", _ABBREVIATION.sub(r"\1\2", bare)).strip()
    for phrase, short in _PHRASES:
        spaced = phrase.sub(short, spaced)
    words = [_LONG.get(word, word) for word in spaced.split()]
    told = [word for word in words if word not in _FILLERS] or words
    first, last = 0, len(told)
    while first < last and told[last - 1] in _LEGAL_FORMS:
        last -= 1
    while first < last and told[first] in _LEADING_FORMS:
        first += 1
    return " ".join(told[first:last] or told)


def near_pairs(names: Sequence[str]) -> NearPairs:
    """Which of these plain names are nearly the same?

    The score is the better of two rapidfuzz ratios: of the words in alphabetical order, and of the
    letters without spaces. Digits must be equal (``Store 12`` is not ``Store 13``), and the words
    that differ must be alike by themselves (``Paris Est`` is not ``Paris Ouest``). An e that stands
    for two dots (``Koeln``, ``Köln``) tells nothing apart.

    Parameters
    ----------
    names : sequence of str
        Distinct names, as `plain_name` gives them.

    Examples
    --------
    >>> found = near_pairs(["dupont freres", "store 12", "dupond freres", "store 13"])
    >>> found.first.tolist(), found.second.tolist(), found.score.round(1).tolist()
    ([0], [2], [92.3])
    """
    names = [_UMLAUT.sub("", name) for name in names]
    words = [" ".join(sorted(name.split())) for name in names]
    letters = [name.replace(" ", "") for name in names]
    first, second = _candidates(names, words, letters)
    sizes = np.array([len(text) for text in letters], dtype=np.int64)
    digits = _encoded(["".join(filter(str.isdigit, name)) for name in names])
    longer, shorter = (
        np.maximum(sizes[first], sizes[second]),
        np.minimum(sizes[first], sizes[second]),
    )
    # a ratio of 0.9 needs lengths that differ by less: spaces are spared half a point
    alike = (digits[first] == digits[second]) & (200 * shorter >= 85 * (longer + shorter))
    first, second = first[alike], second[alike]
    score = np.maximum(_ratios(words, first, second), _ratios(letters, first, second))
    near = np.flatnonzero(score >= THRESHOLD)
    kept = [i for i in near.tolist() if _rest_is_alike(names[first[i]], names[second[i]])]
    return NearPairs(first[kept], second[kept], score[kept].astype(np.float64))


def _ratios(texts: Sequence[str], first: Codes, second: Codes) -> npt.NDArray[np.float32]:
    if not len(first):
        return np.zeros(0, dtype=np.float32)
    held = np.array(texts, dtype=object)
    scores: npt.NDArray[np.float32] = cpdist(
        held[first].tolist(), held[second].tolist(), scorer=fuzz.ratio, score_cutoff=THRESHOLD,
        workers=1,
    )  # fmt: skip
    return scores


def _rest_is_alike(one: str, other: str) -> bool:
    if one.replace(" ", "") == other.replace(" ", ""):
        return True
    shared = set(one.split()) & set(other.split())
    rests = ["".join(w for w in name.split() if w not in shared) for name in (one, other)]
    return fuzz.ratio(*rests) > _REST or rests == ["", ""]


def _candidates(
    names: Sequence[str], words: Sequence[str], letters: Sequence[str]
) -> tuple[Codes, Codes]:
    n_names = len(names)
    parts = []
    for keys in (names, words, [text[::-1] for text in letters]):
        order = np.array(sorted(range(n_names), key=keys.__getitem__), dtype=np.int64)
        parts += list(_within(order, np.zeros(n_names, dtype=np.int64), _NEIGHBOURS, n_names))
    owners = np.repeat(np.arange(n_names), [len(name.split()) for name in names])
    shared = _encoded([word for name in names for word in name.split()])
    # a word of many names brings no two of them together: industries, transport
    rare = np.flatnonzero((np.bincount(shared) <= _SHARING)[shared]) if n_names else owners
    order = rare[np.argsort(shared[rare], kind="stable")]
    parts += list(_within(owners[order], shared[order], _SHARING, n_names))
    pairs = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *parts]))
    pairs = pairs[np.concatenate([np.ones(min(1, len(pairs)), np.bool_), pairs[1:] != pairs[:-1]])]
    first, second = np.divmod(pairs, max(n_names, 1))
    return first[first != second], second[first != second]


def _within(order: Codes, group: Codes, window: int, n_names: int) -> Iterator[Codes]:
    """Pair every entry with the next ones of its group, a pair being one number."""
    for step in range(1, min(window, len(order) - 1) + 1):
        same = group[:-step] == group[step:]
        low = np.minimum(order[:-step], order[step:])[same]
        high = np.maximum(order[:-step], order[step:])[same]
        yield low * n_names + high


def _encoded(texts: Sequence[str]) -> Codes:
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(text, len(seen)) for text in texts], dtype=np.int64)

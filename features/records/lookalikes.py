"""Which accounts are one company twice, and into which one should they be merged?

Accounts with names as `company_names` compares them and the same country, or one unknown. Around
the account with most activity stand those like it: nothing is merged by way of a third name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.records.company_names import near_pairs, plain_name
from features.records.folder import Records

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

MERGE_COLUMNS = ("account_id", "merge_into", "score", "names")
_ACTIVITY_TABLES = ("orders", "interactions", "opportunities", "subscriptions", "invoices")


@dataclass(frozen=True)
class Lookalike:
    """One account that is likely another one.

    Attributes
    ----------
    account_id, merge_into : str
        The account, and the one with more activity that it equals.
    score : float
        Likeness of the names, 0..100.
    names : tuple of str
        Both names as they are written.
    is_same_name : bool
        True when case, accents, punctuation and legal form alone tell the names apart.
    """

    account_id: str
    merge_into: str
    score: float
    names: tuple[str, str]
    is_same_name: bool


@dataclass
class _Company:
    account_id: str
    name: str
    plain: str
    country: str
    parent: str | None
    into: tuple[_Company, float] | None = None


def lookalikes(records: Records) -> tuple[Lookalike, ...]:
    """Which accounts should be merged, in the order of their ids?

    Natural persons are left out: many share a name. So are an account and its own parent.

    Parameters
    ----------
    records : Records
        The whole portfolio; without accounts.name nothing is found.
    """
    accounts = records.tables.get("accounts")
    if accounts is None or "name" not in accounts.column_names:
        return ()
    companies = _companies(accounts, _activity(records))
    centres = _same_names(companies)
    _near_names(centres)
    found = []
    for company in companies:
        if company.into is not None:
            into, score = company.into
            is_same = into.plain == company.plain
            if into.into is not None:
                into, score = into.into
            names = (company.name, into.name)
            found.append(Lookalike(company.account_id, into.account_id, score, names, is_same))
    return tuple(sorted(found, key=lambda like: like.account_id))


def write_merges(path: Path, found: Sequence[Lookalike]) -> None:
    """Write a suggested merge file: `fanal import --merges` applies it once a person has read it.

    Parameters
    ----------
    path : Path
        CSV file to write.
    found : sequence of Lookalike
        As `lookalikes` gives them.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(MERGE_COLUMNS)
        for like in found:
            row = (like.account_id, like.merge_into, f"{like.score:.1f}", " | ".join(like.names))
            writer.writerow(row)


def _activity(records: Records) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in _ACTIVITY_TABLES:
        if name in records.tables:
            found = pc.value_counts(records.tables[name].column("account_id"))
            for account, rows in zip(
                found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True
            ):
                counts[account] = counts.get(account, 0) + rows
    return counts


def _companies(accounts: pa.Table, activity: dict[str, int]) -> list[_Company]:
    """List accounts with a name, the busiest first."""
    columns = [
        accounts.column(name).to_pylist()
        if name in accounts.column_names else [None] * accounts.num_rows
        for name in ("account_id", "name", "country", "parent_account_id", "is_natural_person")
    ]  # fmt: skip
    latest = {
        account: _Company(account, name, plain_name(name), _plain_country(country), above)
        for account, name, country, above, is_person in zip(*columns, strict=True)
        if name and not is_person
    }
    named = [company for company in latest.values() if company.plain]
    return sorted(named, key=lambda c: (-activity.get(c.account_id, 0), c.account_id))


def _plain_country(country: str | None) -> str:
    return (country or "").strip().casefold()


def _same_names(companies: Sequence[_Company]) -> list[_Company]:
    """Join accounts of one plain name, and give those that were joined to no other."""
    centres: dict[str, list[_Company]] = {}
    for company in companies:
        rivals = centres.setdefault(company.plain, [])
        if not any(_joined(company, centre, 100.0) for centre in rivals):
            rivals.append(company)
    return [company for company in companies if company.into is None]


def _near_names(centres: Sequence[_Company]) -> None:
    plain = list(dict.fromkeys(company.plain for company in centres))
    holders: dict[str, list[_Company]] = {}
    for company in centres:
        holders.setdefault(company.plain, []).append(company)
    near: dict[str, list[tuple[float, str]]] = {}
    for one, other, score in _by_likeness(plain):
        near.setdefault(plain[one], []).append((score, plain[other]))
        near.setdefault(plain[other], []).append((score, plain[one]))
    taken: set[str] = set()
    for centre in centres:
        for score, name in near.get(centre.plain, []) if centre.into is None else []:
            for company in holders[name]:
                # who has joined cannot be joined to, nor who was joined to join
                is_free = company.into is None and company.account_id not in taken
                if is_free and company is not centre and _joined(company, centre, score):
                    taken.add(centre.account_id)


def _by_likeness(plain: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    pairs = near_pairs(plain)
    for i in np.argsort(-pairs.score, kind="stable").tolist():
        yield int(pairs.first[i]), int(pairs.second[i]), float(pairs.score[i])


def _joined(company: _Company, centre: _Company, score: float) -> bool:
    """Join the two unless country or kinship forbid it, and say whether it was done."""
    if company.country and centre.country and company.country != centre.country:
        return False
    if company.parent == centre.account_id or centre.parent == company.account_id:
        return False
    # an unknown country becomes that of the first to join, so that two never meet through it
    centre.country = centre.country or company.country
    company.into = (centre, score)
    return True

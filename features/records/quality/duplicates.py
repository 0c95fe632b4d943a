"""Which accounts are one company twice?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from features.records.lookalikes import lookalikes
from features.records.quality.finding import N_EXAMPLES, Audited, Check, Family, Finding, Place

CHECKS: Mapping[str, Check] = {
    "DQ033": Check(
        "warning",
        "accounts that have the name of another one",
        "Equal names once case, accents, punctuation, legal form (SA, SARL, GmbH, Ltd, BV, ...) and"
        " the words and, et, und, the are gone; same country, or one unknown. Natural persons, and"
        " an account and its parent, are left out.",
        "Half a history looks like a customer who is leaving, and two reps call one company.",
        "Write a merge file with --merges-out, read it, and import with --merges.",
    ),
    "DQ034": Check(
        "warning",
        "accounts with nearly the name of another one",
        "Names as for DQ033 (koeln read as koln), equal in their digits, with a rapidfuzz ratio of"
        " at least 90 of their sorted words or of their letters, and of more than 75 of the words"
        " that differ; compared with neighbours in three sorted lists and with names that share a"
        " word.",
        "A typing error makes two customers of one, each with half a history.",
        "Write a merge file with --merges-out, strike what is wrong, and import with --merges.",
    ),
}
_say = Family(CHECKS)


def check_duplicates(audited: Audited) -> Iterator[Finding]:
    """Which accounts split the history of one company?"""
    found = lookalikes(audited.records)
    for code, is_same in (("DQ033", True), ("DQ034", False)):
        alike = [like for like in found if like.is_same_name == is_same]
        if alike:
            examples = [
                f"{like.account_id} = {like.merge_into} ({' | '.join(like.names)})"
                for like in alike[:N_EXAMPLES]
            ]
            n_accounts = audited.tables["accounts"].num_rows
            yield _say.count(code, Place("accounts", "name"), len(alike), n_accounts, examples)

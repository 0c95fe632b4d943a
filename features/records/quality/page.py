"""What do the checks say of themselves, as a page for people?"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from features.records.quality import CHECKS
from features.records.quality.finding import Check

_HEAD = """# Data quality

What `fanal check PORTFOLIO` looks for in records that keep the [contract](data-contract.md) and
mislead all the same. This page is written from `features/records/quality/`: run `python -m
features.records.quality.page > docs/data-quality.md` after changing a check.

A finding has a code, a severity, the table and column, a count, its share of what was looked at
(0 to 1), examples, how it is detected, why it matters and how to mend it. It refuses nothing;
with an `error` among them `--json` says `"ok": false`. `--html FILE` writes them as one page that
needs nothing but itself, in English or (`--language fr`) in French; the French of every text lies
in `serving/locales/fr/LC_MESSAGES/quality.po`, under the English one.

## Accounts that are one company

DQ033 and DQ034 compare names. `fanal check PORTFOLIO --merges-out merges.csv` writes what they
suggest: `account_id`, `merge_into` (of the two the one with more activity), `score` (0 to 100)
and both names. **Read it and strike what is wrong**, then:

```sh
fanal import mapping.toml --out lamps --merges merges.csv
```

Every table that names the account is rewritten, parents included; chains are followed to their
end. Of the accounts the one that stays is kept, and its gaps are filled from those merged into
it; these lie in `merged/accounts.parquet` as they were. Unknown accounts, circles and accounts
sent into two are errors (MG001 to MG005 in [errors.md](errors.md)). The report says how many
accounts were merged and how many rows moved.

## Leakage: columns that tell the outcome

A column is a suspect when its values, or their mere absence, tell what a model is to foretell.
What the outcome is:

- deals with a history: won against lost; and, for absence alone, closed against open (open deals
  are younger, so their values differ without leakage). Refused rows count: a row without an
  account is refused, and the outcome of its deal is still in the history;
- accounts: without an order in the last 90 days of the records against with one, among those with
  an order in the 180 days before;
- an export of current states has no history, and its outcome must not come into the tables. The
  mapping tells it to the audit alone:

```toml
[audit.deals]
from = "deals"                                     # a source, all its columns
outcome = "CASE stage WHEN 'Won' THEN 'won' WHEN 'Lost' THEN 'lost' ELSE 'open' END"
leave_out = ["stage", "close_date"]                # what is the outcome itself
where = "region <> 'test'"                         # optional
```

The rows lie in `audit/deals.parquet`, refused ones included, and no model reads them. Of the
shipped mappings `crm_sales_opportunities` does so: its `account` is missing on 68 % of the deals
that never closed and on none that did (DQ031).

## The checks
"""


def checks_page() -> str:
    """Write the page ``docs/data-quality.md``: one part per check, in the order of the codes."""
    return "\n".join([_HEAD, *("\n".join(_part(code, check)) for code, check in CHECKS.items())])


def _part(code: str, check: Check) -> Iterator[str]:
    yield f"### {code}: {check.title}"
    yield ""
    yield f"- **Severity.** {check.severity}"
    yield f"- **How it is detected.** {check.how}"
    yield f"- **Why it matters.** {check.why}"
    yield f"- **How to mend it.** {check.fix}"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(checks_page())

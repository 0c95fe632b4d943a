"""What does the body of ``POST /v1/score`` ask, and which records does it bring?

A body that cannot be trusted as a whole is a `RequestError`; a fault inside one account leaves that
account out and is listed, and the others are scored. The same shape in a file is read alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute

from features.asof import instant
from features.counting import counted
from features.records.checking import arrow_schema
from features.records.contract import TABLES
from features.records.folder import Portfolio, Records, latest_instant
from serving.api.problems import BodyFault, RequestError
from serving.api.rows import ACCOUNT_TABLES, Sheet, check_rows, spread
from serving.api.strict_json import read_json
from serving.api.tables import READ_TABLES, good_tables, whole
from serving.settings import Language

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

FIELDS = ("as_of", "language", "store", "accounts")
"""Fields that a body may have."""
FAULTS_PER_ACCOUNT = 50
"""So many faults of one account are listed."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ScoreRequest:
    """A request that can be scored.

    Attributes
    ----------
    as_of : date
        Day from whose first instant on nothing is known.
    language : str
        Language of the sentences: en or fr.
    is_stored : bool
        True when inputs and scores are to be kept.
    records : Records
        Checked rows of the accounts without a fault, and the tables of the portfolio.
    account_ids : tuple of str
        Those accounts, in the order of the body.
    errors : tuple of BodyFault
        Why the other accounts are left out.
    warnings : tuple of str
        What was not read, in sentences.
    """

    as_of: date
    language: str
    is_stored: bool
    records: Records
    account_ids: tuple[str, ...]
    errors: tuple[BodyFault, ...]
    warnings: tuple[str, ...]


def read_score_request(
    body: bytes,
    *,
    portfolio: Portfolio,
    reference: Mapping[str, pa.Table],
    clock: datetime,
    language: str = "en",
    max_accounts: int = 1000,
    as_of: date | None = None,
    read_tables: Collection[str] = READ_TABLES,
) -> ScoreRequest:
    """What does this body ask?

    Parameters
    ----------
    body : bytes
        JSON, as received.
    portfolio : Portfolio
        What holds for the accounts: that of the champion.
    reference : mapping of str to pyarrow.Table
        Tables a request does not bring: stages, products, owners, fx_rates.
    clock : datetime
        Now, aware: the default of ``as_of``; records dated later are faults.
    language : str
        Language where the body names none.
    max_accounts : int
        Most accounts in one request.
    as_of : date or None
        Day asked for beside the body; wins over the one in it.
    read_tables : collection of str
        Tables that the champions read: only those are missed.

    Raises
    ------
    RequestError
        RQ001 to RQ013: the body as a whole, or every account of it, cannot be scored.
    """
    fields = _fields(read_json(body))
    asked = fields.get("as_of") if as_of is None else as_of.isoformat()
    as_of = _as_of(asked, clock)
    said = _one_of("language", _given(fields, "language", language), get_args(Language))
    is_stored = _one_of("store", _given(fields, "store", False), (True, False))
    accounts = _accounts(fields.get("accounts"), max_accounts)
    sheet = spread(accounts)
    checked = check_rows(sheet, timezone=portfolio.timezone, clock=clock)
    tables = good_tables(sheet, checked, len(accounts))
    errors = _listed(sheet)
    if not tables["accounts"].num_rows:
        raise RequestError(
            "RQ013", "No account is left to score.", "Mend what errors lists.", errors
        )
    header = _header(portfolio, tables)
    ids = _ids_in_order(sheet, tables["accounts"])
    warnings = (
        *_not_read(tables, as_of),
        *_lacking(sheet, len(accounts), read_tables),
        *_strange_stages(sheet, reference),
    )
    records = Records(header, {**_no_rows(), **reference, **_with_first_values(tables)})
    return ScoreRequest(as_of, str(said), bool(is_stored), records, ids, errors, warnings)


def _fields(content: object) -> dict[str, object]:
    if not isinstance(content, dict):
        raise RequestError("RQ012", "The body is not an object.", "Send one JSON object.")
    unknown = [name for name in content if name not in FIELDS]
    if unknown:
        raise RequestError(
            "RQ008",
            f"The body has {counted(len(unknown), 'field')} that a request does not have.",
            f"Use {', '.join(FIELDS)}.",
        )
    return content


def _as_of(given: object, clock: datetime) -> date:
    today = clock.astimezone(UTC).date()
    if given is None:
        return today
    try:
        if not isinstance(given, str) or not _DAY.fullmatch(given):
            raise ValueError
        day = date.fromisoformat(given)
    except ValueError:
        raise _wrong("RQ011", "as_of", "A day such as 2011-09-10 was expected.") from None
    if day > today + timedelta(days=1):
        raise _wrong("RQ011", "as_of", "The day is later than tomorrow.")
    if day < _LONG_AGO.date():
        raise _wrong("RQ011", "as_of", "The day lies before 1900.")
    return day


def _given(fields: Mapping[str, object], name: str, default: object) -> object:
    """Value of a field; null is as good as nothing."""
    value = fields.get(name)
    return default if value is None else value


def _one_of(name: str, given: object, allowed: Sequence[object]) -> object:
    if type(given) is not type(allowed[0]) or given not in allowed:
        words = " or ".join(str(word).lower() for word in allowed)
        raise _wrong("RQ012", name, f"{words} was expected.")
    return given


def _accounts(given: object, max_accounts: int) -> list[object]:
    if not isinstance(given, list) or not given:
        raise _wrong("RQ009", "accounts", "A list of at least one account was expected.")
    if len(given) > max_accounts:
        raise RequestError(
            "RQ010",
            f"The request has {counted(len(given), 'account')}; {max_accounts} may come at once.",
            "Split it, or raise limits.max_accounts.",
        )
    return given


def _wrong(code: str, name: str, message: str) -> RequestError:
    return RequestError(
        code, f"The field {name} is wrong.", message, [BodyFault(f"/{name}", code, message)]
    )


def _listed(sheet: Sheet) -> tuple[BodyFault, ...]:
    """Name the faults account by account, the first ones of each."""
    listed: list[BodyFault] = []
    in_order = sorted(sheet.faults, key=itemgetter(0))
    for account, group in groupby(in_order, key=itemgetter(0)):
        faults = list(dict.fromkeys(fault for _, fault in group))
        listed += faults[:FAULTS_PER_ACCOUNT]
        more = len(faults) - FAULTS_PER_ACCOUNT
        if more > 0:
            message = f"Not listed: {counted(more, 'more fault')} of this account."
            listed.append(BodyFault(f"/accounts/{account}", "RQ023", message))
    return tuple(listed)


def _header(portfolio: Portfolio, tables: Mapping[str, pa.Table]) -> Portfolio:
    """Give what holds for the request: its attributes are as of now, so they need no history."""
    given = {
        f"{name}.{column}"
        for name in ("accounts", "opportunities")
        if name in tables
        for column in TABLES[name].mutable
        if column in tables[name].column_names
        and tables[name].column(column).null_count < tables[name].num_rows
    }
    return replace(
        portfolio,
        static=portfolio.static | given,
        data_as_of=latest_instant(tables, portfolio.timezone) or portfolio.data_as_of,
        folder=None,
        row_counts={name: rows.num_rows for name, rows in tables.items()},
    )


def _with_first_values(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Add the attributes of accounts without history to the history that others have.

    A history hides the table of accounts; without this, one account's history would blank the
    attributes of the other accounts of the request.
    """
    history = tables.get("account_history")
    if history is None or not history.num_rows:
        return tables
    accounts = tables["accounts"]
    added: list[dict[str, object]] = []
    for name in TABLES["accounts"].mutable:
        of_field = history.filter(pc.equal(history.column("field"), name))
        if not of_field.num_rows or name not in accounts.column_names:
            continue
        has_history = set(of_field.column("account_id").to_pylist())
        values = accounts.select(["account_id", name]).to_pylist()
        added += [
            {"account_id": row["account_id"], "changed_at": _LONG_AGO, "field": name,
             "value": str(row[name])}
            for row in values
            if row["account_id"] not in has_history and row[name] is not None
        ]  # fmt: skip
    first = pa.Table.from_pylist(added, schema=history.schema)
    return {**tables, "account_history": pa.concat_tables([first, history])}


def _no_rows() -> dict[str, pa.Table]:
    """Give the tables that an account may be sent without, empty.

    Whether a table is there must not hang on the other accounts of a request, and an account
    without a row in a whole portfolio is the same account when it is sent alone.
    """
    return {
        name: whole(TABLES[name], arrow_schema(TABLES[name]).empty_table().select([]))
        for name in READ_TABLES
    }


def _ids_in_order(sheet: Sheet, accounts: pa.Table) -> tuple[str, ...]:
    left = set(accounts.column("account_id").to_pylist())
    given = (row.get("account_id") for row in sheet.tables["accounts"].rows)
    ids = (one.strip() for one in given if isinstance(one, str))
    return tuple(dict.fromkeys(account for account in ids if account in left))


def _not_read(tables: Mapping[str, pa.Table], as_of: date) -> list[str]:
    """Count the records from as_of on, which nothing reads."""
    warnings = []
    for name, rows in tables.items():
        times = [column for column in (TABLES[name].event_time, "known_at")
                 if column in rows.column_names]  # fmt: skip
        late: Any = None  # a pyarrow mask, see pc
        for column in times:
            values = rows.column(column)
            limit: Any = as_of
            if not pa.types.is_date(values.type):
                limit = pa.scalar(instant(as_of), pa.timestamp("us", tz="UTC"))
            mask = pc.fill_null(pc.greater_equal(values, limit), False)
            late = mask if late is None else pc.or_(late, mask)
        count = 0 if late is None else pc.sum(late).as_py() or 0
        if count:
            warnings.append(
                f"Not read: {counted(count, 'row')} of {name} dated {as_of.isoformat()} or later."
            )
    return warnings


def _lacking(sheet: Sheet, n_accounts: int, read_tables: Collection[str]) -> list[str]:
    """Name the tables that some accounts do not give: they are taken to have no such rows."""
    scored = set(range(n_accounts)) - {account for account, _ in sheet.faults}
    lacking: dict[int, list[str]] = {}
    for name in ACCOUNT_TABLES:
        count = len(scored - set(sheet.given.get(name, ())))
        if count and ACCOUNT_TABLES[name] in read_tables:
            lacking.setdefault(count, []).append(name)
    return [
        f"{count} of {counted(len(scored), 'account')} came without {', '.join(names)}: taken to"
        " have none."
        for count, names in sorted(lacking.items())
    ]


def _strange_stages(sheet: Sheet, reference: Mapping[str, pa.Table]) -> list[str]:
    """Count the moves into stages that nobody has listed: such a deal looks open for ever."""
    if "stages" not in reference or "opportunity_history" not in sheet.tables:
        return []
    known = set(reference["stages"].column("stage").to_pylist())
    left_out = {account for account, _ in sheet.faults}
    moves = sheet.tables["opportunity_history"]
    strange = [
        pointer
        for row, account, pointer in zip(moves.rows, moves.accounts, moves.pointers, strict=True)
        if account not in left_out and str(row.get("stage")).strip() not in known
    ]
    if not strange:
        return []
    moved = counted(len(strange), "move")
    return [f"{moved} into a stage that the portfolio does not list, first {strange[0]}/stage:"
            " taken to be open."]  # fmt: skip

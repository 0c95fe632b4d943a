"""Which amounts cannot be converted, and which rates cannot be?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.asof import NEVER
from features.events.rates import lines_without_rate, order_lines
from features.events.versions import Book
from features.records.casting import Values
from features.records.quality.finding import Audited, Check, Family, Finding, Place

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CHECKS: Mapping[str, Check] = {
    "DQ029": Check(
        "error",
        "order lines in a currency without a rate on their day",
        "currency is not the portfolio's, and fx_rates has no rate above 0 of it on or before the"
        " day. Lines and rates that were replaced or withdrawn do not count.",
        "Their amount is unknown: it is left out of revenue, never added as it stands.",
        "Complete fx_rates (portfolio currency per unit), or convert the amounts in the mapping.",
    ),
    "DQ030": Check(
        "warning",
        "exchange rates that cannot be",
        "A rate of 0, one of the portfolio's own currency other than 1, or one more than five times"
        " above or below the median of its currency.",
        "One inverted or shifted rate outweighs a year of orders.",
        "Rates are portfolio currency per unit of the other: correct or invert them.",
    ),
}
_say = Family(CHECKS)
_TIMES = 5.0


def check_currencies(audited: Audited) -> Iterator[Finding]:
    """Which amounts will be missing, or converted wrongly?"""
    rates = audited.tables.get("fx_rates")
    lines = order_lines(Book(audited.records))
    if lines is not None and "currency" in audited.tables["orders"].column_names:
        currency = audited.tables["orders"].column("currency").combine_chunks()
        wrong = np.zeros(len(currency), dtype=bool)
        wrong[lines_without_rate(lines, NEVER)] = True
        yield from _say.rows("DQ029", Place("orders", "currency"), currency, wrong)
    if rates is not None and rates.num_rows:
        yield from _odd_rates(audited, rates)


def _odd_rates(audited: Audited, rates: pa.Table) -> Iterator[Finding]:
    names = rates.column("currency").combine_chunks().dictionary_encode()
    codes: Values = names.indices.to_numpy(zero_copy_only=False)
    values = rates.column("rate").to_numpy()
    usual = np.array([np.median(values[codes == code]) for code in range(len(names.dictionary))])
    with np.errstate(divide="ignore", invalid="ignore"):
        times = values / usual[codes]
    wrong = ~((times <= _TIMES) & (times >= 1 / _TIMES)) | (values == 0)
    own = pc.equal(rates.column("currency"), audited.portfolio.currency)
    wrong |= own.to_numpy() & (values != 1)
    days = rates.column("date").cast(pa.string())
    labels = pc.binary_join_element_wise(rates.column("currency"), days, " ")
    yield from _say.rows("DQ030", Place("fx_rates", "rate"), labels, wrong)

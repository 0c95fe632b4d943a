"""What is an order line worth in the portfolio's currency?

An amount in another currency is multiplied by the rate of that currency: the latest one dated on or
before the line's calendar day, of those known. 100 USD at a rate of 0.5 are 50. A line is converted
as of each moment: a rate learnt later changes nothing of before. Without a rate the amount is
missing; its sign is known all the same, because rates are positive. A rate of 0 is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.asof import local_days
from features.events.columns import required
from features.events.sheet import Mask, Vocabulary
from features.events.stretches import Stretches, cut_as_known
from features.events.versions import Book, Versions
from features.kernel import Codes, Floats

_DAYS = 2**32  # more than there are days in a date32


@dataclass(frozen=True)
class OrderLines:
    """Versions of the order lines, one for each stretch in which a line has one rate.

    Attributes
    ----------
    versions : Versions
        Rows of orders, and when each counts.
    rate : (n,) float64 or None
        Portfolio currency per unit of the line's; NaN where none is known. None where every line
        is in the portfolio's currency.
    """

    versions: Versions
    rate: Floats | None

    def amounts(self, name: str) -> Floats | None:
        """Amounts in the portfolio's currency, NaN without a rate; None where they are absent."""
        values = self.versions.sheet.numbers(name)
        return values if values is None or self.rate is None else values * self.rate

    def without_rate(self) -> Mask:
        """Which lines have no rate."""
        return np.zeros(self.versions.row.size, bool) if self.rate is None else np.isnan(self.rate)

    def unconverted(self) -> Floats | None:
        """Net amounts without a rate, good for their sign alone; None where all are converted."""
        if self.rate is None:
            return None
        raw = required(self.versions.sheet.numbers("net_amount"))
        return np.where(self.without_rate(), raw, np.nan)


def signed(total: Floats, unconverted: Floats | None) -> Floats:
    """Which numbers have the signs of orders?

    What the converted lines add up to; where that is nothing, the lines without a rate decide.

    >>> signed(np.array([50.0, np.nan, 0.0]), np.array([np.nan, -3.0, 2.0])).tolist()
    [50.0, -3.0, 2.0]
    """
    if unconverted is None:
        return total
    return np.where(np.isnan(total) | (total == 0), unconverted, total)


def order_lines(book: Book) -> OrderLines | None:
    """What were the order lines worth, as known from moment to moment? None without orders."""
    lines = book.versions("orders")
    if lines is None:
        return None
    currency = lines.sheet.texts("currency")
    if currency is None or set(currency.words) <= {book.portfolio.currency}:
        return OrderLines(lines, None)
    is_own = currency.holds(book.portfolio.currency) | (currency.code < 0)
    rates = book.versions("fx_rates")
    if rates is None:
        return OrderLines(lines, np.where(is_own, 1.0, np.nan))
    words = Vocabulary(required(rates.sheet.texts("currency")))
    code = np.where(is_own, -1, words.code_texts(currency))
    rate, found = _rates_of(lines, code, rates, words, book.portfolio.timezone)
    cut = replace(
        lines.take(found.place), known_from=found.known_from, known_until=found.known_until
    )
    of_line = np.append(rate, np.nan)[found.row]
    return OrderLines(cut, np.where(is_own[found.place], 1.0, of_line))


def _rates_of(
    lines: Versions, code: Codes, rates: Versions, words: Vocabulary, zone: str
) -> tuple[Floats, Stretches]:
    """Rates by currency and day, and which of them applies to each line from when until when."""
    rate = required(rates.sheet.numbers("rate"))
    listed = required(rates.sheet.codes("currency", words)) * _DAYS
    listed += required(rates.sheet.numbers("date")).astype(np.int64)
    order = np.flatnonzero(rate > 0)
    order = order[np.argsort(listed[order], kind="stable")]
    listed, other = listed[order], np.flatnonzero(code >= 0)
    since = code[other] * _DAYS
    first, end = np.zeros((2, code.size), dtype=np.int64)
    first[other] = np.searchsorted(listed, since - _DAYS // 2)
    end[other] = np.searchsorted(listed, since + local_days(lines.at[other], zone), side="right")
    stretches = cut_as_known(
        first,
        end,
        (rates.known_from[order], rates.known_until[order]),
        (lines.known_from, lines.known_until),
    )
    return rate[order], stretches


def lines_without_rate(lines: OrderLines, as_of: int) -> Codes:
    """Which rows of orders count at an instant without a rate (`NEVER`: by all we know)?"""
    found = lines.versions
    is_visible = (found.at < as_of) & (found.known_from < as_of) & (as_of <= found.known_until)
    return found.row[is_visible & lines.without_rate()]

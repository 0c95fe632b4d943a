"""How does a back-test read as one page, which needs nothing but itself?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.web.page_words import PageWords
from serving.web.pictures import Axis, Series, chart
from serving.web.rendering import render
from serving.wording import LANGUAGES, language_used
from training.evaluate import Interval
from training.summary import SHARES, Figures, Summary

NAMES: Mapping[str, str] = {
    "prior": "base rate",
    "rates": "shrunken rates",
    "recency": "recency alone",
    "stage_rate": "stage alone",
    "logistic": "logistic regression",
    "lightgbm": "LightGBM",
    "default_lightgbm": "LightGBM as it comes",
    "bg_nbd": "BG/NBD",
    "naive_bayes": "naive Bayes",
}
"""What models are called on the page; one that is not here keeps its own name."""

TITLES: Mapping[str, str] = {
    "churn": "Back-test: which accounts leave",
    "close": "Back-test: which deals are won",
}
_FEWEST_OF_A_HUNDRED = 100.0


def backtest_page(
    summary: Summary, *, name: str, currency: str, language: str = LANGUAGES[0]
) -> str:
    """What do people read of a back-test: HTML without script or request, fit for print?

    Parameters
    ----------
    summary : Summary
        Every figure.
    name, currency : str
        Of the portfolio.
    language : str
        One of `LANGUAGES`.
    """
    used, _ = language_used(language)
    words = PageWords(used, "backtest")
    return render(
        "backtest.html",
        language=used,
        say=words.say,
        count=words.count,
        figure=words.figure,
        day=words.day,
        money=lambda amount: words.money(amount, currency),
        between=lambda found, form: between(found, form, words),
        hundredfold=hundredfold,
        called=lambda model: words.say(NAMES.get(model, model)),
        title=words.say(TITLES.get(summary.task.name, summary.task.name)),
        name=name,
        currency=currency,
        summary=summary,
        conclusion=conclusion(summary, words),
        pictures=pictures(summary, words, currency),
        shown=_shown(summary),
    )


def between(found: Interval, form: str, words: PageWords) -> str:
    """Write a 95 % interval; empty where there is none."""
    low, high = words.figure(found.low, form), words.figure(found.high, form)
    return "" if "–" in (low, high) else words.say("{low} to {high}", low=low, high=high)


def hundredfold(found: Interval) -> Interval:
    """Count a share in hundreds.

    >>> hundredfold(Interval(0.5, 0.25, 0.75))
    Interval(mean=50.0, low=25.0, high=75.0)
    """
    return Interval(100.0 * found.mean, 100.0 * found.low, 100.0 * found.high)


def conclusion(summary: Summary, words: PageWords) -> tuple[str, ...]:
    """What may a manager conclude, in a sentence or a few?"""
    ours = summary.pool[summary.rung]
    said = [_of_a_hundred(summary, words)] if summary.rule in summary.pool else []
    if summary.verdict != "skill":
        said.append(
            words.say("The ranking has not proved better than a dull rule: do not steer by it.")
        )
        return tuple(said)
    found = hundredfold(ours.precision)
    said.append(
        words.say(
            "Drawn again from like accounts, between {low:.0f} and {high:.0f} of 100 (95 "
            "% interval).",
            low=found.low,
            high=found.high,
        )
    )
    said.append(_level(ours, words))
    return tuple(said)


def _of_a_hundred(summary: Summary, words: PageWords) -> str:
    """Write of 100 flagged, how many left or were won, by the model, by the rule, at random."""
    hits = round(_FEWEST_OF_A_HUNDRED * summary.pool[summary.rung].precision.mean)
    by_rule = round(_FEWEST_OF_A_HUNDRED * summary.pool[summary.rule].precision.mean)
    rows = sum(day.rows for day in summary.days)
    at_random = round(100.0 * sum(day.base_rate * day.rows for day in summary.days) / rows)
    if summary.task.entity == "account":
        return words.count(
            hits,
            "Of 100 accounts flagged, {count} left; by recency alone, {by_rule}; taken at "
            "random, {at_random}.",
            "Of 100 accounts flagged, {count} left; by recency alone, {by_rule}; taken at "
            "random, {at_random}.",
            by_rule=by_rule,
            at_random=at_random,
        )
    return words.count(
        hits,
        "Of 100 deals flagged, {count} was won; by their stage alone, {by_rule}; taken at "
        "random, {at_random}.",
        "Of 100 deals flagged, {count} were won; by their stage alone, {by_rule}; taken "
        "at random, {at_random}.",
        by_rule=by_rule,
        at_random=at_random,
    )


def _level(ours: Figures, words: PageWords) -> str:
    """Say whether a probability can be taken at its word."""
    if ours.ece <= 2.0 * ours.ece_by_chance:
        return words.say(
            "A probability can be taken at its word: it misses by no more than chance explains."
        )
    if ours.intercept < 0:
        return words.say(
            "Probabilities were too high on the whole: trust the ranking before the level."
        )
    return words.say("Probabilities were too low on the whole: trust the ranking before the level.")


def _shown(summary: Summary) -> list[tuple[str, Figures]]:
    """Models from the best to the worst by AUC, the rung first."""
    others = [(name, found) for name, found in summary.pool.items() if name != summary.rung]
    others.sort(key=lambda one: -one[1].auc.mean)
    return [(summary.rung, summary.pool[summary.rung]), *others]


def pictures(summary: Summary, words: PageWords, currency: str) -> dict[str, Markup]:
    """Draw the charts of a back-test."""
    drawn = {
        "gain": _gain(summary, words),
        "calibration": _calibration(summary, words),
        "auc": _by_day(summary, words),
        "rates": _rates(summary, words),
    }
    if summary.money:
        drawn["money"] = _money(summary, words, currency)
    return drawn


def _share_axis(name: str, words: PageWords) -> Axis:
    return Axis(name, 0.0, 1.0, lambda value: words.figure(value, ".0%"))


def _called(summary: Summary, name: str, words: PageWords) -> str:
    return words.say(NAMES.get(name, name))


def _pair(summary: Summary) -> list[tuple[int, str]]:
    return list(enumerate(dict.fromkeys((summary.rung, summary.rule)), start=1))


def _gain(summary: Summary, words: PageWords) -> Markup:
    series = [Series(words.say("at random"), ((0, 0), (1, 1)), "dashed", 0)]
    for colour, name in _pair(summary):
        if name in summary.found:
            points = list(zip(SHARES.tolist(), summary.found[name].tolist(), strict=True))
            series.append(Series(_called(summary, name, words), points, "line", colour))
    return chart(
        words.say("How much is found from the top of the list down"),
        series,
        _share_axis(words.say("top of the list (% of rows)"), words),
        _share_axis(words.say("outcomes found (%)"), words),
    )


def _calibration(summary: Summary, words: PageWords) -> Markup:
    points = [(point.said, point.happened) for point in summary.curve]
    spans = [(point.low, point.high) for point in summary.curve]
    return chart(
        words.say("What was said, and what happened"),
        [
            Series(words.say("perfect"), ((0, 0), (1, 1)), "dashed", 0),
            Series(_called(summary, summary.rung, words), points, "linked", 1, spans),
        ],
        _share_axis(words.say("predicted probability (%)"), words),
        _share_axis(words.say("share that happened (%)"), words),
    )


def _by_day(summary: Summary, words: PageWords) -> Markup:
    series = []
    for colour, name in _pair(summary):
        found = [day.models.get(name) for day in summary.days]
        points = [
            (place, float("nan") if one is None else one.auc.mean)
            for place, one in enumerate(found)
        ]
        spans = [(0.0, 0.0) if one is None else (one.auc.low, one.auc.high) for one in found]
        series.append(Series(_called(summary, name, words), points, "linked", colour, spans))
    lows = [low for one in series for low, _ in one.spans if low == low]
    return chart(
        words.say("AUC over time, with 95 % intervals"),
        series,
        _day_axis(summary, words),
        Axis(words.say("AUC"), min(0.45, *lows), 1.0, lambda value: words.figure(value, ".1f")),
    )


def _rates(summary: Summary, words: PageWords) -> Markup:
    happened = [(place, day.base_rate) for place, day in enumerate(summary.days)]
    said = [(place, day.said) for place, day in enumerate(summary.days)]
    most = max(value for _, value in (*happened, *said))
    top = min(1.0, max(0.1, 1.25 * most))
    return chart(
        words.say("The level over time"),
        [
            Series(words.say("happened"), happened, "linked", 2),
            Series(words.say("predicted"), said, "linked", 1),
        ],
        _day_axis(summary, words),
        Axis(words.say("share of rows (%)"), 0.0, top, lambda value: words.figure(value, ".0%")),
    )


def _day_axis(summary: Summary, words: PageWords) -> Axis:
    """Test days side by side; as many are named as there is room for."""
    last = max(len(summary.days) - 1, 1)
    step = -(-len(summary.days) // 4)
    places = range(len(summary.days) - 1, -1, -step)
    names = {float(place): summary.days[place].day.isoformat() for place in places}
    return Axis(
        words.say("test day"),
        -0.25,
        last + 0.25,
        lambda value: names.get(value, ""),
        tuple(sorted(names)),
    )


def _money(summary: Summary, words: PageWords, currency: str) -> Markup:
    names = [(colour, name) for colour, name in _pair(summary) if name in summary.money]
    curves = {name: summary.money[name].curve.tolist() for _, name in names}
    every: Sequence[Any] = [value for curve in curves.values() for value in curve]
    high = 1.1 * max(*every, 0.0) or 1.0
    low = max(min(*every, 0.0), -high)
    series = [
        Series(words.say("nobody called"), ((0, 0), (1, 0)), "dashed", 0),
        *(
            Series(
                _called(summary, name, words),
                [
                    (share, value if value >= low else float("nan"))
                    for share, value in zip(SHARES.tolist(), curves[name], strict=True)
                ],
                "line",
                colour,
            )
            for colour, name in names
        ),
    ]
    return chart(
        words.say("What calling would have earned"),
        series,
        _share_axis(words.say("accounts called (% of the list)"), words),
        Axis(
            words.say("profit per account ({currency})", currency=currency),
            low,
            high,
            lambda value: words.figure(value, ",.0f" if high >= 5 else ".1f"),
        ),
    )

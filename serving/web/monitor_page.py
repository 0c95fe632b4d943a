"""How does a watch over the champions read as one page, which needs nothing but itself?"""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from serving.watching import Watched
from serving.web.page_words import PageWords
from serving.web.pictures import Axis, Series, bars, chart
from serving.web.rendering import render
from serving.wording import LANGUAGES, language_used
from training.monitor import CODES, Watch

VERDICTS: Mapping[str, str] = {
    "steady": "Nothing calls for action: the model holds.",
    "look": "Something asks for a look; it does not call for retraining.",
    "retrain": "Retrain the model.",
}
"""What each verdict says."""

MODELS: Mapping[str, str] = {
    "churn": "Which accounts leave",
    "close": "Which deals are won",
}
ADVICE: Mapping[str, str] = {"retrain": "retrain", "look": "have a look"}
_BARS = 12


def monitor_page(watched: Watched, *, language: str = LANGUAGES[0]) -> str:
    """What do people read of a watch: HTML without script or request, fit for print?

    Parameters
    ----------
    watched : Watched
        What was found of every champion.
    language : str
        One of `LANGUAGES`.
    """
    used, _ = language_used(language)
    words = PageWords(used, "monitor")
    return render(
        "monitor.html",
        language=used, say=words.say, count=words.count, figure=words.figure, day=words.day,
        watched=watched, verdicts=VERDICTS, models=MODELS, advice=ADVICE, codes=CODES,
        pictures={one.model: _pictures(one, words) for one in watched.watches},
    )  # fmt: skip


def _pictures(one: Watch, words: PageWords) -> dict[str, Markup]:
    drawn = {}
    if one.features:
        drawn["drift"] = _drift(one, words)
    if one.realised:
        drawn["level"] = _level(one, words)
    return drawn


def _drift(one: Watch, words: PageWords) -> Markup:
    """Draw how near features are to an alarm: a full bar has reached it."""
    shares = [
        (drift.name, drift.psi / drift.level(one.limits.psi)) for drift in one.features[:_BARS]
    ]
    rows = [(name, share, words.figure(share, ".0%")) for name, share in shares]
    return bars(
        rows, 1.0, words.say("How near features are to an alarm (% of the PSI that is one)")
    )


def _level(one: Watch, words: PageWords) -> Markup:
    """Draw what was said and what happened, oldest day first, with what chance explains."""
    days = one.realised[::-1]
    said = [(place, found.said) for place, found in enumerate(days)]
    spans = [(found.said - found.by_chance, found.said + found.by_chance) for found in days]
    happened = [(place, found.happened) for place, found in enumerate(days)]
    names = {float(place): found.as_of.isoformat() for place, found in enumerate(days)}
    shown = sorted(names)[:: -(-len(names) // 4)]
    most = max(value for _, value in (*said, *happened, *spans))
    return chart(
        words.say("What stored scores said, and what happened"),
        [
            Series(words.say("said (with 99 % of chance)"), said, "linked", 1, spans),
            Series(words.say("happened"), happened, "linked", 2),
        ],
        Axis(
            words.say("day of the scores"), -0.25, max(len(days) - 1, 1) + 0.25,
            lambda value: names.get(value, ""), tuple(shown),
        ),
        Axis(
            words.say("share of rows (%)"), 0.0, min(1.0, max(0.1, 1.2 * most)),
            lambda value: words.figure(value, ".0%"),
        ),
    )  # fmt: skip

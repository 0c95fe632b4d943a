"""When is a difference worth a person's time? One rule per code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from features.records.sentences import Sentence
from training.monitor.drift import Drift
from training.monitor.expected import Performance
from training.monitor.reference import Reference
from training.monitor.seen import Advice, Ages, Finding, Limits, Live, Realised

CODES: Mapping[str, str] = {
    "MN001": "a feature has shifted since training",
    "MN002": "a feature is missing more or less often than in training",
    "MN003": "live rows carry words that training never saw",
    "MN004": "the scores have shifted since training",
    "MN005": "the scores promise less than they did when the model was trained",
    "MN006": "more or less happened than was said",
    "MN007": "outcomes show a worse ranking than the back-test did",
    "MN008": "the records are old",
    "MN009": "the scores are old",
    "MN010": "the model is old",
}
"""Everything a watch may find, with what it means; each has a line in docs/errors.md."""

LEAST_ROWS = 50
"""Fewer rows tell nothing of a distribution."""

_LEAST_WEIGHT = 0.01
_LEAST_UNSEEN = 0.05


def of_distributions(
    features: tuple[Drift, ...],
    score: Drift,
    unseen: Mapping[str, float],
    live: Live,
    limits: Limits,
) -> Iterator[Finding]:
    """What do the live rows say against those of training?"""
    moved = [one for one in features if one.has_moved(limits.psi) and one.weight >= _LEAST_WEIGHT]
    advice: Advice = (
        "retrain" if sum(one.weight for one in moved) >= limits.moved_weight else "look"
    )
    for one in moved:
        text = Sentence(
            "{feature} has shifted: PSI {psi:.2f}, {by_chance:.2f} by chance; it carries"
            " {weight:.0%} of what the model says.",
            feature=one.name, psi=one.psi, by_chance=one.by_chance, weight=one.weight,
        )  # fmt: skip
        yield Finding("MN001", advice, one.name, text)
    for one in features:
        if one.is_missing_otherwise(limits.missing) and one.weight >= _LEAST_WEIGHT:
            text = Sentence(
                "{feature} is missing in {now:.0%} of the rows; in training in {then:.0%}.",
                feature=one.name, now=one.missing_now, then=one.missing_then,
            )  # fmt: skip
            yield Finding("MN002", "look", one.name, text)
    for key, share in unseen.items():
        if share > _LEAST_UNSEEN and share * live.rows.code.size >= 1.5:
            text = Sentence(
                "{share:.0%} of the rows have a {key} that training never saw.",
                share=share, key=key,
            )  # fmt: skip
            yield Finding("MN003", "look", key, text)
    if score.has_moved(limits.psi):
        text = Sentence(
            "The scores have shifted: PSI {psi:.2f}, {by_chance:.2f} by chance.",
            psi=score.psi, by_chance=score.by_chance,
        )  # fmt: skip
        yield Finding("MN004", "retrain", "score", text)


def of_performance(
    reference: Reference, expected: Performance, realised: tuple[Realised, ...], limits: Limits
) -> Iterator[Finding]:
    """What do promised and measured performance say?"""
    promised = reference.expected.auc
    if expected.auc is not None and promised is not None and expected.rows >= LEAST_ROWS:
        lost = promised - expected.auc
        high = expected.auc if expected.auc_high is None else expected.auc_high
        if lost > limits.auc and high < promised:
            text = Sentence(
                "The probabilities promise an AUC of {now:.3f}; when the model was trained,"
                " {then:.3f}.",
                now=expected.auc, then=promised,
            )  # fmt: skip
            yield Finding("MN005", "retrain", "auc", text)
    newest = next((one for one in realised if one.measured.rows >= LEAST_ROWS), None)
    if newest is None:
        return
    if abs(newest.happened - newest.said) > max(limits.level, newest.by_chance):
        text = Sentence(
            "Of the scores as of {day}, {happened:.1%} came about; {said:.1%} was said, and chance"
            " explains a difference of {by_chance:.1%}.",
            day=newest.as_of.isoformat(), happened=newest.happened, said=newest.said,
            by_chance=newest.by_chance,
        )  # fmt: skip
        yield Finding("MN006", "retrain", "level", text)
    yield from _of_ranking(reference, newest, limits)


def _of_ranking(reference: Reference, newest: Realised, limits: Limits) -> Iterator[Finding]:
    """Lower than the back-test by more than a little, and than the probabilities' own chance."""
    tested, found = reference.tested.get("auc"), newest.measured.auc
    if tested is None or found is None or newest.measured.auc_low is None:
        return
    if tested - found > limits.auc and found < newest.measured.auc_low:
        text = Sentence(
            "The scores as of {day} ranked with an AUC of {now:.3f}; the back-test had {then:.3f}.",
            day=newest.as_of.isoformat(), now=found, then=tested,
        )  # fmt: skip
        yield Finding("MN007", "retrain", "auc", text)


def of_ages(ages: Ages, limits: Limits) -> Iterator[Finding]:
    """What has grown old?"""
    old = (ages.now - ages.data_as_of).total_seconds() / 86_400.0
    if old > limits.data_days:
        text = Sentence(
            "The records end on {day}, {days} days ago.",
            day=ages.data_as_of.date().isoformat(), days=int(old),
        )  # fmt: skip
        yield Finding("MN008", "look", "records", text)
    today = ages.now.date()
    if ages.scored_as_of is None:
        yield Finding("MN009", "look", "scores", Sentence("No score is stored."))
    elif (today - ages.scored_as_of).days > limits.score_days:
        text = Sentence(
            "The newest scores are as of {day}, {days} days ago.",
            day=ages.scored_as_of.isoformat(), days=(today - ages.scored_as_of).days,
        )  # fmt: skip
        yield Finding("MN009", "look", "scores", text)
    # Records that have ended teach nothing new: the model's age is reckoned by them.
    known_to = min(ages.data_as_of.date(), today)
    if ages.trained_through and (known_to - ages.trained_through).days > limits.model_days:
        text = Sentence(
            "The model learnt from outcomes until {day}; the records reach {days} days further.",
            day=ages.trained_through.isoformat(), days=(known_to - ages.trained_through).days,
        )  # fmt: skip
        yield Finding("MN010", "retrain", "model", text)

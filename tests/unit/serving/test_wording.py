"""Sentences as people read them; French puts spaces of its own before : and ;."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from serving.explanations import Reason
from serving.wording import (
    language_used,
    word,
    word_action,
    word_day,
    word_label,
    word_money,
    word_share,
)

SILENCE = Reason(
    "RHYTHM_BROKEN", "rhythm", "up", "strong", 14, 97.0, 15.0, 31.0, "days", "days_since_last_order"
)


def _french(reason: Reason, *, model: str = "churn", currency: str = "GBP") -> str:
    # Which of the two spaces stands where is held by a test of its own.
    text = word(reason, "fr", currency=currency, model=model)  # type: ignore[arg-type]
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _english(reason: Reason, *, model: str = "churn", currency: str = "GBP") -> str:
    text = word(reason, "en", currency=currency, model=model)  # type: ignore[arg-type]
    return text.replace("\u00a0", " ")


def test_a_broken_rhythm_is_told_with_its_number_its_usual_value_and_its_peers() -> None:
    assert _french(SILENCE) == (
        "Dernière commande il y a 97 jours (31 jours chez les comptes comparables) ; d'habitude"
        " tous les 15 jours : signe d'un risque de départ plus élevé."
    )
    assert _english(SILENCE) == (
        "Last order 97 days ago (31 days at comparable accounts); usually every 15 days:"
        " associated with a higher risk of leaving."
    )


def test_a_sentence_leaves_out_the_numbers_that_are_not_known() -> None:
    assert _french(replace(SILENCE, peer_value=None)) == (
        "Dernière commande il y a 97 jours ; d'habitude tous les 15 jours : signe d'un risque de"
        " départ plus élevé."
    )
    assert _french(replace(SILENCE, peer_value=None, usual_value=None)) == (
        "Dernière commande il y a 97 jours : signe d'un risque de départ plus élevé."
    )
    assert _french(replace(SILENCE, value=None, peer_value=None, usual_value=None)) == (
        "Délai depuis la dernière commande inconnu : signe d'un risque de départ plus élevé."
    )


def test_the_same_fact_that_lowers_the_risk_says_so() -> None:
    reason = replace(SILENCE, direction="down", peer_value=None, value=1.2, usual_value=1.0)
    assert _french(reason) == (
        "Dernière commande il y a 1 jour ; d'habitude tous les jours : signe d'un risque de départ"
        " plus faible."
    )
    assert _english(reason) == (
        "Last order 1 day ago; usually every day: associated with a lower risk of leaving."
    )


def test_for_a_deal_up_means_more_likely_to_be_won() -> None:
    reason = Reason(
        "STAGE_AGE", "deal", "down", "strong", -9, 42.0, 12.0, None, "days", "stage_age_days"
    )
    assert _french(reason, model="close") == (
        "À cette étape depuis 42 jours ; d'habitude 12 jours : signe d'une signature moins"
        " probable."
    )
    assert _english(replace(reason, direction="up"), model="close") == (
        "At this stage for 42 days; usually 12 days: associated with a better chance of winning."
    )


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [
        (0.0, "Aucune réclamation ouverte", "No open complaint"),
        (1.0, "1 réclamation encore ouverte", "1 complaint still open"),
        (2.0, "2 réclamations encore ouvertes", "2 complaints still open"),
    ],
)
def test_what_is_counted_agrees_with_its_number(count: float, french: str, english: str) -> None:
    reason = Reason(
        "COMPLAINTS", "service", "up", "slight", 1, count, None, None, "complaints",
        "open_complaints",
    )  # fmt: skip
    assert _french(reason) == f"{french} : signe d'un risque de départ plus élevé."
    assert _english(reason) == f"{english}: associated with a higher risk of leaving."


def test_a_close_that_is_still_ahead_is_not_told_as_late() -> None:
    reason = Reason(
        "CLOSE_DATE", "deal", "up", "slight", 2, -12.0, None, 3.0, "days",
        "days_past_expected_close",
    )  # fmt: skip
    assert _french(reason, model="close") == (
        "Signature prévue dans 12 jours : signe d'une signature plus probable."
    )
    assert _french(replace(reason, value=12.0), model="close") == (
        "Date de signature prévue dépassée de 12 jours : signe d'une signature plus probable."
    )


def test_no_delay_at_all_is_not_told_as_a_short_one() -> None:
    reason = Reason(
        "LATE_PAYMENT", "contract", "down", "slight", -1, 0.0, None, None, "days",
        "payment_delay_days_365d",
    )  # fmt: skip
    assert _french(reason).startswith("Factures réglées sans retard sur un an : ")
    assert _french(replace(reason, value=0.4)).startswith(
        "Factures réglées avec moins d'un jour de retard en moyenne sur un an : "
    )


def test_less_than_a_day_is_told_in_words() -> None:
    reason = replace(SILENCE, value=0.4, usual_value=None, peer_value=None)
    assert _french(reason).startswith("Dernière commande il y a moins d'un jour : ")


def test_money_is_written_in_the_currency_and_the_language() -> None:
    reason = Reason(
        "SPEND_LEVEL", "spend", "down", "strong", -8, 1840.4, 920.0, None, "GBP", "revenue_90d"
    )
    assert _french(reason) == (
        "Chiffre d'affaires de 1 840 £ sur les 90 derniers jours, contre 920 £ d'habitude : signe"
        " d'un risque de départ plus faible."
    )
    assert _english(reason) == (
        "Revenue of £1,840 in the last 90 days, against £920 usually: associated with a lower risk"
        " of leaving."
    )


@pytest.mark.parametrize(
    ("amount", "currency", "french", "english"),
    [
        (1840.4, "GBP", "1\u202f840\u00a0£", "£1,840"),
        (1840.4, "EUR", "1\u202f840\u00a0€", "€1,840"),
        (1840.4, "USD", "1\u202f840\u00a0$", "$1,840"),
        (1840.4, "CHF", "1\u202f840\u00a0CHF", "CHF\u00a01,840"),
        (12.5, "EUR", "12,50\u00a0€", "€12.50"),
        (-310.2, "EUR", "-310\u00a0€", "-€310"),
        (0.0, "EUR", "0\u00a0€", "€0"),
        (12.5, "JPY", "12\u00a0JPY", "¥12"),
    ],
)
def test_amounts_are_written_as_each_language_does(
    amount: float, currency: str, french: str, english: str
) -> None:
    assert word_money(amount, "fr", currency=currency) == french
    assert word_money(amount, "en", currency=currency) == english


def test_shares_and_days_are_written_as_each_language_does() -> None:
    assert (word_share(0.82, "fr"), word_share(0.82, "en")) == ("82\u00a0%", "82%")
    assert word_day(date(2011, 9, 1), "fr") == "1 septembre 2011"
    assert word_day(date(2011, 9, 1), "en") == "September 1, 2011"


def test_french_spaces_before_double_signs_do_not_break_lines() -> None:
    text = word(SILENCE, "fr", currency="GBP", model="churn")
    assert "97\u00a0jours" in text
    assert "\u202f; d'habitude" in text
    assert "15\u00a0jours\u00a0: signe" in text


def test_a_rate_stands_beside_that_of_the_whole_portfolio() -> None:
    reason = Reason(
        "SEGMENT_RATE", "profile", "up", "strong", 14, 0.32, 0.18, None, "share", "segment"
    )
    assert _french(reason) == (
        "Dans ce segment, 32 % des comptes partent, contre 18 % dans tout le portefeuille : signe"
        " d'un risque de départ plus élevé."
    )


@pytest.mark.parametrize(
    ("value", "french", "english"),
    [
        (
            12.0,
            "Montant des commandes en hausse de 12 £ par mois sur un an, pour un panier moyen de"
            " 150 £ : signe d'un risque de départ plus faible.",
            "Order amounts growing by £12 a month over a year, for an average basket of £150:"
            " associated with a lower risk of leaving.",
        ),
        (
            0.0,
            "Montant des commandes stable sur un an, pour un panier moyen de 150 £ : signe d'un"
            " risque de départ plus faible.",
            "Order amounts steady over a year, for an average basket of £150: associated with a"
            " lower risk of leaving.",
        ),
        (
            -12.0,
            "Montant des commandes en baisse de 12 £ par mois sur un an, pour un panier moyen de"
            " 150 £ : signe d'un risque de départ plus faible.",
            "Order amounts shrinking by £12 a month over a year, for an average basket of £150:"
            " associated with a lower risk of leaving.",
        ),
    ],
)
def test_a_trend_is_told_by_its_direction_and_not_by_a_sign(
    value: float, french: str, english: str
) -> None:
    reason = Reason(
        "BASKET_TREND", "spend", "down", "slight", -2, value, 150.0, 3.0, "GBP", "basket_slope_365d"
    )
    assert _french(reason) == french
    assert _english(reason) == english


def test_a_renewal_that_is_past_is_told_as_passed() -> None:
    reason = Reason(
        "RENEWAL", "contract", "up", "strong", 9, -20.0, None, None, "days", "days_to_renewal"
    )
    assert _french(reason) == (
        "Abonnement toujours en cours, échéance dépassée de 20 jours : signe d'un risque de départ"
        " plus élevé."
    )
    assert _english(replace(reason, value=20.0)) == (
        "Next subscription term ends in 20 days: associated with a higher risk of leaving."
    )


def test_nothing_stands_out_has_its_sentence() -> None:
    reason = Reason("NONE", "profile", "neutral", "slight", 0, None, None, None, "share", "")
    assert _french(reason) == "Rien de particulier ne ressort sur ce compte."
    assert _english(reason, model="close") == "Nothing stands out on this deal."


@pytest.mark.parametrize(
    ("asked", "language"),
    [("fr", "fr"), ("FR", "fr"), ("fr-CA", "fr"), ("fr_FR", "fr"), ("en-GB", "en")],
)
def test_a_language_is_known_in_every_spelling(asked: str, language: str) -> None:
    assert language_used(asked) == (language, None)


@pytest.mark.parametrize("asked", ["de", "", "french", "../fr"])
def test_an_unknown_language_is_answered_in_english_with_a_warning(asked: str) -> None:
    language, warning = language_used(asked)
    assert language == "en"
    assert warning is not None
    assert repr(asked) in warning
    assert word_label("heading", "why", asked) == "Why"


@pytest.mark.parametrize(
    "name", ["<b>Dupont</b> & Fils", 'L"Atelier', "{name}", "%s", "مؤسسة النور", "Fleurs 🌷"]
)
def test_names_come_out_as_they_are(name: str) -> None:
    assert word_action("save", name, "fr") == f"Appeler {name} pour garder ce client"
    assert word_action("win", name, "en") == f"Follow up on the deal {name} to win it"

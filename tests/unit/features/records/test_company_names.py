"""Names of companies that are one, nearly one, and not one."""

from __future__ import annotations

import pytest

from features.records.company_names import near_pairs, plain_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACME SA", "Acme, S.A."),
        ("Acme S. A.", "acme"),
        ("Dupont & Fils SARL", "S.A.R.L. Dupont et Fils"),
        ("Müller GmbH & Co. KG", "MULLER"),
        ("Société Générale", "Societe Generale SA"),
        ("Brightwater Ltd.", "The Brightwater Limited"),
        ("De Vries B.V.", "de vries bv"),
        ("Straße Łódź Øst", "STRASSE LODZ OST"),
        ("L'Oréal", "l oreal"),
        ("Œuvre+Plus", "oeuvre & plus"),
        ("Dupont S.à r.l.", "Dupont SARL"),
        ("S. à r. l. Dupont", "Dupont, s.a.r.l."),
        ("Société Anonyme Dupont", "Dupont SA"),
        ("Dupont, société par actions simplifiée", "Dupont SAS"),
        ("Ets Martin", "Établissements Martin"),
        ("Martin & Cie", "Martin et Compagnie"),
        ("Cie des Eaux", "Compagnie des Eaux"),
        ("St-Gobain", "Saint Gobain S.A."),
        ("SELARL Durand", "Durand"),
        ("Firma Müller e.K.", "Müller"),
        ("Gebr. Weber", "Gebrüder Weber oHG"),
        ("Bayer Aktiengesellschaft", "Bayer AG"),
        ("Garten UG (haftungsbeschränkt)", "Garten"),
        ("Winkel eG", "Winkel"),
        ("Lego A/S", "LEGO"),
        ("Okna Sp. z o.o.", "okna"),
        ("Sklo spol. s r.o.", "Sklo s.r.o."),
        ("N.V. Bekaert", "Bekaert NV"),
    ],
)
def test_case_accents_punctuation_and_legal_forms_tell_no_names_apart(one: str, other: str) -> None:
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("AG Insurance", "ag insurance"), ("KK Services", "kk services"), ("Spa Marine", "spa marine"),
     ("Berlin Zoo", "berlin zoo"), ("A S Roma", "a s roma"), ("Sarl", "sarl"),
     ("SAS", "sas"), ("  ", ""), ("...", ""), ("株式会社", "株式会社"), ("SA Nord", "nord"),
     ("Coop Sa Mitte", "coop sa mitte"), ("3M", "3m")],
)  # fmt: skip
def test_what_is_left_of_a_name(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("dupont freres", "dupond freres", True),
        ("atelier lumiere", "lumiere atelier", True),
        ("data base systems", "database systems", True),
        ("transports martin lyon", "transport martin lyon", True),
        ("acme industries", "acme industires", True),
        ("stadtwerke koln", "stadtwerke koeln", True),
        ("boll", "boell", True),
        ("jurgen moller", "juergen moeller", True),
        ("store 12", "store 13", False),
        ("magasin paris est", "magasin paris ouest", False),
        ("garage du nord", "garage du sud", False),
        ("acme", "acne", False),
        ("conseil a", "conseil b", False),
    ],
)
def test_near_names_are_alike_in_what_tells_them_apart(one: str, other: str, is_near: bool) -> None:
    assert len(near_pairs([one, other]).score) == is_near


def test_names_are_found_among_many_that_share_a_word() -> None:
    crowd = [f"boulangerie {chr(97 + i // 26)}{chr(97 + i % 26)}xyz{i}" for i in range(600)]
    found = near_pairs([*crowd, "mecanique hollandaise", "mecannique hollandaise"])
    assert (found.first.tolist(), found.second.tolist()) == ([600], [601])


def test_no_names_make_no_pairs() -> None:
    assert near_pairs([]).first.tolist() == []
    assert near_pairs(["acme"]).first.tolist() == []

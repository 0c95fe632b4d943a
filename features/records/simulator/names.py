"""What are simulated companies and people called?

All are made up by combining words; accents and apostrophes are there on purpose.
"""

from __future__ import annotations

import numpy as np

from features.records.simulator.clock import Ints

_FRENCH = (
    (
        "Ateliers", "Établissements", "Fonderie", "Menuiserie", "Boulangerie", "Imprimerie",
        "Société", "Forges", "Maison", "Pépinières", "Électricité", "Plomberie", "Clinique",
        "Hôtel", "Garage", "Mécanique", "Logistique", "Entrepôts", "Fromagerie", "Bâtiments",
    ),
    (
        "Lefèvre", "Bérenger", "Château", "Durand", "Garçon", "Noël", "Hélène", "Müller", "Peeters",
        "Côté", "L'Hermine", "D'Artois", "Bézier", "Renard", "Gonçalves", "Maréchal", "Chêne",
        "Saint-Éloi", "Rivière", "Deschênes", "Vaneste", "Zürcher", "Aubépine", "Forêt", "Mistral",
        "Cévennes", "Léman", "Ardennes", "Île Verte", "Grand-Pré",
    ),
    (
        "SA", "SAS", "SARL", "& Fils", "& Cie", "Frères", "Services", "Industrie", "Distribution",
        "Participations", "Europe", "du Nord", "du Rhône", "d'Alsace", "de Liège", "de Genève",
        "de Köln", "de la Côte", "des Alpes", "Énergie", "Santé", "Conseil", "Bâtiment", "Négoce",
        "Équipement", "Réseaux", "Horizon", "Atlantique", "Méditerranée", "Océan", "Lumière",
        "Progrès", "Avenir", "Tradition", "Qualité", "Précision", "Express", "Plus", "Pro", "Union",
        "Développement", "Technique", "Ingénierie", "Matériaux", "Habitat", "Santé Plus", "Centre",
        "Ouest", "Sud", "Réunis",
    ),
)  # fmt: skip
_ENGLISH = (
    (
        "Ashford", "Blackwell", "Carrington", "Dunmore", "Eastgate", "Fairfax", "Greenhill",
        "Harrow", "Kingsley", "Langley", "Marlow", "Northfield", "O'Connell", "Pemberton",
        "Redcliffe", "Stanhope", "Thornton", "Upton", "Westbrook", "Brontë", "Chloë", "Siân",
    ),
    (
        "Foods", "Engineering", "Interiors", "Logistics", "Motors", "Printing", "Care", "Energy",
        "Timber", "Textiles", "Tools", "Supplies", "Partners", "Joinery", "Catering", "Café",
        "Electrical", "Packaging", "Holdings", "Steel",
    ),
    (
        "Ltd", "plc", "& Sons", "& Co", "Group", "UK", "of York", "of Leeds", "of Bath",
        "of Bristol", "London", "North", "South", "West", "East", "Services", "Trading",
        "Wholesale", "Direct", "Solutions", "International", "Brothers", "Works", "Midlands",
        "Scotland", "Wales", "of Kent", "of Devon", "Estates", "Union",
    ),
)  # fmt: skip
_FIRST = (
    "Zoé", "Léa", "Chloé", "Noémie", "Inès", "Hélène", "Agnès", "Maëlle", "Anaïs", "Émilie",
    "François", "Jérôme", "René", "Loïc", "Gaël", "Benoît", "Cédric", "Théo", "Raphaël", "Joël",
    "Emma", "Oliver", "Amelia", "Jürgen", "Käthe", "Siobhán", "Zaynab", "Yusuf", "Marek", "Sofía",
)  # fmt: skip
_LAST = (
    "Martin", "Lefèvre", "Bérard", "Dupré", "Gauthier", "Hébert", "Légaré", "Moreau", "Nuñez",
    "Peeters", "Vandenbroucke", "Schröder", "Weiß", "O'Neill", "Brown", "Khan", "Benali", "Traoré",
    "D'Alembert", "Saint-Exupère", "Zürcher", "Kowalski", "Rossi", "Fernández", "Çelik", "Duclos",
    "Févre", "Guérin", "Josué", "Labbé",
)  # fmt: skip


def company_names(random: np.random.Generator, is_english: np.ndarray) -> list[str]:
    """What is each company called? All names differ."""
    names = np.empty(is_english.size, dtype=object)
    for words, chosen in ((_ENGLISH, is_english), (_FRENCH, ~is_english)):
        names[chosen] = _combine(random, words, int(chosen.sum()))
    return [str(name) for name in names]


def people_names(random: np.random.Generator, count: int) -> list[str]:
    """What are the people called? Names may recur, as they do."""
    first, last = random.integers(len(_FIRST), size=count), random.integers(len(_LAST), size=count)
    return [f"{_FIRST[i]} {_LAST[j]}" for i, j in zip(first, last, strict=True)]


def _combine(
    random: np.random.Generator, words: tuple[tuple[str, ...], ...], count: int
) -> list[str]:
    sizes = [len(group) for group in words]
    total = int(np.prod(sizes))
    draws: Ints = random.permutation(total * (1 + count // total))[:count]
    rounds, places = np.divmod(draws, total)
    parts = np.unravel_index(places, sizes)
    return [
        " ".join(group[part[row]] for group, part in zip(words, parts, strict=True))
        + (f" {rounds[row] + 1}" if rounds[row] else "")
        for row in range(count)
    ]

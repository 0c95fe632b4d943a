"""What do we sell, and what does each product earn?"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.records.simulator.tables import choose, contract_table, ids, numbers

_CATEGORIES = ("Outillage", "Électricité", "Hygiène", "Sécurité", "Bureau", "Emballage")
_KINDS = ("standard", "renforcé", "professionnel", "économique", "sur mesure")
_CATEGORY_PRICES = np.array([18.0, 26.0, 9.0, 32.0, 7.0, 5.0])
_CATEGORY_MARGINS = np.array([0.32, 0.28, 0.4, 0.35, 0.3, 0.25])
_KIND_PRICES = np.array([1.0, 1.6, 2.2, 0.7, 3.5])

N_PRODUCTS = 30
PRICES = (_CATEGORY_PRICES[:, None] * _KIND_PRICES).ravel()
MARGIN_RATES = np.repeat(_CATEGORY_MARGINS, len(_KINDS))


def product_table() -> pa.Table:
    """Which products are there? Six categories of five; no randomness."""
    position = np.arange(N_PRODUCTS)
    names = [f"{category} {kind}" for category in _CATEGORIES for kind in _KINDS]
    return contract_table(
        "products",
        {
            "product_id": ids("P", position, 3),
            "name": pa.array(names),
            "category": choose(_CATEGORIES, position // len(_KINDS)),
            "margin_rate": numbers(MARGIN_RATES),
        },
    )

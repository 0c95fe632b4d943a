"""How does a trained model lie on disk, and when may it be believed?

A model is a folder ``models/PORTFOLIO/MODEL/VERSION/`` of text: ``model.json`` (what it is),
``boosters/NAME.txt`` (LightGBM's own text), ``golden.json`` (some rows, and what the model says of
them), ``distributions.json`` (what its training rows looked like), ``contexts/DATE.json``,
``reference.json`` (stages, products, ... of the portfolio), and ``manifest.json`` with the sha256
of each (`training.manifest`). A pointer names the version that answers (`training.pointer`).

Before LightGBM reads a byte, every file is held to its sha256, and the text of the trees to the
grammar of `trees`: a damaged model file kills the process that loads it, and one that was hashed
anew passes the sha256. What was loaded must then say of the golden rows what it said when it was
trained. Nothing is ever unpickled.
"""

from training.artefact.champion import REFERENCE_TABLES, Champion, reference_of
from training.artefact.files import load_champion, load_version, write_artefact
from training.artefact.trial import try_in_child
from training.pointer import (
    champions_in,
    has_champion,
    models_folder,
    read_pointer,
    write_pointer,
)

__all__ = [
    "REFERENCE_TABLES",
    "Champion",
    "champions_in",
    "has_champion",
    "load_champion",
    "load_version",
    "models_folder",
    "read_pointer",
    "reference_of",
    "try_in_child",
    "write_artefact",
    "write_pointer",
]

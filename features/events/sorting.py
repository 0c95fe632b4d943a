"""In which order and form does the kernel want events?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.asof import NEVER, Instants, local_days
from features.events.columns import Mask
from features.kernel import Codes, Events, Floats


def sort_events(
    n_entities: int,
    entity: Codes,
    at: Instants,
    *,
    known_from: Instants,
    known_until: Instants,
    later: Instants | None = None,
    zone: str,
    flags: Mapping[str, Mask | None] | None = None,
    measures: Mapping[str, Floats | None] | None = None,
    record: Codes | None = None,
) -> Events:
    """Bring events into the order and form of the kernel: by entity and time, then as given.

    Events of no entity (-1) are left out, and so are flags, measures and later instants whose
    column is absent (None): what asks for them is then missing, not zero.
    """
    set_flags = {name: is_set for name, is_set in (flags or {}).items() if is_set is not None}
    read = {name: values for name, values in (measures or {}).items() if values is not None}
    order = np.lexsort((at, entity))
    order = order[np.searchsorted(entity[order], 0) :]
    bits = np.zeros(entity.size, dtype=np.int64)
    for position, is_set in enumerate(set_flags.values()):
        bits |= is_set.astype(np.int64) << position
    stacked = np.empty((len(read), order.size))
    for position, measure in enumerate(read.values()):
        stacked[position] = measure[order]
    offsets = np.searchsorted(entity[order], np.arange(n_entities + 1)).astype(np.int64)
    return Events(
        offsets,
        at[order],
        known_from[order],
        known_until[order],
        np.full(order.size, NEVER, dtype=np.int64) if later is None else later[order],
        later is not None,
        local_days(at[order], zone),
        bits[order],
        stacked,
        order.astype(np.int64) if record is None else record[order],
        tuple(set_flags),
        tuple(read),
    )

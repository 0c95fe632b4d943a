"""Which rows of a table may share their key? Told by a hash of its parts, mixed part by part."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from features.events.texts import PRIME, hash_text

# Arrow's buffers may not be written to.
_OFFSETS = types.Array(types.int32, 1, "C", readonly=True)
_OCTETS = types.Array(types.uint8, 1, "C", readonly=True)
_NUMBERS = types.Array(types.int64, 1, "C", readonly=True)
_VALID, _HASHES, _PLACE = types.boolean[::1], types.uint64[::1], types.int64


@njit(types.void(_HASHES, _OFFSETS, _OCTETS, _VALID), cache=True, nogil=True)
def mix_texts(hashes, offsets, octets, valid):  # type: ignore[no-untyped-def]
    """Mix a column of texts into the hashes of rows; 0 stays, or becomes, what has a part missing.

    The hash goes on where that of the columns before ended.
    """
    for row in range(hashes.size):
        if valid.size and not valid[row]:
            hashes[row] = 0
        elif hashes[row]:
            found = hash_text(octets, offsets[row], offsets[row + 1], hashes[row] * PRIME)
            hashes[row] = found | np.uint64(1)


@njit(types.void(_HASHES, _NUMBERS, _PLACE), cache=True, nogil=True)
def mix_numbers(hashes, numbers, missing):  # type: ignore[no-untyped-def]
    """Mix a column of whole numbers into the hashes of rows, as `mix_texts` does."""
    for row in range(hashes.size):
        if numbers[row] == missing:
            hashes[row] = 0
        elif hashes[row]:
            found = (hashes[row] ^ np.uint64(numbers[row])) * PRIME
            found = (found ^ (found >> np.uint64(32))) * PRIME
            hashes[row] = found ^ (found >> np.uint64(29)) | np.uint64(1)


@njit("int64[::1](uint64[::1])", cache=True, nogil=True)
def repeated(hashes):  # type: ignore[no-untyped-def]
    """Which rows may share their key with another? A few that do not, where hashes meet by chance.

    0 is no key.
    """
    size = 16
    while size < 2 * hashes.size:
        size *= 2
    slots = np.zeros(size, dtype=np.uint64)
    is_again = np.zeros(hashes.size, dtype=np.bool_)
    n_again = 0
    for row in range(hashes.size):
        found = hashes[row]
        if found == 0:
            continue
        slot = np.int64(found & np.uint64(size - 1))
        while slots[slot] and slots[slot] != found:
            slot = (slot + 1) & (size - 1)
        is_again[row] = slots[slot] == found
        n_again += is_again[row]
        slots[slot] = found
    if n_again == 0:
        return np.empty(0, dtype=np.int64)
    # The first row of each key that came again was not told apart from the others: look again.
    size = 16
    while size < 2 * n_again:
        size *= 2
    several = np.zeros(size, dtype=np.uint64)
    for row in range(hashes.size):
        if is_again[row]:
            slot = np.int64(hashes[row] & np.uint64(size - 1))
            while several[slot] and several[slot] != hashes[row]:
                slot = (slot + 1) & (size - 1)
            several[slot] = hashes[row]
    rows = np.empty(hashes.size, dtype=np.int64)
    n = 0
    for row in range(hashes.size):
        if hashes[row] == 0:
            continue
        slot = np.int64(hashes[row] & np.uint64(size - 1))
        while several[slot] and several[slot] != hashes[row]:
            slot = (slot + 1) & (size - 1)
        rows[n] = row
        n += several[slot] == hashes[row]
    return rows[:n].copy()

"""Which distinct texts are in a column, bytewise sorted, and which of them does each row hold?

Compiled, and read straight off Arrow's buffers: a request has twenty such columns of a few rows, a
portfolio some of millions.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

# Arrow's buffers may not be written to.
_OFFSETS = types.Array(types.int32, 1, "C", readonly=True)
_OCTETS = types.Array(types.uint8, 1, "C", readonly=True)
_ROWS = types.Array(types.int64, 1, "C", readonly=True)
_VALID, _CODES = types.boolean[::1], types.int64[::1]
_PLACE, _HASH = types.int64, types.uint64

_SEED = np.uint64(14_695_981_039_346_656_037)
PRIME = np.uint64(1_099_511_628_211)


@njit(_HASH(_OCTETS, _PLACE, _PLACE, _HASH), cache=True, nogil=True)
def hash_text(octets, low, high, start):  # type: ignore[no-untyped-def]
    """FNV-1a (Fowler, Noll, Vo), with its upper bits mixed into the lower ones."""
    found = start
    for i in range(low, high):
        found = (found ^ np.uint64(octets[i])) * PRIME
    return found ^ (found >> np.uint64(29))


@njit(types.boolean(_OCTETS, _PLACE, _PLACE, _PLACE, _PLACE), cache=True, nogil=True)
def _same(octets, low, high, other_low, other_high):  # type: ignore[no-untyped-def]
    if high - low != other_high - other_low:
        return False
    same = True
    for i in range(high - low):
        same &= octets[low + i] == octets[other_low + i]
    return same


@njit("void(uint64[::1], int64[::1], int64)", cache=True, nogil=True)
def _refill(hashes, slots, known):  # type: ignore[no-untyped-def]
    """Put the first texts into an empty table of slots."""
    slots[:] = -1
    for code in range(known):
        slot = np.int64(hashes[code] & np.uint64(slots.size - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (slots.size - 1)
        slots[slot] = code


@njit(_PLACE(_OFFSETS, _OCTETS, _VALID, _CODES, _CODES), cache=True, nogil=True)
def _number(offsets, octets, valid, code, first):  # type: ignore[no-untyped-def]
    """Number the texts as they first come; returns how many there are."""
    hashes = np.empty(code.size, dtype=np.uint64)
    slots = np.full(64, -1, dtype=np.int64)
    known = 0
    for row in range(code.size):
        if valid.size and not valid[row]:
            code[row] = -1
            continue
        low, high = offsets[row], offsets[row + 1]
        # Rows of one account follow each other.
        if row and code[row - 1] >= 0 and _same(octets, low, high, offsets[row - 1], low):
            code[row] = code[row - 1]
            continue
        found = hash_text(octets, low, high, _SEED)
        slot = np.int64(found & np.uint64(slots.size - 1))
        while slots[slot] >= 0:
            other = slots[slot]
            start = first[other]
            if hashes[other] == found and _same(
                octets, low, high, offsets[start], offsets[start + 1]
            ):
                break
            slot = (slot + 1) & (slots.size - 1)
        if slots[slot] < 0:
            slots[slot] = known
            hashes[known], first[known] = found, row
            known += 1
            if 2 * known > slots.size:
                slots = np.empty(4 * slots.size, dtype=np.int64)
                _refill(hashes, slots, known)
                code[row] = known - 1
                continue
        code[row] = slots[slot]
    return known


@njit(_HASH(_OCTETS, _PLACE, _PLACE), cache=True, nogil=True)
def _eight(octets, low, high):  # type: ignore[no-untyped-def]
    """Eight bytes as a number that sorts as they do; what is not there counts as 0."""
    found = np.uint64(0)
    for i in range(8):
        octet = np.uint64(octets[low + i]) if low + i < high else np.uint64(0)
        found = (found << np.uint64(8)) | octet
    return found


@njit(
    types.void(_OFFSETS, _OCTETS, _CODES, _CODES, _PLACE, _PLACE, _PLACE),
    cache=True,
    nogil=True,
)
def _sort_part(offsets, octets, first, order, low, high, depth):  # type: ignore[no-untyped-def]
    """Sort texts alike in their first bytes by the next eight, and so on while there are more."""
    keys = np.empty(high - low, dtype=np.uint64)
    for i in range(low, high):
        row = first[order[i]]
        keys[i - low] = _eight(octets, offsets[row] + depth, offsets[row + 1])
    by_key = np.argsort(keys, kind="mergesort")
    order[low:high] = order[low:high][by_key]
    begin = low
    for i in range(low + 1, high + 1):
        if i < high and keys[by_key[i - low]] == keys[by_key[begin - low]]:
            continue
        longest = 0
        for j in range(begin, i):
            row = first[order[j]]
            longest = max(longest, offsets[row + 1] - offsets[row] - depth)
        if i - begin > 1 and longest > 8:
            _sort_part(offsets, octets, first, order, begin, i, depth + 8)
        elif i - begin > 1:
            # Alike but for zeros at the end: the shorter comes first.
            sizes = np.empty(i - begin, dtype=np.int64)
            for j in range(begin, i):
                row = first[order[j]]
                sizes[j - begin] = offsets[row + 1] - offsets[row]
            order[begin:i] = order[begin:i][np.argsort(sizes, kind="mergesort")]
        begin = i


@njit((_OFFSETS, _OCTETS, _VALID), cache=True, nogil=True)
def _alike_at_start(offsets, octets, valid):  # type: ignore[no-untyped-def]
    """How long are all texts, and how long is the start they share? -1 where lengths differ."""
    size, shared, base = -1, 0, 0
    for row in range(offsets.size - 1):
        if valid.size and not valid[row]:
            continue
        low = offsets[row]
        if size < 0:
            size, base = offsets[row + 1] - low, low
            shared = size
        if offsets[row + 1] - low != size:
            return -1, 0
        for i in range(shared):
            if octets[low + i] != octets[base + i]:
                shared = i
                break
    return size, shared


@njit(_PLACE(_OFFSETS, _OCTETS, _VALID, _CODES), cache=True, nogil=True)
def _serials(offsets, octets, valid, serial):  # type: ignore[no-untyped-def]
    """Read texts as numbers from 0 on that sort as they do; returns how many there can be.

    Ids are often numbers of one length behind one prefix, without many gaps. 0 where these are not.
    """
    size, shared = _alike_at_start(offsets, octets, valid)
    if size < 0 or size - shared > 15:
        return 0
    lowest, highest = np.int64(10**15), np.int64(-1)
    for row in range(serial.size):
        if valid.size and not valid[row]:
            serial[row] = -1
            continue
        number = np.int64(0)
        for i in range(offsets[row] + shared, offsets[row] + size):
            digit = np.int64(octets[i]) - 48
            if digit < 0 or digit > 9:
                return 0
            number = 10 * number + digit
        serial[row] = number
        lowest, highest = min(lowest, number), max(highest, number)
    if highest - lowest >= 4 * serial.size + 64:
        return 0
    for row in range(serial.size):
        if serial[row] >= 0:
            serial[row] -= lowest
    return highest - lowest + 1


@njit(_PLACE(_PLACE, _CODES, _CODES), cache=True, nogil=True)
def _close_up(span, code, first):  # type: ignore[no-untyped-def]
    """Turn serial numbers into codes without gaps; returns how many there are."""
    places = np.full(span, -1, dtype=np.int32)
    for row in range(code.size):
        if code[row] >= 0 and places[code[row]] < 0:
            places[code[row]] = row
    known = 0
    for serial in range(span):
        if places[serial] >= 0:
            first[known] = places[serial]
            places[serial] = known
            known += 1
    for row in range(code.size):
        if code[row] >= 0:
            code[row] = places[code[row]]
    return known


@njit((_OFFSETS, _OCTETS, _VALID), cache=True, nogil=True)
def encode(offsets, octets, valid):  # type: ignore[no-untyped-def]
    """Which texts are there, and which has each row?

    Parameters
    ----------
    offsets : (n + 1,) int32
        Where each text begins and the next one does.
    octets : (n_bytes,) uint8
        UTF-8.
    valid : (n,) or (0,) bool
        Which rows have a text; none given where all do.

    Returns
    -------
    code : (n,) int64
        Place of the row's text in byte order; -1 where there is none.
    first : (n_texts,) int64
        A row that holds each text.
    """
    n = offsets.size - 1
    code, first = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    span = _serials(offsets, octets, valid, code)
    if span > 0:
        return code, first[: _close_up(span, code, first)].copy()
    known = _number(offsets, octets, valid, code, first)
    order = np.arange(known)
    if known > 1:
        _sort_part(offsets, octets, first, order, 0, known, 0)
    place = np.empty(known, dtype=np.int64)
    for i in range(known):
        place[order[i]] = i
    for row in range(n):
        if code[row] >= 0:
            code[row] = place[code[row]]
    return code, first[:known][order]


@njit((_OFFSETS, _OCTETS, _ROWS), cache=True, nogil=True)
def pack(offsets, octets, rows):  # type: ignore[no-untyped-def]
    """Bring the texts of some rows together: where each begins, and all of them in one."""
    ends = np.zeros(rows.size + 1, dtype=np.int32)
    for i in range(rows.size):
        ends[i + 1] = ends[i] + offsets[rows[i] + 1] - offsets[rows[i]]
    packed = np.empty(ends[rows.size], dtype=np.uint8)
    for i in range(rows.size):
        low = offsets[rows[i]]
        for j in range(ends[i + 1] - ends[i]):
            packed[ends[i] + j] = octets[low + j]
    return ends, packed


@njit(types.int64(_OCTETS, _PLACE, _PLACE, _OCTETS, _PLACE, _PLACE), cache=True, nogil=True)
def _compare(octets, low, high, others, other_low, other_high):  # type: ignore[no-untyped-def]
    """Is one text before (-1), the same as (0) or after (1) another, byte by byte?"""
    for i in range(min(high - low, other_high - other_low)):
        if octets[low + i] != others[other_low + i]:
            return -1 if octets[low + i] < others[other_low + i] else 1
    return (high - low > other_high - other_low) - (high - low < other_high - other_low)


@njit((_OFFSETS, _OCTETS, _VALID, _OFFSETS, _OCTETS), cache=True, nogil=True)
def find(offsets, octets, valid, word_offsets, word_octets):  # type: ignore[no-untyped-def]
    """Which of some bytewise sorted words does each row hold? -1 where it holds none of them."""
    code = np.full(offsets.size - 1, -1, dtype=np.int64)
    for row in range(code.size):
        if valid.size and not valid[row]:
            continue
        start, stop = offsets[row], offsets[row + 1]
        # Rows of one account follow each other.
        if row and code[row - 1] >= 0 and _same(octets, start, stop, offsets[row - 1], start):
            code[row] = code[row - 1]
            continue
        low, high = 0, word_offsets.size - 1
        while low < high:
            middle = (low + high) // 2
            begin, end = word_offsets[middle], word_offsets[middle + 1]
            found = _compare(octets, start, stop, word_octets, begin, end)
            if found == 0:
                code[row] = middle
                break
            if found < 0:
                high = middle
            else:
                low = middle + 1
    return code


@njit((_OFFSETS, _OCTETS, _OFFSETS, _OCTETS), cache=True, nogil=True)
def places(offsets, octets, word_offsets, word_octets):  # type: ignore[no-untyped-def]
    """Where in some bytewise sorted words does each of others lie, sorted too? -1 where nowhere."""
    found = np.full(offsets.size - 1, -1, dtype=np.int64)
    word = 0
    for i in range(found.size):
        while word < word_offsets.size - 1:
            order = _compare(
                octets, offsets[i], offsets[i + 1],
                word_octets, word_offsets[word], word_offsets[word + 1],
            )  # fmt: skip
            if order <= 0:
                found[i] = word if order == 0 else -1
                break
            word += 1
    return found


@njit(_VALID(_OCTETS, _PLACE, _PLACE), cache=True, nogil=True)
def unpack_bits(bits, offset, n):  # type: ignore[no-untyped-def]
    """Which of the bits of an Arrow bitmap are set?"""
    found = np.empty(n, dtype=np.bool_)
    for i in range(n):
        place = offset + i
        found[i] = (bits[place >> 3] >> (place & 7)) & 1
    return found

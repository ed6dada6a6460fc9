"""The queue of the asynchronous engine: a calendar for synapses, a heap for predictions.

*Calendar.* Synapses with delays of their own wait one by one. A calendar has a page
for every ``2**shift`` microseconds; a spike's synapses are written onto the pages on
which they fall due, so a push is a write to the end of a page. When a page's time
comes it is opened: its entries are sorted by (time, order of sending) with a counting
sort. A page is no longer than the smallest delay, so nothing is ever written onto the
open page. Pages are chains of chunks from one pool.

An entry whose target is negative is a group of synapses (``groups.py``): its target is the
first synapse, inverted, its weight how many.

*Heap.* Predicted spikes, ordered by (time, unit); a prediction that no longer holds
stays in the heap and is passed over when it comes up.

Connections with one delay need neither: they read their source's spikes again, a delay
later (``engines/asynchronous/event_loop.py``). The kernels are called through typed pointers.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import float32, float64, from_dtype, int32, int64, types
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.places import (
    COUNT,
    FIRST_PAGE,
    FRACTIONS,
    FREE_CHUNK,
    FREE_COUNT,
    HEAD,
    MASK,
    NEXT_PAGE,
    NO_PAGE,
    SHIFT,
    TAIL,
    WAITING,
)
from eventsnn.kernels.compile import entry_point, fetch, inlined, kernel
from eventsnn.kernels.heap import pop, push

CHUNK = 32
"""Entries of a chunk."""
MAX_PAGE_US = 128


class Kernels(NamedTuple):
    """Compiled entry points of the queue.

    Attributes
    ----------
    write : (t, weights, delays, targets, runs, entries, links, pages, book, pool) -> n
        Write the synapses, or groups, of a spike at ``t`` that have a delay; return how many.
    open_page : (entries, links, pages, book, pool, place, at, targets, weights) -> n
        Sort the calendar's next page into the last three arrays and free its chunks; ``place``
        is scratch, int64 (MAX_PAGE_US + 1,).
    heap_push : (times, units, n, t, unit) -> n + 1
    heap_pop : (times, units, n) -> n - 1
        Remove the earliest, which stands at place 0.
    """

    write: Any
    open_page: Any
    heap_push: Any
    heap_pop: Any


def entry_dtype(dtype: Any) -> np.dtype[np.void]:
    """Return the dtype of a waiting synapse: when, how strong, to whom."""
    return np.dtype([("t", np.float64), ("weight", dtype), ("target", np.int32)], align=True)


def synapses(
    t: NDArray[np.float64], target: NDArray[np.int32], weight: NDArray[Any], grouped: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[Any]]:
    """Return (t, target, weight) of entries, synapse by synapse."""
    sizes = np.where(target < 0, weight, 1).astype(np.int64)
    t, target, weight = (np.repeat(a, sizes) for a in (t, target, weight))
    place = np.arange(len(t)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + ~target
    group = target < 0
    target[group], weight[group] = (grouped[n][place[group]] for n in ("target", "weight"))
    return t, target, weight


def page_shift(least_delay_us: int) -> int:
    """Return log2 of the microseconds of a page: at most the least delay, which is above 0."""
    return min(least_delay_us, MAX_PAGE_US).bit_length() - 1


def page_count(greatest_delay_us: int, shift: int) -> int:
    """Return how many pages a calendar needs, a power of two."""
    return int(1 << ((greatest_delay_us >> shift) + 1).bit_length())


@inlined
def _new_chunk(links: Any, pages: Any, page: Any, pool: Any) -> Any:
    """Take a chunk from the pool for the end of a page; return its first place."""
    chunk = pool[FREE_CHUNK]
    pool[FREE_CHUNK] = links[chunk]
    pool[FREE_COUNT] -= 1
    links[chunk] = -1
    if pages[page, HEAD] < 0:
        pages[page, HEAD] = chunk
    else:
        links[pages[page, TAIL] // CHUNK - 1] = chunk
    return int32(chunk * CHUNK)


def _write(
    t: float,
    weights: Any,
    delays: Any,
    targets: Any,
    runs: Any,
    entries: Any,
    links: Any,
    pages: Any,
    book: Any,
    pool: Any,
) -> Any:
    mask, shift, next_page = book[MASK], book[SHIFT], book[NEXT_PAGE]
    first_page, written = np.uint64(book[FIRST_PAGE]), 0
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0 = runs[r], runs[r + 1]
        # Unsigned indexes need no test for a negative wrap.
        for k in range(np.uint64(k0), np.uint64(k0 + runs[r + 2])):
            if delays[k] == 0:
                continue
            due = t + delays[k]
            number = int64(due) >> shift
            next_page = min(next_page, number)
            page = first_page + np.uint64(number & mask)
            tail = pages[page, TAIL]
            if tail % CHUNK == 0:
                tail = _new_chunk(links, pages, page, pool)
            entry = entries[np.uint64(tail)]
            entry.t = due
            entry.weight = weights[k]
            entry.target = int64(targets[k]) if first < 0 else first + int64(k) - k0
            pages[page, TAIL] = tail + 1
            pages[page, COUNT] += 1
            written += 1
    book[NEXT_PAGE] = next_page
    book[WAITING] += written
    return int64(written)


@kernel
def _sort_fractions(at: Any, targets: Any, weights: Any, n: int) -> None:
    """Sort by time, keeping the order of equals; the whole microseconds are sorted already."""
    for i in range(1, n):
        t, target, weight, k = at[i], targets[i], weights[i], i
        while k > 0 and at[k - 1] > t:
            at[k], targets[k], weights[k] = at[k - 1], targets[k - 1], weights[k - 1]
            k -= 1
        at[k], targets[k], weights[k] = t, target, weight


@kernel
def _turn(pages: Any, book: Any, number: int) -> None:
    """Find the next page with entries, if any wait."""
    if book[WAITING] == 0:
        book[NEXT_PAGE] = NO_PAGE
        return
    number += 1
    while pages[book[FIRST_PAGE] + (number & book[MASK]), HEAD] < 0:
        number += 1
    book[NEXT_PAGE] = number


def _open_page(
    entries: Any,
    links: Any,
    pages: Any,
    book: Any,
    pool: Any,
    place: Any,
    at: Any,
    targets: Any,
    weights: Any,
) -> Any:
    number = book[NEXT_PAGE]
    page = book[FIRST_PAGE] + (number & book[MASK])
    begin, n = number << book[SHIFT], int64(pages[page, COUNT])
    place[:] = 0
    for sweep in range(2):
        chunk = int64(pages[page, HEAD])
        while chunk >= 0:
            after, first = int64(links[chunk]), np.uint64(chunk * CHUNK)
            later = int64(links[after]) if after >= 0 else after
            end = first + np.uint64(CHUNK) if after >= 0 else np.uint64(pages[page, TAIL])
            for k in range(0 if sweep == 0 else CHUNK, CHUNK, 4):
                fetch(entries, later * CHUNK + k)
            for k in range(first, end):
                entry = entries[k]
                microsecond = np.uint64(int64(entry.t) - begin)
                if sweep == 0:
                    place[microsecond + np.uint64(1)] += 1
                else:
                    i: Any = np.uint64(place[microsecond])
                    place[microsecond] += 1
                    at[i], targets[i], weights[i] = entry.t, entry.target, entry.weight
            if sweep == 1:
                links[chunk] = pool[FREE_CHUNK]
                pool[FREE_CHUNK] = chunk
                pool[FREE_COUNT] += 1
            chunk = after
        if sweep == 0:
            for i in range(MAX_PAGE_US):
                place[i + 1] += place[i]
    if book[FRACTIONS]:
        _sort_fractions(at, targets, weights, n)
    pages[page, HEAD], pages[page, TAIL], pages[page, COUNT] = -1, 0, 0
    book[WAITING] -= n
    _turn(pages, book, number)
    return n


def _heap_push(times: Any, units: Any, n: int, t: float, unit: int) -> Any:
    return push(times, units, n, t, unit)


def _heap_pop(times: Any, units: Any, n: int) -> Any:
    return pop(times, units, n)


@cache
def kernels(dtype: Any) -> Kernels:
    """Compile the queue for weights of float32 or float64."""
    real = types.Array(float32 if dtype == np.float32 else float64, 1, "C")
    f8, i4, i8 = (types.Array(kind, 1, "C") for kind in (float64, int32, int64))
    pages = types.Array(int32, 2, "C")
    entries = types.Array(from_dtype(entry_dtype(dtype)), 1, "C")
    signatures = (
        int64(float64, real, i4, i4, i8, entries, i4, pages, i8, i8),
        int64(entries, i4, pages, i8, i8, i8, f8, i4, real),
        int64(f8, i8, int64, float64, int64),
        int64(f8, i8, int64),
    )
    functions: tuple[Any, ...] = (_write, _open_page, _heap_push, _heap_pop)
    return Kernels(
        *(
            entry_point(signature, function)
            for signature, function in zip(signatures, functions, strict=True)
        )
    )

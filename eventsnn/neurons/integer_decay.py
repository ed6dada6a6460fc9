"""Decay in whole numbers: a factor of 30 bits for any elapsed time, from a small table.

A time in ticks is ``t_us // tick_us``. The ticks between two times are read byte by byte: each
byte has a row of the table, whose entry b of row k is 2**30 exp(-b 256**k tick / tau), correctly
rounded. The factor is the product of one entry a row, each product rounded to nearest (a half goes
up). From ``cut`` ticks on it is 0: no potential of 32 bits is left by then.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined

BITS = 30
"""Bits of a factor: 2**30 keeps a potential as it is."""

ONE = 1 << BITS
HALF = 1 << (BITS - 1)
BYTE = 256

_HALF_BITS = BITS // 2
_LOW = (1 << _HALF_BITS) - 1
_DOWN = 1.0 / (1 << _HALF_BITS)
_ROUND = float(HALF)
_SMALL = float(1 << 37)

_DIGITS = 50
_HALVINGS = 32
"""Halvings after which no potential of 32 bits is left."""


class DecayRows(NamedTuple):
    """The table of a time constant.

    Attributes
    ----------
    rows : tuple of tuples of int
        Row k has an entry for each value of byte k of the elapsed ticks: 256, the last row fewer.
        None at all without a leak.
    cut : int
        Elapsed ticks from which on the factor is 0; 0 without a leak, which never forgets.
    """

    rows: tuple[tuple[int, ...], ...]
    cut: int


@lru_cache(maxsize=64)
def decay_rows(tau_us: float, tick_us: int) -> DecayRows:
    """Return the table of a time constant; the same on every machine (decimal arithmetic)."""
    if math.isinf(tau_us):
        return DecayRows((), 0)
    least = math.ceil(_HALVINGS * math.log(2) * tau_us / tick_us) + 1
    count = 1
    while BYTE**count < least:
        count += 1
    step = BYTE ** (count - 1)
    last = -(-least // step)
    with localcontext() as context:
        context.prec = _DIGITS
        unit = Decimal(tick_us) / Decimal(tau_us)
        rows = []
        for k in range(count):
            sizes = range(last if k == count - 1 else BYTE)
            each = (ONE * (-(unit * (b * BYTE**k))).exp() for b in sizes)
            rows.append(tuple(int(entry.to_integral_value()) for entry in each))
    return DecayRows(tuple(rows), last * step)


def factor(ticks: int, table: DecayRows) -> int:
    """Return what a potential is multiplied by after so many ticks, from 0 to 2**30."""
    if not table.rows:
        return ONE
    if ticks >= table.cut:
        return 0
    found = table.rows[0][ticks % BYTE]
    for k, row in enumerate(table.rows[1:], 1):
        found = (found * row[(ticks >> (8 * k)) % BYTE] + HALF) >> BITS
    return found


def decayed(v: int, factor: int) -> int:
    """Return a potential times a factor, rounded to nearest; a half goes up."""
    return (v * factor + HALF) >> BITS


@inlined
def decayed_at(v: Any, factor: Any) -> Any:
    """Return ``decayed`` of an int64 below 2**53: in two halves, whose products have 62 bits."""
    return (v >> BITS) * factor + (((v & (ONE - 1)) * factor + HALF) >> BITS)


def decayed_each(v: NDArray[Any], factors: NDArray[np.int64]) -> NDArray[Any]:
    """Return ``decayed`` of floats that hold whole numbers below 2**53, as such floats."""
    whole = v.astype(np.int64)
    low = ((whole & (ONE - 1)) * factors + HALF) >> BITS
    return ((whole >> BITS) * factors + low).astype(v.dtype)


@inlined
def decay_all(v: Any, factor: Any) -> None:
    """Do as ``decayed`` to each of some float64 that hold whole numbers below 2**53.

    Below 2**37 in two halves of the factor, whose products float64 holds: so it is vectorized.
    """
    high, low, large = float(factor >> _HALF_BITS), float(factor & _LOW), False
    for j in range(len(v)):
        large |= abs(v[j]) >= _SMALL
    if large:
        for j in range(len(v)):
            v[j] = decayed_at(int64(v[j]), factor)
    else:
        for j in range(len(v)):
            rest = np.floor((v[j] * low + _ROUND) * _DOWN)
            v[j] = np.floor((v[j] * high + rest) * _DOWN)


def flat(table: DecayRows) -> list[int]:
    """Return [number of rows, cut, entries of all rows] for kernels."""
    return [len(table.rows), table.cut, *(entry for row in table.rows for entry in row)]


@inlined
def factor_at(table: Any, first: int, ticks: Any) -> Any:
    """Return ``factor`` of int64 ticks; ``flat`` stands in the table from ``first`` on."""
    rows = int(table[first])
    if rows == 0:
        return ONE
    if ticks >= int(table[first + 1]):
        return 0
    at = first + 2
    found = int(table[at + (ticks & 255)])
    for k in range(1, rows):
        at += BYTE
        found = (found * int(table[at + ((ticks >> (8 * k)) & 255)]) + HALF) >> BITS
    return found

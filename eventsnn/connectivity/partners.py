"""Choosing partners: a fixed number for each neuron, with or without multapses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError

_BLOCK = 1 << 22
"""Choices that are drawn at a time: what is made on the way does not grow with the network."""


def partners(
    rng: np.random.Generator, sizes: tuple[int, int, int], barred: bool, multapses: bool, where: str
) -> NDArray[np.int32]:
    """Choose partners for each neuron.

    Parameters
    ----------
    rng : numpy.random.Generator
    sizes : (int, int, int)
        Neurons that choose, how many partners each, neurons to choose from.
    barred : bool
        Whether neuron i may not choose number i.
    multapses : bool
        Whether it may choose one several times: then all choices are independent. Else each set
        of partners is as likely as any other.
    where : str
        What is drawn, for messages.

    Returns
    -------
    int32 array (n, degree)
        In order within a row where there are no multapses.

    Raises
    ------
    UserError
        If there are too few to choose from.
    """
    n, degree, pool = sizes
    free = pool - barred
    if free < 1 or (degree > free and not multapses):
        alike = "" if not barred else ", itself left out,"
        raise UserError(
            f"{where}: {degree} partners{alike} of {free}; give at most {free}"
            + (", or multapses=True" if free else "")
        )
    out = np.empty((n, degree), np.int32)
    rows = max(1, _BLOCK // max(degree, 1))
    for first in range(0, n, rows):
        block = out[first : first + rows]
        if multapses:
            block[:] = rng.integers(0, free, block.shape, dtype=np.int32)
        else:
            block[:] = _distinct(rng, len(block), degree, free)
        if barred:
            block += block >= np.arange(first, first + len(block), dtype=np.int32)[:, None]
    return out


def _distinct(rng: np.random.Generator, n: int, degree: int, pool: int) -> NDArray[np.int32]:
    """Return n rows of different numbers below ``pool``, each row in order."""
    if 2 * degree <= pool:
        return _first_distinct(rng, n, degree, pool)
    # Fewer are left out than taken: those are drawn.
    taken = np.ones((n, pool), np.bool_)
    np.put_along_axis(taken, _first_distinct(rng, n, pool - degree, pool), False, axis=1)
    return np.nonzero(taken)[1].astype(np.int32).reshape(n, degree)


def _first_distinct(rng: np.random.Generator, n: int, degree: int, pool: int) -> NDArray[np.int32]:
    """Return the first different numbers of endless rows of draws, sorted.

    What is there already is drawn again until nothing is: any set is as likely as any other.
    """
    out = np.sort(rng.integers(0, pool, (n, degree), dtype=np.int32), axis=1)
    rows = np.arange(n)
    while rows.size:
        part = out[rows]
        again = np.zeros(part.shape, np.bool_)
        again[:, 1:] = part[:, 1:] == part[:, :-1]
        rows = rows[again.any(axis=1)]
        if rows.size:
            part, again = part[again.any(axis=1)], again[again.any(axis=1)]
            part[again] = rng.integers(0, pool, int(again.sum()), dtype=np.int32)
            out[rows] = np.sort(part, axis=1)
    return out

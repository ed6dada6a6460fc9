"""Scales: which whole numbers stand for the weights of a population.

A scale is what a weight of 1 is worth. That of neurons that fire is a threshold divided by a whole
number, so that the integer threshold is exact; that of a readout is a power of 2**(1/32). Of all of
these the one is taken that leaves the smallest error of the weights, each weighed by how often its
sender speaks where that is known. What was rounded once is found again without an error.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TOGETHER = 1 << 22
"""Numbers that are tried at once: memory."""

_MOST_TRIED = 2048
_OCTAVE = 32
"""Scales of a readout from one power of two to the next."""


class Rounded(NamedTuple):
    """Weights of one scale.

    Attributes
    ----------
    scale : float
    threshold : int
        The threshold in units of the scale; 0 of a readout.
    q : float64 array (n,)
        Whole numbers.
    """

    scale: float
    threshold: int
    q: Floats


def most_of(bits: int) -> int:
    """Return the largest weight of so many bits; the smallest is its negative."""
    return max(1, (1 << (bits - 1)) - 1)


def bits_of(weights: NDArray[Any]) -> int:
    """Return how many bits whole numbers need: one where all are -1 or 1."""
    size = np.abs(weights.astype(np.int64))
    if size.size and (size == 1).all():
        return 1
    return int(size.max(initial=0)).bit_length() + 1


def rounded(weights: Floats, scale: float | Floats, bits: int) -> Floats:
    """Return weights in units of a scale, to nearest; of one bit their sign."""
    if bits == 1:
        return np.where(weights < 0, -1.0, 1.0)
    most = float(most_of(bits))
    return np.clip(np.rint(weights / scale), -most, most)


def fitted(
    weights: Floats, threshold: float | None, bits: int, shares: Floats | None = None
) -> Rounded:
    """Return weights of one scale, and the scale that suits them best.

    Parameters
    ----------
    weights : float64 array (n,)
    threshold : float or None
        That of the neurons; None of a readout.
    bits : int
        From 1 to 16.
    shares : float64 array (n,), optional
        How much each error counts; all the same where it is left out.
    """
    size = float(np.abs(weights).max(initial=0.0))
    if size == 0.0:
        scale = 1.0 if threshold is None else threshold
        return Rounded(scale, 0 if threshold is None else 1, np.zeros(len(weights)))
    if threshold is None:
        scales = _of_readout(size, bits)
    else:
        alike = bool((np.abs(weights) == size).all())
        scales = threshold / _numbers(size, threshold, bits, alike)
    errors = _errors(weights, scales, bits, shares)
    best = int(np.flatnonzero(errors <= errors.min() * (1 + 1e-9) + _nothing(weights))[0])
    scale = float(scales[best])
    number = 0 if threshold is None else round(threshold / scale)
    return Rounded(scale, number, rounded(weights, scale, bits))


def _nothing(weights: Floats) -> float:
    """Return an error that is only that of float32."""
    return 1e-12 * float(np.square(weights).sum())


def _numbers(size: float, threshold: float, bits: int, alike: bool) -> Floats:
    """Return whole numbers that a threshold may be divided by, the smallest first."""
    full = most_of(bits) * threshold / size
    least, most = max(1, math.floor(full)), max(2, math.ceil(full * _clipping(bits)))
    least = 1 if alike else least  # of one size: they may all be 1
    if most - least < _MOST_TRIED:
        return np.arange(least, most + 1, dtype=np.float64)
    return np.unique(np.rint(np.geomspace(least, most, _MOST_TRIED)))


def _of_readout(size: float, bits: int) -> Floats:
    """Return powers of 2**(1/32), the largest first."""
    full = size / most_of(bits)
    first = math.ceil(_OCTAVE * math.log2(full)) + 1
    last = math.floor(_OCTAVE * math.log2(full / _clipping(bits)))
    return np.exp2(np.arange(first, last - 1, -1) / _OCTAVE)


def _clipping(bits: int) -> float:
    """Return up to how many times the largest weight may exceed what is kept of it."""
    return 1.5 if bits > 6 else 16.0 if bits == 1 else 6.0


def _errors(weights: Floats, scales: Floats, bits: int, shares: Floats | None) -> Floats:
    """Return the squared error of each scale."""
    weighed = np.ones(len(weights)) if shares is None else shares
    out = np.empty(len(scales))
    step = max(1, _TOGETHER // max(1, len(weights)))
    for at in range(0, len(scales), step):
        some = scales[at : at + step, None]
        left = weights - some * rounded(weights[None, :], some, bits)
        out[at : at + step] = np.square(left) @ weighed
    return out

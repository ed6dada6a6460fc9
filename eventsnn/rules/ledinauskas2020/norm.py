"""Batch normalisation of input currents: statistics, running statistics, folding."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Statistics(NamedTuple):
    """Of the currents of some synapses, float64 (groups, channels): one group, or one a step.

    Attributes
    ----------
    mean, variance : arrays
        The variance is the biased one.
    n : int
        Values of each.
    """

    mean: Floats
    variance: Floats
    n: int

    def root(self, epsilon: float) -> Floats:
        """Return 1 / sqrt(var + e)."""
        return np.asarray(1 / np.sqrt(self.variance + epsilon), np.float64)


class Running(NamedTuple):
    """Running statistics, with which a trained network is run, float64 (groups, channels)."""

    mean: Floats
    variance: Floats

    def moved(self, found: Statistics, momentum: float) -> Running:
        """Return them moved towards those of a batch; the variance is the unbiased one."""
        unbiased = found.variance * (found.n / max(found.n - 1, 1))
        return Running(
            (1 - momentum) * self.mean + momentum * found.mean,
            (1 - momentum) * self.variance + momentum * unbiased,
        )


def at_rest(groups: int, channels: int) -> Running:
    """Return the running statistics before the first batch: mean 0, variance 1."""
    return Running(np.zeros((groups, channels)), np.ones((groups, channels)))


def affine(
    mean: Floats, root: Floats, gamma: NDArray[Any], beta: NDArray[Any]
) -> tuple[Floats, Floats]:
    """Return scale and shift of a normalisation, float64 (groups, channels)."""
    scale = np.asarray(gamma, np.float64) * root
    return scale, np.asarray(beta, np.float64) - mean * scale


def folded(
    weights: NDArray[Any], running: Running, gamma: NDArray[Any], beta: NDArray[Any], epsilon: float
) -> tuple[NDArray[np.float64], Floats]:
    """Return weights and a bias a channel that do what the normalisation did.

    W' = gamma W / sqrt(var + e), b' = beta - gamma mu / sqrt(var + e): exact but for rounding. The
    bias is injected in every step. Statistics must be pooled over steps.
    """
    root = 1 / np.sqrt(running.variance + epsilon)
    scale, shift = affine(running.mean, root, gamma, beta)
    flat = np.asarray(weights, np.float64).reshape(-1, len(gamma))
    return (flat * scale[0]).reshape(weights.shape), shift[0]

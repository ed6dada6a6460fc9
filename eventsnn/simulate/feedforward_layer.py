"""What the layers of the fast path share: when neurons fire, how they decay, what they count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import FINE, Neuron, decay_table
from eventsnn.neurons.readout import Readout
from eventsnn.simulate.feedforward_events import Decay, Deliveries, Train

LINE = 64
"""Bytes of a vector register, and of a cache line."""


Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""``map``, or that of a thread pool."""


class Firing(NamedTuple):
    """When and how a neuron fires.

    Attributes
    ----------
    threshold : float
        Of the dtype of the potentials.
    subtract : bool
        True to subtract the threshold at a spike, False to set the potential to 0.
    refractory : int
        Microseconds after a spike in which deliveries are lost.
    """

    threshold: Any
    subtract: bool
    refractory: int

    @classmethod
    def of(cls, neuron: IF | LIF, dtype: Any) -> Firing:
        """Return the rule of a model."""
        return cls(dtype(neuron.threshold), neuron.reset == "subtract", int(neuron.refractory_us))


class Cursor(NamedTuple):
    """Where a kernel stands, in arrays of one number so that it can move them."""

    recording: NDArray[np.int64]
    event: NDArray[np.int64]
    spikes: NDArray[np.int64]

    @classmethod
    def start(cls) -> Cursor:
        """Return the beginning."""
        return cls(*(np.zeros(1, np.int64) for _ in cls._fields))


class Tally(NamedTuple):
    """Counts of a layer, each int64 (n_recordings,)."""

    updates: NDArray[np.int64]
    adds: NDArray[np.int64]


class Layer(Protocol):
    """A population and the one connection into it, as the fast path runs them."""

    def start(self) -> Any:
        """Return the state at rest."""

    def run(self, deliveries: Deliveries, state: Any, fresh: bool, tally: Tally) -> Train:
        """Take the deliveries, change ``state``, add to ``tally``, return the spikes.

        Each recording begins at rest, but for the first one unless ``fresh``.
        """


def aligned(n: int, dtype: Any) -> NDArray[Any]:
    """Return n zeros that begin at a cache line."""
    raw = np.zeros(n * np.dtype(dtype).itemsize + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + n * np.dtype(dtype).itemsize].view(dtype)


def decay_of(neuron: Neuron | None, dtype: Any) -> Decay:
    """Return the decay of a model."""
    if not isinstance(neuron, LIF | Readout) or math.isinf(neuron.tau_us):
        return Decay(math.inf, np.zeros(0), dtype)
    return Decay(neuron.tau_us, neuron.decays, dtype)


class Factors(NamedTuple):
    """The decay of every gap of whole microseconds that a run may see.

    Attributes
    ----------
    by_gap : float array (n,)
        Ends at FINE ** 2, where the definition has no table either.
    mask : int
        ``by_gap[gap & mask]``: 0 where nothing decays, else -1.
    tau_us : float
    complete : bool
        True if no gap lies beyond the table.
    """

    by_gap: NDArray[Any]
    mask: int
    tau_us: float
    complete: bool

    @classmethod
    def of(cls, decay: Decay, deliveries: Deliveries) -> Factors:
        """Return the factors of all gaps up to the last delivery of a recording."""
        some = np.diff(deliveries.start) > 0
        longest = int(deliveries.t[deliveries.start[1:][some] - 1].max(initial=0)) + 1
        if not len(decay.table):
            return cls(np.ones(1, decay.dtype), 0, decay.tau_us, True)
        # A power of two, so that few tables serve recordings of all lengths.
        steps = 1 << (longest // FINE).bit_length()
        table = _by_gap(decay.tau_us, min(steps, FINE), decay.dtype)
        return cls(table, -1, decay.tau_us, longest < FINE * FINE)


@lru_cache(maxsize=16)
def _by_gap(tau_us: float, steps: int, dtype: Any) -> NDArray[Any]:
    table = decay_table(tau_us)
    factors: NDArray[Any] = np.outer(table[FINE : FINE + steps], table[:FINE]).astype(dtype)
    return factors.reshape(-1)

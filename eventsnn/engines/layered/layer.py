"""What the layers of the fast path share: when neurons fire, how they decay, what they count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Decay, Deliveries, Train
from eventsnn.errors import UserError
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import FINE, Neuron, check_precision
from eventsnn.neurons.readout import Readout

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
        """Return the rule of a model; UserError for a threshold that ``dtype`` does not hold.

        Kernels test whole registers: with a threshold of 0 the lanes behind the last neuron
        would fire.
        """
        check_precision(neuron, dtype, "feedforward")
        return cls(dtype(neuron.threshold), neuron.reset == "subtract", int(neuron.refractory_us))

    def share_of(self, share: float) -> Any:
        """Return a share of the threshold; UserError for one that is 0 in its dtype."""
        dtype = type(self.threshold)
        if not 0 < share <= 1 or share * float(self.threshold) < np.finfo(dtype).tiny:
            raise UserError(
                f"near: a share of {share} of the threshold {self.threshold}, in {dtype.__name__}; "
                f"give a number above 0, at most 1, so that at least {np.finfo(dtype).tiny} is left"
            )
        return dtype(share * self.threshold)


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

    @classmethod
    def zeros(cls, n: int) -> Tally:
        """Return counts of n recordings, contiguous: a kernel is compiled anew for others."""
        return cls(np.zeros(n, np.int64), np.zeros(n, np.int64))


class Layer(Protocol):
    """A population and the one connection into it, as the fast path runs them."""

    firing: Firing

    def start(self) -> Any:
        """Return the state at rest."""

    def run(self, deliveries: Deliveries, state: Any, fresh: bool, tally: Tally) -> Train:
        """Take the deliveries, change ``state``, add to ``tally``, return the spikes.

        Each recording begins at rest, but for the first one unless ``fresh``.
        """


def aligned(
    n: int, dtype: Any, make: Callable[[int, Any], NDArray[Any]] = np.zeros
) -> NDArray[Any]:
    """Return n numbers that begin at a cache line: zeros, or with ``np.empty`` anything."""
    raw = make(n * np.dtype(dtype).itemsize + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + n * np.dtype(dtype).itemsize].view(dtype)


def decay_of(neuron: Neuron | None, dtype: Any) -> Decay:
    """Return the decay of a model."""
    if isinstance(neuron, IF) or (isinstance(neuron, Readout) and math.isinf(neuron.tau_us)):
        return Decay(math.inf, np.zeros(0), dtype)
    if isinstance(neuron, LIF | Readout):
        return Decay(neuron.tau_us, neuron.decays, dtype)
    raise TypeError(f"feedforward: no decay of {neuron}")


class Factors(NamedTuple):
    """The decay over gaps of whole microseconds, as ``neuron.decay`` defines it.

    Attributes
    ----------
    table : float64 array (2 * FINE,)
        ``neuron.decay_table``; empty where nothing decays.
    tau_us : float
    complete : bool
        True if no gap of the run lies beyond the table.
    """

    table: NDArray[np.float64]
    tau_us: float
    complete: bool

    @classmethod
    def of(cls, decay: Decay, deliveries: Deliveries) -> Factors:
        """Return the factors for gaps up to the last delivery of a recording."""
        some = np.diff(deliveries.start) > 0
        longest = int(deliveries.t[deliveries.start[1:][some] - 1].max(initial=0)) + 1
        complete = not len(decay.table) or longest < FINE * FINE
        return cls(decay.table, decay.tau_us, complete)

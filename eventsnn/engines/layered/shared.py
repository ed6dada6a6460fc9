"""What the layers of the fast path share: when neurons fire, how they decay, what they count."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Decay, Deliveries
from eventsnn.errors import UserError
from eventsnn.neurons.neuron import FINE, Neuron, check_precision, decay_table


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
    def of(cls, neuron: Neuron, dtype: Any) -> Firing:
        """Return the rule of a model that gives its ``membrane``.

        UserError for a threshold that ``dtype`` does not hold.

        Kernels test whole registers: with a threshold of 0 the lanes behind the last neuron
        would fire.
        """
        check_precision(neuron, dtype, "feedforward")
        rule = neuron.membrane()
        if rule is None:
            raise TypeError(f"feedforward: no threshold of {neuron}")
        return cls(dtype(rule.threshold), rule.reset == "subtract", int(rule.refractory_us))

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


def decay_of(neuron: Neuron, dtype: Any) -> Decay:
    """Return the decay of a model that gives its ``membrane``."""
    membrane = neuron.membrane()
    if membrane is None:
        raise TypeError(f"feedforward: no decay of {neuron}")
    if math.isinf(membrane.tau_us):
        return Decay(math.inf, np.zeros(0), dtype)
    return Decay(membrane.tau_us, _table(membrane.tau_us), dtype)


@lru_cache(maxsize=64)
def _table(tau_us: float) -> NDArray[np.float64]:
    return decay_table(tau_us)


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

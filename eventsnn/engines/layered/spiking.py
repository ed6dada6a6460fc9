"""What the layers of spiking neurons share: when they fire, how they decay, how adjoints jump."""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.deliveries import Decay, Deliveries, Tally, Train
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.layer import Layer
from eventsnn.engines.layered.walk import SpikeErrors, Walk
from eventsnn.errors import UserError
from eventsnn.neurons.neuron import FINE, Membrane, Neuron, check_precision


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
        rule = neuron.membrane
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


class SpikingLayer(Layer):
    """A layer whose neurons fire, and forget as their ``membrane`` says.

    Attributes
    ----------
    firing : Firing
    """

    firing: Firing

    def _remember(self, neuron: Neuron, n_out: int, dtype: Any) -> None:
        """Keep what every layer needs."""
        self.neuron, self.n_out, self.dtype = neuron, n_out, dtype

    @property
    def membrane(self) -> Membrane:
        """The closed form of the neurons."""
        membrane = self.neuron.membrane
        if membrane is None:
            raise TypeError(f"adjoint: {self.neuron.kind} gives no membrane")
        return membrane

    def run_near(
        self, deliveries: Deliveries, share: float, since: NDArray[Any] | None = None
    ) -> tuple[Train, Train]:
        """Run once more with a lower threshold: up to a first crossing, potentials are true."""
        lower = copy(self)
        lower.firing = self.firing._replace(threshold=self.firing.share_of(share))
        return from_rest(self, deliveries, since), from_rest(lower, deliveries, since)

    def owed(self, errors: SpikeErrors, dtype: Any) -> kernel.Jumps:
        """Return the jumps of the neurons' adjoints."""
        train, rule = errors.train, self.membrane
        leak = kernel.Leak(rule.tau_us, int(rule.refractory_us))
        room = len(train.t) * (2 if leak.refractory else 1)
        arrays = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, dtype)
        out = kernel.Jumps(*arrays, np.zeros(len(train.start), np.int64))
        n = kernel.spike_jumps(train, errors.g / rule.threshold, leak, self.n_out, out)
        return kernel.Jumps(out.t[:n], out.unit[:n], out.size[:n], out.start)

    def walk(self, came: Deliveries, weights: NDArray[Any] | Laid, owed: kernel.Jumps) -> Walk:
        """Return what the connection is walked with."""
        return Walk.of(came, weights, owed, self.membrane.tau_us)


def from_rest(layer: Layer, deliveries: Deliveries, since: NDArray[Any] | None = None) -> Train:
    """Return the spikes of a layer that begins at rest, or with potentials ``since``."""
    n = len(deliveries.start) - 1
    state = layer.start(n) if since is None else layer.start_at(since)
    train = layer.run(deliveries, state, since is None, Tally.zeros(n))
    if train is None:
        raise TypeError(f"feedforward: {type(layer).__name__} never fires")
    return train

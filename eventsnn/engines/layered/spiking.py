"""What the layers of spiking neurons share on the way back: the jumps of their adjoints."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.layer import Layer
from eventsnn.engines.layered.shared import Firing, Tally
from eventsnn.engines.layered.walk import SpikeErrors, TimedErrors, Walk
from eventsnn.neurons.neuron import Membrane, Neuron


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
        membrane = self.neuron.membrane()
        if membrane is None:
            raise TypeError(f"adjoint: {self.neuron.kind} gives no membrane")
        return membrane

    def run_near(self, deliveries: Deliveries, share: float) -> tuple[Train, Train]:
        """Run once more with a lower threshold: up to a first crossing, potentials are true."""
        lower = copy(self)
        lower.firing = self.firing._replace(threshold=self.firing.share_of(share))
        return from_rest(self, deliveries), from_rest(lower, deliveries)

    def owed(self, errors: SpikeErrors | TimedErrors, dtype: Any) -> kernel.Jumps:
        """Return the jumps of the neurons' adjoints."""
        if not isinstance(errors, SpikeErrors):
            raise TypeError("adjoint: spiking neurons are owed for spikes")
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


def from_rest(layer: Layer, deliveries: Deliveries) -> Train:
    """Return the spikes of a layer that begins at rest."""
    n = len(deliveries.start) - 1
    train = layer.run(deliveries, layer.start(n), True, Tally.zeros(n))
    if train is None:
        raise TypeError(f"feedforward: {type(layer).__name__} never fires")
    return train

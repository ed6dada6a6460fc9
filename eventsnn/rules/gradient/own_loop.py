"""A rule in a training loop of one's own: recordings forwards, errors backwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.loss import Loss
from eventsnn.network import Network, Weights
from eventsnn.optimizers.optimizer import Optimizer
from eventsnn.optimizers.over_ranks import Gradient, whole
from eventsnn.ranks.ranks import ONE
from eventsnn.record import Reads
from eventsnn.rules.gradient.chunk import Chunk, Trace, count_into
from eventsnn.rules.gradient.state import GradientState
from eventsnn.text import named, shown


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """Recordings that a rule ran.

    Attributes
    ----------
    outputs : dict from the name of the output population to float array (n_recordings, units)
        What the rule reads of it.
    reads : str
        What that is: "integral", "maximum" or "final" potentials, "counts" of spikes, or times of
        the "first_spike".
    spikes : dict from the name of a population to int64 array (units,)
        Spikes of each neuron, of all recordings together.
    """

    outputs: dict[str, NDArray[Any]]
    reads: Reads
    spikes: dict[str, NDArray[np.int64]]
    state: GradientState
    chunk: Chunk
    trace: Trace

    def __repr__(self) -> str:
        """Return one line of facts."""
        told = ", ".join(f"{named(name)} {int(n.sum()):,}" for name, n in self.spikes.items())
        return f"<ForwardPass of {len(self.chunk.batch)} recordings, spikes: {told}>"


class OwnLoop(ABC):
    """What rules that follow gradients give to a loop of one's own."""

    optimizer: Optimizer
    threads: int
    loss: Loss

    def forward(self, network: Network, weights: Weights, events: EventBatch) -> ForwardPass:
        """Run recordings, and keep what the way back needs. Nothing is dropped at random.

        Parameters
        ----------
        network : Network
            Whose last population is the output.
        weights : mapping by connection name, or sequence in connection order
        events : EventBatch

        Raises
        ------
        UserError
            If the rule cannot learn such a network, or weights or events do not fit it.
        """
        self.check_network(network)
        if not isinstance(events, EventBatch):
            raise UserError(f"forward: events is {named(events)}; give an EventBatch")
        shapes = [c.topology.weight_shape for c in network.connections]
        flat = network.weights(weights)
        arrays = [w.reshape(shape) for w, shape in zip(flat, shapes, strict=True)]
        state = GradientState(network, list(arrays), self.optimizer.init([]), [1.0] * len(arrays))
        came = np.zeros(network.populations[network.input].size, np.int64)
        if events.n_units != len(came):
            raise UserError(
                f"forward: the sensor has {events.n_units} units, the network takes {len(came)}"
            )
        count_into(events.unit, came)
        chunk = Chunk(events, came, {})
        trace = self.run(state, chunk)
        names = [p.name for p in network.populations]
        return ForwardPass(
            {names[-1]: trace.outputs},
            self.loss.reads,
            dict(zip(names, trace.spoke, strict=True)),
            state,
            chunk,
            trace,
        )

    def backward(
        self, passed: ForwardPass, errors: Mapping[str, ArrayLike]
    ) -> dict[str, NDArray[Any]]:
        """Walk recordings in reverse.

        Parameters
        ----------
        passed : ForwardPass
        errors : mapping from the name of the output population to float array
            Derivatives of the loss by ``passed.outputs``, (n_recordings, units).

        Returns
        -------
        dict from the name of each connection to its gradient, of the summed loss

        Raises
        ------
        UserError
            For errors of another population or shape, or that are not finite.
        """
        (name,), network = passed.outputs, passed.state.network
        if not isinstance(errors, Mapping):
            raise UserError(f"backward: errors is {shown(errors)}; give {{{name!r}: errors}}")
        if set(errors) != {name}:
            raise UserError(f"backward: errors of {named(', '.join(errors))}; give those of {name}")
        given, shape = np.asarray(errors[name], np.float64), passed.outputs[name].shape
        if given.shape != shape:
            raise UserError(
                f"backward: errors of {name} have shape {given.shape}; give finite numbers {shape}"
            )
        wrong = np.argwhere(~np.isfinite(given))
        if len(wrong):
            at = tuple(int(k) for k in wrong[0])
            raise UserError(f"backward: errors of {name}: {at} is {given[at]}; give finite numbers")
        found = self.reverse(passed.state, passed.chunk, passed.trace, given)
        arrays = whole(ONE, found, self.threads)
        return {c.name: g for c, g in zip(network.connections, arrays, strict=True)}

    @abstractmethod
    def check_network(self, network: Network) -> None:
        """Refuse a network that the rule cannot learn; ``run`` and ``reverse`` trust it."""

    @abstractmethod
    def run(self, state: GradientState, chunk: Chunk) -> Trace:
        """Run a batch; return its outputs, its spikes, and what the way back needs."""

    @abstractmethod
    def reverse(
        self, state: GradientState, chunk: Chunk, trace: Trace, errors: NDArray[np.float64]
    ) -> list[Gradient]:
        """Walk a batch in reverse; return the gradient of each connection.

        ``errors`` are derivatives by the outputs, float64 (n, classes).
        """

"""The kernels of neuron models, topologies and the queue, as typed pointers."""

from __future__ import annotations

from functools import cache
from typing import Any

from eventsnn.engines.asynchronous import queue as calendar
from eventsnn.engines.asynchronous.machine import Calls
from eventsnn.kernels.pointers import Pointers
from eventsnn.network import Network
from eventsnn.neurons import models
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology import topologies
from eventsnn.topology.topology import Topology


def calls(network: Network, dtype: Any) -> Calls:
    """Compile the neuron models and topologies of a network, and the queue, for a state dtype."""
    neurons = {type(one.neuron) for one in network.populations if one.neuron is not None}
    shapes = {type(one.topology) for one in network.connections}
    places = tuple(models().values()), tuple(topologies().values())
    return _calls(dtype, *places, frozenset(neurons), frozenset(shapes))


@cache
def _calls(
    dtype: Any,
    neurons: tuple[type[Neuron], ...],
    shapes: tuple[type[Topology], ...],
    in_neurons: frozenset[type[Neuron]],
    in_shapes: frozenset[type[Topology]],
) -> Calls:
    """Return tables with a place for every model and topology, of which those named are filled."""
    in_neurons, in_shapes = in_neurons or frozenset(neurons[:1]), in_shapes or frozenset(shapes[:1])
    kernels = [model.kernels(dtype) if model in in_neurons else None for model in neurons]
    return Calls(
        Pointers([k and k.receive for k in kernels]),
        Pointers([k and k.train for k in kernels]),
        Pointers([k and k.settle for k in kernels]),
        Pointers([k and k.rows for k in kernels]),
        Pointers([shape.kernel() if shape in in_shapes else None for shape in shapes]),
        *(Pointers([function]) for function in calendar.kernels(dtype)),
    )

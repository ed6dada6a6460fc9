"""The kernels of neuron models, topologies and the queue, as typed pointers."""

from __future__ import annotations

from functools import cache
from typing import Any

from eventsnn.engines.asynchronous import queue as calendar
from eventsnn.engines.asynchronous.machine import Calls
from eventsnn.engines.asynchronous.plan import Graph
from eventsnn.kernels.pointers import Pointers
from eventsnn.neurons import models
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology import topologies
from eventsnn.topology.topology import Topology


def calls(graph: Graph, dtype: Any) -> Calls:
    """Compile the neuron models and topologies that a graph names, and the queue.

    Parameters
    ----------
    graph : Graph
        As ``plan`` laid it out: what it names by number is all that the event loop calls.
    dtype : dtype
        Of the state.
    """
    numbers = (frozenset(one[one >= 0].tolist()) for one in (graph.model, graph.topology))
    return _calls(dtype, tuple(models().values()), tuple(topologies().values()), *numbers)


@cache
def _calls(
    dtype: Any,
    neurons: tuple[type[Neuron], ...],
    shapes: tuple[type[Topology], ...],
    of_neurons: frozenset[int],
    of_shapes: frozenset[int],
) -> Calls:
    """Return tables with a place for every model and topology, of which those named are filled."""
    # A table has the signature of its functions: it needs one.
    of_neurons, of_shapes = of_neurons or frozenset([0]), of_shapes or frozenset([0])
    kernels = [n.kernels(dtype) if k in of_neurons else None for k, n in enumerate(neurons)]
    return Calls(
        Pointers([k and k.receive for k in kernels]),
        Pointers([k and k.train for k in kernels]),
        Pointers([k and k.settle for k in kernels]),
        Pointers([k and k.rows for k in kernels]),
        Pointers([s.kernel() if k in of_shapes else None for k, s in enumerate(shapes)]),
        *(Pointers([function]) for function in calendar.kernels(dtype)),
    )

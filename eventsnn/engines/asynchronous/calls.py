"""The kernels of every neuron model, topology and the queue, as typed pointers."""

from __future__ import annotations

from functools import cache
from typing import Any

from eventsnn.engines.asynchronous import queue as calendar
from eventsnn.engines.asynchronous.machine import Calls
from eventsnn.kernels.pointers import Pointers
from eventsnn.neurons import models
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology import topologies
from eventsnn.topology.topology import Topology


def calls(dtype: Any) -> Calls:
    """Compile every neuron model, topology and the queue for a state dtype."""
    return _calls(dtype, tuple(models().values()), tuple(topologies().values()))


@cache
def _calls(
    dtype: Any, neurons: tuple[type[Neuron], ...], shapes: tuple[type[Topology], ...]
) -> Calls:
    kernels = [model.kernels(dtype) for model in neurons]
    return Calls(
        Pointers([k.receive for k in kernels]),
        Pointers([k.train for k in kernels]),
        Pointers([k.settle for k in kernels]),
        Pointers([k.rows for k in kernels]),
        Pointers([shape.kernel() for shape in shapes]),
        *(Pointers([function]) for function in calendar.kernels(dtype)),
    )

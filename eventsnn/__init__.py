"""Spiking neural networks that compute only when an event arrives.

The public names; each is imported when it is first asked for, so that ``import
eventsnn`` is quick. ``eventsnn.rules``, ``losses``, ``optimizers``, ``neurons``, ``topology`` and
``surrogates`` hold what there is of each kind.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventsnn import losses, neurons, optimizers, rules, surrogates, topology
    from eventsnn.data.camera.saccade import Camera, film
    from eventsnn.data.dataset import DataSet
    from eventsnn.data.source import open_data
    from eventsnn.engines import simulate
    from eventsnn.engines.asynchronous.state import State
    from eventsnn.errors import DataError, UserError
    from eventsnn.events import EventBatch, EventStream, merge
    from eventsnn.losses import CountTarget, CrossEntropy, FirstSpike
    from eventsnn.measure.operations import Operations, operations
    from eventsnn.network import Connection, Network, Population
    from eventsnn.network.file import load_network
    from eventsnn.network.layer_string import layers
    from eventsnn.neurons.cuba_lif import CubaLIF
    from eventsnn.neurons.if_ import IF
    from eventsnn.neurons.lif import LIF
    from eventsnn.neurons.readout import Readout
    from eventsnn.optimizers.adam import Adam
    from eventsnn.optimizers.sgd import SGD
    from eventsnn.record import Record
    from eventsnn.registry import register
    from eventsnn.rules.deep_spiking.network import HerdingMLP
    from eventsnn.rules.gradient.start import start
    from eventsnn.topology.conv2d import Conv2d
    from eventsnn.topology.dense import Dense
    from eventsnn.topology.pool2d import Pool2d
    from eventsnn.topology.sparse import Sparse
    from eventsnn.train.classifier import Classifier
    from eventsnn.train.load import load

__version__ = "0.1.0"

_HOME = {
    "Adam": "optimizers.adam",
    "Camera": "data.camera.saccade",
    "Classifier": "train.classifier",
    "Connection": "network",
    "Conv2d": "topology.conv2d",
    "CountTarget": "losses",
    "CrossEntropy": "losses",
    "CubaLIF": "neurons.cuba_lif",
    "DataError": "errors",
    "DataSet": "data.dataset",
    "Dense": "topology.dense",
    "EventBatch": "events",
    "EventStream": "events",
    "film": "data.camera.saccade",
    "FirstSpike": "losses",
    "HerdingMLP": "rules.deep_spiking.network",
    "IF": "neurons.if_",
    "layers": "network.layer_string",
    "LIF": "neurons.lif",
    "load": "train.load",
    "load_network": "network.file",
    "merge": "events",
    "Network": "network",
    "open_data": "data.source",
    "Operations": "measure.operations",
    "operations": "measure.operations",
    "Pool2d": "topology.pool2d",
    "Population": "network",
    "Readout": "neurons.readout",
    "Record": "record",
    "register": "registry",
    "SGD": "optimizers.sgd",
    "simulate": "engines",
    "Sparse": "topology.sparse",
    "start": "rules.gradient.start",
    "State": "engines.asynchronous.state",
    "UserError": "errors",
}

_ROOMS = ("losses", "neurons", "optimizers", "rules", "surrogates", "topology")

__all__ = [
    "IF",
    "LIF",
    "SGD",
    "Adam",
    "Camera",
    "Classifier",
    "Connection",
    "Conv2d",
    "CountTarget",
    "CrossEntropy",
    "CubaLIF",
    "DataError",
    "DataSet",
    "Dense",
    "EventBatch",
    "EventStream",
    "FirstSpike",
    "HerdingMLP",
    "Network",
    "Operations",
    "Pool2d",
    "Population",
    "Readout",
    "Record",
    "Sparse",
    "State",
    "UserError",
    "film",
    "layers",
    "load",
    "load_network",
    "losses",
    "merge",
    "neurons",
    "open_data",
    "operations",
    "optimizers",
    "register",
    "rules",
    "simulate",
    "start",
    "surrogates",
    "topology",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name in _ROOMS:
        return import_module(f"eventsnn.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'eventsnn' has no attribute {name!r}")
    return getattr(import_module(f"eventsnn.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]

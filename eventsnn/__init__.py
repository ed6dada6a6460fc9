"""Spiking neural networks that compute only when an event arrives.

The public names; each is imported when it is first asked for, so that ``import
eventsnn`` is quick. ``eventsnn.rules``, ``losses``, ``optimizers``, ``neurons``, ``topology``,
``surrogates``, ``connectivity``, ``distributions`` and ``generators`` hold what there is of each
kind; ``eventsnn.nir`` reads and writes graphs of other programs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventsnn import (
        connectivity,
        distributions,
        filters,
        losses,
        neurons,
        optimizers,
        rules,
        surrogates,
        topology,
    )
    from eventsnn.connectivity.all_to_all import AllToAll
    from eventsnn.connectivity.fixed_in_degree import FixedInDegree
    from eventsnn.connectivity.fixed_out_degree import FixedOutDegree
    from eventsnn.connectivity.one_to_one import OneToOne
    from eventsnn.connectivity.pairwise_probability import PairwiseProbability
    from eventsnn.data.camera.saccade import Camera, film
    from eventsnn.data.dataset import DataSet
    from eventsnn.data.source import open_data
    from eventsnn.distributions.constant import Constant
    from eventsnn.distributions.normal import Normal
    from eventsnn.distributions.uniform import Uniform
    from eventsnn.engines import simulate
    from eventsnn.engines.asynchronous.state import State
    from eventsnn.engines.prepared import Prepared, prepare
    from eventsnn.engines.stop import Stop, Stopped
    from eventsnn.errors import DataError, UserError
    from eventsnn.events import EventBatch, EventStream, merge
    from eventsnn.exchange import nir
    from eventsnn.exchange.c.write import write_c
    from eventsnn.exchange.integers.quantize import quantize
    from eventsnn.generators.constant_current import ConstantCurrent
    from eventsnn.generators.poisson import Poisson
    from eventsnn.generators.regular import Regular
    from eventsnn.generators.spike_trains import SpikeTrains
    from eventsnn.generators.step_current import StepCurrent
    from eventsnn.losses import CountTarget, CrossEntropy, FirstSpike
    from eventsnn.measure.choose_stop import choose_stop
    from eventsnn.measure.estimated import Energy, energy
    from eventsnn.measure.operations import Operations, operations
    from eventsnn.measure.traces import Potentials, potentials
    from eventsnn.network import Connection, Network, Population, connect
    from eventsnn.network.file import load_network
    from eventsnn.network.layer_string import layers
    from eventsnn.neurons.cuba_lif import CubaLIF
    from eventsnn.neurons.general_lif import GeneralLIF
    from eventsnn.neurons.if_ import IF
    from eventsnn.neurons.lif import LIF
    from eventsnn.neurons.readout import Readout
    from eventsnn.optimizers.adam import Adam
    from eventsnn.optimizers.sgd import SGD
    from eventsnn.record import Record
    from eventsnn.registry import register
    from eventsnn.report.plot import plot
    from eventsnn.rules.deep_spiking.network import HerdingMLP
    from eventsnn.rules.gradient.start import start
    from eventsnn.topology.conv2d import Conv2d
    from eventsnn.topology.dense import Dense
    from eventsnn.topology.pool2d import Pool2d
    from eventsnn.topology.sparse import Sparse
    from eventsnn.train.classifier import Classifier
    from eventsnn.train.load import load
    from eventsnn.train.save import save

__version__ = "0.2.0"

_HOME = {
    "Adam": "optimizers.adam",
    "AllToAll": "connectivity.all_to_all",
    "Camera": "data.camera.saccade",
    "Classifier": "train.classifier",
    "choose_stop": "measure.choose_stop",
    "connect": "network",
    "Connection": "network",
    "Constant": "distributions.constant",
    "ConstantCurrent": "generators.constant_current",
    "Conv2d": "topology.conv2d",
    "CountTarget": "losses",
    "CrossEntropy": "losses",
    "CubaLIF": "neurons.cuba_lif",
    "DataError": "errors",
    "DataSet": "data.dataset",
    "Dense": "topology.dense",
    "Energy": "measure.estimated",
    "energy": "measure.estimated",
    "EventBatch": "events",
    "EventStream": "events",
    "film": "data.camera.saccade",
    "FirstSpike": "losses",
    "FixedInDegree": "connectivity.fixed_in_degree",
    "FixedOutDegree": "connectivity.fixed_out_degree",
    "GeneralLIF": "neurons.general_lif",
    "HerdingMLP": "rules.deep_spiking.network",
    "IF": "neurons.if_",
    "layers": "network.layer_string",
    "Learning": "live.learner",
    "LIF": "neurons.lif",
    "load": "train.load",
    "load_network": "network.file",
    "merge": "events",
    "Network": "network",
    "Normal": "distributions.normal",
    "OneToOne": "connectivity.one_to_one",
    "open_data": "data.source",
    "Operations": "measure.operations",
    "operations": "measure.operations",
    "PairwiseProbability": "connectivity.pairwise_probability",
    "Poisson": "generators.poisson",
    "Pool2d": "topology.pool2d",
    "plot": "report.plot",
    "Population": "network",
    "Potentials": "measure.traces",
    "potentials": "measure.traces",
    "prepare": "engines.prepared",
    "Prepared": "engines.prepared",
    "quantize": "exchange.integers.quantize",
    "Readout": "neurons.readout",
    "Record": "record",
    "register": "registry",
    "Regular": "generators.regular",
    "save": "train.save",
    "SGD": "optimizers.sgd",
    "Session": "live.session",
    "simulate": "engines",
    "Sparse": "topology.sparse",
    "SpikeTrains": "generators.spike_trains",
    "start": "rules.gradient.start",
    "State": "engines.asynchronous.state",
    "StepCurrent": "generators.step_current",
    "StepSession": "live.step_session",
    "Stop": "engines.stop",
    "Stopped": "engines.stop",
    "Uniform": "distributions.uniform",
    "UserError": "errors",
    "write_c": "exchange.c.write",
}

_ROOMS = {
    "connectivity": "connectivity",
    "distributions": "distributions",
    "generators": "generators",
    "losses": "losses",
    "neurons": "neurons",
    "nir": "exchange.nir",
    "optimizers": "optimizers",
    "rules": "rules",
    "surrogates": "surrogates",
    "topology": "topology",
}

__all__ = [
    "IF",
    "LIF",
    "SGD",
    "Adam",
    "AllToAll",
    "Camera",
    "Classifier",
    "Connection",
    "Constant",
    "ConstantCurrent",
    "Conv2d",
    "CountTarget",
    "CrossEntropy",
    "CubaLIF",
    "DataError",
    "DataSet",
    "Dense",
    "Energy",
    "EventBatch",
    "EventStream",
    "FirstSpike",
    "FixedInDegree",
    "FixedOutDegree",
    "GeneralLIF",
    "HerdingMLP",
    "Learning",
    "Network",
    "Normal",
    "OneToOne",
    "Operations",
    "PairwiseProbability",
    "Poisson",
    "Pool2d",
    "Population",
    "Potentials",
    "Prepared",
    "Readout",
    "Record",
    "Regular",
    "Session",
    "Sparse",
    "SpikeTrains",
    "State",
    "StepCurrent",
    "StepSession",
    "Stop",
    "Stopped",
    "Uniform",
    "UserError",
    "choose_stop",
    "connect",
    "connectivity",
    "distributions",
    "energy",
    "film",
    "filters",
    "generators",
    "layers",
    "load",
    "load_network",
    "losses",
    "merge",
    "neurons",
    "nir",
    "open_data",
    "operations",
    "optimizers",
    "plot",
    "potentials",
    "prepare",
    "quantize",
    "register",
    "rules",
    "save",
    "simulate",
    "start",
    "surrogates",
    "topology",
    "write_c",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name in _ROOMS:
        return import_module(f"eventsnn.{_ROOMS[name]}")
    if name not in _HOME:
        raise AttributeError(f"module 'eventsnn' has no attribute {name!r}")
    return getattr(import_module(f"eventsnn.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]

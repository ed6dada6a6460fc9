"""The networks that the bench runs, with weights that make them fire as real ones do."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.bench.control import HIDDEN
from eventsnn.engines import simulate
from eventsnn.events import EventBatch, EventStream, Shape
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.neurons.readout import Readout
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

Weights = list[NDArray[Any]]

TAU_US = 30_000.0
_TRIES = 14


def poisson(recordings: int, shape: Shape = (2, 34, 34), seed: int = 0) -> EventBatch:
    """Return synthetic Poisson events: as many as N-MNIST has, and in the middle of the sensor.

    Each recording has about 4,100 events in 300 ms.
    """
    rng = np.random.default_rng(seed)
    height, width = shape[1:]
    y, x = np.indices((height, width))
    near = np.exp(-(((y - height / 2) / 7) ** 2 + ((x - width / 2) / 7) ** 2) / 2).reshape(-1)
    rate = np.tile(near, shape[0]) / (near.sum() * shape[0])
    streams = []
    for label in range(recordings):
        n = int(rng.poisson(4100))
        t = np.sort(rng.integers(0, 300_000, n))
        unit = rng.choice(len(rate), n, p=rate).astype(np.int32)
        streams.append(EventStream(t, unit, shape, label % 10, 300_000))
    return EventBatch.from_streams(streams, "synthetic Poisson events")


def dense(events: EventBatch, outputs: int = 0) -> Network:
    """Return sensor-800 or sensor-800-``outputs``, LIF."""
    populations = [
        Population("input", events.shape),
        Population("hidden", (HIDDEN,), LIF(TAU_US)),
    ]
    connections = [Connection("input", "hidden", Dense(events.n_units, HIDDEN))]
    if outputs:
        populations.append(Population("output", (outputs,), LIF(TAU_US)))
        connections.append(Connection("hidden", "output", Dense(HIDDEN, outputs)))
    return Network(tuple(populations), tuple(connections))


def dense_weights(events: EventBatch, hidden_spikes: float, outputs: int = 0) -> Weights:
    """Return random float32 weights with about ``hidden_spikes`` hidden spikes a recording."""
    rng = np.random.default_rng(1)
    shape = rng.standard_normal((events.n_units, HIDDEN), np.float32)
    few = events.select(np.unique(np.linspace(0, len(events) - 1, 200).astype(int)))
    low, high = 0.001, 0.2
    for _ in range(_TRIES):
        scale = math.sqrt(low * high)
        record = simulate(dense(few), [shape * np.float32(scale)], few, record="nothing")
        fired = float(record.counts.spikes[:, 1].mean())
        low, high = (scale, high) if fired < hidden_spikes else (low, scale)
    weights: Weights = [shape * np.float32(scale)]
    if outputs:
        weights.append(rng.normal(0, 0.1, (HIDDEN, outputs)).astype(np.float32))
    return weights


def in_whole_numbers(network: Network, weights: Weights) -> tuple[Network, Weights]:
    """Return sensor-800 in whole numbers: weights of int8, 8 bits behind the point."""
    source, target = network.populations
    assert target.neuron is not None and target.neuron.membrane is not None
    scale = float(np.abs(weights[0]).max()) / 127
    threshold = round(target.neuron.membrane.threshold / scale) << 8
    neuron = target.neuron.in_whole_numbers(threshold, 8, 1)
    whole = Network((source, replace(target, neuron=neuron)), network.connections)
    return whole, [np.rint(weights[0] / scale)]


def convolution(events: EventBatch) -> tuple[Network, Weights]:
    """Return sensor -> 12 channels of 5 x 5, with weights that fire moderately."""
    planes, height, width = events.shape
    topology = Conv2d((height, width, planes), 12, (5, 5), planar=True)
    rng = np.random.default_rng(2)
    weights = rng.normal(0, 0.04, topology.weight_shape).astype(np.float32)
    return _one_layer(events, topology), [weights]


def pooling(events: EventBatch) -> tuple[Network, Weights]:
    """Return sensor -> windows of 2 x 2."""
    planes, height, width = events.shape
    topology = Pool2d((height, width, planes), (2, 2), planar=True)
    return _one_layer(events, topology), [np.full(1, 0.5, np.float32)]


def _one_layer(events: EventBatch, topology: Conv2d | Pool2d) -> Network:
    populations = (
        Population("input", events.shape),
        Population("hidden", topology.out_shape, LIF(TAU_US)),
    )
    return Network(populations, (Connection("input", "hidden", topology),))


def recurrent(
    neurons: int = 10_000, fan_out: int = 100, step_us: int = 1000
) -> tuple[Network, Weights]:
    """Return 1,000 inputs into a sparse recurrent population, delays of 1 to 10 ms a synapse.

    Delays are multiples of ``step_us``. A fifth of the neurons inhibit, four times as
    strongly as the others excite.
    """
    rng = np.random.default_rng(3)
    inputs = 1000

    def synapses(senders: int) -> Sparse:
        target = rng.integers(0, neurons, senders * fan_out, np.int32)
        return Sparse(neurons, np.arange(senders + 1) * fan_out, target)

    inward, around = synapses(inputs), synapses(neurons)
    sender = np.repeat(np.arange(neurons), fan_out)
    strength = np.where(sender < neurons * 4 // 5, 0.03, -0.12).astype(np.float32)
    delay = rng.integers(1000 // step_us, 10_000 // step_us + 1, neurons * fan_out) * step_us
    populations = (
        Population("input", (1, 1, inputs)),
        Population("neurons", (neurons,), LIF(20_000.0, refractory_us=2000)),
    )
    connections = (
        Connection("input", "neurons", inward, 1000),
        Connection("neurons", "neurons", around, delay),
    )
    excite = np.full(inputs * fan_out, 0.25, np.float32)
    return Network(populations, connections), [excite, strength]


def balanced(
    neuron: Neuron, drive: float, neurons: int = 10_000, fan_out: int = 1000, inputs: int = 1000
) -> tuple[Network, Weights]:
    """Return 1,000 inputs into a sparse recurrent population with one delay of 1.5 ms.

    A fifth of the neurons inhibit, four times as strongly as the others excite. An event of an
    input weighs ``drive`` at each of its 100 targets, or of as many as ``fan_out``.
    """
    rng = np.random.default_rng(6)
    given = min(100, fan_out)
    reached = rng.integers(0, neurons, inputs * given, np.int32)
    around = rng.integers(0, neurons, neurons * fan_out, np.int32)
    inward = Sparse(neurons, np.arange(inputs + 1) * given, reached)
    recurrent = Sparse(neurons, np.arange(neurons + 1) * fan_out, around)
    populations = (Population("input", (1, 1, inputs)), Population("neurons", (neurons,), neuron))
    connections = (
        Connection("input", "neurons", inward, 1000),
        Connection("neurons", "neurons", recurrent, 1500),
    )
    excites = np.repeat(np.arange(neurons) < neurons * 4 // 5, fan_out)
    strength = np.where(excites, 0.005, -0.02).astype(np.float32)
    return Network(populations, connections), [np.full(inputs * given, drive, np.float32), strength]


def spoken(recordings: int, events: int = 8000) -> tuple[Network, Weights, EventBatch]:
    """Return 700 inputs, 256 recurrent current-based neurons, 20 readouts, and Poisson events.

    A recording has a second; its label is one of 20. Weights are such that about 2,000 hidden
    spikes come of 8,000 events.
    """
    rng = np.random.default_rng(7)
    inputs, hidden, outputs = 700, 256, 20
    populations = (
        Population("input", (1, 1, inputs)),
        Population("hidden", (hidden,), CubaLIF(20_000.0, 5_000.0)),
        Population("output", (outputs,), Readout(20_000.0)),
    )
    connections = (
        Connection("input", "hidden", Dense(inputs, hidden)),
        Connection("hidden", "hidden", Dense(hidden, hidden), 1000),
        Connection("hidden", "output", Dense(hidden, outputs)),
    )
    laws = (0.006, 0.28, (inputs, hidden)), (0, 0.03, (hidden, hidden)), (0, 0.1, (hidden, outputs))
    weights: Weights = [
        rng.normal(mean, spread, shape).astype(np.float32) for mean, spread, shape in laws
    ]
    streams = []
    for label in range(recordings):
        t = np.sort(rng.integers(0, 1_000_000, events))
        unit = rng.integers(0, inputs, events, np.int32)
        streams.append(EventStream(t, unit, (1, 1, inputs), label % outputs, 1_000_000))
    batch = EventBatch.from_streams(streams, "synthetic Poisson events")
    return Network(populations, connections), weights, batch


def drive(rate_hz: float, duration_us: int, inputs: int = 1000) -> EventStream:
    """Return synthetic Poisson trains of ``inputs`` units."""
    rng = np.random.default_rng(4)
    n = int(rng.poisson(inputs * rate_hz * duration_us * 1e-6))
    t = np.sort(rng.integers(0, duration_us, n))
    unit = rng.integers(0, inputs, n, np.int32)
    return EventStream(t, unit, (1, 1, inputs), None, duration_us, "synthetic Poisson events")

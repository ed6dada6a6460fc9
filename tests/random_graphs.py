"""Hypothesis strategies: networks with every model and topology, weights and tied inputs."""

import numpy as np
from hypothesis import strategies as st

from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse

RESETS = st.sampled_from(["subtract", "zero"])
REFRACTORY = st.sampled_from([0, 0, 1, 7])


@st.composite
def neurons(draw, models=("if", "lif", "cuba_lif", "readout")):
    model = draw(st.sampled_from(models))
    if model == "if":
        return IF(draw(st.sampled_from([0.5, 1.0])), draw(RESETS), draw(REFRACTORY))
    if model == "lif":
        tau = draw(st.sampled_from([3.0, 20.0, 5000.0]))
        return LIF(tau, draw(st.sampled_from([0.5, 1.0])), draw(RESETS), draw(REFRACTORY))
    if model == "readout":
        return Readout(draw(st.sampled_from([20.0, float("inf")])))
    tau_mem, tau_syn = draw(st.sampled_from([(20.0, 5.0), (5.0, 20.0), (10.0, 10.0)]))
    bias = draw(st.sampled_from([0.0, 0.0, 1.2, -0.5]))
    return CubaLIF(tau_mem, tau_syn, 1.0, draw(REFRACTORY), bias)


def topology(draw, source, target, rng):
    """A topology that fits two populations: sparse or dense, or one drawn with the target."""
    if draw(st.booleans()):
        return Dense(source.size, target.size)
    n = draw(st.integers(0, 3 * target.size))
    senders, targets = rng.integers(0, source.size, n), rng.integers(0, target.size, n)
    return Sparse.from_pairs(senders, targets, source.size, target.size)[0]


def image_layer(draw, source):
    """A convolution or pooling that fits a population in space."""
    planar = source.neuron is None
    size = (source.shape[1], source.shape[2], source.shape[0]) if planar else source.shape
    if draw(st.booleans()):
        window = draw(st.integers(1, min(size[:2])))
        return Pool2d(size, window, draw(st.sampled_from([None, 1, 2])), planar)
    kernel = draw(st.tuples(st.integers(1, min(3, size[0])), st.integers(1, min(3, size[1]))))
    stride, padding = draw(st.integers(1, 2)), draw(st.integers(0, 1))
    return Conv2d(size, draw(st.integers(1, 3)), kernel, stride, padding, planar)


def delay(draw, shape, rng, least):
    choice = draw(st.sampled_from(["none", "one", "each", "few"]))
    if choice == "none" and least == 0:
        return 0
    if choice == "each":
        greatest = draw(st.sampled_from([2, 9, 700]))
        return rng.integers(least, greatest + 1, shape)
    if choice == "few":
        return rng.choice(draw(st.sampled_from([[least, 4], [3, 6], [2, 300]])), shape)
    return draw(st.sampled_from([max(1, least), 5, 300]))


@st.composite
def networks(draw, models=("if", "lif", "cuba_lif", "readout")):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.tuples(st.integers(1, 2), st.integers(2, 5), st.integers(2, 5)))
    populations, connections = [Population("input", shape)], []
    if "cuba_lif" in models and draw(st.booleans()):
        # Nothing leads to it, and it fires all the same.
        alone = CubaLIF(20.0, 5.0, 1.0, draw(REFRACTORY), draw(st.sampled_from([1.2, 1.5])))
        populations.append(Population("alone", (draw(st.integers(1, 3)),), alone))
    for i in range(draw(st.integers(1, 4))):
        model = draw(neurons(models))
        source = draw(st.sampled_from([p for p in populations if p.spiking]))
        if len(source.shape) == 3 and draw(st.booleans()):
            shape_of = image_layer(draw, source)
            target = Population(f"p{i}", shape_of.out_shape, model)
        else:
            target = Population(f"p{i}", (draw(st.integers(1, 6)),), model)
            shape_of = topology(draw, source, target, rng)
        populations.append(target)
        later = delay(draw, shape_of.weight_shape, rng, 0)
        connections.append(Connection(source.name, target.name, shape_of, later))
    # More connections in any direction: backwards and onto itself they take time.
    spiking = [p for p in populations if p.spiking]
    for i in range(draw(st.integers(0, 3))):
        source = draw(st.sampled_from(spiking))
        target = draw(st.sampled_from(populations[1:]))
        forward = populations.index(source) < populations.index(target)
        shape_of = topology(draw, source, target, rng)
        later = delay(draw, shape_of.weight_shape, rng, 0 if forward else 1)
        connections.append(Connection(source.name, target.name, shape_of, later, f"more{i}"))
    scale = draw(st.sampled_from([0.2, 0.6, 1.5]))
    weights = [rng.normal(0.3 * scale, scale, c.topology.weight_shape) for c in connections]
    return Network(tuple(populations), tuple(connections)), weights


@st.composite
def streams(draw, network):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = network.populations[network.input].shape
    n = draw(st.integers(0, 40))
    t = np.sort(rng.integers(0, draw(st.sampled_from([3, 60, 3000])), n))
    end = int(t[-1]) + 1 if n else 0
    duration = end + draw(st.sampled_from([0, 0, 50]))
    return EventStream(t, rng.integers(0, np.prod(shape), n), shape, duration=duration)

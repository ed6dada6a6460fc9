"""Layers, trains and golden files of HM2-BP, as its tests read them."""

import numpy as np

from eventsnn.neurons.stepped_lif import SteppedLIF
from eventsnn.rules.hm2bp import reference
from eventsnn.rules.hm2bp.grading import Wanted
from eventsnn.rules.hm2bp.layers import GridLayer
from eventsnn.rules.hm2bp.sample import NONE, SampleRunner
from eventsnn.rules.hm2bp.trains import from_steps
from eventsnn.rules.hm2bp.update import LearnedLayer, Stepping
from eventsnn.rules.hm2bp.way import Lesson
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d


def neuron(threshold, slack=1e-6):
    return SteppedLIF(64e3, 8e3, float(threshold), slack=slack)


def dense(below, size, threshold, **more):
    given = {"divisor": float(threshold)} | more
    return GridLayer("dense", Dense(below, size), neuron(threshold), (size,), **given)


def conv(size, channels, threshold, padding=0, kernel=5):
    topology = Conv2d(size, channels, (kernel, kernel), padding=(padding, padding))
    cell = neuron(threshold, 0.0)
    return GridLayer("conv", topology, cell, topology.out_shape, divisor=float(threshold))


def pool(size, threshold, side=2):
    topology = Pool2d(size, (side, side))
    shape = topology.out_shape
    return GridLayer("pool", topology, neuron(threshold), shape, False, float(side * side))


def trains(rows, shape, steps):
    """Bool (n, T) of a golden list: unit and step, or channel, row, column and step."""
    x = np.zeros((int(np.prod(shape)), steps), bool)
    rows = rows[rows[:, -1] < steps].astype(int)
    if rows.shape[1] == 2:
        x[rows[:, 0], rows[:, 1]] = True
    else:
        _, width, channels = shape
        x[(rows[:, 1] * width + rows[:, 2]) * channels + rows[:, 0], rows[:, 3]] = True
    return x


def rows_of(weights):
    """Convolution weights [filter, channel, row, column] as rows."""
    return weights.transpose(2, 3, 1, 0).reshape(-1, weights.shape[0])


def stepping(rate, step=1, strength=0.0, beta=0.0, adam=True, momentum=0.0):
    keep = (np.float32(0.9), np.float32(0.999)) if adam else (np.float32(momentum), np.float32(0))
    correct = np.float32(1 / (1 - 0.9**step)), np.float32(1 / (1 - 0.999**step))
    decay = float(strength), float(beta)
    return Stepping(adam, np.float32(rate), keep, correct, np.float32(1e-8), *decay)


def bools(found, n, steps):
    step, unit = found.times()
    x = np.zeros((n, steps), bool)
    x[unit, step] = True
    return x


class Compiled:
    """A network as the kernels run it, on weights of the reference."""

    def __init__(self, layers, weights, inward, steps, how=None, threads=1):
        how = how or reference.Grading()
        top = layers[-1]
        lateral = top.inhibition if how.lateral_factor else 0.0
        wanted = Wanted(how.target, how.others, how.margin, lateral, top.neuron.threshold)
        self.runner = SampleRunner(layers, steps, wanted, how.side_effect, threads)
        self.learning = [LearnedLayer.of(np.array(w, np.float32, order="C")) for w in weights]
        self.inward = [NONE if w is None else np.ascontiguousarray(w, np.float32) for w in inward]
        self.steps, self.layers = steps, layers

    def put(self, x):
        unit, step = np.nonzero(x)
        for room, made in zip(
            self.runner.input, from_steps(unit, step, len(x), self.steps), strict=True
        ):
            room[: len(made)] = made

    def forward(self, x):
        self.put(x)
        self.runner.take(self.learning, self.inward)
        self.runner.forward()
        return self.spikes()

    def learn(self, x, label, how, weight=1.0):
        self.put(x)
        marked = self.runner.learn(self.learning, self.inward, [Lesson(label, weight, how)])
        self.runner.bring_home()
        return marked[0]

    def spikes(self):
        sizes = [layer.topology.n_out for layer in self.layers]
        found = zip(self.runner.trains[1:], sizes, strict=True)
        return [bools(one, n, self.steps) for one, n in found]


def forward(layers, weights, inward, x):
    """The trains of all populations, by the reference."""
    found = [x]
    for layer, w, own in zip(layers, weights, inward, strict=True):
        found.append(reference.run(layer, w, found[-1], own))
    return found


def learned(layers, weights, inward, x, label, weight=1.0, how=None):
    """What the reference finds on the way back: trains and, from the lowest layer, its results."""
    how = how or reference.Grading()
    found = forward(layers, weights, inward, x)
    error, lateral, found[-1], cost = reference.graded(found[-1], label, weight, layers[-1], how)
    back = []
    for k in range(len(layers) - 1, -1, -1):
        factors = lateral if k == len(layers) - 1 else None
        args = (layers[k], weights[k], (found[k], found[k + 1]), error, factors, how.side_effect)
        back.insert(0, reference.backward(*args))
        error = back[0].below
    return found, back, cost

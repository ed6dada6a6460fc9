"""The same network with ReLUs in place of spiking neurons, and one step.

Layers, shortcuts, normalisation, initial weights, order of images, optimizer and rates are those
of the spiking network. Plain numpy in double precision: the arithmetic of the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import first_of
from eventsnn.data.images import Images
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.samples import images_of
from eventsnn.rules.ledinauskas2020 import Ledinauskas2020
from eventsnn.rules.ledinauskas2020.encode import currents
from eventsnn.rules.ledinauskas2020.norm import Running, Statistics
from eventsnn.rules.ledinauskas2020.options import NormedOptions
from eventsnn.rules.ledinauskas2020.reference import (
    DenseSynapses,
    Floats,
    NormedLayer,
    NormOf,
    backward,
    forward,
)
from eventsnn.rules.ledinauskas2020.state import NormedState
from eventsnn.train.options import TrainOptions


class ReluUnit(NamedTuple):
    """In place of a spiking neuron: what it sends is max(current, 0)."""

    def run(self, j: Floats) -> tuple[Floats, Floats]:
        """Return currents and what is sent."""
        return j, np.maximum(j, 0)

    def back(self, u: Floats, s: Floats, d: Floats) -> Floats:
        """Return derivatives by currents."""
        return d * (u > 0)


def relu(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train the ReLU network; compare it with the spiking one."""
    spiking = context.found[options["network"]]
    told = TrainOptions.from_json(spiking["options"])
    given: Any = told.own
    rule = Ledinauskas2020(given)
    train = images_of(first_of(context.data.train, options["images"]))
    test = images_of(first_of(context.data.test, options["test"]))
    network = rule.network(told.layers)
    state, _ = rule.start(network, train, np.random.default_rng([context.seed, 0]))
    params = [p.astype(np.float64) for p in state.params]
    memory, running = given.make_optimizer().init(params), list(state.running)
    steps = -(-len(train) // given.batch)
    for epoch in range(told.epochs):
        order = np.random.default_rng([context.seed, 1, epoch]).permutation(len(train))
        for k in range(steps):
            context.report(epoch * steps + k, told.epochs * steps, "")
            some = order[k * given.batch : (k + 1) * given.batch]
            gradients, running = _update(state, params, running, (train, some), given)
            rate = given.rate_in(memory.step, steps * told.epochs)
            new, memory = given.make_optimizer().update(gradients, memory, params, rate)
            params = [np.asarray(p) for p in new]
    x = currents(test, np.arange(len(test)), np.float64)
    logits = _evaluated(state, params, running, (x, given.epsilon))
    right = round(100 * float((logits.argmax(1) == test.labels).mean()), 3)
    above = round(right - spiking["test_accuracy"], 3)
    return {"test_accuracy": right, "points above the spiking network": above}


def _layers(state: NormedState, params: list[Floats]) -> tuple[list[NormedLayer], Floats]:
    graph = state.graph
    n, m = len(graph.synapses), graph.normed
    layers = [
        NormedLayer(
            tuple(
                DenseSynapses(graph.synapses[s].source, params[s], params[n + s], params[n + m + s])
                for s in layer.synapses
            ),
            layer.before,
            layer.after,
        )
        for layer in graph.layers[:-1]
    ]
    return layers, params[n - 1]


def _update(
    state: NormedState,
    params: list[Floats],
    running: list[Running],
    batch: tuple[Images, NDArray[np.int64]],
    options: NormedOptions,
) -> tuple[list[Floats], list[Running]]:
    """Return gradients of the mean loss, and running statistics."""
    images, some = batch
    layers, readout = _layers(state, params)
    unit: Any = ReluUnit()
    norm = NormOf(options.epsilon)
    x = currents(images, some, np.float64)[None]
    ran = forward(x, layers, readout, unit, norm)
    graded = options.make_loss()(ran.logits, images.labels[some])
    g = backward(ran, layers, readout, graded.gradient / len(some), unit, norm)
    found = [[v for layer in part for v in layer] for part in (g.weights, g.gamma, g.beta)]
    seen = [i.reshape(len(some), -1) for layer in ran.currents for i in layer]
    statistics = [Statistics(i.mean(0)[None], i.var(0)[None], len(i)) for i in seen]
    moved = [old.moved(new, options.momentum) for old, new in zip(running, statistics, strict=True)]
    return [*found[0], g.readout, *found[1], *found[2]], moved


def _evaluated(
    state: NormedState, params: list[Floats], running: list[Running], what: tuple[Floats, float]
) -> Floats:
    """Return logits by the running statistics; ``what`` is (inputs, epsilon)."""
    x, epsilon = what
    layers, readout = _layers(state, params)
    sent, k = [x], 0
    for layer in layers:
        j = sum(sent[source] for source in layer.before)
        for one in layer.synapses:
            root = 1 / np.sqrt(running[k].variance[0] + epsilon)
            j = j + one.gamma * (sent[one.source] @ one.weights - running[k].mean[0]) * root
            j, k = j + one.beta, k + 1
        s = np.maximum(j, 0)
        sent.append(np.asarray(s + sum(sent[source] for source in layer.after)))
    return np.asarray(sent[-1] @ readout)

"""What a training step costs: forward, reverse walk and Adam, over minibatches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsnn.bench.control import HIDDEN, Case
from eventsnn.engines import simulate
from eventsnn.engines.layered import passed as layered
from eventsnn.events import EventBatch
from eventsnn.network.layer_string import Layers, parse_layers
from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.train.learning import Learner
from eventsnn.train.options import TrainOptions, recipe

BATCH = 64
SPIKES = 325
"""Hidden spikes a recording; trained networks fire fewer, see ``docs/results/learning.md``."""

_CONV_SPIKES = 0.2
"""Spikes a neuron and recording of a convolution."""


def training_cases(events: EventBatch, threads: int, result: dict[str, Any]) -> list[Case]:
    """Return sensor-800-10 learning by the spike adjoint, on one thread and on ``threads``.

    The rate is so low that the weights, and with them the activity, stay what they were.
    """
    n = len(events) // BATCH * BATCH or len(events)
    batch = events.part(0, n)
    layers = events.n_units, HIDDEN, 1 + int(events.label.max())
    learner = learner_of(events, 1, layers, SPIKES / HIDDEN)
    passed = layered.run(learner.network, learner.state.weights, batch)
    result["training_step_hidden_spikes"] = float(passed.spikes(1).sum() / n)
    many = learner_of(events, threads, layers, SPIKES / HIDDEN)

    def evaluate() -> None:
        learner.evaluate(batch, 1)

    alone = Case("training_step", steps_of(learner, batch), len(batch.t))
    return [
        alone,
        Case("training_threads", steps_of(many, batch), len(batch.t), alone.run),
        Case("evaluation", evaluate, len(batch.t)),
    ]


def convolution_cases(events: EventBatch, result: dict[str, Any]) -> list[Case]:
    """Return sensor-12c5-2p-64c5-2p-10: the simulator alone, and learning by the adjoint."""
    planes, height, width = events.shape
    batch = events.part(0, min(len(events), BATCH))
    text = f"{height}x{width}x{planes}-12c5-2p-64c5-2p-{1 + int(events.label.max())}"
    learner = learner_of(batch, 1, parse_layers(text), _CONV_SPIKES)
    record = simulate(learner.network, learner.state.weights, batch, record="nothing")
    spikes = record.counts.spikes.mean(0)
    result["conv_network_spikes"] = [float(n) for n in spikes[1:-1]]
    result["conv_network_adds"] = float(record.counts.synaptic_adds.sum(1).mean())

    def forward() -> None:
        simulate(learner.network, learner.state.weights, batch, record="counts")

    learning = Case("conv_training_step", steps_of(learner, batch), len(batch.t))
    return [
        Case("conv_network", forward, len(batch.t)),
        learning,
        learning._replace(name="conv_training", against=forward),
    ]


def learner_of(
    events: EventBatch, threads: int, layers: Layers, spikes: float, batch: int = BATCH
) -> Learner:
    """Return a network that learns, so slowly that its activity stays what it is."""
    near = recipe("adjoint", {"layers": layers})["near_threshold"]
    own = AdjointOptions(batch=batch, rate=1e-12, init_spikes=spikes, near_threshold=near)
    learner = Learner(TrainOptions(rule="adjoint", layers=layers, own=own), threads)
    learner.start(events)
    learner.begin_epoch(0, 1, 1_000_000)
    return learner


def steps_of(learner: Learner, batch: EventBatch) -> Callable[[], None]:
    """Return a call that learns a batch of recordings after the other."""

    def run() -> None:
        starts = range(0, len(batch), BATCH)
        chunks = [np.arange(first, min(first + BATCH, len(batch))) for first in starts]
        deque(learner.learn_all(batch, chunks, np.random.default_rng(0)), maxlen=0)

    return run

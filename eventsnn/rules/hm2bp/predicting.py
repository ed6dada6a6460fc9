"""What a trained network answers, what that takes, and how others see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.data.images import Images
from eventsnn.losses.answers import answers
from eventsnn.rules.hm2bp.counting import FORWARD, INPUT, INWARD, ROWS, SPIKES, count_forward
from eventsnn.rules.hm2bp.encoder import Encoder
from eventsnn.rules.hm2bp.options import HM2BPOptions
from eventsnn.rules.hm2bp.prepared import wires_of
from eventsnn.rules.hm2bp.sample import SampleRunner
from eventsnn.rules.hm2bp.state import HM2State
from eventsnn.rules.learned import Predicted
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.traffic import RuleTraffic
from eventsnn.threads import MOST_THREADS, in_threads

_UNTIMED = "the rule counts what a whole sample does, on its own grid of steps"


def runner_of(state: HM2State, options: HM2BPOptions, threads: int = 1) -> SampleRunner:
    """Return room for samples, on so many threads each."""
    wanted = options.wanted(state.layers[-1].neuron.threshold)
    steps, side = options.grid.grid_steps, options.side_effect
    return SampleRunner(state.layers, steps, wanted, side, threads)


def predicted(
    state: HM2State, options: HM2BPOptions, data: Data, order: NDArray[np.int64], threads: int
) -> Predicted:
    """Run the samples ``order``, shared out among threads."""
    threads = max(1, min(threads, len(order), MOST_THREADS))
    while len(state.runners) < threads:
        state.runners.append(runner_of(state, options))
    n_out = state.layers[-1].topology.n_out
    counts = np.zeros((len(order), n_out), np.int64)
    tallies = np.zeros((threads, ROWS, len(state.layers)), np.int64)
    edges = [len(order) * k // threads for k in range(threads + 1)]

    learning = state.learning

    def run(k: int) -> None:
        runner = state.runners[k]
        runner.take(learning, state.inward)
        encoder = Encoder(options, data, runner.layers[0].n_in)
        for place in range(edges[k], edges[k + 1]):
            encoder.encode(int(order[place]), runner.input)
            runner.forward()
            counts[place] = runner.trains[-1].counts
        count_forward(runner, tallies[k])

    in_threads(run, range(threads), threads)
    tally = tallies.sum(0)
    spikes = np.concatenate([tally[INPUT, :1], tally[SPIKES]])
    return Predicted(answers(counts), spikes, tally[FORWARD] + tally[INWARD])


def own_network(state: HM2State, options: HM2BPOptions) -> OwnNetwork:
    """Return what a network is, for ``measure``."""
    layers = state.layers
    wires = [wires_of(layer.topology) for layer in layers]
    synapses = [
        len(w.place) * layer.weight_shape[1] for w, layer in zip(wires, layers, strict=True)
    ]
    sizes = {"input": layers[0].topology.n_in} | {one.name: one.topology.n_out for one in layers}
    return OwnNetwork(
        sizes,
        "stepped_lif",
        [one.weights for one in state.learning],
        4,
        _UNTIMED,
        tuple(layer.topology.kind for layer in layers),
        tuple(synapses),
        dense_sweep(state, options),
    )


def dense_sweep(state: HM2State, options: HM2BPOptions) -> dict[str, float]:
    """Return the additions of a sample if rows were added at every step, event or not."""
    steps = options.grid.grid_steps
    each = [len(wires_of(one.topology).place) * one.weight_shape[1] for one in state.layers]
    lowest = next((k for k, one in enumerate(state.layers) if one.learns), len(each))
    return {"forward": float(steps * sum(each)), "backward": float(steps * sum(each[lowest:]))}


def traffic_of(
    state: HM2State, options: HM2BPOptions, data: Data, index: int, name: str
) -> RuleTraffic:
    """Run one sample, and return every spike that it caused."""
    runner = runner_of(state, options)
    Encoder(options, data, runner.layers[0].n_in).encode(index, runner.input)
    runner.take(state.learning, state.inward)
    runner.forward()
    tally = np.zeros((ROWS, len(state.layers)), np.int64)
    count_forward(runner, tally)
    images, step_us = isinstance(data, Images), options.grid.step_us
    scale = 1 if images else step_us
    found = [trains.times() for trains in runner.trains]
    label = int(labels_of(data)[index])
    return RuleTraffic(
        name,
        [step.astype(np.float64) * scale for step, _ in found],
        [unit for _, unit in found],
        runner.trains[-1].counts.astype(np.float64),
        None if label < 0 else label,
        float(options.grid.grid_steps * scale),
        tally[FORWARD] + tally[INWARD],
        "step" if images else "us",
        (runner.layers[0].n_in, *(layer.n_out for layer in runner.layers)),
    )

"""What a network with normalised currents did, for ``measure`` and ``simulate``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.rules.ledinauskas2020.graph import NormedGraph
from eventsnn.rules.ledinauskas2020.state import NormedState
from eventsnn.rules.ledinauskas2020.walk import GraphRun
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.traffic import RuleTraffic

_UNTIMED = "its answer is a mean over all steps"


def spikes_of(graph: NormedGraph, ran: GraphRun) -> NDArray[np.int64]:
    """Return how many spikes each population sent; of a current, how many inputs are not 0."""
    hidden = [
        int((u >= layer.threshold).sum()) for u, layer in zip(ran.u, graph.layers[:-1], strict=True)
    ]
    return np.array([int((ran.sent[0] != 0).sum()), *hidden, 0], np.int64)


def costs_of(state: NormedState, steps: int) -> dict[str, Any]:
    """Return operations a sample while learning, beside those of a dense sweep.

    Backward are rows of gradients at events, and multiply-adds of errors that go down.
    """
    if not state.learned:
        return {}
    spikes, adds = (counts / state.learned for counts in state.counts)
    n_weights = sum(p.size for p in state.params)
    return {
        "spikes_per_recording": spikes.tolist(),
        "operations_per_recording": adds[0].tolist(),
        "backward_operations_per_recording": (adds[1] + adds[2]).tolist(),
        "weight_updates_per_recording": [state.optimizer.step * n_weights / state.learned],
        "dense_sweep_per_recording": dense_of(state.graph, steps),
    }


def dense_of(graph: NormedGraph, steps: int) -> dict[str, float]:
    """Return multiply-adds of a sweep over all synapses and steps."""
    forward = float(steps * sum(int(one.runs.synapses.sum()) for one in graph.synapses))
    below = float(steps * sum(int(one.runs.synapses.sum()) for one in graph.synapses if one.source))
    return {"forward": forward, "backward": forward + below}


def own_of(state: NormedState, steps: int) -> OwnNetwork:
    """Return what the network is; skip connections count among the synapses of their target."""
    graph, network = state.graph, state.network
    into: list[list[str]] = [[] for _ in network.populations]
    for connection, target in zip(network.connections, network.targets, strict=True):
        into[target].append(connection.topology.kind)
    return OwnNetwork(
        {p.name: p.size for p in network.populations},
        "grid_lif",
        [np.asarray(w) for w in state.parameters.weights],
        int(state.params[0].itemsize),
        _UNTIMED,
        tuple("+".join(kinds) for kinds in into[1:]),
        tuple(
            sum(int(graph.synapses[s].runs.synapses.sum()) for s in layer.synapses)
            + layer.size * len(layer.before)
            for layer in graph.layers
        ),
        dense_of(graph, steps),
    )


def traffic_of(graph: NormedGraph, ran: GraphRun, data: Data, index: int, name: str) -> RuleTraffic:
    """Return every spike of one sample, by its step; a current counts at step 0."""
    first = ran.sent[0]
    signals = [first[0] if first.ndim == 3 else first]
    signals += [u[0] >= layer.threshold for u, layer in zip(ran.u, graph.layers[:-1], strict=True)]
    t, unit = list[NDArray[np.float64]](), list[NDArray[np.int32]]()
    for signal in signals:
        steps, units = np.nonzero(signal)
        t.append(steps.astype(np.float64))
        unit.append(units.astype(np.int32))
    t.append(np.zeros(0))
    unit.append(np.zeros(0, np.int32))
    label = int(labels_of(data)[index])
    sizes = (graph.n_in, *(layer.size for layer in graph.layers))
    scores = np.asarray(ran.logits[0], np.float64)
    duration = float(ran.u[0].shape[1])
    return RuleTraffic(
        name, t, unit, scores, None if label < 0 else label, duration, ran.adds, "step", sizes
    )

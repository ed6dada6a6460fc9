"""What an STBP network did, for ``measure`` and ``simulate``, and the same for an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.stbp import walk
from eventsnn.rules.stbp.plan import GridLane
from eventsnn.rules.stbp.state import STBPState
from eventsnn.rules.traffic import RuleTraffic
from eventsnn.topology.sparse import Sparse

if TYPE_CHECKING:
    from eventsnn.rules.stbp.rule import STBP

_UNTIMED = "its answer is a rate over all steps"


def costs_of(state: STBPState) -> dict[str, Any]:
    """Return operations a sample while learning, beside those of a dense sweep.

    Backward are the rows of gradients; errors of layers below are multiply-adds.
    """
    if not state.learned:
        return {}
    spikes, adds = (counts / state.learned for counts in state.counts)
    n_weights = sum(p.size for p in state.params)
    updates = state.optimizer.step * n_weights / state.learned
    return {
        "spikes_per_recording": spikes.tolist(),
        "operations_per_recording": adds[0].tolist(),
        "backward_operations_per_recording": (adds[1] + adds[2]).tolist(),
        "weight_updates_per_recording": [updates],
        "dense_sweep_per_recording": _dense(state),
    }


def _dense(state: STBPState) -> dict[str, float]:
    forward, gradients, below = (float(n) for n in state.plan.dense.sum(1))
    return {"forward": forward, "backward": gradients + below}


def own_of(state: STBPState) -> OwnNetwork:
    """Return what the network is."""
    populations = {p.name: p.size for p in state.network.populations}
    topologies = [c.topology for c in state.network.connections]
    return OwnNetwork(
        populations,
        "grid_lif",
        [np.asarray(w) for w in state.weights],
        int(np.dtype(state.plan.real).itemsize),
        _UNTIMED,
        tuple(t.kind for t in topologies),
        tuple(int(layer.runs.synapses.sum()) for layer in state.plan.layers),
        _dense(state),
    )


def traffic_of(rule: STBP, state: STBPState, data: Data, index: int, name: str) -> RuleTraffic:
    """Run one sample, and return every spike that it caused, by its step."""
    lane, plan = GridLane(state.plan, False), state.plan
    sample, count = rule.sample(data, np.array([index]), None), walk.tally(plan)
    walk.encoded(lane, sample, slice(0, 1), False)
    by = walk.weighed(plan, state.weights, state.biases, False)
    scores = walk.run(lane, by, 1, count)[0]
    t, unit = list[NDArray[np.float64]](), list[NDArray[np.int32]]()
    for sent in (lane.sent, *(room.sent for room in lane.layers)):
        at = sent.at[0]
        t.append(np.repeat(np.arange(plan.steps, dtype=np.float64), np.diff(at)))
        unit.append(sent.unit[0, : at[-1]].copy())
    label, sizes = int(labels_of(data)[index]), (plan.n_in, *(x.size for x in plan.layers))
    return RuleTraffic(
        name,
        t,
        unit,
        scores,
        None if label < 0 else label,
        float(plan.steps),
        count.adds[0],
        "step",
        sizes,
    )


class Simulated(NamedTuple):
    """A network as an engine runs it, and one sample.

    Attributes
    ----------
    network : Network
    weights : list of arrays, in the order of the connections
    stream : EventStream
        One instant a step.
    """

    network: Network
    weights: list[NDArray[Any]]
    stream: EventStream


def simulated(rule: STBP, state: STBPState, data: EventBatch, index: int) -> Simulated:
    """Return what an engine is to run for the spikes of the rule's own loops, to the last bit.

    A bias is a synapse of one more input, which speaks in every step: unit 0, so that it comes
    first. A prediction of the next spike would do as well, but nobody needs one where each step
    is an instant all the same.
    """
    steps, step_us = state.plan.steps, max(rule.options.step_us, 1)
    told = traffic_of(rule, state, data, index, "")
    t, unit = told.t[0].astype(np.int64), told.unit[0].astype(np.int64)
    weights = [
        np.asarray(w) * state.plan.real(layer.share)
        for w, layer in zip(state.weights, state.plan.layers, strict=True)
    ]
    duration, whole = steps * step_us, state.network.populations[0].shape
    if not state.biases:
        shape = whole if len(whole) == 3 else (1, 1, state.plan.n_in)
        stream = EventStream(t * step_us, unit.astype(np.int32), shape, None, duration)
        return Simulated(state.network, weights, stream)
    t, unit = np.append(t, np.arange(steps)), np.append(unit + 1, np.zeros(steps, np.int64))
    order = np.lexsort((unit, t))
    shape = (1, 1, state.plan.n_in + 1)
    at, units = t[order] * step_us, unit[order].astype(np.int32)
    return _clocked(state, weights, EventStream(at, units, shape, None, duration))


def _clocked(state: STBPState, weights: list[NDArray[Any]], stream: EventStream) -> Simulated:
    network, found = state.network, list[NDArray[Any]]()
    connections = list[Connection]()
    for k, connection in enumerate(network.connections):
        topology, n = connection.topology, state.plan.layers[k].size
        biases = np.tile(state.biases[k], n // topology.clock_size)
        ends = np.zeros(stream.shape[2] + 1, np.int64)
        ends[1:] = n
        targets = [np.arange(n)]
        if k == 0:
            for j in range(topology.n_in):
                target, weight = topology.fan_out(j)
                targets.append(target)
                ends[j + 2 :] += len(target)
                biases = np.append(biases, weights[0].reshape(-1)[weight])
        source = network.populations[0].name
        clock = Sparse(n, ends, np.concatenate(targets).astype(np.int32))
        connections.append(Connection(source, connection.target, clock, name=f"clock {k}"))
        found.append(biases)
        if k:
            connections.append(connection)
            found.append(weights[k])
    populations = (Population(network.populations[0].name, stream.shape), *network.populations[1:])
    return Simulated(Network(populations, tuple(connections)), found, stream)

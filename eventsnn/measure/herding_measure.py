"""What is exact about the event-driven backprop MLP, in the keys of ``measurement.py``.

Its spikes are signed units, and every change of state is an addition; threshold tests and
the search for the largest potential are not counted by its kernel. What needs a clock, or
an answer at any moment, does not apply: it is told so and not estimated.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers, unanswered
from eventsnn.measure.energy import EnergyModel, Work, estimate
from eventsnn.measure.measurement import Measured
from eventsnn.measure.mistakes import check_labelled, confusion
from eventsnn.rules.deep_spiking import state

if TYPE_CHECKING:
    from eventsnn.rules.deep_spiking.learner import HerdingLearner

_NO_TIME = "its answer is the mean drive over T steps of a recording's events, not of its time"


def measure_herding(
    learner: HerdingLearner, data: Data, models: tuple[EnergyModel, ...], threads: int = 1
) -> Measured:
    """Measure a network of the rule herding on labelled samples."""
    labels = labels_of(data)
    check_labelled(labels, data.source)
    outputs, tally = learner.net.outputs(data, np.arange(len(data)), threads)
    predictions = answers(outputs)
    n, right = len(data), int((predictions == labels).sum())
    sizes = learner.net.sizes
    names = ["input", *(f"layer {k}" for k in range(1, len(sizes)))]
    counted = _operations(learner, tally, names, n)
    counted["operations_per_right_answer"] = int(tally[state.ADDS].sum()) / max(right, 1)
    result = {
        "accuracy": right / n,
        "right": right,
        "recordings": n,
        "no_answer": unanswered(predictions),
        "network": _network(names, sizes),
        "duration_us": float(data.duration.mean()) if isinstance(data, EventBatch) else 0.0,
        "operations": counted,
        "training": _training(learner),
        "references": {
            "relu": {"multiply_accumulates": float(_synapses(learner)), "accuracy": None},
            "not_measured": "a network without time constants has no clock-driven twin",
        },
        "neurobench": _neurobench(learner),
        "energy": _energy(models, counted),
        "anytime": {"not_measured": _NO_TIME},
        "confusion": confusion(labels, predictions, sizes[-1]),
    }
    return Measured(result, predictions.astype(np.int64))


def _synapses(learner: HerdingLearner) -> int:
    return sum(a * b for a, b in pairwise(learner.net.sizes))


def _itemsize(learner: HerdingLearner) -> int:
    return int(np.dtype(learner.net.options.numpy_dtype).itemsize)


def _operations(
    learner: HerdingLearner, tally: NDArray[np.int64], names: list[str], n: int
) -> dict[str, Any]:
    """Return means a recording, from the tally of the kernel."""
    adds = [int(a) for a in tally[state.ADDS]]
    spikes = [int(tally[state.IN_SPIKES, 0]), *(int(s) for s in tally[state.SPIKES])]
    pairs = [f"{a}->{b}" for a, b in pairwise(names)]
    means = dict(zip(pairs, [a / n for a in adds], strict=True))
    return {
        "recordings": n,
        "spikes": dict(zip(names, [s / n for s in spikes], strict=True)),
        "deliveries": dict(zip(pairs, [s / n for s in spikes[:-1]], strict=True)),
        "synaptic_operations": means,
        "weight_bytes": {name: _itemsize(learner) * a for name, a in means.items()},
        "operations_per_recording": sum(adds) / n,
        "operations_per_event": sum(adds) / max(spikes[0], 1),
        "operations_per_spike": sum(adds) / max(sum(spikes), 1),
    }


def _neurobench(learner: HerdingLearner) -> dict[str, Any]:
    zeros = sum(int((w == 0).sum()) for w in learner.net.weights)
    return {
        "Footprint": _synapses(learner) * _itemsize(learner),
        "ParameterCount": _synapses(learner),
        "ConnectionSparsity": zeros / _synapses(learner),
        "not_measured": "ActivationSparsity, MembraneUpdates and SynapticOperations: there are no "
        "time steps, and updates of potentials are not counted",
    }


def _network(names: list[str], sizes: tuple[int, ...]) -> dict[str, Any]:
    return {
        "populations": [
            {"name": name, "neurons": size, "model": "herding" if k else "input"}
            for k, (name, size) in enumerate(zip(names, sizes, strict=True))
        ],
        "connections": [
            {"name": f"{a}->{b}", "topology": "dense", "source": a, "target": b}
            for a, b in pairwise(names)
        ],
    }


def _training(learner: HerdingLearner) -> dict[str, Any]:
    """Return the mean cost of the samples that it learned, as its own training counted it."""
    costs = learner.costs()
    keys = ("backward_operations_per_recording", "weight_updates_per_recording")
    if any(key not in costs for key in keys):
        return {"not_counted": "it has not learned yet"}
    forward = sum(costs["operations_per_recording"])
    back, updates = (sum(costs[key]) for key in keys)
    return {
        "forward_operations": forward,
        "backward_operations": back,
        "weight_updates": updates,
        "operations_per_recording": forward + back + updates,
        "passes_of_inference": (forward + back + updates) / max(forward, 1.0),
    }


def _energy(models: tuple[EnergyModel, ...], counted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return estimates of the synapses alone, on machines that wait for events."""
    adds, read = counted["operations_per_recording"], sum(counted["weight_bytes"].values())
    work = Work(adds, 0.0, 0.0, 0.0, 0.0, 0.0, read, 0.0, 0.0)
    plain = [model for model in models if not model.clock_us]
    note = "synapses and memory only: updates of neurons are not counted for this rule"
    return [estimate(model, work) | {"neurons_nj": None, "note": note} for model in plain]

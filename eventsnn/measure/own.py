"""What is exact about a network that its rule runs itself, in the keys of ``measurement.py``.

Its rule counts spikes and synaptic additions. What is not counted, needs a clock, or an answer at
any moment, does not apply: it is told so and not estimated.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from eventsnn.data.dataset import Data, labels_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import unanswered
from eventsnn.measure.energy import EnergyModel, Work, estimate
from eventsnn.measure.measurement import Measured
from eventsnn.measure.mistakes import check_labelled, confusion
from eventsnn.measure.operations import per_right_answer
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.rules.learned import Predicted
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.rule import Rule
from eventsnn.train.predict import predicted


def measure_own(
    rule: Rule[Any, Any],
    state: Any,
    data: Data,
    models: tuple[EnergyModel, ...],
    threads: int = 1,
    ranks: Ranks = ONE,
) -> Measured:
    """Measure a trained network on labelled samples, as far as its rule counts what it does.

    Raises
    ------
    UserError
        If the rule counts nothing, or a sample has no label.
    """
    own = rule.own(state)
    if own is None:
        raise UserError(
            f"{data.source}: a network of the rule {rule.kind} cannot be measured: it is neither "
            "run by the simulator, nor does the rule count what it does"
        )
    labels = labels_of(data)
    check_labelled(labels, data.source)
    found = predicted(ranks, rule, state, data, threads)
    n, right = len(data), int((found.classes == labels).sum())
    counted = _operations(own, found, n)
    counted["operations_per_right_answer"] = per_right_answer(int(found.adds.sum()), right)
    result = {
        "accuracy": right / n,
        "right": right,
        "recordings": n,
        "no_answer": unanswered(found.classes),
        "network": _network(own),
        "duration_us": float(data.duration.mean()) if isinstance(data, EventBatch) else 0.0,
        "operations": counted,
        "training": _training(rule.costs(state)),
        "references": {
            "relu": {"multiply_accumulates": float(own.all_synapses), "accuracy": None},
            "not_measured": "a network without time constants has no clock-driven twin",
        }
        | ({"dense_sweep": dict(own.dense_sweep)} if own.dense_sweep else {}),
        "neurobench": _neurobench(own),
        "energy": _energy(models, own, found, n),
        "anytime": {"not_measured": own.untimed},
        "confusion": confusion(labels, found.classes, list(own.populations.values())[-1]),
    }
    return Measured(result, found.classes.astype(np.int64))


def _operations(own: OwnNetwork, found: Predicted, n: int) -> dict[str, Any]:
    """Return means a recording."""
    adds, spikes = [int(a) for a in found.adds], [int(s) for s in found.spikes]
    pairs = [f"{a}->{b}" for a, b in pairwise(own.populations)]
    means = dict(zip(pairs, [a / n for a in adds], strict=True))
    return {
        "recordings": n,
        "spikes": dict(zip(own.populations, [s / n for s in spikes], strict=True)),
        "deliveries": dict(zip(pairs, [s / n for s in spikes[:-1]], strict=True)),
        "synaptic_operations": means,
        "weight_bytes": {name: own.itemsize * a for name, a in means.items()},
        "operations_per_recording": sum(adds) / n,
        "operations_per_event": sum(adds) / max(spikes[0], 1),
        "operations_per_spike": sum(adds) / max(sum(spikes), 1),
    }


def _neurobench(own: OwnNetwork) -> dict[str, Any]:
    zeros = sum(int((w == 0).sum()) for w in own.weights)
    return {
        "Footprint": own.parameters * own.itemsize,
        "ParameterCount": own.parameters,
        "ConnectionSparsity": zeros / own.parameters,
        "not_measured": "ActivationSparsity, MembraneUpdates and SynapticOperations: there are no "
        "time steps, and updates of potentials are not counted",
    }


def _network(own: OwnNetwork) -> dict[str, Any]:
    return {
        "populations": [
            {"name": name, "neurons": size, "model": own.model if k else "input"}
            for k, (name, size) in enumerate(own.populations.items())
        ],
        "connections": [
            {"name": f"{a}->{b}", "topology": kind, "source": a, "target": b}
            for (a, b), kind in zip(
                pairwise(own.populations),
                own.topologies or ("dense",) * (len(own.populations) - 1),
                strict=True,
            )
        ],
    }


def _training(costs: dict[str, Any]) -> dict[str, Any]:
    """Return the mean cost of the samples that it learned, as its own training counted it."""
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


def own_work(own: OwnNetwork, found: Predicted, n: int, every: bool = False) -> Work:
    """Return what a recording took, for an estimate; ``every``: no synapse was passed over."""
    adds = [float(a) / n for a in found.adds]
    if every:
        sizes = [a * b for a, b in pairwise(own.populations.values())]
        adds = [float(size) for size in own.synapses or sizes]
    graded = own.multiplies or (False,) * len(adds)
    macs = sum(a for a, multiplies in zip(adds, graded, strict=True) if multiplies)
    beside = [float(count) / n for count in found.neurons or (0, 0, 0)]
    single, read = sum(adds) - macs + beside[0], sum(adds) * own.itemsize
    return Work(single, macs, beside[1], beside[2], 0.0, 0.0, read, 0.0, 0.0)


def _energy(
    models: tuple[EnergyModel, ...], own: OwnNetwork, found: Predicted, n: int
) -> list[dict[str, Any]]:
    """Return estimates on machines that wait for events."""
    work = own_work(own, found, n)
    told = [estimate(model, work) for model in models if not model.clock_us]
    return told if found.neurons is not None else [one | _SYNAPSES_ALONE for one in told]


_SYNAPSES_ALONE: dict[str, Any] = dict.fromkeys(
    ("neurons_nj", "decays_nj", "tests_nj", "updates_nj", "spikes_nj", "without_decays_nj")
) | {"note": "synapses and memory only: updates of neurons are not counted for this rule"}

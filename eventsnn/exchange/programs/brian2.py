"""Brian2: the equations that NIR gives its neurons, integrated exactly from step to step.

Brian2 has no import of NIR. Here each node of neurons is a ``NeuronGroup`` of the node's own
equations, and what lies between two of them a ``Synapses`` of the product of its matrices. A spike
is held for its step (of a Dirac pulse the height is 1 / dt). In a step a node takes what comes,
moves, and fires, before the nodes behind it do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.nodes.cell import CellNode
from eventsnn.exchange.nir.nodes.ends import Input
from eventsnn.exchange.nir.nodes.map import Map, diagonal
from eventsnn.exchange.nir.shapes import shapes_of
from eventsnn.exchange.programs.program import Program, Steps, StepTask

_TAKE, _COME, _MOVE, _FIRE, _RESET, _ALL = range(6)
"""What a node does in a step, one after the other, and how much that is."""


class Brian2(Program):
    """A network of Brian2, in its ``numpy`` target."""

    kind: ClassVar[str] = "brian2"
    package: ClassVar[str] = "brian2"
    does: ClassVar[str] = "exact between steps, a spike held for one, v is compared at every step"

    def run(self, task: StepTask) -> Steps:
        """Return who fires."""
        import brian2

        brian2.prefs.codegen.target = "numpy"
        brian2.BrianLogger.suppress_hierarchy("brian2.stateupdaters.base.method_choice")
        order = [n for n in task.tree.order if _fires(task, n)]
        groups = {n: _group(task, n, k * _ALL) for k, n in enumerate(order)}
        parts: list[Any] = []
        for k, name in enumerate(order):
            ways, constant = _arriving(task, name)
            groups[name].run_regularly("x = base", when="groups", order=k * _ALL + _TAKE)
            groups[name].base = constant
            parts += [_joined(task, groups, way, name, k * _ALL + _COME) for way in ways]
        seen = {name: brian2.SpikeMonitor(group) for name, group in groups.items()}
        network = brian2.Network(*groups.values(), *parts, *seen.values())
        steps = len(task.inputs)
        network.run(steps * task.dt_us * brian2.us)
        found = {}
        for name, monitor in seen.items():
            if not np.isfinite(groups[name].v[:]).all():
                raise ValueError(
                    f"{name}: v is not finite; equal time constants have no exact form"
                )
            found[name] = np.zeros((steps, len(groups[name])), np.bool_)
            found[name][np.rint(monitor.t / (task.dt_us * brian2.us)).astype(int), monitor.i] = True
        return found


@dataclass(frozen=True)
class GraphWay:
    """How a node reaches another.

    Attributes
    ----------
    source : str
    matrix : sparse array (n_target, n_source)
    delay : float
        In units of time.
    """

    source: str
    matrix: Any
    delay: float = 0.0


def _fires(task: StepTask, name: str) -> bool:
    node = task.tree.nodes[name]
    return isinstance(node, CellNode) and node.spiking


def _arriving(task: StepTask, name: str) -> tuple[list[GraphWay], Any]:
    """Return the ways to a node, and the constant that it is given."""
    shapes = shapes_of(task.tree, "graph")
    ways: list[GraphWay] = []
    constant: Any = 0.0
    for before in task.tree.before[name]:
        node = task.tree.nodes[before]
        if not isinstance(node, Map) or isinstance(node, Input):
            ways.append(GraphWay(before, diagonal(1.0, shapes[before])))
            continue
        given = shapes[task.tree.before[before][0]]
        matrix, own = node.matrix(given), node.constant(given)
        more, level = _arriving(task, before)
        constant = constant + matrix @ (np.zeros(matrix.shape[1]) + level)
        constant = constant if own is None else constant + own
        for way in more:
            ways += _later(node, GraphWay(way.source, matrix @ way.matrix, way.delay))
    return ways, constant


def _later(node: Map, way: GraphWay) -> list[GraphWay]:
    """Return a way behind a node that may keep what it passes on, one for each delay."""
    delays = node.delay()
    if delays is None:
        return [way]
    each = np.broadcast_to(delays, way.matrix.shape[:1])
    return [
        GraphWay(
            way.source, diagonal((each == d).astype(float), each.shape) @ way.matrix, way.delay + d
        )
        for d in np.unique(each)
    ]


def _group(task: StepTask, name: str, first: int) -> Any:
    """Return the neurons of a node."""
    import brian2

    node = task.tree.nodes[name]
    assert isinstance(node, CellNode)
    size = math.prod(shapes_of(task.tree, "graph")[name])
    limit = "v_threshold" if "v_threshold" in node.values else "threshold"
    after = f"v = v - {limit}" if task.convention.reset == "subtract" else "v = v_reset"
    lines = [f"{parameter} : 1 (constant)" for parameter in node.values]
    group = brian2.NeuronGroup(
        size,
        "\n".join([node.equations, "x : 1", "base : 1 (constant)", *lines]),
        threshold=f"v {task.convention.fires} {limit}",
        reset=after if limit == "v_threshold" else "",
        method=("exact", "euler"),  # without a leak both are exact
        dt=task.dt_us * brian2.us,
        namespace={"unit": task.convention.unit_us * brian2.us},
    )
    for parameter in node.values:
        setattr(group, parameter, np.broadcast_to(node.flat(parameter), size))
    if "dv/dt" in node.equations:
        group.v = node.begin(size)["v"]
    moments = {"stateupdater": _MOVE, "spike_thresholder": _FIRE, "spike_resetter": _RESET}
    for part in group.contained_objects:
        for ending, moment in moments.items():
            if part.name.endswith(ending):
                part.when, part.order = "groups", first + moment
    return group


def _joined(task: StepTask, groups: dict[str, Any], way: GraphWay, name: str, order: int) -> Any:
    """Return what takes spikes, or events, along a way."""
    import brian2

    group, dt = groups[name], task.dt_us / task.convention.unit_us
    late = int(np.rint(way.delay / dt))
    matrix = (way.matrix * (1 / dt if task.convention.spike == "dirac" else 1.0)).tocoo()
    if isinstance(task.tree.nodes[way.source], Input):
        rows: NDArray[Any] = task.inputs.reshape(len(task.inputs), -1).astype(np.float64)
        rows = np.concatenate([np.zeros((late, rows.shape[1])), rows]) @ matrix.toarray().T

        @brian2.network_operation(dt=task.dt_us * brian2.us, when="groups", order=order)
        def come(t: Any) -> None:
            group.x += rows[int(np.rint(t / (task.dt_us * brian2.us)))]

        return come
    synapses = brian2.Synapses(
        groups[way.source], group, "w : 1", on_pre="x_post += w", dt=task.dt_us * brian2.us
    )
    synapses.connect(i=matrix.col, j=matrix.row)
    synapses.w = matrix.data
    synapses.delay = late * task.dt_us * brian2.us
    synapses.pre.when, synapses.pre.order = "groups", order
    return synapses

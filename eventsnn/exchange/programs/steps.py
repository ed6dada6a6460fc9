"""``steps``: forward Euler in steps, in numpy: what programs of steps do, from the graph alone.

In a step each neuron takes what spikes of this step bring (where a circle is closed those of the
last), moves by dt times its equation, and fires if v is above its threshold (or at it: ``fires``).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.nodes.cell import CellNode
from eventsnn.exchange.nir.nodes.ends import Input
from eventsnn.exchange.nir.nodes.map import Map
from eventsnn.exchange.nir.shapes import shapes_of
from eventsnn.exchange.nir.tree import NirTree
from eventsnn.exchange.programs.program import Program, Steps, StepTask


class EulerSteps(Program):
    """Forward Euler."""

    kind: ClassVar[str] = "steps"
    does: ClassVar[str] = "forward Euler in steps, v is compared at every step"

    def run(self, task: StepTask) -> Steps:
        """Return who fires."""
        tree, unit = task.tree, task.convention.unit_us
        dt = task.dt_us / unit
        height = 1.0 / dt if task.convention.spike == "dirac" else 1.0
        shapes, order = shapes_of(tree, "graph"), tree.order
        passed: dict[str, Any] = {n: np.zeros(int(np.prod(s))) for n, s in shapes.items()}
        states: dict[str, dict[str, Any]] = {}
        matrices = {n: _matrix(tree, n, shapes) for n in order}
        fired: dict[str, list[Any]] = {n: [] for n in order if _fires(tree, n)}
        late: dict[str, list[Any]] = {}
        for row in task.inputs.reshape(len(task.inputs), -1):
            for name in order:
                node = tree.nodes[name]
                given = sum(passed[b] for b in tree.before[name]) if tree.before[name] else 0.0
                if isinstance(node, Input):
                    passed[name] = row.astype(np.float64) * height
                elif isinstance(node, CellNode):
                    state = states.setdefault(name, node.begin(passed[name].size))
                    node.move(state, given, dt)
                    spikes = node.fire(state, task.convention)
                    passed[name] = spikes * height
                    if name in fired:
                        fired[name].append(spikes)
                elif isinstance(node, Map):
                    passed[name] = _late(node, matrices[name](given), late.setdefault(name, []), dt)
        return {name: np.array(steps) for name, steps in fired.items()}


def _fires(tree: NirTree, name: str) -> bool:
    node = tree.nodes[name]
    return isinstance(node, CellNode) and node.spiking


def _matrix(tree: NirTree, name: str, shapes: dict[str, Any]) -> Any:
    node = tree.nodes[name]
    if not isinstance(node, Map) or isinstance(node, Input):
        return None
    given = shapes[tree.before[name][0]]
    matrix, constant = node.matrix(given), node.constant(given)
    return lambda x: matrix @ x if constant is None else matrix @ x + constant


def _late(node: Map, value: NDArray[Any], kept: list[Any], dt: float) -> NDArray[Any]:
    """Return what comes out of a node now that may keep what it is given."""
    delay = node.delay()
    if delay is None:
        return value
    kept.append(value)
    ago = np.broadcast_to(np.rint(delay / dt).astype(int), value.shape)
    found: NDArray[Any] = np.array(
        [kept[-1 - a][j] if a < len(kept) else 0.0 for j, a in enumerate(ago)]
    )
    return found

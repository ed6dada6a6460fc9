"""The shape of what each node of a graph passes on, and whether what follows takes it."""

from __future__ import annotations

import contextlib
import math

from eventsnn.errors import DataError
from eventsnn.exchange.nir.nodes.cell import CellNode
from eventsnn.exchange.nir.nodes.ends import Input, Output
from eventsnn.exchange.nir.nodes.node import Shape
from eventsnn.exchange.nir.tree import NirTree
from eventsnn.text import named
from eventsnn.topology.topology import MAX_UNITS


def shapes_of(tree: NirTree, where: str) -> dict[str, Shape]:
    """Return the shape of what each node passes on.

    Raises
    ------
    DataError
        For a node that nothing leads to, whose shape nothing says, or that is given another shape
        than it takes; it names the node.
    """
    found = {n: node.own_shape for n, node in tree.nodes.items() if node.own_shape is not None}
    for name, node in tree.nodes.items():
        if isinstance(node, Input):
            found[name] = _without_batch(tree, name, node.shape)
    waiting = [name for name in tree.nodes if name in found]
    while waiting:
        name = waiting.pop()
        for follower in tree.after[name]:
            if follower not in found:
                found[follower] = _counted(tree, follower, found[name])
                waiting.append(follower)
    for name, node in tree.nodes.items():
        if not isinstance(node, Input) and not tree.before[name]:
            raise node.refuse("nothing leads to it; draw an edge to it, or leave it out")
        if name not in found:
            raise node.refuse("nothing says its shape; lead an Input to it")
    for source, target in tree.edges:
        _check(tree, source, target, found)
    if not any(isinstance(node, Input) for node in tree.nodes.values()):
        raise DataError(f"{where}: has no node of type Input; add one")
    return found


def _without_batch(tree: NirTree, name: str, shape: Shape) -> Shape:
    """Return the shape of an Input without a first side of 1 that nothing behind it takes.

    Exporters of PyTorch leave that of the batch there.
    """
    takes: list[Shape] = []
    for candidate in (shape, shape[1:]):
        with contextlib.suppress(DataError):
            for follower in tree.after[name]:
                tree.nodes[follower].fits(candidate)
            takes.append(candidate)
    return shape if shape in takes or len(shape) < 2 or shape[0] != 1 or not takes else takes[0]


def _counted(tree: NirTree, name: str, given: Shape) -> Shape:
    shape = tree.nodes[name].fits(given)
    if math.prod(shape) > MAX_UNITS:
        raise tree.nodes[name].refuse(f"has {shape} units; give at most {MAX_UNITS}")
    return shape


def _check(tree: NirTree, source: str, target: str, found: dict[str, Shape]) -> None:
    """Refuse what is given another shape than it takes."""
    node, given = tree.nodes[target], found[source]
    if isinstance(node, Output):
        if math.prod(node.shape) != math.prod(given):
            raise node.refuse(f"has the shape {node.shape}, {named(source)} passes on {given}")
        return
    if isinstance(node, Input):
        raise node.refuse(f"{named(source)} leads to it; an Input is where a graph begins")
    shape = node.fits(given)
    if shape != found[target] and not (isinstance(node, CellNode) and not node.shape):
        raise node.refuse(
            f"passes on {found[target]}, and of what {named(source)} gives it {shape}; give it one "
            "shape"
        )
    if isinstance(node, CellNode) and not node.shape and given != found[target]:
        raise node.refuse(f"is given {found[target]}, and by {named(source)} {given}; make it one")

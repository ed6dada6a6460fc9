"""The ways of spikes: from neurons and inputs through nodes without neurons to the next neurons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.exchange.nir.nodes.cell import CellNode
from eventsnn.exchange.nir.nodes.ends import Input, Output
from eventsnn.exchange.nir.nodes.map import Map
from eventsnn.exchange.nir.nodes.node import Shape
from eventsnn.exchange.nir.tree import NirTree

_MOST = 10_000


@dataclass(frozen=True)
class Way:
    """A way of spikes.

    Attributes
    ----------
    source, target : str
        Names of nodes: an Input or neurons, and neurons or an Output.
    steps : tuple of (Map, Shape)
        What lies between, each with the shape that it is given.
    """

    source: str
    target: str
    steps: tuple[tuple[Map, Shape], ...]


def ways_of(tree: NirTree, shapes: dict[str, Shape]) -> list[Way]:
    """Return every way, in the order of the nodes and edges.

    Raises
    ------
    DataError
        For potentials that are passed on, and for a circle without neurons.
    """
    ways: list[Way] = []
    for name, node in tree.nodes.items():
        if isinstance(node, CellNode) and not node.spiking:
            for follower in tree.after[name]:
                if not isinstance(tree.nodes[follower], Output):
                    raise node.refuse(
                        f"passes its potential on to {follower!r}; only spikes travel here: put "
                        "neurons that fire between them"
                    )
        if isinstance(node, Input | CellNode):
            _follow(tree, shapes, (name, name, (), (name,)), ways)
    return ways


_Begun = tuple[str, str, tuple[tuple[Map, Shape], ...], tuple[str, ...]]
"""Source, the last node, the steps until there, the names of the nodes."""


def _follow(tree: NirTree, shapes: dict[str, Shape], begun: _Begun, ways: list[Way]) -> None:
    """Add every way that goes on from what has begun."""
    waiting = [begun]
    while waiting:
        source, last, steps, seen = waiting.pop()
        for name in reversed(tree.after[last]):
            node = tree.nodes[name]
            if isinstance(node, CellNode | Output):
                ways.append(Way(source, name, steps))
            elif name in seen[1:]:
                raise node.refuse("leads back to itself without neurons; put some into the circle")
            elif isinstance(node, Map):
                passed = (*steps, (node, shapes[last]))
                waiting.append((source, name, passed, (*seen, name)))
        if len(ways) + len(waiting) > _MOST:
            raise DataError(
                f"{tree.nodes[source].where}: more than {_MOST:,} ways lead on from it; no network "
                "needs so many"
            )


def constants_of(tree: NirTree, shapes: dict[str, Shape]) -> dict[str, NDArray[np.float64]]:
    """Return the constant current into each node that has one, (n_units,) by NIR's numbers."""
    into: dict[str, NDArray[np.float64]] = {}
    waiting = [n for n, node in tree.nodes.items() if isinstance(node, Map)]
    left = {n: sum(isinstance(tree.nodes[b], Map) for b in tree.before[n]) for n in waiting}
    ready = [n for n in waiting if not left[n]]
    while ready:
        name = ready.pop()
        node = tree.nodes[name]
        assert isinstance(node, Map)
        given = shapes[tree.before[name][0]] if tree.before[name] else shapes[name]
        sent = node.constant(given)
        if name in into and not isinstance(node, Output):
            passed = node.matrix(given) @ into[name]
            sent = passed if sent is None else passed + sent
        for follower in tree.after[name]:
            if sent is not None:
                into[follower] = into.get(follower, 0.0) + sent
            if isinstance(tree.nodes[follower], Map):
                left[follower] -= 1
                ready += [follower] * (left[follower] == 0)
    return into

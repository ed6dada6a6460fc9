"""A NIR graph as a network of this library, with its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.exchange.nir.cells import CellWanted, neuron_of
from eventsnn.exchange.nir.connect import Joined, Place, connection_of, place_of
from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellNode
from eventsnn.exchange.nir.nodes.ends import Input, Output
from eventsnn.exchange.nir.paths import Way, constants_of, ways_of
from eventsnn.exchange.nir.shapes import shapes_of
from eventsnn.exchange.nir.tree import NirTree
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.neuron import Neuron
from eventsnn.text import named

Weights = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Joint:
    """A connection that is to be made."""

    way: Way
    found: Joined


def network_of(tree: NirTree, convention: Convention, where: str) -> tuple[Network, Weights]:
    """Return the network of a graph, and its weights by connection name.

    Raises
    ------
    DataError
        For what has no form here: it names the node and the remedy.
    """
    shapes = shapes_of(tree, where)
    ways = ways_of(tree, shapes)
    _check_outputs(tree, ways)
    constants = constants_of(tree, shapes)
    facts = {
        name: node.facts(convention)
        for name, node in tree.nodes.items()
        if isinstance(node, CellNode)
    }
    places = {
        name: place_of(shapes[name], isinstance(node, Input))
        for name, node in tree.nodes.items()
        if isinstance(node, Input | CellNode)
    }
    inner = [way for way in ways if way.target in facts]
    joints = [
        _Joint(
            way,
            connection_of(
                way, places[way.source], places[way.target], facts[way.target].gain, convention
            ),
        )
        for way in inner
    ]
    single = all(j.found.weights.dtype == np.float32 for j in joints)
    dtype: type[Any] = np.float32 if joints and single else np.float64
    neurons: dict[str, Neuron] = {}
    for name, fact in facts.items():
        node = tree.nodes[name]
        assert isinstance(node, CellNode)
        bias = np.asarray(constants.get(name, np.zeros(1)) * np.reshape(fact.drive, -1))
        wanted = CellWanted(_same(bias), places[name].order, dtype)
        neurons[name] = neuron_of(node, fact, wanted, convention)
    return _network(tree, places, neurons, (joints, ways), (convention, dtype, where))


def _same(bias: NDArray[np.float64]) -> NDArray[np.float64]:
    return bias[:1] if (bias == bias[0]).all() else bias


def _network(
    tree: NirTree,
    places: dict[str, Place],
    neurons: dict[str, Neuron],
    found: tuple[list[_Joint], list[Way]],
    how: tuple[Convention, type[Any], str],
) -> tuple[Network, Weights]:
    (joints, ways), (convention, dtype, where) = found, how
    order = _order(tree, places, ways)
    populations = tuple(Population(n, places[n].here, neurons.get(n)) for n in order)
    joints.sort(key=lambda j: (order.index(j.way.target), order.index(j.way.source)))
    delays = _circles_closed(joints, order, convention, where)
    names = _names([j.way for j in joints])
    connections = tuple(
        Connection(j.way.source, j.way.target, j.found.topology, delay, name)
        for j, delay, name in zip(joints, delays, names, strict=True)
    )
    try:
        network = Network(populations, connections)
    except UserError as error:
        raise DataError(f"{where}: {error}") from error
    pairs = zip(names, joints, strict=True)
    return network, {name: j.found.weights.astype(dtype, copy=False) for name, j in pairs}


def _check_outputs(tree: NirTree, ways: list[Way]) -> None:
    """Refuse outputs that are neither spikes nor potentials of neurons."""
    for name, node in tree.nodes.items():
        if not isinstance(node, Output):
            continue
        for way in (w for w in ways if w.target == name):
            source = tree.nodes[way.source]
            changed = [s for s, given in way.steps if not s.plain or s.scale(given) is not None]
            if changed or isinstance(source, Input):
                raise node.refuse(
                    f"passes on weighted spikes of {named(way.source)}, of which nothing is made; "
                    "put neurons before it: an I sums them up, an LI forgets"
                )


def _order(tree: NirTree, places: dict[str, Place], ways: list[Way]) -> list[str]:
    """Return inputs, then neurons by how far they are from these, the outputs last."""
    depth = {n: 0 for n in places if isinstance(tree.nodes[n], Input)}
    waiting, after = list(depth), {n: [w.target for w in ways if w.source == n] for n in places}
    for name in waiting:  # it grows
        for follower in after[name]:
            if follower in places and follower not in depth:
                depth[follower] = depth[name] + 1
                waiting.append(follower)
    last = {w.source for w in ways if isinstance(tree.nodes[w.target], Output)}
    busy = {w.source for w in ways if w.target in places}
    far = len(places)

    def place(name: str) -> tuple[int, int, int]:
        is_last = 0 if name not in last else (1 if name in busy else 2)
        return is_last * (depth.get(name, far) > 0), depth.get(name, far), list(places).index(name)

    return sorted(places, key=place)


def _circles_closed(
    joints: list[_Joint], order: list[str], convention: Convention, where: str
) -> list[Any]:
    """Return the delays, with that of a step where a circle has none."""
    delays: list[Any] = [j.found.delay_us for j in joints]
    at = {name: k for k, name in enumerate(order)}
    for k, j in enumerate(joints):
        if np.min(delays[k], initial=1 << 40) or at[j.way.source] < at[j.way.target]:
            continue
        if not _leads(joints, delays, j.way.target, j.way.source):
            continue
        step = convention.step_us
        if step is None:
            raise DataError(
                f"{where}: what leads from {named(j.way.source)} to {named(j.way.target)} closes a "
                "circle without a delay; give recurrent_delay_us=, such as the time step of the "
                "program that wrote it, or put a Delay into it"
            )
        delays[k] = delays[k] + step
    return delays


def _leads(joints: list[_Joint], delays: list[Any], start: str, end: str) -> bool:
    """Tell whether spikes come from ``start`` to ``end`` without any delay."""
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        if name == end:
            return True
        for j, delay in zip(joints, delays, strict=True):
            at_once = not np.min(delay, initial=1 << 40)
            if at_once and j.way.source == name and j.way.target not in seen:
                seen.add(j.way.target)
                waiting.append(j.way.target)
    return False


def _names(ways: list[Way]) -> list[str]:
    """Return a name for each connection; several between two nodes are numbered."""
    plain = [f"{w.source}->{w.target}" for w in ways]
    seen: dict[str, int] = {}
    names = []
    for name in plain:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if plain.count(name) == 1 else f"{name} {seen[name]}")
    return names

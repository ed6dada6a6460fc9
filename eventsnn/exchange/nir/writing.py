"""A network of this library as a NIR graph, in the form of groups that files hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.hdf5 import Raw
from eventsnn.exchange.nir.layout import UnitsLaid, in_space, laid_out
from eventsnn.exchange.nir.nodes import nodes as known_nodes
from eventsnn.exchange.nir.nodes.cell import CellNode
from eventsnn.exchange.nir.nodes.map import Chain, Map, Orders
from eventsnn.generators import CurrentGenerator
from eventsnn.network import Connection, Network, Population
from eventsnn.text import named

Arrays = Mapping[str, NDArray[Any]]


def raw_of(network: Network, weights: Arrays, convention: Convention) -> Raw:
    """Return the graph of a network; ``weights`` by connection name, each of its shape.

    Raises
    ------
    UserError
        For what NIR has no form for: it names the population or the connection, and the remedy.
    """
    places = laid_out(network)
    nodes: dict[str, Raw] = {}
    names = node_names(network)
    for population in network.populations:
        nodes[names[population.name]] = _population(population, places[population.name], convention)
    edges: list[tuple[str, str]] = []
    for connection in network.connections:
        found = chains_of(connection, weights[connection.name], places, convention)
        last = names[connection.source]
        for k, chain in enumerate(found):
            called = names_of(chain, names[f"connection {connection.name}"], k)
            for name, (kind, fields) in zip(called, chain, strict=True):
                if name in nodes:
                    raise UserError(f"nir: two nodes are called {named(name)}; rename one of them")
                nodes[name] = {"type": kind} | fields
            way = [last, *called, names[connection.target]]
            edges += list(pairwise(way))
    for number in network.outputs:
        population = network.populations[number]
        name = _free("output" if len(network.outputs) == 1 else f"{population.name}.output", nodes)
        nodes[name] = {"type": "Output", "shape": np.array(places[population.name].shape)}
        edges.append((names[population.name], name))
    return {"type": "NIRGraph", "nodes": nodes, "edges": edges}


def node_names(network: Network) -> dict[str, str]:
    """Return the name of the node of each population, and of the first one of each connection."""
    found: dict[str, str] = {}
    taken: dict[str, Any] = {}
    things = [p.name for p in network.populations]
    things += [f"connection {c.name}" for c in network.connections]
    for thing in things:
        plain = thing.removeprefix("connection ").replace("/", "|").replace("\0", "")
        name = _free(plain if plain.strip(". ") else f"{plain}_", taken)
        taken[name] = found[thing] = name
    return found


def _free(name: str, taken: Mapping[str, Any]) -> str:
    k, found = 1, name
    while found in taken:
        k, found = k + 1, f"{name}_{k + 1}"
    return found


def _population(population: Population, place: UnitsLaid, convention: Convention) -> Raw:
    where = f"nir: population {named(population.name)}"
    neuron, shape = population.neuron, place.shape
    if isinstance(population.generator, CurrentGenerator):
        raise UserError(
            f"{where}: NIR has no generators of currents; put the current into its bias"
        )
    if neuron is None:
        return {"type": "Input", "shape": np.array(shape)}
    for kind, node in known_nodes().items():
        asked = node.of.get(type(neuron)) if issubclass(node, CellNode) else None
        said = None if asked is None else asked(neuron, convention)
        if said is None:
            continue
        values = {name: np.asarray(value, np.float64) for name, value in said.items()}
        return {"type": kind} | {n: _of_units(v, place) for n, v in values.items()}
    raise UserError(
        f"{where}: no node of NIR is a {neuron.kind} with these parameters; NIR has IF, LIF, LI, I "
        "and CubaLIF with one current"
    )


def _of_units(values: NDArray[np.float64], place: UnitsLaid) -> NDArray[np.float64]:
    """Return a parameter as one number a neuron, in NIR's order."""
    full = np.broadcast_to(values, math.prod(place.shape))
    ordered = full if place.order is None else full[np.argsort(place.order)]
    return np.ascontiguousarray(ordered.reshape(place.shape))


def chains_of(
    connection: Connection,
    weights: NDArray[Any],
    places: Mapping[str, UnitsLaid],
    convention: Convention,
) -> list[Chain]:
    """Return a connection as chains of nodes side by side."""
    where, source = f"nir: connection {named(connection.name)}", places[connection.source]
    target = places[connection.target]
    orders = Orders(source.order, target.order)
    before, behind = _delays(connection, source, target, convention, where)
    for node in known_nodes().values():
        asked = node.of.get(type(connection.topology)) if issubclass(node, Map) else None
        if asked is not None:
            found = asked(connection.topology, weights, orders)
            break
    else:
        kind = connection.topology.kind
        raise UserError(f"{where}: NIR has no {kind}; make it a Sparse of the same synapses")
    space = in_space(connection)
    flat_in = len(source.shape) > 1 and not space
    flat_out = len(target.shape) == 1 and space
    out = (*_size(connection, flat_out),)
    return [
        [
            *([("Delay", {"delay": before})] if before is not None else []),
            *([_flatten(source.shape)] if flat_in else []),
            *chain,
            *([_flatten(out)] if flat_out else []),
            *([("Delay", {"delay": behind})] if behind is not None else []),
        ]
        for chain in found
    ]


def _size(connection: Connection, wanted: bool) -> tuple[int, ...]:
    if not wanted:
        return ()
    topology: Any = connection.topology
    rows, columns, channels = topology.out_shape
    return channels, rows, columns


def _flatten(shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    return "Flatten", {"start_dim": 0, "end_dim": -1, "input_type": np.array(shape)}


def _delays(
    connection: Connection, source: UnitsLaid, target: UnitsLaid, convention: Convention, where: str
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return delays of the senders and of the receivers, None where there are none."""
    given = connection.delay_us
    if isinstance(given, int):
        if not given:
            return None, None
        return np.full(source.shape, given / convention.unit_us), None
    if given.ndim == 2 and not in_space(connection):
        if (given == given[:, :1]).all():
            return _of_units(given[:, 0] / convention.unit_us, source), None
        if (given == given[:1]).all():
            return None, _of_units(given[0] / convention.unit_us, target)
    raise UserError(
        f"{where}: a Delay of NIR is one a unit, not one a synapse; give one for all, or make as "
        "many connections as there are delays"
    )


def names_of(chain: Chain, name: str, number: int) -> list[str]:
    """Return the names of the nodes of a chain, the ``number``-th of its connection."""
    name = f"{name}_{number + 1}" if number else name
    main = next((k for k, (kind, _) in enumerate(chain) if kind not in ("Delay", "Flatten")), 0)
    found: list[str] = []
    for k, (kind, _) in enumerate(chain):
        found.append(_free(name if k == main else f"{name}.{kind.lower()}", dict.fromkeys(found)))
    return found

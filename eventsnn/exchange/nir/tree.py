"""A NIR graph as data: checked nodes by name, edges, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eventsnn.errors import DataError
from eventsnn.exchange.nir.nodes import nodes as known_nodes
from eventsnn.exchange.nir.nodes.node import Node
from eventsnn.text import named

Edge = tuple[str, str]

_DEEPEST = 8
_GRAPH = "NIRGraph"


@dataclass(frozen=True)
class NirTree:
    """A graph without graphs in it.

    Attributes
    ----------
    nodes : dict of str to Node
    edges : list of (source, target), each once
    metadata : mapping
        Of the whole graph.
    """

    nodes: dict[str, Node]
    edges: list[Edge]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def after(self) -> dict[str, list[str]]:
        """Where each node leads."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.edges:
            found[source].append(target)
        return found

    @cached_property
    def before(self) -> dict[str, list[str]]:
        """What leads to each node."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.edges:
            found[target].append(source)
        return found

    @cached_property
    def order(self) -> list[str]:
        """Nodes so that each stands behind what leads to it, but for what closes a circle."""
        done: list[str] = []
        begun: set[str] = set()
        for first in self.nodes:
            waiting = [(first, iter(self.after[first]))] if first not in begun else []
            begun.add(first)
            while waiting:
                name, followers = waiting[-1]
                follower = next((f for f in followers if f not in begun), None)
                if follower is None:
                    done.append(name)
                    waiting.pop()
                else:
                    begun.add(follower)
                    waiting.append((follower, iter(self.after[follower])))
        return done[::-1]


def tree_of(raw: Mapping[str, Any], where: str) -> NirTree:
    """Return a graph from the form in which files and the package nir have it.

    A graph in a graph is laid out: its nodes are called ``name.node``, and its inputs and outputs
    pass on what comes.

    Raises
    ------
    DataError
        For a node of an unknown type, or that lacks something; it names the node.
    """
    laid = _Laid(where)
    laid.take(raw, "", 0)
    inner = {name for name, within in laid.ends.items() if within}
    edges = _joined(list(dict.fromkeys(laid.edges)), inner, where)
    metadata = raw.get("metadata")
    return NirTree(
        {name: node for name, node in laid.nodes.items() if name not in inner},
        edges,
        metadata if isinstance(metadata, Mapping) else {},
    )


class _Laid:
    """Graphs in graphs, laid out."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.ends: dict[str, bool] = {}
        """Inputs and outputs, and whether they are those of a graph in a graph."""

    def take(self, raw: Mapping[str, Any], prefix: str, depth: int) -> None:
        """Add a graph whose nodes are called by names that begin with ``prefix``."""
        place = f"{self.where}: graph {named(prefix)}" if prefix else self.where
        nodes, edges = raw.get("nodes"), raw.get("edges")
        if raw.get("type") != _GRAPH or not isinstance(nodes, Mapping):
            raise DataError(f"{place}: is of type {named(raw.get('type'))}; give a NIRGraph")
        if depth > _DEEPEST:
            raise DataError(f"{place}: more than {_DEEPEST} graphs in each other")
        inner: dict[str, tuple[list[str], list[str]]] = {}
        for name, value in nodes.items():
            full = f"{prefix}{name}"
            if not isinstance(value, Mapping):
                raise DataError(f"{self.where}: node {named(full)} is {named(value)}; give a node")
            if value.get("type") == _GRAPH:
                self.take(value, f"{full}.", depth + 1)
                inner[name] = self._ends_of(value, full)
                continue
            node = _node(value, f"{self.where}: node {named(full)}")
            if full in self.nodes:
                raise DataError(f"{self.where}: two nodes are called {named(full)}; rename one")
            self.nodes[full] = node
            if node.end:
                self.ends[full] = depth > 0
        for source, target in _edges(edges, place):
            for end in (source, target):
                if end not in nodes:
                    raise DataError(f"{place}: an edge names {named(end)}, which is no node")
            sources = inner[source][1] if source in inner else [f"{prefix}{source}"]
            targets = inner[target][0] if target in inner else [f"{prefix}{target}"]
            self.edges += [(a, b) for a in sources for b in targets]

    def _ends_of(self, raw: Mapping[str, Any], full: str) -> tuple[list[str], list[str]]:
        """Return (inputs, outputs) of a graph in a graph; with several it is not said which."""
        found: dict[str, list[str]] = {"Input": [], "Output": []}
        for name, value in raw["nodes"].items():
            if isinstance(value, Mapping) and value.get("type") in found:
                found[value["type"]].append(f"{full}.{name}")
        for kind, names in found.items():
            if len(names) != 1:
                raise DataError(
                    f"{self.where}: node {named(full)} is a graph with {len(names)} nodes of type "
                    f"{kind}; give it one"
                )
        return found["Input"], found["Output"]


def _node(raw: Mapping[str, Any], where: str) -> Node:
    """Return a checked node."""
    kind, known = raw.get("type"), known_nodes()
    if not isinstance(kind, str) or kind not in known:
        raise DataError(
            f"{where}: is of the type {named(kind)}, which is none of {', '.join(known)}; express "
            "it by these"
        )
    metadata = raw.get("metadata")
    return known[kind](raw, metadata if isinstance(metadata, Mapping) else {}, where)


def _edges(raw: Any, where: str) -> list[Edge]:
    try:
        rows = [(a, b) for a, b in raw]
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: its edges are no pairs of names") from error
    pairs = [tuple(x.decode() if isinstance(x, bytes) else x for x in row) for row in rows]
    if not all(isinstance(x, str) for row in pairs for x in row):
        raise DataError(f"{where}: its edges are no pairs of names")
    return [(str(a), str(b)) for a, b in pairs]


def _joined(edges: list[Edge], inner: set[str], where: str) -> list[Edge]:
    """Return edges that lead past the inputs and outputs of graphs in graphs."""
    for name in sorted(inner):
        before = [a for a, b in edges if b == name and a != name]
        after = [b for a, b in edges if a == name and b != name]
        edges = [(a, b) for a, b in edges if name not in (a, b)]
        edges = list(dict.fromkeys([*edges, *((a, b) for a in before for b in after)]))
        if len(edges) > 100_000:
            raise DataError(f"{where}: more than 100,000 edges; make it smaller")
    return edges

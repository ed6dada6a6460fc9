"""What a file of this library says beside its graph: the network itself, and how numbers are meant.

The graph is made of the network alone, so a file is read by making it again: where it comes out
otherwise, somebody has changed it since, and it is read as it stands only if that is asked for.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsnn
from eventsnn.data.digest import digest_of
from eventsnn.errors import DataError, UserError
from eventsnn.exchange.nir.convention import Convention, from_json
from eventsnn.exchange.nir.hdf5 import Raw, h5py
from eventsnn.exchange.nir.layout import laid_out
from eventsnn.exchange.nir.writing import chains_of, names_of, node_names, raw_of
from eventsnn.files.outputs import check_output_file, write_whole
from eventsnn.network import Connection, Network
from eventsnn.network.arrays import HeldArrays
from eventsnn.network.file import read_network
from eventsnn.network.written import toml_of
from eventsnn.text import named, shown

FORMAT = 1
KEY = "eventsnn"
_DIGEST = f"{KEY}.digest"
_OWN = (KEY, _DIGEST)
_VERSION = "1.0"
"""Of the layout of NIR files."""

Weights = dict[str, NDArray[Any]]


def whole_raw(
    network: Network, weights: Weights, convention: Convention, answer: Mapping[str, Any]
) -> Raw:
    """Return the graph of a network with what stands beside it."""
    raw = raw_of(network, weights, convention)
    arrays: dict[str, NDArray[Any]] = {}

    def placed(array: NDArray[Any]) -> str:
        name = f"{KEY}.{len(arrays)}"
        arrays[name] = np.array(array)
        return name

    text = toml_of(network, None, placed)
    told = {
        "format": FORMAT,
        "version": eventsnn.__version__,
        "convention": convention.to_json(),
        "network": text,
    }
    line = json.dumps(told | ({"answer": dict(answer)} if answer else {}))
    return raw | {"metadata": {KEY: line, _DIGEST: _digest(line, arrays)} | arrays}


def adopted(raw: Mapping[str, Any], convention: Convention) -> Raw:
    """Return a graph as it stands with how it is meant beside it, and how its answer is read."""
    told = {"format": FORMAT, "version": eventsnn.__version__, "convention": convention.to_json()}
    with contextlib.suppress(DataError):  # what is spoiled beside a graph is not taken over
        before = told_in(raw, "") or {}
        told |= {"answer": before["answer"]} if "answer" in before else {}
    given = raw.get("metadata")
    kept = dict(given) if isinstance(given, Mapping) else {}
    kept = {name: value for name, value in kept.items() if not name.startswith(KEY)}
    line = json.dumps(told)
    return {**raw, "metadata": kept | {KEY: line, _DIGEST: _digest(line, {})}}


def _digest(line: str, arrays: Mapping[str, Any]) -> str:
    """Return what shows a change of what stands beside the graph."""
    held = {n: a for n, a in sorted(arrays.items()) if n.startswith(KEY) and n not in _OWN}
    plain = {n: np.asarray(a) for n, a in held.items() if not isinstance(a, str | Mapping | list)}
    return digest_of({KEY: np.frombuffer(line.encode(), np.uint8), **plain})


def write_raw(path: Path, raw: Raw) -> None:
    """Write a file that the package nir reads, with sums of all its parts.

    UserError where it cannot be written.
    """
    check_output_file("nir", path)
    data = io.BytesIO()
    with h5py().File(data, "w", libver="latest") as file:
        file.create_dataset("version", data=_bytes(_VERSION))
        _group(file.create_group("node"), raw)
    try:
        write_whole(path, data.getvalue())
    except OSError as error:
        raise UserError(f"nir {path}: cannot be written: {error.strerror or error}") from error


def _group(group: Any, raw: Mapping[str, Any]) -> None:
    for name, value in raw.items():
        if isinstance(value, Mapping):
            _group(group.create_group(name), value)
        elif isinstance(value, np.ndarray) and value.ndim:
            group.create_dataset(name, data=value, compression="gzip", fletcher32=True)
        elif name == "edges":
            pairs = [[_bytes(end) for end in edge] for edge in value]
            rows = np.array(pairs, "S").reshape(-1, 2) if pairs else np.zeros((0, 2), "S1")
            group.create_dataset(name, data=rows, compression="gzip", fletcher32=True)
        else:
            group.create_dataset(name, data=_bytes(value) if isinstance(value, str) else value)


def _bytes(text: str) -> np.bytes_:
    """Return a text of a fixed length: those of any length stand in heaps without sums."""
    return np.bytes_(text.encode())


def own_network(raw: Mapping[str, Any], where: str) -> tuple[Network, Weights] | None:
    """Return the network that a file of this library keeps, with the weights of its graph.

    None for a file of another program, and for one that only says how it is meant.

    Raises
    ------
    DataError
        If the graph is not that of the network: it names the node.
    """
    told = told_in(raw, where)
    if told is None or not keeps_network(raw, where):
        return None
    held = {k: v for k, v in raw["metadata"].items() if isinstance(v, np.ndarray)}
    text = told.get("network")
    if not isinstance(text, str):
        raise DataError(f"{where}: keeps no network; {_REMEDY}")
    network, _ = read_network(text, f"{where}: its network", HeldArrays(held))
    convention = from_json(told.get("convention"), where)
    nodes = raw.get("nodes")
    if not isinstance(nodes, Mapping):
        raise DataError(f"{where}: holds no nodes; {_REMEDY}")
    try:
        weights = _weights(network, nodes, convention, where)
        made = raw_of(network, network.shaped(weights), convention)
    except DataError:
        raise
    except UserError as error:
        raise DataError(f"{where}: {error}") from error
    _check_same(made, raw, where)
    return network, weights


def keeps_network(raw: Mapping[str, Any], where: str) -> bool:
    """Tell whether a file is one of this library that keeps its network beside the graph."""
    return "network" in (told_in(raw, where) or {})


def convention_in(raw: Mapping[str, Any], where: str) -> Convention:
    """Return how a file says that its numbers are meant; UserError where it does not."""
    told = told_in(raw, where)
    if told is None:
        raise UserError(
            f"{where}: does not say how its numbers are meant; make a copy that does with eventsnn "
            "exchange adopt"
        )
    return from_json(told.get("convention"), where)


def told_in(raw: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """Return what stands beside a graph; None of a file of another program."""
    given = raw.get("metadata")
    metadata: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    text = metadata.get(KEY)
    if text is None:
        return None
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    whole = isinstance(found, dict) and metadata.get(_DIGEST) == _digest(text, metadata)
    if not isinstance(found, dict) or not whole or found.get("format") != FORMAT:
        raise DataError(f"{where}: what stands beside the graph is {shown(text)}; {_REMEDY}")
    return found


def _weights(
    network: Network, nodes: Mapping[str, Any], convention: Convention, where: str
) -> Weights:
    """Return the weights of the graph by connection name."""
    names, places, found = node_names(network), laid_out(network), {}
    for connection in network.connections:
        shape = connection.topology.weight_shape
        numbers = np.arange(1, 1 + int(np.prod(shape)), dtype=np.float64).reshape(shape) + 1
        chains = chains_of(connection, numbers, places, convention)
        first = names[f"connection {connection.name}"]
        weights = _gathered(connection, chains, (nodes, first), where)
        if weights is not None:
            found[connection.name] = weights
    return found


def _gathered(
    connection: Connection, chains: Any, at: tuple[Mapping[str, Any], str], where: str
) -> NDArray[Any] | None:
    """Return weights from where each stands: a graph of their numbers tells where that is.

    None for those that need not be given and are nowhere.
    """
    (nodes, first), shape = at, connection.topology.weight_shape
    flat: NDArray[Any] | None = None
    for k, chain in enumerate(chains):
        for name, (kind, fields) in zip(names_of(chain, first, k), chain, strict=True):
            key = {"Linear": "weight", "Conv2d": "weight", "Scale": "scale"}.get(kind)
            if key is None or (kind == "Scale" and name not in nodes):
                continue
            node = nodes.get(name)
            value = node.get(key) if isinstance(node, Mapping) else None
            numbers = np.asarray(fields[key])
            if not isinstance(value, np.ndarray) or value.shape != numbers.shape:
                raise _changed(where, name)
            if value.dtype not in (np.float32, np.float64) or not np.isfinite(value).all():
                raise DataError(f"{where}: node {named(name)}: {key} are no finite numbers")
            flat = np.zeros(int(np.prod(shape)), value.dtype) if flat is None else flat
            synapse = numbers > 0
            flat[numbers[synapse].astype(np.int64) - 2] = value[synapse]
    if flat is None and connection.topology.default_weights() is None:
        flat = np.zeros(0)  # of no synapses
    return None if flat is None else flat.reshape(shape)


def _check_same(made: Raw, found: Mapping[str, Any], where: str) -> None:
    """Refuse a graph that is another than that of the network."""
    nodes = found["nodes"]
    for name in sorted({*made["nodes"], *nodes}, key=str):
        ours, theirs = made["nodes"].get(name), nodes.get(name)
        if not isinstance(theirs, Mapping) or ours is None or not _equal(ours, theirs):
            raise _changed(where, str(name))
    try:
        edges = sorted((str(a), str(b)) for a, b in found.get("edges", ()))
    except (TypeError, ValueError):
        edges = []
    if edges != sorted(made["edges"]):
        raise _changed(where, "edges")


def _equal(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    if set(ours) != {k for k in theirs if k != "metadata"}:
        return False
    for name, value in ours.items():
        other = theirs[name]
        if isinstance(value, str) or isinstance(other, str | Mapping | list):
            if value != other:
                return False
        elif np.shape(value) != np.shape(other) or not (np.asarray(value) == other).all():
            return False
    return True


def _changed(where: str, name: str) -> DataError:
    return DataError(f"{where}: node {named(name)} is not as eventsnn wrote it; {_REMEDY}")


_REMEDY = "to read the graph as it stands, say how it is meant (time_unit and spike, or made_by)"

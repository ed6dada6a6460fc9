"""Networks described in a small TOML file: populations, connections, weights and delays.

    [[population]]
    name = "input"
    shape = [1, 1, 100]

    [[population]]
    name = "neurons"
    shape = [400]
    neuron = { model = "lif", tau_us = 20000, threshold = 1.0, reset = "zero" }

    [[connection]]
    source = "input"
    target = "neurons"
    topology = { kind = "fixed_in_degree", degree = 40, seed = 1, multapses = false }
    delay_us = { low = 1000, high = 10000, seed = 2 }
    weights = { kind = "normal", mean = 0.3, std = 0.1, seed = 3 }

A topology is one, or a connection rule that draws one. Weights and delays are a number, a
distribution with its seed, a list of numbers, or the name of an ``.npy`` file, which starts at the
folder of the TOML file. Sizes of a topology follow from the populations. The shape of an input of
three sides is that of a sensor: polarities, rows, columns. ``written.py`` writes what is read here.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from eventsnn.connectivity import connectivities
from eventsnn.errors import DataError, UserError
from eventsnn.files.unpack import read_text
from eventsnn.generators import Generator, generators
from eventsnn.memory import check_room
from eventsnn.network import Connection, Network, Population, arrays
from eventsnn.network.arrays import ArraySource, FilesBeside
from eventsnn.network.tables import Table, built, described, get, known, made
from eventsnn.network.written import FORMAT, follows
from eventsnn.neurons import models
from eventsnn.neurons.neuron import Neuron
from eventsnn.text import named
from eventsnn.topology import topologies
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

_BYTES_A_NEURON = 64
"""Of an engine's arrays: variables, clocks, room for spikes."""


def load_network(path: str | os.PathLike[str]) -> tuple[Network, dict[str, NDArray[Any]]]:
    """Read a network and its weights by connection name.

    Parameters
    ----------
    path : str or Path
        A TOML file, such as ``Network.save`` writes.

    Returns
    -------
    network : Network
    weights : dict from the name of a connection to float64 array of its ``weight_shape``
        float32 where the file says ``dtype = "float32"``; empty where it has no weights at all.

    Raises
    ------
    DataError
        If the file is not TOML, or a key is unknown, missing or of the wrong kind: it
        names the file and the key.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-2", es.LIF(20_000), es.LIF(20_000))
    >>> path = Path(tempfile.mkdtemp()) / "net.toml"
    >>> network.save(path, {"input->output": np.eye(2)})
    >>> network, weights = es.load_network(path)
    >>> network, weights["input->output"][0]
    (<Network input 2, output 2; 1 connections>, array([1., 0.]))
    """
    file = Path(path)
    return read_network(read_text(file), file.name, FilesBeside(file.parent))


def read_network(
    text: str, where: str, source: ArraySource
) -> tuple[Network, dict[str, NDArray[Any]]]:
    """Read a network and its weights from the text of a network file.

    Parameters
    ----------
    text : str
    where : str
        Where it stood, for messages.
    source : ArraySource
        Where the arrays are that it names.

    Raises
    ------
    DataError
        As ``load_network``.
    """
    document = _document(text, where)
    known(document, ("format", "dtype", "population", "connection"), where)
    if document.get("format", FORMAT) != FORMAT:
        raise DataError(f"{where}: format is {named(document['format'])}; this eventsnn reads 1")
    dtype = get({"dtype": "float64", **document}, "dtype", (str,), where)
    if dtype not in ("float32", "float64"):
        raise DataError(f"{where}: dtype is {named(repr(dtype))}; give float32 or float64")
    populations = [
        _population(table, f"{where}: population[{i}]", "format" not in document, source)
        for i, table in enumerate(_tables(document, "population", where))
    ]
    neurons = sum(p.size for p in populations)
    check_room(neurons * _BYTES_A_NEURON, f"{where}: {neurons} neurons: it", DataError)
    by_name = {p.name: p for p in populations}
    tables, connections, weights = _tables(document, "connection", where), [], {}
    weighed = any("weights" in table for table in tables)
    for i, table in enumerate(tables):
        place = f"{where}: connection[{i}]"
        connection = _connection(table, by_name, place, source)
        connections.append(connection)
        shape = connection.topology.weight_shape
        needed = weighed and connection.topology.default_weights() is None
        if "weights" in table or needed:
            value = get(table, "weights", (int, float, str, dict, list), place)
            found = arrays.weights(value, shape, f"{place}.weights", source)
            weights[connection.name] = found.astype(dtype, copy=False)
    try:
        return Network(tuple(populations), tuple(connections)), weights
    except UserError as error:
        raise DataError(f"{where}: {error}") from error


def _population(table: Table, where: str, by_hand: bool, source: ArraySource) -> Population:
    known(table, ("name", "shape", "neuron", "generator"), where)
    shape = get(table, "shape", (int, list), where)
    name, neuron = get(table, "name", (str,), where), None
    if "neuron" in table:
        neuron = _neuron(get(table, "neuron", (dict,), where), f"{where}.neuron")
    generator = None
    if "generator" in table:
        generator = generator_of(
            get(table, "generator", (dict,), where), f"{where}.generator", source
        )
    population = made(lambda: Population(name, shape, neuron, generator), where)
    sides = population.shape
    if by_hand and neuron is None and len(sides) == 3 and min(sides[:2]) > 2 >= sides[2]:
        raise DataError(
            f"{where}.shape is {list(sides)}: {sides[0]} polarities of {sides[1]} rows and "
            f"{sides[2]} columns; a sensor is [polarities, rows, columns]: give "
            f"{[sides[2], *sides[:2]]}"
        )
    return population


def _neuron(table: Table, where: str) -> Neuron:
    name = get(table, "model", (str,), where)
    model = models().get(name)
    if model is None:
        raise DataError(f"{where}.model is {name!r}; give {', '.join(models())}")
    return built(model, {k: v for k, v in table.items() if k != "model"}, where)


def generator_of(table: Table, where: str, source: ArraySource | None = None) -> Generator:
    """Return the generator of a table with a ``kind``; ``where`` it stands is told in errors.

    Arrays may be names of files, and a generator that can ``load`` one takes its name as ``file``;
    names start at the folder of ``source``, or of the command.
    """
    source = source or FilesBeside(Path())
    kinds = generators()
    kind = get(table, "kind", (str,), where)
    if kind not in kinds:
        raise DataError(f"{where}.kind is {kind!r}; give {', '.join(kinds)}")
    load: Callable[[Path, str], Generator] | None = getattr(kinds[kind], "load", None)
    if "file" in table and load is not None:
        known(table, ("kind", "file", "population"), where)
        name, whose = (get(table, key, (str,), where) for key in ("file", "population"))
        read = load
        return made(lambda: read(source.path(name), whose), where)
    for name in kinds[kind].arrays:
        if isinstance(table.get(name), str | list):
            found = arrays.array_of(table[name], None, f"{where}.{name}", source)
            table = table | {name: found}
    return described(kinds[kind], table, where)


def _connection(
    table: Table, populations: dict[str, Population], where: str, arrays_at: ArraySource
) -> Connection:
    known(table, (*(f.name for f in fields(Connection) if f.init), "weights"), where)
    ends = []
    for key in ("source", "target"):
        name = get(table, key, (str,), where)
        if name not in populations:
            names = ", ".join(populations)
            raise DataError(f"{where}.{key} is {name!r}; there are {names}")
        ends.append(populations[name])
    shape = _topology(
        table.get("topology", {"kind": "dense"}), (ends[0], ends[1]), f"{where}.topology", arrays_at
    )
    value, place = table.get("delay_us", 0), f"{where}.delay_us"
    delay: Any = arrays.delays(value, shape.weight_shape, place, arrays_at)
    name = get({"name": "", **table}, "name", (str,), where)
    fixed = table.get("fixed", False)
    return made(lambda: Connection(ends[0].name, ends[1].name, shape, delay, name, fixed), where)


def _topology(
    table: Any, ends: tuple[Population, Population], where: str, arrays_at: ArraySource
) -> Topology:
    source, target = ends
    if not isinstance(table, dict):
        raise DataError(f"{where} is {table!r}; give a table with a kind")
    kind = get(table, "kind", (str,), where)
    shape, rule = topologies().get(kind), connectivities().get(kind)
    if rule is not None:
        drawn = described(rule, table, where)
        same = source.name == target.name
        return made(lambda: drawn.topology(source.size, target.size, same), where)
    if shape is None:
        words = ", ".join((*topologies(), *connectivities()))
        raise DataError(f"{where}.kind is {kind!r}; give {words}")
    rest = {k: v for k, v in table.items() if k != "kind"}
    if shape is Sparse and not {"start", "target"} <= set(rest):
        return _sparse(rest, source, target, where, arrays_at)
    named_fields = {f.name: f for f in fields(shape) if f.init}  # type: ignore[arg-type]
    if "in_size" in named_fields and len(source.shape) != 3 and "in_size" not in rest:
        raise DataError(f"{where}: {kind} needs a source in space, {source.name} is {source.shape}")
    for name, value in rest.items():
        if isinstance(value, str | list) and "NDArray" in str(
            getattr(named_fields.get(name), "type", "")
        ):
            rest[name] = arrays.array_of(value, None, f"{where}.{name}", arrays_at)
        elif isinstance(value, list):
            rest[name] = tuple(value)
    return built(shape, follows(shape, source, target) | rest, where)


def _sparse(
    table: Table, source: Population, target: Population, where: str, arrays_at: ArraySource
) -> Sparse:
    known(table, ("fan_out", "seed", "file"), where)
    if "file" in table:
        name = get(table, "file", (str,), where)
        start, targets = arrays.read_targets(name, f"{where}.file", arrays_at)
        if start.shape != (source.size + 1,):
            raise DataError(
                f"{where}.file: start of {name} has shape {start.shape}, {source.name} has "
                f"{source.size} units; give one start more than units"
            )
    else:
        start, targets = arrays.draw_targets(table, (source.size, target.size), where)
    return made(lambda: Sparse(target.size, start, targets), where)


def _document(text: str, where: str) -> Table:
    """Read a text as TOML."""
    try:
        return tomllib.loads(text)
    # A number of thousands of digits is a ValueError, as are errors of TOML.
    except ValueError as error:
        raise DataError(f"{where}: cannot be read as TOML ({named(str(error))})") from error
    except RecursionError as error:
        raise DataError(f"{where}: nested too deeply; a network file needs 3 levels") from error


def _tables(document: Table, key: str, where: str) -> list[Table]:
    tables = document.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise DataError(f"{where}: {key} is not a list of tables; write [[{key}]]")
    return tables

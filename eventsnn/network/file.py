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
    topology = { kind = "sparse", fan_out = 40, seed = 1 }
    delay_us = { low = 1000, high = 10000, seed = 2 }
    weights = { mean = 0.3, std = 0.1, seed = 3 }

Weights and delays are a number, a range or distribution with its seed, or the name of
an ``.npy`` file, which starts at the folder of the TOML file. Sizes of a topology follow from the
populations. The shape of an input of three sides is that of a sensor: polarities, rows, columns.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.files.unpack import read_text
from eventsnn.memory import check_room
from eventsnn.network import Connection, Network, Population, arrays
from eventsnn.network.arrays import Table, get, known
from eventsnn.neurons import models
from eventsnn.neurons.neuron import Neuron
from eventsnn.text import named
from eventsnn.topology import topologies
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

T = TypeVar("T")
_BYTES_A_NEURON = 64
"""Of an engine's arrays: variables, clocks, room for spikes."""


def load_network(path: str | os.PathLike[str]) -> tuple[Network, dict[str, NDArray[np.float64]]]:
    """Read a network and its weights by connection name.

    Raises
    ------
    DataError
        If the file is not TOML, or a key is unknown, missing or of the wrong kind: it
        names the file and the key.
    """
    file = Path(path)
    document = _document(file)
    where = file.name
    known(document, ("population", "connection"), where)
    populations = [
        _population(table, f"{where}: population[{i}]")
        for i, table in enumerate(_tables(document, "population", where))
    ]
    neurons = sum(p.size for p in populations)
    check_room(neurons * _BYTES_A_NEURON, f"{where}: {neurons} neurons: it", DataError)
    by_name = {p.name: p for p in populations}
    connections, weights = [], {}
    for i, table in enumerate(_tables(document, "connection", where)):
        place = f"{where}: connection[{i}]"
        connection = _connection(table, by_name, place, file.parent)
        connections.append(connection)
        shape = connection.topology.weight_shape
        if "weights" in table or connection.topology.default_weights() is None:
            value = get(table, "weights", (int, float, str, dict), place)
            weights[connection.name] = arrays.weights(value, shape, f"{place}.weights", file.parent)
    try:
        return Network(tuple(populations), tuple(connections)), weights
    except UserError as error:
        raise DataError(f"{where}: {error}") from error


def _population(table: Table, where: str) -> Population:
    known(table, ("name", "shape", "neuron"), where)
    shape = get(table, "shape", (int, list), where)
    name, neuron = get(table, "name", (str,), where), None
    if "neuron" in table:
        neuron = _neuron(get(table, "neuron", (dict,), where), f"{where}.neuron")
    population = _made(lambda: Population(name, shape, neuron), where)
    sides = population.shape
    if neuron is None and len(sides) == 3 and min(sides[:2]) > 2 >= sides[2]:
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
    return _built(model, {k: v for k, v in table.items() if k != "model"}, where)


def _connection(
    table: Table, populations: dict[str, Population], where: str, folder: Path
) -> Connection:
    known(table, ("name", "source", "target", "topology", "delay_us", "weights"), where)
    ends = []
    for key in ("source", "target"):
        name = get(table, key, (str,), where)
        if name not in populations:
            names = ", ".join(populations)
            raise DataError(f"{where}.{key} is {name!r}; there are {names}")
        ends.append(populations[name])
    shape = _topology(
        table.get("topology", {"kind": "dense"}), (ends[0], ends[1]), f"{where}.topology", folder
    )
    value, place = table.get("delay_us", 0), f"{where}.delay_us"
    delay: Any = arrays.delays(value, shape.weight_shape, place, folder)
    name = get({"name": "", **table}, "name", (str,), where)
    return _made(lambda: Connection(ends[0].name, ends[1].name, shape, delay, name), where)


def _topology(
    table: Any, ends: tuple[Population, Population], where: str, folder: Path
) -> Topology:
    source, target = ends
    if not isinstance(table, dict):
        raise DataError(f"{where} is {table!r}; give a table with a kind")
    kind = get(table, "kind", (str,), where)
    shape = topologies().get(kind)
    if shape is None:
        raise DataError(f"{where}.kind is {kind!r}; give {', '.join(topologies())}")
    rest = {k: v for k, v in table.items() if k != "kind"}
    if shape is Dense:
        known(rest, (), where)
        return Dense(source.size, target.size)
    if shape is Sparse:
        return _sparse(rest, source, target, where, folder)
    if len(source.shape) != 3:
        raise DataError(f"{where}: {kind} needs a source in space, {source.name} is {source.shape}")
    planar = source.neuron is None
    size = (*source.shape[1:], source.shape[0]) if planar else source.shape
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in rest.items()}
    return _built(shape, {"in_size": size, "planar": planar, **given}, where)


def _sparse(
    table: Table, source: Population, target: Population, where: str, folder: Path
) -> Sparse:
    known(table, ("fan_out", "seed", "file"), where)
    if "file" in table:
        name = get(table, "file", (str,), where)
        start, targets = arrays.read_targets(name, f"{where}.file", folder)
        if start.shape != (source.size + 1,):
            raise DataError(
                f"{where}.file: start of {name} has shape {start.shape}, {source.name} has "
                f"{source.size} units; give one start more than units"
            )
    else:
        start, targets = arrays.draw_targets(table, (source.size, target.size), where)
    return _made(lambda: Sparse(target.size, start, targets), where)


def _built(kind: type[T], values: Table, where: str) -> T:
    """Make a dataclass from named values, naming the key that is unknown or missing."""
    named = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    known(values, tuple(named), where)
    for name, f in named.items():
        if f.default is MISSING and name not in values:
            raise DataError(f"{where} lacks the key {name}; give it")
    for name, value in values.items():
        if isinstance(value, bool) != (str(named[name].type) == "bool"):
            raise DataError(f"{where}.{name} is {value!r}; give a {named[name].type}")
        if isinstance(value, str) and "float" in str(named[name].type):
            raise DataError(f"{where}.{name} is {value!r}; give a number")
    return _made(lambda: kind(**values), where)


def _made(make: Callable[[], T], where: str) -> T:
    try:
        return make()
    except (UserError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: {error}") from error


def _document(file: Path) -> Table:
    """Read the file as TOML."""
    text = read_text(file)
    try:
        return tomllib.loads(text)
    # A number of thousands of digits is a ValueError, as are errors of TOML.
    except ValueError as error:
        raise DataError(f"{file.name}: cannot be read as TOML ({named(str(error))})") from error
    except RecursionError as error:
        raise DataError(f"{file.name}: nested too deeply; a network file needs 3 levels") from error


def _tables(document: Table, key: str, where: str) -> list[Table]:
    tables = document.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise DataError(f"{where}: {key} is not a list of tables; write [[{key}]]")
    return tables

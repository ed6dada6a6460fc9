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
an ``.npy`` file beside the TOML file. Sizes of a topology follow from the populations.
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
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons import models
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology import topologies
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

T = TypeVar("T")
Table = dict[str, Any]


def load_network(path: str | os.PathLike[str]) -> tuple[Network, dict[str, NDArray[np.float64]]]:
    """Read a network and its weights by connection name.

    Raises
    ------
    DataError
        If the file is not TOML, or a key is unknown, missing or of the wrong kind: it
        names the file and the key.
    """
    file = Path(path)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{file.name}: cannot be read as TOML ({error})") from error
    where = file.name
    _known(document, ("population", "connection"), where)
    populations = [
        _population(table, f"{where}: population[{i}]")
        for i, table in enumerate(_tables(document, "population", where))
    ]
    by_name = {p.name: p for p in populations}
    connections, weights = [], {}
    for i, table in enumerate(_tables(document, "connection", where)):
        place = f"{where}: connection[{i}]"
        connection = _connection(table, by_name, place, file.parent)
        connections.append(connection)
        shape = connection.topology.weight_shape
        if "weights" in table or connection.topology.default_weights() is None:
            value = _get(table, "weights", (int, float, str, dict), place)
            weights[connection.name] = _array(value, shape, f"{place}.weights", file.parent)
    try:
        return Network(tuple(populations), tuple(connections)), weights
    except UserError as error:
        raise DataError(f"{where}: {error}") from error


def _population(table: Table, where: str) -> Population:
    _known(table, ("name", "shape", "neuron"), where)
    shape = _get(table, "shape", (int, list), where)
    sides = [shape] if isinstance(shape, int) else shape
    if not all(isinstance(side, int) for side in sides):
        raise DataError(f"{where}.shape is {shape}; give whole numbers")
    neuron = None
    if "neuron" in table:
        neuron = _neuron(_get(table, "neuron", (dict,), where), f"{where}.neuron")
    return _made(
        lambda: Population(_get(table, "name", (str,), where), tuple(sides), neuron), where
    )


def _neuron(table: Table, where: str) -> Neuron:
    name = _get(table, "model", (str,), where)
    model = models().get(name)
    if model is None:
        raise DataError(f"{where}.model is {name!r}; give {', '.join(models())}")
    return _built(model, {k: v for k, v in table.items() if k != "model"}, where)


def _connection(
    table: Table, populations: dict[str, Population], where: str, folder: Path
) -> Connection:
    _known(table, ("name", "source", "target", "topology", "delay_us", "weights"), where)
    ends = []
    for key in ("source", "target"):
        name = _get(table, key, (str,), where)
        if name not in populations:
            known = ", ".join(populations)
            raise DataError(f"{where}.{key} is {name!r}; there are {known}")
        ends.append(populations[name])
    shape = _topology(
        table.get("topology", {"kind": "dense"}), (ends[0], ends[1]), f"{where}.topology", folder
    )
    value = table.get("delay_us", 0)
    if isinstance(value, int):
        delay: int | NDArray[np.int64] = value
    else:
        delay = _delays(value, shape.weight_shape, f"{where}.delay_us", folder)
    name = table.get("name", "")
    return _made(lambda: Connection(ends[0].name, ends[1].name, shape, delay, name), where)


def _topology(
    table: Any, ends: tuple[Population, Population], where: str, folder: Path
) -> Topology:
    source, target = ends
    if not isinstance(table, dict):
        raise DataError(f"{where} is {table!r}; give a table with a kind")
    kind = _get(table, "kind", (str,), where)
    shape = topologies().get(kind)
    if shape is None:
        raise DataError(f"{where}.kind is {kind!r}; give {', '.join(topologies())}")
    rest = {k: v for k, v in table.items() if k != "kind"}
    if shape is Dense:
        _known(rest, (), where)
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
    _known(table, ("fan_out", "seed", "file"), where)
    if "file" in table:
        with _opened(folder / _get(table, "file", (str,), where), f"{where}.file") as arrays:
            if not {"start", "target"} <= set(arrays):
                raise DataError(f"{where}.file holds {', '.join(arrays)}; give start and target")
            start, targets = arrays["start"], arrays["target"]
        return _made(lambda: Sparse(target.size, start, targets), where)
    fan_out = _get(table, "fan_out", (int,), where)
    if not 0 < fan_out <= 1 << 24:
        raise DataError(f"{where}.fan_out is {fan_out}; give 1 to {1 << 24}")
    rng = np.random.default_rng(_get(table, "seed", (int,), where))
    starts = np.arange(source.size + 1, dtype=np.int64) * fan_out
    targets = rng.integers(0, target.size, source.size * fan_out, dtype=np.int32)
    return Sparse(target.size, starts, targets)


def _delays(value: Any, shape: tuple[int, ...], where: str, folder: Path) -> NDArray[np.int64]:
    if isinstance(value, str):
        return np.asarray(_file(value, shape, where, folder))
    if not isinstance(value, dict):
        raise DataError(f"{where} is {value!r}; give whole microseconds, a table or a file")
    _known(value, ("low", "high", "seed"), where)
    low, high, seed = (_get(value, key, (int,), where) for key in ("low", "high", "seed"))
    if not 0 <= low <= high:
        raise DataError(f"{where} runs from {low} to {high}; give 0 <= low <= high")
    return np.random.default_rng(seed).integers(low, high + 1, shape)


def _array(value: Any, shape: tuple[int, ...], where: str, folder: Path) -> NDArray[np.float64]:
    if isinstance(value, str):
        return np.asarray(_file(value, shape, where, folder), np.float64)
    if not isinstance(value, dict):
        return np.full(shape, float(value))
    _known(value, ("mean", "std", "seed"), where)
    mean, std = (float(_get(value, key, (int, float), where)) for key in ("mean", "std"))
    if std < 0:
        raise DataError(f"{where}.std is {std}; give 0 or more")
    return np.random.default_rng(_get(value, "seed", (int,), where)).normal(mean, std, shape)


def _file(name: str, shape: tuple[int, ...], where: str, folder: Path) -> NDArray[Any]:
    with _opened(folder / name, where) as array:
        if not isinstance(array, np.ndarray) or array.shape != shape:
            raise DataError(f"{where}: {name} has another shape; give {shape}")
        return array


class _opened:
    """An ``.npy`` or ``.npz`` file, never unpickled."""

    def __init__(self, path: Path, where: str) -> None:
        self.path, self.where = path, where

    def __enter__(self) -> Any:
        try:
            self.file: Any = np.load(self.path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{self.where}: {self.path.name} cannot be read ({error})") from error
        return self.file

    def __exit__(self, *_: object) -> None:
        if hasattr(self.file, "close"):
            self.file.close()


def _built(kind: type[T], values: Table, where: str) -> T:
    """Make a dataclass from named values, naming the key that is unknown or missing."""
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    _known(values, tuple(known), where)
    for name, f in known.items():
        if f.default is MISSING and name not in values:
            raise DataError(f"{where} lacks the key {name}; give it")
    for name, value in values.items():
        if isinstance(value, bool) != (str(known[name].type) == "bool"):
            raise DataError(f"{where}.{name} is {value!r}; give a {known[name].type}")
        if isinstance(value, str) and "float" in str(known[name].type):
            raise DataError(f"{where}.{name} is {value!r}; give a number")
    return _made(lambda: kind(**values), where)


def _made(make: Callable[[], T], where: str) -> T:
    try:
        return make()
    except (UserError, TypeError, ValueError) as error:
        raise DataError(f"{where}: {error}") from error


def _tables(document: Table, key: str, where: str) -> list[Table]:
    tables = document.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise DataError(f"{where}: {key} is not a list of tables; write [[{key}]]")
    return tables


def _get(table: Table, key: str, kinds: tuple[type, ...], where: str) -> Any:
    if key not in table:
        raise DataError(f"{where} lacks the key {key}; give it")
    value = table[key]
    if not isinstance(value, kinds) or isinstance(value, bool):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise DataError(f"{where}.{key} is {value!r}; give a {names}")
    return value


def _known(table: Table, keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            raise DataError(f"{where} has the unknown key {key!r}; known: {', '.join(keys)}")

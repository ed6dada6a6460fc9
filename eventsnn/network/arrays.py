"""Weights, delays and targets of a network file: numbers, draws with a seed, arrays by name."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.distributions import Distribution, distributions
from eventsnn.errors import DataError
from eventsnn.files.arrays import read_arrays, read_npy
from eventsnn.memory import check_room
from eventsnn.network.checked import MAX_SYNAPSE_DELAY_US
from eventsnn.network.tables import Table, described, get, known, number
from eventsnn.text import named

MAX_FAN_OUT = 1 << 24
_BYTES_A_SYNAPSE = 32
"""While it is made: a target, a weight, and both once more while they are checked."""


class ArraySource(ABC):
    """Where the arrays are that a description names."""

    @abstractmethod
    def array(self, name: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Return an array, which must have ``shape``; DataError where there is none."""

    def path(self, name: str) -> Path:
        """Return where a file lies that a description names; DataError where there are no files."""
        raise DataError(f"there is no file {named(repr(name))} here; give its numbers")

    @abstractmethod
    def rows(self, name: str) -> Any:
        """Return arrays by their names that one file holds, or the one array that it is."""


@dataclass(frozen=True)
class FilesBeside(ArraySource):
    """Files; a relative name starts at the folder of the network file."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return the place of a file."""
        return self.folder / name

    def array(self, name: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Read an ``.npy`` file."""
        return read_npy(self.folder / name, shape)

    def rows(self, name: str) -> Any:
        """Read an ``.npz`` file."""
        return read_arrays(self.folder / name)


@dataclass(frozen=True)
class HeldArrays(ArraySource):
    """Arrays in memory, by name: those of a checkpoint, or none at all."""

    held: Mapping[str, NDArray[Any]]

    def array(self, name: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Return one of them."""
        if name not in self.held:
            raise DataError(f"there is no array {named(repr(name))}; give its numbers")
        found = self.held[name]
        if shape is not None and found.shape != shape:
            raise DataError(f"{named(name)}: has shape {found.shape}; give {shape}")
        return found

    def rows(self, name: str) -> Any:
        """Return one of them."""
        return self.array(name)


def draw_targets(table: Table, ends: tuple[int, int], where: str) -> tuple[Any, Any]:
    """Draw a fan-out of so many targets for each sender: return (start, target)."""
    senders, receivers = ends
    fan_out = get(table, "fan_out", (int,), where)
    if not 0 < fan_out <= MAX_FAN_OUT:
        raise DataError(f"{where}.fan_out is {named(fan_out)}; give 1 to {MAX_FAN_OUT}")
    count = senders * fan_out
    check_synapses(count, f"{where}: fan_out {fan_out} from {senders} senders")
    start = np.arange(senders + 1, dtype=np.int64) * fan_out
    return start, _rng(table, where).integers(0, receivers, count, dtype=np.int32)


def read_targets(name: str, where: str, source: ArraySource) -> tuple[Any, Any]:
    """Read (start, target) from an ``.npz`` file."""
    found = _read(lambda: source.rows(name), where)
    names = found if isinstance(found, dict) else {}
    if not {"start", "target"} <= set(names):
        held = named(", ".join(names) or "one array without a name")
        raise DataError(f"{where}: {name} holds {held}; give an .npz with start and target")
    return names["start"], names["target"]


def delays(
    value: Any, shape: tuple[int, ...], where: str, source: ArraySource
) -> int | NDArray[np.int64] | NDArray[Any]:
    """Return what a file says of the delays of a connection."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    check_synapses(math.prod(shape), f"{where}: delays of shape {shape}")
    if isinstance(value, str | list):
        return array_of(value, shape, where, source)
    if not isinstance(value, dict):
        raise DataError(f"{where} is {named(value)}; give whole microseconds, a table or a file")
    if "kind" in value:
        return np.rint(_drawn(value, where).draw(shape))
    known(value, ("low", "high", "seed"), where)
    low, high = (get(value, key, (int,), where) for key in ("low", "high"))
    if not 0 <= low <= high <= MAX_SYNAPSE_DELAY_US:
        raise DataError(
            f"{where} runs from {named(low)} to {named(high)}; give 0 <= low <= high <= "
            f"{MAX_SYNAPSE_DELAY_US}"
        )
    return _rng(value, where).integers(low, high + 1, shape)


def weights(
    value: Any, shape: tuple[int, ...], where: str, source: ArraySource
) -> NDArray[np.float64]:
    """Return the weights that a file gives, finite, of ``shape``."""
    check_synapses(math.prod(shape), f"{where}: weights of shape {shape}")
    if isinstance(value, str | list):
        array = array_of(value, shape, where, source)
        if array.dtype.kind not in "iuf":
            raise DataError(f"{where}: {named(value)} holds {array.dtype}; save real numbers")
        array = np.asarray(array, np.float64)
    elif isinstance(value, dict):
        array = _drawn(value, where).draw(shape)
    else:
        array = np.full(shape, number({"weights": value}, "weights", where.rpartition(".")[0]))
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        raise DataError(
            f"{where}: weight {int(wrong[0])} is {array.reshape(-1)[wrong[0]]}; give finite numbers"
        )
    return array


def _drawn(table: Table, where: str) -> Distribution:
    """Return the distribution of a table; without a kind it is normal."""
    kinds = distributions()
    kind = get({"kind": "normal", **table}, "kind", (str,), where)
    if kind not in kinds:
        raise DataError(f"{where}.kind is {kind!r}; give {', '.join(kinds)}")
    return described(kinds[kind], table, where)


def check_synapses(count: int, what: str) -> None:
    """Refuse so many synapses that they do not fit into memory."""
    check_room(count * _BYTES_A_SYNAPSE, f"{what}: {named(count)} synapses: it", DataError)


def _rng(table: Table, where: str) -> np.random.Generator:
    seed = get(table, "seed", (int,), where)
    if seed < 0:
        raise DataError(f"{where}.seed is {named(seed)}; give a whole number of at least 0")
    return np.random.default_rng(seed)


def array_of(
    value: str | list[Any], shape: tuple[int, ...] | None, where: str, source: ArraySource
) -> NDArray[Any]:
    """Return the array of a name, or the numbers of a list as one, of ``shape``."""
    if isinstance(value, str):
        found: NDArray[Any] = _read(lambda: source.array(value, shape), where)
        return found
    try:
        array = np.array(value)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where}: its rows have other lengths; give an array") from error
    if shape is not None and array.shape != shape:
        raise DataError(f"{where}: has shape {array.shape}; give {shape}")
    return array


def _read(read: Any, where: str) -> Any:
    try:
        return read()
    except DataError as error:
        raise DataError(f"{where}: {error}") from error

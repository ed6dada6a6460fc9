"""What a network is asked at the door: names, delays and weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.distributions import Distribution
from eventsnn.errors import UserError
from eventsnn.given import check_no_mask
from eventsnn.memory import check_room
from eventsnn.text import named

if TYPE_CHECKING:
    from eventsnn.network import Connection

MAX_DELAY_US = 1 << 40
MAX_SYNAPSE_DELAY_US = (1 << 22) - 1
_LONGEST_NAME = 200

Given = NDArray[Any] | Distribution | float
"""Weights of a connection: an array, what they are drawn from, or one number for all."""

Weights = Mapping[str, Given] | Sequence[Given]
"""Weights by connection name, or in the order of the connections."""


def check_name(name: Any, what: str) -> None:
    """Refuse a name that is no text, or longer than any message can hold."""
    if not isinstance(name, str):
        raise UserError(f"{what} is {named(name)}; give text")
    if len(name) > _LONGEST_NAME:
        raise UserError(f"{what} has {len(name)} letters; give at most {_LONGEST_NAME}")


def check_names(names: list[str], what: str) -> None:
    """Refuse a name that is given twice."""
    for i, name in enumerate(names):
        if name in names[:i]:
            raise UserError(f"network: two {what}s are called {name!r}; give each its own name")


def check_places(connection: Connection, source: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Refuse a topology in space between populations whose sides are others.

    As many units are not enough: those of (1, 4, 6) are not where those of (1, 6, 4) are. A
    population without space (of one side) takes any.
    """
    topology: Any = connection.topology
    if not hasattr(topology, "out_shape"):
        return
    height, width, channels = topology.in_size
    sent = (channels, height, width) if topology.planar else (height, width, channels)
    for name, shape, wanted in (
        (connection.source, source, sent),
        (connection.target, target, topology.out_shape),
    ):
        if len(shape) > 1 and shape != wanted:
            raise UserError(
                f"connection {named(connection.name)}: {topology.kind} needs {named(name)} to be "
                f"{wanted}, it is {shape}; make them equal"
            )


def checked_delay(connection: Connection) -> int | NDArray[np.int64]:
    """Return a delay as an int, or a read-only copy of one delay a weight."""
    where, given = f"connection {named(connection.name)}", connection.delay_us
    if isinstance(given, int) and not 0 <= given <= MAX_DELAY_US:
        raise UserError(
            f"{where}: delay_us is {named(given)}; give whole microseconds from 0 to {MAX_DELAY_US}"
        )
    check_no_mask(given, f"{where}: delay_us")
    try:
        value = np.asarray(connection.delay_us)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: delay_us is ragged; give one number or an array") from error
    if value.ndim and value.shape != connection.topology.weight_shape:
        raise UserError(
            f"{where}: delay_us has shape {value.shape}; give one number or an array of "
            f"{connection.topology.weight_shape}"
        )
    limit = MAX_SYNAPSE_DELAY_US if value.ndim else MAX_DELAY_US
    if value.dtype.kind not in "iuf":
        raise UserError(f"{where}: delay_us has dtype {value.dtype}; give whole numbers")
    fine = np.isfinite(value) & (value >= 0) & (value <= limit) & (value == np.floor(value))
    if not fine.all():
        i = int(np.flatnonzero(~fine.reshape(-1))[0])
        which = f" of synapse {i}" if value.ndim else ""
        raise UserError(
            f"{where}: delay_us{which} is {value.reshape(-1)[i]}; give whole microseconds from 0 "
            f"to {limit}"
        )
    if not value.ndim:
        return int(value)
    delays = np.array(value, np.int64, order="C")
    delays.flags.writeable = False
    return delays


def by_connection(
    connections: tuple[Connection, ...], weights: Weights
) -> list[NDArray[Any] | None]:
    """Return the weights given for each connection, None where none are."""
    names = [c.name for c in connections]
    shapes = [c.topology.weight_shape for c in connections]
    if not isinstance(weights, Mapping):
        rows = isinstance(weights, np.ndarray) and weights.ndim > 0
        if not (rows or isinstance(weights, Sequence)) or isinstance(weights, str):
            raise UserError(
                f"weights: {named(weights)}; give a dict of arrays by connection name, or a list"
            )
        if len(weights) != len(names):
            raise UserError(
                f"weights: {len(weights)} arrays for {len(names)} connections "
                f"({', '.join(names)}); give one each"
            )
        return list(map(_as_array, weights, names, shapes))
    unknown = [name for name in weights if name not in names]
    if unknown:
        raise UserError(
            f"weights: no connection is called {named(repr(unknown[0]))}; there are "
            f"{', '.join(names) or 'none'}"
        )
    return list(map(_as_array, map(weights.get, names), names, shapes))


def checked_weights(
    connection: Connection,
    given: NDArray[Any] | None,
    dtype: type[np.floating[Any]],
    whole: bool,
) -> NDArray[Any]:
    """Return finite weights of a connection, flat, in C order.

    ``whole``: of one into neurons of whole numbers, whose int8 weights are what they say.
    """
    where, shape = f"weights of {connection.name}", connection.topology.weight_shape
    array = connection.topology.default_weights() if given is None else given
    if array is None:
        raise UserError(f"{where}: none given; give an array of shape {shape}")
    if array.dtype.kind not in "iuf":
        what = named(array[()]) if array.ndim == 0 else f"dtype {array.dtype}"
        raise UserError(f"{where}: {what}; give real numbers")
    if array.shape != shape:
        raise UserError(f"{where}: shape {array.shape}; give {shape}, or one number for all")
    if array.dtype.kind in "iu" and array.dtype.itemsize < 4 and not whole:
        raise UserError(
            f"{where}: dtype {array.dtype}, numbers of a scale that is not given; give "
            "scale * weights.astype(numpy.float32)"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        flat = np.ascontiguousarray(array, dtype).reshape(-1)
        # A sum is not finite if an element is not: one pass, no temporary array.
        total = flat.sum()
    if not np.isfinite(total):
        wrong = np.flatnonzero(~np.isfinite(flat))
        if wrong.size:
            i = int(wrong[0])
            place = tuple(int(k) for k in np.unravel_index(i, shape))
            value = array[place]
            remedy = f"too large for {flat.dtype}" if np.isfinite(value) else "give finite numbers"
            raise UserError(f"{where}: element {place} is {value}; {remedy}")
    return flat


def _as_array(given: Any, name: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
    if given is None:
        return None
    if isinstance(given, Distribution | Real):
        check_room(
            8 * math.prod(shape), f"weights of {named(name)}: {math.prod(shape)} synapses: it"
        )
    if isinstance(given, Distribution):
        return given.draw(shape)
    if isinstance(given, Real) and not isinstance(given, bool | np.bool_):
        return np.full(shape, given)
    check_no_mask(given, f"weights of {named(name)}")
    try:
        return np.asarray(given)
    except (ValueError, RecursionError) as error:
        raise UserError(f"weights of {named(name)}: ragged; give an array") from error

"""What a state is asked before a run goes on from it: kernels index by what it holds.

``check_arrays`` needs nothing but the state and is asked when a file is loaded;
``check_fits`` asks the rest when a network runs on from it.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.places import CALENDAR
from eventsnn.engines.asynchronous.plan import Graph
from eventsnn.errors import UserError
from eventsnn.generators import CurrentGenerator
from eventsnn.network import Network

if TYPE_CHECKING:
    from eventsnn.engines.asynchronous.state import State

_LATEST = 1 << 53
DIGEST_BYTES = 16
_KINDS: dict[str, tuple[type, ...]] = {
    "network": (np.uint8,),
    "t": (np.float64,),
    "sizes": (np.int64,),
    "x": (np.float32, np.float64),
    "times": (np.float64,),
    "log_t": (np.float64,),
    "log_unit": (np.int32,),
    "log_at": (np.int64,),
    "cursor": (np.int64,),
    "synapse_t": (np.float64,),
    "synapse_target": (np.int32,),
    "synapse_weight": (np.float32, np.float64),
    "synapse_at": (np.int64,),
}
"""Arrays of a state and the types that they may have."""


@lru_cache(maxsize=8)
def digest_of(network: Network) -> NDArray[np.uint8]:
    """Return what tells a network from others: shapes, neurons, currents, synapses, delays.

    Names do not count.

    Returns
    -------
    uint8 array (16,)
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for population in network.populations:
        _add(digest, population.shape, population.neuron)
        # Neurons are brought up to now by what the current has been.
        if isinstance(population.generator, CurrentGenerator):
            _add(digest, population.generator)
    for c in network.connections:
        _add(digest, network.index(c.source), network.index(c.target), c.topology, c.delay_us)
    found = np.frombuffer(digest.digest(), np.uint8)
    return found


def _add(digest: hashlib.blake2b, *parts: object) -> None:
    """Add values, arrays, and descriptions with all their fields to a digest."""
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str} {part.shape} ".encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        elif is_dataclass(part):
            digest.update(f"{type(part).__name__} ".encode())
            _add(digest, *(getattr(part, f.name) for f in fields(part) if f.init))
        else:
            digest.update(f"{part!r} ".encode())


def check_arrays(state: State) -> None:
    """Refuse a state whose arrays are not of one piece.

    Raises
    ------
    UserError
        For an array of another type or length, out of range or out of order: it names the
        array, the place and the value.
    """
    for name, kinds in _KINDS.items():
        array = getattr(state, name)
        if not isinstance(array, np.ndarray) or array.dtype not in kinds:
            raise _wrong(name, f"has type {getattr(array, 'dtype', type(array).__name__)}")
        if array.ndim != (0 if name == "t" else 1):
            raise _wrong(name, f"has shape {array.shape}")
    _length(state, "network", DIGEST_BYTES)
    noted = state.worked_off
    if noted is not None and (noted.dtype != np.uint8 or noted.shape != (DIGEST_BYTES,)):
        raise _wrong("worked_off", f"is {noted.dtype} {noted.shape}, not uint8 ({DIGEST_BYTES},)")
    _each(state.t.reshape(1), "t", 0.0, float(_LATEST))
    _each(state.sizes, "sizes", 1, np.iinfo(np.int32).max)
    _each(state.log_t, "log_t", 0.0, float(state.t))
    _each(state.synapse_t, "synapse_t", float(state.t), float(2 * _LATEST))
    for name in ("x", "synapse_weight"):
        _true(np.isfinite(getattr(state, name)), name, getattr(state, name))
    _true(~np.isnan(state.times), "times", state.times)
    _starts(state.log_at, "log_at", len(state.sizes), len(state.log_t))
    _starts(state.synapse_at, "synapse_at", None, len(state.synapse_t))
    for name, wanted in (("log_unit", "log_t"), ("synapse_target", "synapse_t")):
        _length(state, name, len(getattr(state, wanted)))
    _length(state, "synapse_weight", len(state.synapse_t))
    if state.synapse_weight.dtype != state.x.dtype:
        raise _wrong("synapse_weight", f"is {state.synapse_weight.dtype}, x is {state.x.dtype}")
    _sorted(state.log_t, "log_t", state.log_at)
    _sorted(state.synapse_t, "synapse_t", state.synapse_at)
    most = np.repeat(state.sizes, np.diff(state.log_at))
    _true((state.log_unit >= 0) & (state.log_unit < most), "log_unit", state.log_unit)
    _each(state.cursor, "cursor", 0, len(state.log_t))
    _each(state.synapse_target, "synapse_target", 0, int(state.sizes.max()) - 1)


def check_fits(state: State, network: Network, graph: Graph, dtype: np.dtype[Any]) -> None:
    """Refuse a state that this network, laid out as ``graph``, cannot have come to.

    Raises
    ------
    UserError
        As ``check_arrays``, which comes first.
    """
    if state.x.dtype != dtype or len(state.cursor) != len(graph.kind):
        raise UserError(
            f"state: made for {state.x.dtype} and {len(state.cursor)} channels, this run has "
            f"{dtype} and {len(graph.kind)}; go on with the same network and dtype"
        )
    calendars = int((graph.kind == CALENDAR).sum())
    for name, wanted in (
        ("x", int(graph.x_at[-1])),
        ("times", int(graph.times_at[-1])),
        ("synapse_at", calendars + 1),
    ):
        _length(state, name, wanted)
    if not graph.predicts.any():
        # The queue sorts by whole microseconds where no neuron spikes between them.
        for name in ("log_t", "synapse_t"):
            array = getattr(state, name)
            _true(array == np.floor(array), name, array)
    for p in range(len(graph.size)):
        _check_neurons(state, network, graph, p)
    for k in range(len(graph.kind)):
        _check_channel(state, network, graph, k)


def _check_neurons(state: State, network: Network, graph: Graph, p: int) -> None:
    """Check the clocks of a population, and that only zeros stand behind its potentials."""
    neuron, n = network.populations[p].neuron, int(graph.size[p])
    if neuron is None:
        return
    padding = state.x[graph.x_at[p] + n * len(neuron.variables) : graph.x_at[p + 1]]
    _true(padding == 0, "x", padding, int(graph.x_at[p + 1]) - len(padding))
    now, first = float(state.t), int(graph.times_at[p])
    pause = float(np.max(getattr(neuron, "refractory_us", 0.0)))
    start = neuron.at_rest(n)[1]
    ranges = {"clock": (0.0, now), "ready": (0.0, now + pause), "maximum_t": (0.0, now)}
    ranges["next"] = now, np.inf
    for row, name in enumerate(neuron.times):
        part = state.times[first + row * n : first + (row + 1) * n]
        least, most = ranges.get(name, (-np.inf, np.inf))
        rest = part == start[row]
        # A prediction for a time gone by is none of the start, whatever that was.
        rest &= (part >= now) if name == "next" else True
        _true(rest | ((part >= least) & (part <= most)), "times", part, first + row * n)


def _check_channel(state: State, network: Network, graph: Graph, k: int) -> None:
    """Check what waits in a channel: nothing is late, nothing later than the longest delay."""
    source, size = int(graph.source[k]), int(graph.size[graph.target[k]])
    log = slice(int(state.log_at[source]), int(state.log_at[source + 1]))
    if graph.kind[k] == CALENDAR:
        row = int(graph.calendar[k])
        part = slice(int(state.synapse_at[row]), int(state.synapse_at[row + 1]))
        target, times = state.synapse_target[part], state.synapse_t[part]
        _true(target < size, "synapse_target", target, part.start)
        greatest = network.connections[graph.connection[k]].greatest_delay
        _true(times <= float(state.t) + greatest, "synapse_t", times, part.start)
        if state.cursor[k] != 0:
            raise _wrong(f"cursor[{k}]", f"is {state.cursor[k]}")
        return
    if state.cursor[k] > log.stop - log.start:
        raise _wrong(f"cursor[{k}]", f"is {state.cursor[k]} of {log.stop - log.start} spikes")
    first = log.start + int(state.cursor[k])
    times = state.log_t[first : log.stop]
    _true(times + graph.delay[k] >= float(state.t), "log_t", times, first)


def _length(state: State, name: str, wanted: int) -> None:
    if len(getattr(state, name)) != wanted:
        raise _wrong(name, f"has {len(getattr(state, name))} values, not {wanted}")


def _starts(array: NDArray[np.int64], name: str, parts: int | None, end: int) -> None:
    if len(array) < 1 or (parts is not None and len(array) != parts + 1):
        raise _wrong(name, f"has {len(array)} values")
    if array[0] != 0 or array[-1] != end or (array[1:] < array[:-1]).any():
        raise _wrong(name, f"does not rise from 0 to {end}")


def _sorted(array: NDArray[np.float64], name: str, at: NDArray[np.int64]) -> None:
    back = np.flatnonzero(array[1:] < array[:-1]) + 1
    back = back[~np.isin(back, at)]
    if back.size:
        raise _wrong(f"{name}[{back[0]}]", f"is {array[back[0]]}, before the one before it")


def _each(array: NDArray[Any], name: str, least: float, most: float) -> None:
    """Refuse values outside [least, most], and NaN."""
    _true((array >= least) & (array <= most), name, array)


def _true(fine: NDArray[np.bool_], name: str, array: NDArray[Any], first: int = 0) -> None:
    if not fine.all():
        i = int(np.argmin(fine))
        raise _wrong(f"{name}[{first + i}]", f"is {array[i]}")


def _wrong(place: str, what: str) -> UserError:
    return UserError(
        f"state: {place} {what}, which no run of this network leaves; give the network and the "
        "state of one run, as simulate returned it"
    )

"""What a record knows of the run that made it: enough to refuse other recordings and weights.

Nothing is kept but sums, so that a record holds no recording. Those of events do not depend on
the types of the arrays, nor on the order of events of one instant.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.gathered import Given, gathered
from eventsnn.engines.inputs import Inputs
from eventsnn.errors import UserError
from eventsnn.kernels.compile import threaded
from eventsnn.network import Weights
from eventsnn.record import Record
from eventsnn.text import named

_SEEN = 4096
"""Weights of a connection that are looked at: all of a small one, else evenly spread."""


class Fingerprint(NamedTuple):
    """Of what a run was given.

    Attributes
    ----------
    events : dict from the number of an input population to uint64 array (n_recordings,)
    weights : tuple of int, a sum a connection
    """

    events: dict[int, NDArray[np.uint64]]
    weights: tuple[int, ...]


def fingerprint(record: Record, weights: tuple[int, ...], inputs: Inputs) -> Fingerprint:
    """Return that of the run that made a record.

    Parameters
    ----------
    weights : as ``weight_sums`` returns them
    inputs : as the engine was handed them
    """
    return Fingerprint({p: _event_sums(record, inputs, p) for p in inputs.given}, weights)


def weight_sums(weights: Sequence[NDArray[Any]]) -> tuple[int, ...]:
    """Return a sum a connection, of flat arrays."""
    return tuple(_weight_sum(array) for array in weights)


def check_given(record: Record, weights: Weights, events: Given, what: str) -> None:
    """Refuse weights or recordings that are not those that a record was made with.

    Of a connection 4,096 weights are compared, as float32. Records that were made by hand know
    nothing, and take any.

    Parameters
    ----------
    events : as ``simulate`` takes them, or None
        Of None nothing is asked here.
    what : str
        Who asks, for messages.

    Raises
    ------
    UserError
        That names the connection, or the recording and how many events it had.
    """
    if record.fingerprint is None:
        return
    sums = weight_sums(record.network.weights(weights))
    for connection, now, was in zip(
        record.network.connections, sums, record.fingerprint.weights, strict=True
    ):
        if now != was:
            raise UserError(
                f"{what}: the weights of {named(connection.name)} are not those that the "
                "record was made with; give those, or simulate with these"
            )
    check_events(record, events, what)


def check_events(record: Record, events: Given, what: str) -> None:
    """Refuse recordings that are not those that a record was made with; see ``check_given``.

    Of a run that went on from a state, what came before may be in them.
    """
    was = record.fingerprint
    if was is None or events is None:
        return
    network, inputs = gathered(record.network, events, 0.0)
    if len(inputs.until) != len(record):
        raise UserError(
            f"{what}: {len(inputs.until)} recordings, the record has {len(record)}; give those "
            "that it was made with"
        )
    pairs = zip(network.populations, record.network.populations, strict=True)
    other = [new for new, old in pairs if new.generator != old.generator]
    if other or set(inputs.given) != set(was.events):
        name = other[0].name if other else network.populations[min(was.events)].name
        raise UserError(
            f"{what}: {named(name)} is given something else than the record was made with; give "
            "that, or simulate with this"
        )
    for p in inputs.given:
        _check_recordings(record, inputs, p, what)


def _check_recordings(record: Record, inputs: Inputs, p: int, what: str) -> None:
    """Refuse recordings of one population that are not those of the record."""
    was = record.fingerprint
    assert was is not None
    other = np.flatnonzero(_event_sums(record, inputs, p) != was.events[p])
    if not other.size:
        return
    r, given = int(other[0]), inputs.given[p]
    now = int(given.start[r + 1] - given.start[r])
    kept = int(record.counts.spikes[r, p])
    raise UserError(
        f"{what}: recording {r} of {given.source} ({now:,} events) is not the one that the record "
        f"was made with ({kept:,} until {record.duration[r]:,g} us); give that one, or simulate "
        "with this"
    )


def _event_sums(record: Record, inputs: Inputs, population: int) -> NDArray[np.uint64]:
    given, out = inputs.given[population], np.zeros(len(record), np.uint64)
    with np.errstate(over="ignore"):  # where NUMBA_DISABLE_JIT is set
        _sum_events(given.t, given.unit, given.start, record.since, record.duration, out)
        return out ^ np.uint64(given.packed)  # other deliveries than those of events one by one


@threaded
def _sum_events(t: Any, unit: Any, start: Any, since: float, until: Any, out: Any) -> None:
    """Sum a scrambled number an event over the events of each recording."""
    for r in range(len(out)):
        # Times are in order: without a question an event the loop is a vector's.
        first, end = start[r], start[r + 1]
        while first < end and t[first] < since:
            first += 1
        while first < end and t[end - 1] >= until[r]:
            end -= 1
        total = np.uint64(0)
        times, units = t[first:end], unit[first:end]
        for k in range(len(times)):
            x = np.uint64(times[k]) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(units[k])
            x ^= x >> np.uint64(29)
            x *= np.uint64(0xBF58476D1CE4E5B9)
            total += x ^ (x >> np.uint64(32))
        out[r] = total


def _weight_sum(array: NDArray[Any]) -> int:
    flat = array.reshape(-1)
    step = max(1, flat.size // _SEEN) | 1  # odd: not always the same targets of each sender
    seen = np.ascontiguousarray(flat[::step], "<f4")
    return zlib.crc32(seen.view(np.uint8).data, flat.size)

"""What flows between the layers of the fast path: events of many recordings, end to end.

``gather`` takes them from the recordings, ``send`` through a connection's delay, and
``engines/layered/collect.py`` from a layer's blocks. Times are whole microseconds: inputs and
delays are, and no neuron here fires between events.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.counted import pack
from eventsnn.engines.inputs import Inputs
from eventsnn.engines.layered.ties import room_for, sort_ties
from eventsnn.kernels.compile import kernel, threaded
from eventsnn.kernels.decay import FINE, SHIFT
from eventsnn.neurons.neuron import Neuron, decay_table

NEVER = 1 << 62
"""A time that does not come, in microseconds."""

_UNREAD = np.zeros(0), math.inf
_EACH = np.zeros(0)
ANEW = np.zeros(0, np.int64)
"""Nothing was worked off before: every recording begins."""


class Train(NamedTuple):
    """Events of several recordings, sorted by (time, unit) in each.

    Attributes
    ----------
    t : int64 array (n,)
        Microseconds since the start of the event's own recording.
    unit : int32 array (n,)
    value : float array (n,)
        The neuron's value at each spike; empty for input events.
    start : int64 array (n_recordings + 1,)
        Recording i owns the events start[i] to start[i + 1] - 1.
    """

    t: NDArray[np.int64]
    unit: NDArray[np.int32]
    value: NDArray[Any]
    start: NDArray[np.int64]


class Deliveries(NamedTuple):
    """The events that reach a layer.

    Attributes
    ----------
    t : int64 array (n,)
    row : int32 array (n,)
        Sender of each event.
    decay : float array (n,)
        Factor of a potential since the event before; 1 within an instant and at the
        first event. Empty for a layer whose targets have clocks of their own.
    last : bool array (n,)
        True for the last event of an instant: thresholds are tested there.
    start : int64 array (n_recordings + 1,)
    instants : int64 array (n_recordings,)
    multiple : float64 array (n,)
        By what the weights of each event are multiplied; empty where that is 1.
    end : float64 array (n_recordings,)
        Before when neurons may fire by themselves; -inf where more deliveries are to come, up to
        the first of which they wait. Empty for a layer that does not ask.
    most : int
        Spikes after which a recording is taken for a runaway.
    """

    t: NDArray[np.int64]
    row: NDArray[np.int32]
    decay: NDArray[Any]
    last: NDArray[np.bool_]
    start: NDArray[np.int64]
    instants: NDArray[np.int64]
    multiple: NDArray[np.float64] = _EACH
    end: NDArray[np.float64] = _EACH
    most: int = NEVER


class Decay(NamedTuple):
    """The decay of a population.

    Attributes
    ----------
    tau_us : float
        Infinity for none.
    table : float64 array (2 * FINE,)
        ``neuron.decay_table``; empty where nothing decays.
    dtype : numpy.float32 or numpy.float64
        Of the factors, rounded from float64.
    """

    tau_us: float
    table: NDArray[np.float64]
    dtype: Any

    @classmethod
    def of(cls, neuron: Neuron, dtype: Any) -> Decay:
        """Return the decay of a model that gives its ``membrane``."""
        if neuron.membrane is None:
            raise TypeError(f"feedforward: no decay of {neuron}")
        tau_us = neuron.membrane.tau_us
        return cls(tau_us, np.zeros(0) if math.isinf(tau_us) else _table(tau_us), dtype)


@lru_cache(maxsize=64)
def _table(tau_us: float) -> NDArray[np.float64]:
    return decay_table(tau_us)


class Tally(NamedTuple):
    """Counts of a layer, each int64 (n_recordings,)."""

    updates: NDArray[np.int64]
    adds: NDArray[np.int64]

    @classmethod
    def zeros(cls, n: int) -> Tally:
        """Return counts of n recordings, contiguous: a kernel is compiled anew for others."""
        return cls(np.zeros(n, np.int64), np.zeros(n, np.int64))


class Spikes(NamedTuple):
    """Room for spikes: the delivery that caused each, the neuron, the potential before reset."""

    event: NDArray[np.int32]
    unit: NDArray[np.int32]
    value: NDArray[Any]

    @classmethod
    def room(cls, n: int, dtype: Any) -> Spikes:
        """Return room for n spikes."""
        return cls(np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, dtype))

    def grown(self) -> Spikes:
        """Return twice the room, with what is in it."""
        return Spikes(*(np.concatenate([a, np.empty_like(a)]) for a in self))


def gather(recordings: Inputs, first: int, last: int, begin: int, end: int) -> Train:
    """Return the events ``begin`` to ``end - 1``, all of recordings ``first`` to ``last - 1``.

    Only those before the recording's ``until``; simultaneous ones are sorted by unit, and packed
    (``counted.py``) where they are delivered with counts.
    Raises the error of ``Inputs.recording`` for one that is out of order.
    """
    given = np.minimum(np.maximum(recordings.start[first : last + 1], begin), end) - begin
    t, unit = np.empty(end - begin, np.int64), np.empty(end - begin, np.int32)
    out = Train(t, unit, np.empty(0), np.zeros(len(given), np.int64))
    stop = _whole(recordings.until[first:last])
    room = room_for(end - begin)
    events = recordings.t[begin:end], recordings.unit[begin:end], given
    wrong = _gather(events, stop, out, room, recordings.only.packed)
    if wrong >= 0:
        recordings.recording(first + int(wrong))
    n = int(out.start[-1])
    return Train(t[:n], unit[:n], out.value, out.start)


def _whole(until: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the first whole microsecond that is not before ``until``."""
    return np.ceil(np.minimum(until, float(NEVER))).astype(np.int64)


def send(
    train: Train,
    delay_us: int,
    until: NDArray[np.float64],
    decay: Decay | None,
    before: NDArray[np.int64] = ANEW,
) -> Deliveries:
    """Take a train through a delay to a population that decays by ``decay``; None: unread.

    What would arrive at or after ``until`` (float64 (n_recordings,)) is left out.
    ``before`` is the last instant already worked off, or -1, of the first recordings, int64 (m,).
    """
    n, stop = len(train.t), _whole(until)
    at_once = delay_us == 0 and not _cuts(train.t, train.start, stop)
    out = Deliveries(
        train.t if at_once else np.empty(n, np.int64),
        train.unit if at_once else np.empty(n, np.int32),
        np.empty(n, decay.dtype) if decay else np.empty(0),
        np.empty(n, np.bool_),
        train.start if at_once else np.zeros(len(train.start), np.int64),
        np.zeros(len(train.start) - 1, np.int64),
    )
    if not at_once:
        n = _delay(train, delay_us, stop, out)
    _mark(out, *((decay.table, decay.tau_us) if decay else _UNREAD), before)
    rest = out.start, out.instants
    return Deliveries(out.t[:n], out.row[:n], out.decay[:n], out.last[:n], *rest)


@threaded
def _gather(events, stop, out, room, packed):  # type: ignore[no-untyped-def]
    """Copy the events before ``stop``; return the first recording out of order or -1."""
    n, (t, unit, given) = np.int64(0), events
    for r in range(len(stop)):
        first, size, wrong = given[r], given[r + 1] - given[r], False
        # Views, whose plain indices let the loops vectorize.
        old_t, old_unit = t[first : first + size], unit[first : first + size]
        new_t, new_unit = out.t[n : n + size], out.unit[n : n + size]
        for i in range(len(old_t)):
            new_t[i] = old_t[i]
        for i in range(len(old_unit)):
            new_unit[i] = old_unit[i]
        for i in range(len(old_t) - 1):
            wrong |= old_t[i + 1] < old_t[i]
        if wrong:
            return r
        while size > 0 and new_t[size - 1] >= stop[r]:
            size -= 1
        sort_ties(new_t[:size], new_unit[:size], room)
        if packed > 0:
            size = pack(new_t[:size], new_unit[:size], packed)
        n += size
        out.start[r + 1] = n
    return -1


@threaded
def _delay(train, delay, stop, out):  # type: ignore[no-untyped-def]
    """Copy the events that arrive before ``stop``; return their number."""
    n = np.int64(0)
    for r in range(len(stop)):
        first, last = train.start[r], train.start[r + 1]
        while last > first and train.t[last - 1] + delay >= stop[r]:
            last -= 1
        t, unit, n_after = train.t[first:last], train.unit[first:last], n + last - first
        now, row = out.t[n:n_after], out.row[n:n_after]
        for i in range(len(t)):
            now[i] = t[i] + delay
            row[i] = unit[i]
        n = n_after
        out.start[r + 1] = n
    return n


@threaded
def _cuts(t, start, stop):  # type: ignore[no-untyped-def]
    """Return whether a recording has an event at its ``stop`` or later."""
    late = False
    for r in range(len(stop)):
        late |= start[r + 1] > start[r] and t[start[r + 1] - 1] >= stop[r]
    return late


@threaded
def _mark(out, table, tau, before):  # type: ignore[no-untyped-def]
    """Fill ``last`` and ``instants``, and ``decay`` if it has room."""
    decays = len(out.decay) == len(out.t)
    for r in range(len(out.instants)):
        first, last = out.start[r], out.start[r + 1]
        if last > first:
            t = out.t[first:last]
            out.instants[r] = _mark_last(t, out.last[first:last])
            if decays:
                gap = t[0] - before[r] if r < len(before) and before[r] >= 0 else np.int64(0)
                _fill_decay(t, gap, out.decay[first:last], table, tau)


@kernel
def _mark_last(t, last):  # type: ignore[no-untyped-def]
    """Mark the last event of each instant; return the number of instants."""
    instants = np.int64(1)
    for i in range(len(t) - 1):
        last[i] = t[i] != t[i + 1]
        instants += np.int64(t[i] != t[i + 1])
    last[len(t) - 1] = True
    return instants


@kernel
def _fill_decay(t, first_gap, out, table, tau):  # type: ignore[no-untyped-def]
    """The decay of ``neuron.decay`` over each gap; without branches where the table reaches."""
    if len(table) == 0:
        out[:] = 1
        return
    mask, shift, fine = np.uint64(FINE - 1), np.uint64(SHIFT), np.uint64(FINE)
    longest = first_gap
    for i in range(len(t)):
        gap = t[i] - t[i - 1] if i > 0 else first_gap
        longest |= gap
        u = np.uint64(gap)
        out[i] = table[fine + ((u >> shift) & mask)] * table[u & mask]
    if longest >= FINE * FINE:
        for i in range(len(t)):
            gap = t[i] - t[i - 1] if i > 0 else first_gap
            if gap >= FINE * FINE:
                out[i] = math.exp(-np.float64(gap) / tau)

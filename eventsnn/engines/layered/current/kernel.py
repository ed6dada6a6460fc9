"""Recordings through a layer of current-based neurons, instant by instant.

At a delivery all neurons are brought up to now in one sweep: they share a clock. A neuron that
fired since the last delivery, or is in its refractory time, is *apart*: it is brought up by itself.
Between two deliveries only those are looked at that a bound does not hold below the threshold up
to the next one; their crossings are found, and fire in order of (time, unit).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventsnn.engines.layered.current.sweeps import (
    add_all,
    advance_all,
    bound_of,
    copy,
    fixed_of,
    may_fire,
)
from eventsnn.kernels import heap
from eventsnn.kernels.compile import inlined, threaded
from eventsnn.neurons.cuba_lif_flow import advanced, factors, predicted, stays_below

DONE, FULL, RUNAWAY = range(3)
RECORDING, EVENT, SPIKES, BEGUN = range(4)
_APART, _NEAR, _WAITING, _DUE = range(4)
_CLEAR = 1e-9
"""Of what v is made of: by so much it is below its threshold, and rises, without a doubt."""


@threaded
def run_currents(m: Any, cursor: Any, fresh: bool) -> Any:
    """Run recordings from ``cursor`` on; FULL where there may be no room for the next spikes.

    RUNAWAY where a recording fired more than it may. Called again, it goes on where it stood.
    """
    fixed = fixed_of(m.table)
    while cursor[RECORDING] < len(m.came.start) - 1:
        status = _recording(m, fixed, cursor, fresh)
        if status != DONE:
            return status
        cursor[RECORDING] += 1
        m.out.start[cursor[RECORDING]] = cursor[SPIKES]
        cursor[BEGUN] = 0
    return DONE


@inlined
def _recording(m: Any, fixed: Any, cursor: Any, fresh: bool) -> int:
    """Run one recording, or the rest of it."""
    r = cursor[RECORDING]
    row = min(r, len(m.cells.clock) - 1)
    clock = _load(m, fixed, row, cursor[BEGUN] == 0 and (fresh or row < r))
    if cursor[BEGUN] == 0:
        cursor[EVENT], cursor[BEGUN] = m.came.start[r], 1
    stop, status = m.came.start[r + 1], DONE
    room = m.room
    old, new = (room.v, room.current), (room.new_v, room.new_current)
    _look(m, fixed, old, clock, cursor)
    while True:
        delivered, now = cursor[EVENT] < stop, _next(m, cursor)
        status = _between(m, fixed, old, (clock, now, row), cursor)
        if status != DONE or not delivered:
            break
        if cursor[SPIKES] + len(room.v) > len(m.out.t):
            status = FULL
            break
        _instant(m, fixed, (old, new), (clock, now, row), cursor)
        old, new, clock = new, old, now
    copy(old[0], m.cells.v[row])
    copy(old[1], m.cells.current[row])
    m.cells.clock[row] = clock
    return status


@inlined
def _next(m: Any, cursor: Any) -> Any:
    """Return when the next delivery comes, or the end."""
    event, r = cursor[EVENT], cursor[RECORDING]
    return m.came.t[event] if event < m.came.start[r + 1] else m.came.end[r]


@inlined
def _look(m: Any, fixed: Any, state: Any, now: float, cursor: Any) -> None:
    """List who is at the threshold, or may come to it before the next delivery."""
    bound = bound_of(state[0], _next(m, cursor) - now, fixed)
    m.room.numbers[_NEAR] = may_fire(state[0], state[1], bound, m.room.near)


@inlined
def _load(m: Any, fixed: Any, row: int, at_rest: bool) -> Any:
    """Put a recording's state in place, and list who is apart; return its clock."""
    cells, room, n = m.cells, m.room, 0
    if at_rest:
        cells.v[row, :] = 0
        cells.current[row, :] = 0
        cells.fired[row, :] = -math.inf
        cells.clock[row] = 0.0
    copy(cells.v[row], room.v)
    copy(cells.current[row], room.current)
    clock = cells.clock[row]
    for j in range(len(room.v)):
        last = cells.fired[row, j]
        if last > clock or last + fixed.refractory > clock:
            room.apart[n] = j
            n += 1
    room.numbers[_APART] = n
    return clock


@inlined
def _between(m: Any, fixed: Any, state: Any, times: Any, cursor: Any) -> int:
    """Fire what fires by itself after ``clock`` and before ``now``; list who does at ``now``."""
    room, (clock, now, row) = m.room, times
    room.numbers[_WAITING] = room.numbers[_DUE] = 0
    if not now > clock:
        return DONE
    if room.numbers[_NEAR] > 0:
        moved = factors(now - clock, fixed.taus)
        for k in range(room.numbers[_NEAR]):
            if not _rises_below(m, fixed, state, (clock, moved, row), room.near[k]):
                _expect(m, fixed, state, times, room.near[k])
    while room.numbers[_WAITING] > 0:
        t, j = room.when[0], room.unit[0]
        if t < now:
            if cursor[SPIKES] == len(m.out.t):
                return FULL
            if cursor[SPIKES] - m.out.start[cursor[RECORDING]] > m.came.most:
                return RUNAWAY
        room.numbers[_WAITING] = heap.pop(room.when, room.unit, room.numbers[_WAITING])
        if t < now:
            _fire_alone(m, fixed, state, (clock, t, row), (j, cursor))
            _expect(m, fixed, state, times, j)
        else:
            room.due[room.numbers[_DUE]] = j
            room.numbers[_DUE] += 1
    return DONE


@inlined
def _rises_below(m: Any, fixed: Any, state: Any, span: Any, j: int) -> Any:
    """Return whether a neuron is still below the threshold at the next delivery, and still rises.

    v turns once at most: then it was lower all the time. What the closed form is rounded by is far
    less than ``_CLEAR``.
    """
    clock, (a, b, response), row = span
    fired = m.cells.fired[row, j]
    v, current = float(state[0][j]), float(state[1][j])
    later = fixed.bias + (v - fixed.bias) * a + current * response
    size = abs(v) + abs(current) + abs(fixed.bias)
    below = later + _CLEAR * size < fixed.threshold
    rises = current * b + fixed.bias - later > _CLEAR * size
    rose = current + fixed.bias - v > _CLEAR * size
    return below and rises and rose and fired + fixed.refractory <= clock and fired <= clock


@inlined
def _expect(m: Any, fixed: Any, state: Any, times: Any, j: int) -> None:
    """Let neuron j wait for its spike, if that comes up to ``now``."""
    room, (clock, now, row) = m.room, times
    v, current, fired = float(state[0][j]), float(state[1][j]), m.cells.fired[row, j]
    if stays_below(v, current, fixed.threshold, fixed.bias, fixed.most):
        return
    own = max(clock, fired)
    spans = own, fired + fixed.refractory, own + fixed.refractory
    t = predicted((v, current), spans, (fixed.threshold, fixed.taus, fixed.bias))
    if t <= now and t < math.inf:
        room.numbers[_WAITING] = heap.push(room.when, room.unit, room.numbers[_WAITING], t, j)


@inlined
def _moved(m: Any, fixed: Any, state: Any, times: Any, j: int) -> Any:
    """Return (v, i) of one neuron at ``now``."""
    clock, now, row = times
    fired = m.cells.fired[row, j]
    spans = max(clock, fired), fired + fixed.refractory, now
    return advanced((float(state[0][j]), float(state[1][j])), spans, fixed.taus, fixed.bias)


@inlined
def _note(m: Any, fixed: Any, moved: Any, now: float, which: Any) -> None:
    """Write down that a neuron fires now, with its slope."""
    (v, current), (j, cursor), n = moved, which, which[1][SPIKES]
    slope = (current + fixed.bias - v) * fixed.taus.rate_mem
    m.out.t[n], m.out.unit[n], m.out.value[n] = now, j, slope
    cursor[SPIKES] = n + 1


@inlined
def _fire_alone(m: Any, fixed: Any, state: Any, times: Any, which: Any) -> None:
    """Fire a neuron between deliveries."""
    (clock, now, row), (j, cursor), room = times, which, m.room
    last = m.cells.fired[row, j]
    moved = _moved(m, fixed, state, times, j)
    _note(m, fixed, moved, now, which)
    state[0][j], state[1][j], m.cells.fired[row, j] = 0, moved[1], now
    m.updates[cursor[RECORDING]] += 1
    if last <= clock and last + fixed.refractory <= clock:
        room.apart[room.numbers[_APART]] = j
        room.numbers[_APART] += 1


@inlined
def _count(m: Any, event: int) -> Any:
    """Return for how many a delivery stands; its weights times 1 are what they are."""
    one = m.weights.dtype.type(1)
    return m.came.multiple[event] if len(m.came.multiple) > 0 else one


@inlined
def _instant(m: Any, fixed: Any, states: Any, times: Any, cursor: Any) -> None:
    """Take all deliveries of an instant, then test everyone once."""
    (old, new), (clock, now, row), room = states, times, m.room
    event = cursor[EVENT]
    weights, count = m.weights[np.int64(m.came.row[event])], _count(m, event)
    moved = factors(now - clock, fixed.taus)
    advance_all(old, new, (weights, count), moved, fixed.bias)
    for k in range(room.numbers[_APART]):
        j = room.apart[k]
        v, current = _moved(m, fixed, old, times, j)
        new[0][j], new[1][j] = v, current
        new[1][j] += weights[j] * count
    while not m.came.last[event]:
        event += 1
        add_all(new[1], m.weights[np.int64(m.came.row[event])], _count(m, event))
    cursor[EVENT] = event + 1
    left = 0
    for k in range(room.numbers[_APART]):
        if m.cells.fired[row, room.apart[k]] + fixed.refractory > now:
            room.apart[left] = room.apart[k]
            left += 1
    room.numbers[_APART] = left
    _look(m, fixed, new, now, cursor)
    if room.numbers[_NEAR] + room.numbers[_DUE] > 0:
        _settle(m, fixed, states, times, cursor)


@inlined
def _settle(m: Any, fixed: Any, states: Any, times: Any, cursor: Any) -> None:
    """Fire who is due now or at the threshold, in order of unit."""
    (old, new), (_, now, row), room = states, times, m.room
    k, due, listed = 0, 0, room.numbers[_NEAR]
    while k < listed or due < room.numbers[_DUE]:
        j = room.near[k] if k < listed else len(new[0])
        fires = k < listed and float(new[0][j]) >= fixed.threshold
        fires = fires and now >= m.cells.fired[row, j] + fixed.refractory
        if due < room.numbers[_DUE] and room.due[due] <= j:
            if room.due[due] < j:  # it is not near, and may fire once more all the same
                j = room.due[due]
                room.near[room.numbers[_NEAR]] = j
                room.numbers[_NEAR] += 1
                k -= 1
            due, fires = due + 1, True
        k += 1
        if not fires:
            continue
        _note(m, fixed, _moved(m, fixed, old, times, j), now, (j, cursor))
        new[0][j], m.cells.fired[row, j] = 0, now
        if fixed.refractory > 0.0:
            room.apart[room.numbers[_APART]] = j
            room.numbers[_APART] += 1

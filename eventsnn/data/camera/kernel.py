"""The virtual camera's kernel: one picture in, the sorted events of one recording out.

The stages of a recording:

1. `_walk` draws the recording's own path.
2. `_expose` blurs the picture onto a grid finer than the pixels and takes the logarithm of
   its brightness. The grid is stored *phase by phase*: plane (ky, kx) is what a whole sensor
   sees that is displaced by (ky, kx) fine steps, so that wherever the picture stands, the
   sensor is one contiguous stretch of a plane.
3. `_see` mixes four planes bilinearly into the log brightness of every pixel at the picture's
   present place; the photoreceptors follow it. One loop over the whole sensor.
4. `_fire` flags, in another such loop, the pixels that crossed a threshold, and finds out
   when inside the step they did.
5. `_leak` adds the spontaneous events.
6. `_sort` puts the events in order.

All randomness is a hash of (seed, index of the recording, purpose, counter): no result
depends on what else is filmed, or in which order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventsnn.data.camera.parts import Events, Lens, Path, Pixels, Work
from eventsnn.kernels.compile import kernel, threaded

_PLACE, _LEAK = 0, 1  # what a random number is drawn for
_GOLDEN = 0x9E3779B97F4A7C15  # the step of splitmix64, 2**64 over the golden ratio


@kernel
def _mix(x: Any) -> Any:
    """Scramble 64 bits (splitmix64's finalizer: Steele, Lea, Flood, OOPSLA 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def _uniform(key: Any, purpose: int, counter: int) -> Any:
    """Return number ``counter`` of a sequence uniform in (0, 1)."""
    x = _mix(key + np.uint64(_GOLDEN) * np.uint64(purpose + 1))
    x = _mix(x + np.uint64(_GOLDEN) * np.uint64(counter + 1))
    return (float(x >> np.uint64(11)) + 0.5) * 2.0**-53


@kernel
def _normal(key: Any, purpose: int, counter: int) -> Any:
    """Return number ``counter`` of a standard normal sequence cut at 3 (Box, Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(_uniform(key, purpose, 2 * counter)))
    value = radius * math.cos(2.0 * math.pi * _uniform(key, purpose, 2 * counter + 1))
    return min(max(value, -3.0), 3.0)


@kernel
def _walk(key: Any, path: Path, work: Work) -> None:
    """Draw this recording's own path: displaced and delayed a little."""
    dx = path.centre_jitter * _normal(key, _PLACE, 0)
    dy = path.centre_jitter * _normal(key, _PLACE, 1)
    late = path.time_jitter_us * _normal(key, _PLACE, 2) / path.step_us
    last = path.x.size - 1
    for step in range(last + 1):
        place = min(max(step - late, 0.0), float(last))
        i = min(int(place), last - 1)
        share = place - i
        work.x[step] = path.x[i] + share * (path.x[i + 1] - path.x[i]) + dx
        work.y[step] = path.y[i] + share * (path.y[i + 1] - path.y[i]) + dy


@kernel
def _blur(image: Any, lens: Lens, work: Work) -> Any:
    """Fill ``work.fine``; return the first and last + 1 fine row that the picture reaches."""
    work.strip[:] = np.float32(0)
    work.fine[:] = np.float32(0)
    top, bottom = work.fine.shape[0], 0
    for y in range(image.shape[0]):
        strip, lit = work.strip[y], False
        for x in range(image.shape[1]):
            grey = image[y, x]
            if grey > np.float32(0):
                lit = True
                weights = lens.columns[x]
                for column in range(lens.column_span[x, 0], lens.column_span[x, 1]):
                    strip[column] += grey * weights[column]
        if not lit:
            continue
        first, last = lens.row_span[y]
        top, bottom = min(top, first), max(bottom, last)
        for row in range(first, last):
            weight, fine = lens.rows[y, row], work.fine[row]
            for column in range(fine.size):
                fine[column] += weight * strip[column]
    return top, bottom


@kernel
def _expose(image: Any, lens: Lens, pixels: Pixels, work: Work) -> Any:
    """Fill ``work.planes``; return the first and last + 1 row of a plane that is not ground."""
    top, bottom = _blur(image, lens, work)
    phases = lens.phases
    top, bottom = top // phases, (bottom + phases - 1) // phases
    pitch = work.fine.shape[1] // phases
    work.planes[:] = np.float32(math.log(np.float32(1) + pixels.epsilon))
    for phase in range(phases * phases):
        ky, kx = phase // phases, phase % phases
        for row in range(top, bottom):
            fine = work.fine[row * phases + ky]
            plane = work.planes[phase, row * pitch : (row + 1) * pitch]
            for column in range(pitch):
                grey = fine[column * phases + kx]
                if grey > np.float32(1e-6):
                    # Rounding may bring the sum of the weights a little above 1.
                    light = max(np.float32(1) - grey, np.float32(0))
                    plane[column] = math.log(light + pixels.epsilon)
    return top, bottom


@kernel
def _see(x: float, y: float, span: Any, lens: Lens, follow: Any, work: Work) -> None:
    """Step the photoreceptors of the rows ``span`` with the picture displaced by (x, y)."""
    phases = lens.phases
    pitch = work.fine.shape[1] // phases
    fine_x, fine_y = (-x - lens.start_x) * phases, (-y - lens.start_y) * phases
    kx, ky = math.floor(fine_x), math.floor(fine_y)
    rx, ry = np.float32(fine_x - kx), np.float32(fine_y - ky)
    one = np.float32(1)
    upper, lower = ky % phases * phases, (ky + 1) % phases * phases
    left, right = kx % phases, (kx + 1) % phases
    first, last = span[0] * pitch, span[1] * pitch
    above, below = first + ky // phases * pitch, first + (ky + 1) // phases * pitch
    a = work.planes[upper + left, above + kx // phases :]
    b = work.planes[upper + right, above + (kx + 1) // phases :]
    c = work.planes[lower + left, below + kx // phases :]
    d = work.planes[lower + right, below + (kx + 1) // phases :]
    wa, wb, wc, wd = (one - ry) * (one - rx), (one - ry) * rx, ry * (one - rx), ry * rx
    seen, before = work.seen[first:last], work.before[first:last]
    for i in range(seen.size):
        light = wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i]
        before[i] = seen[i]
        seen[i] += follow * (light - seen[i])


@kernel
def _rest(span: Any, lens: Lens, pixels: Pixels, work: Work) -> None:
    """Let every cell rest at what it sees at the start of the path."""
    ground = np.float32(math.log(np.float32(1) + pixels.epsilon))
    for cell in range(work.seen.size):
        work.seen[cell] = ground
    _see(work.x[0], work.y[0], span, lens, np.float32(1), work)
    for cell in range(work.seen.size):
        work.memory[cell] = work.seen[cell]
        work.blind_until[cell] = np.float32(-1)


@kernel
def _flag(t0: float, dt: float, cells: Any, pixels: Pixels, work: Work) -> None:
    """Flag the cells that may fire in (t0, t0 + dt], and those whose dead time ends in it."""
    first, last = cells
    start, end = np.float32(t0), np.float32(t0 + dt)
    seen, memory = work.seen[first:last], work.memory[first:last]
    blind_until, flags = work.blind_until[first:last], work.flags[first:last]
    on, off = pixels.on[first:last], pixels.off[first:last]
    for i in range(flags.size):
        change, blind = seen[i] - memory[i], blind_until[i]
        crosses = (change >= on[i]) | (-change >= off[i])
        flags[i] = np.uint8((blind < end) & (crosses | (blind >= start)))


@kernel
def _fire_cell(
    cell: int, t0: float, dt: float, pixels: Pixels, work: Work, events: Events, n: int
) -> int:
    """Emit the event, if any, of a flagged cell in (t0, t0 + dt]; return the new count.

    A pixel's dead time is at least ``dt``, so there is at most one.
    """
    before, start = work.before[cell], np.float32(0)
    slope = work.seen[cell] - before
    if work.blind_until[cell] >= np.float32(t0):
        start = (work.blind_until[cell] - np.float32(t0)) / np.float32(dt)
        work.memory[cell] += pixels.slip * (before + start * slope - work.memory[cell])
    change = work.seen[cell] - work.memory[cell]
    if change >= pixels.on[cell]:
        polarity, target = 1, work.memory[cell] + pixels.on[cell]
    elif -change >= pixels.off[cell]:
        polarity, target = 0, work.memory[cell] - pixels.off[cell]
    else:
        return n
    share = start
    if slope != np.float32(0):
        share = min(max((target - before) / slope, start), np.float32(1))
    t = t0 + dt * share
    events.t[n] = max(math.ceil(t) - 1, 0)
    events.unit[n] = polarity * pixels.height * pixels.width + pixels.address[cell]
    work.memory[cell] = target
    work.blind_until[cell] = t + pixels.dead[cell]
    return n + 1


@kernel
def _fire(
    t0: float, dt: float, span: Any, pixels: Pixels, work: Work, events: Events, n: int
) -> int:
    """Emit the events of a step; return the new count. Flags are skipped eight at a time."""
    pitch = work.seen.size // pixels.height
    cells = (span[0] * pitch, span[1] * pitch)
    _flag(t0, dt, cells, pixels, work)
    one, ones = np.uint64(1), np.uint64(0x0101010101010101)
    for word in range(cells[0] // 8, (cells[1] + 7) // 8):
        flags = work.words[word]
        while flags != np.uint64(0):
            # The bytes below the lowest flag (little-endian), counted without a branch a byte.
            below = ((flags & (~flags + one)) - one) & ones
            cell = 8 * word + np.int64((below * ones) >> np.uint64(56))
            flags &= flags - one
            if cells[0] <= cell < cells[1]:
                n = _fire_cell(cell, t0, dt, pixels, work, events, n)
    return n


@kernel
def _leak(key: Any, due: Any, t1: float, pixels: Pixels, work: Work, events: Events, n: int) -> Any:
    """Emit the spontaneous events before ``t1``; return the count and the next (time, number).

    They are a Poisson process over the whole sensor; a pixel that is blind skips its turn.
    """
    t, number = due
    pitch = work.seen.size // pixels.height
    while t < t1:
        pixel = int(_uniform(key, _LEAK, 3 * number + 1) * pixels.height * pixels.width)
        row, column = pixel // pixels.width, pixel % pixels.width
        cell = row * pitch + column
        if work.blind_until[cell] < t:
            polarity = int(_uniform(key, _LEAK, 3 * number + 2) < pixels.leak_on)
            events.t[n] = int(t)
            events.unit[n] = (polarity * pixels.height + row) * pixels.width + column
            n += 1
            work.memory[cell] = work.seen[cell]
            work.blind_until[cell] = t + pixels.dead[cell]
        number += 1
        t -= math.log(_uniform(key, _LEAK, 3 * number)) / pixels.leak_per_us
    return n, (t, number)


@kernel
def _sort(events: Events, n: int) -> None:
    """Sort by (t, unit) by insertion: step after step, events are nearly in order already."""
    t, unit = events.t, events.unit
    for i in range(1, n):
        late_t, late_unit = t[i], unit[i]
        j = i - 1
        while j >= 0 and (t[j] > late_t or (t[j] == late_t and unit[j] > late_unit)):
            t[j + 1], unit[j + 1] = t[j], unit[j]
            j -= 1
        t[j + 1], unit[j + 1] = late_t, late_unit


@threaded
def recording_key(seed: Any, index: Any) -> Any:
    """Return the key of one recording's random numbers (uint64 in, uint64 out)."""
    return _mix(_mix(seed + np.uint64(_GOLDEN)) ^ (index + np.uint64(1)))


@threaded
def film_one(
    image: Any, key: Any, lens: Lens, path: Path, pixels: Pixels, work: Work, events: Events
) -> Any:
    """Film one picture (float32, 0 to 1) into the front of ``events``.

    Returns the number of events, or -1 where ``events`` is too small.
    """
    _walk(key, path, work)
    top, bottom = _expose(image, lens, pixels, work)
    # Sensor row r looks at plane rows from r to r + (rows of a plane - height).
    reach = work.fine.shape[0] // lens.phases - pixels.height
    span = (max(top - reach, 0), min(bottom, pixels.height))
    _rest(span, lens, pixels, work)
    # np.int64 because numba would compile the callees twice, for a literal 0 and a variable.
    n: Any = np.int64(0)
    due: Any = (math.inf, np.int64(0))
    if pixels.leak_per_us > 0:
        due = (-math.log(_uniform(key, _LEAK, 0)) / pixels.leak_per_us, np.int64(0))
    for step in range(path.x.size - 1):
        if n + 2 * pixels.height * pixels.width > events.t.size:
            return -1
        t0 = step * path.step_us
        _see(work.x[step + 1], work.y[step + 1], span, lens, pixels.follow, work)
        n = _fire(t0, path.step_us, span, pixels, work, events, n)
        n, due = _leak(key, due, t0 + path.step_us, pixels, work, events, n)
    _sort(events, n)
    return n

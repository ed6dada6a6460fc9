"""The event-driven backprop MLP, compiled: the same spikes as ``rules/deep_spiking/reference.py``.

Two things differ from the reference, neither in the result:
- error spikes are worked off layer by layer, not recursively: what a layer does
  depends only on the order in which *its* error spikes arrive, and on which of them
  arrive together, and these are the same;
- the columns that the backward pass reads lie in a transposed copy; columns that
  changed are carried over to the rows when the backward pass of a step ends.
"""

from __future__ import annotations

import numpy as np

from eventsnn.kernels.compile import inlined, kernel, pasted, threaded
from eventsnn.rules.deep_spiking.state import (
    ADDS,
    BACK_ADDS,
    BACK_SPIKES,
    BAD_PLACE,
    BAD_TIME,
    BAD_UNIT,
    ERRORS,
    IN_SPIKES,
    LANES,
    PASSED,
    SPIKES,
    UPDATES,
    Spikes,
)


@kernel
def splitmix(x):  # type: ignore[no-untyped-def]
    """Scramble 64 bits; see ``options.splitmix``."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def _start(phi, size, mode, rule, sample, index):  # type: ignore[no-untyped-def]
    """Set a quantizer's potentials at the start of a sample."""
    if mode == 0:
        phi[:] = 0
    elif mode == 2:
        key = splitmix(rule.seed ^ np.uint64(sample * 4096 + index))
        for unit in range(size):
            bits = splitmix(key + np.uint64(unit)) >> np.uint64(11)
            shift = np.float64(bits) * 2.0**-53 - 0.5
            # A spike is worth more than 1 only in integer mode: whole numbers there.
            phi[unit] = np.floor(shift * rule.one) if rule.one > 1 else shift
    elif mode == 3:
        for unit in range(size):
            phi[unit] = max(phi[unit], rule.one - rule.one)  # 0, in the type of the state


@kernel
def _sort(out, first, last):  # type: ignore[no-untyped-def]
    """Insertion-sort the spikes first..last-1 by decreasing key, ties as they stand."""
    key, unit, sign = out.key, out.unit, out.sign
    for i in range(first + 1, last):
        k = key[i]
        if key[i - 1] >= k:
            continue
        u, s, j = unit[i], sign[i], i - 1
        while j >= first and key[j] < k:
            key[j + 1], unit[j + 1], sign[j + 1] = key[j], unit[j], sign[j]
            j -= 1
        key[j + 1], unit[j + 1], sign[j + 1] = k, u, s


@kernel
def _heap_order(out, first, last):  # type: ignore[no-untyped-def]
    """Order the spikes first..last-1 as a binary heap; see ``reference.heap_order``."""
    key, unit, sign = out.key[first:last], out.unit[first:last], out.sign[first:last]
    for new in range(key.size):
        k, u, s, at = key[new], unit[new], sign[new], new
        while at > 0 and k > key[(at - 1) // 2]:
            above = (at - 1) // 2
            key[at], unit[at], sign[at] = key[above], unit[above], sign[above]
            at = above
        key[at], unit[at], sign[at] = k, u, s
    for size in range(key.size - 1, 0, -1):  # what leaves takes the place that becomes free
        k, u, s, at = key[size], unit[size], sign[size], 0
        key[size], unit[size], sign[size] = key[0], unit[0], sign[0]
        while 2 * at + 1 < size:
            child = 2 * at + 1
            if child + 1 < size and key[child + 1] > key[child]:
                child += 1
            if k >= key[child]:
                break
            key[at], unit[at], sign[at] = key[child], unit[child], sign[child]
            at = child
        key[at], unit[at], sign[at] = k, u, s
    for i in range(key.size // 2):  # the first to leave stands last
        j = key.size - 1 - i
        key[i], key[j] = key[j], key[i]
        unit[i], unit[j] = unit[j], unit[i]
        sign[i], sign[j] = sign[j], sign[i]


@kernel
def _scatter(source, out, bucket, n, lowest):  # type: ignore[no-untyped-def]
    """Copy n spikes by buckets of decreasing key: little is left to sort then."""
    key = source.key
    highest, bucket[:] = lowest, 0
    for i in range(n):
        highest = key[i] if key[i] > highest else highest  # max() also looks for NaN
    scale = np.float64(bucket.size - 2) / max(np.float64(highest - lowest), 1e-30)
    for i in range(n):
        bucket[np.int64((highest - key[i]) * scale) + 1] += 1
    for b in range(1, bucket.size):
        bucket[b] += bucket[b - 1]
    for i in range(n):
        mine = np.int64((highest - key[i]) * scale)
        to = bucket[mine]
        bucket[mine] = to + 1
        out.key[to] = key[i]
        out.unit[to] = source.unit[i]
        out.sign[to] = source.sign[i]


@pasted
def _emit(phi, k, kind, out, tail):  # type: ignore[no-untyped-def]
    """Write the spikes of unit k; return the new tail, or -1 where the room is too short.

    ``kind`` is (below this a unit sends -1, above this +1, what a spike takes away, whether
    equal potentials leave as from a heap).
    """
    low, high, one, _ = kind
    v = phi[k]
    while v > high or v < low:
        if tail == out.unit.size:
            return np.int64(-1)
        out.key[tail], out.unit[tail] = abs(v), k
        if v > high:
            out.sign[tail] = 1
            v -= one
        else:
            out.sign[tail] = -1
            v += one
        tail += 1
    phi[k] = v
    return tail


@kernel
def _poll(phi, first, kind, out, tail):  # type: ignore[no-untyped-def]
    """Write the spikes of the LANES units from ``first`` on; return the new tail, or -1."""
    low, high, _, _ = kind
    hits, where = 0, 0
    for j in range(LANES):
        v = phi[first + j]
        hit = (v > high) | (v < low)
        hits += hit
        where += j if hit else 0
    if hits == 1:  # nearly always: its index is the sum
        return _emit(phi, first + where, kind, out, tail)
    for j in range(LANES):
        if tail >= 0:
            tail = _emit(phi, first + j, kind, out, tail)
    return tail


# Inlined by LLVM it is 30 % faster than pasted by numba.
@inlined
def _feed(phi, row, sign, kind, out, tail):  # type: ignore[no-untyped-def]
    """Add one weight row and write the spikes that it sets off; return the new tail, or -1.

    The loops over LANES units are of constant length and without branches: vectors.
    """
    low, high, _, heap = kind
    plain, old = sign > 0 and low < -high, tail
    for block in range(phi.size // LANES):
        first, fires = block * LANES, False
        if plain:
            for j in range(LANES):
                v = phi[first + j] + row[first + j]
                phi[first + j] = v
                fires |= v > high
        elif sign > 0:
            for j in range(LANES):
                v = phi[first + j] + row[first + j]
                phi[first + j] = v
                fires |= (v > high) | (v < low)
        else:
            for j in range(LANES):
                v = phi[first + j] - row[first + j]
                phi[first + j] = v
                fires |= (v > high) | (v < low)
        if fires:
            tail = _poll(phi, first, kind, out, tail)
            if tail < 0:
                return tail
    if tail - old > 1:
        if heap:
            _heap_order(out, old, tail)
        else:
            _sort(out, old, tail)
    return tail


@pasted
def _deliver(net, work, rule, layer, last):  # type: ignore[no-untyped-def]
    """Deliver the pending spikes of population ``layer`` below index ``last``."""
    n, above = net.pad[layer + 1], net.unit_at[layer + 1]
    phi, sent = work.phi[above : above + n], work.sent[above : above + n]
    came = work.came[net.unit_at[layer] : above]
    rows = net.row[net.row_at[layer] : net.row_at[layer + 1]]
    in_unit, in_sign, cause = work.unit[layer], work.sign[layer], work.cause[layer + 1]
    out = Spikes(work.key, work.unit[layer + 1], work.sign[layer + 1])
    kind = (rule.low, rule.high, rule.one, rule.heap)
    first, tail = work.head[layer], work.tail[layer + 1]
    for i in range(first, last):
        unit, sign, old = np.int64(in_unit[i]), in_sign[i], tail
        if not rule.depth_first:
            came[unit] += sign
        tail = _feed(phi, rows[unit * n : unit * n + n], sign, kind, out, old)
        if tail < 0:
            return False
        for j in range(old, tail):
            sent[out.unit[j]] += out.sign[j] * rule.one
            cause[j] = i
    work.tally[SPIKES, layer] += tail - work.tail[layer + 1]
    work.tail[layer + 1] = tail
    work.head[layer] = last
    work.tally[IN_SPIKES, layer] += last - first
    work.tally[ADDS, layer] += (last - first) * net.size[layer + 1]
    return True


@kernel
def _count(net, work, population):  # type: ignore[no-untyped-def]
    """Depth-first: count spikes as delivered, all that they set off having been carried on."""
    here = net.unit_at[population]
    for i in range(work.counted[population], work.head[population]):
        work.came[here + work.unit[population, i]] += work.sign[population, i]
    work.counted[population] = work.head[population]


@pasted
def _forward(net, work, rule, learn):  # type: ignore[no-untyped-def]
    """Send the spikes of the input population to the top; return the layer that exploded."""
    top, head, tail = net.size.size - 1, work.head, work.tail
    layer = 0
    while True:
        if rule.depth_first:  # one spike of the highest population that has any waiting
            layer = top
            while layer >= 0 and head[layer] == tail[layer]:
                layer -= 1
            for population in range(max(layer, 0), top):
                _count(net, work, population)
        if layer < 0 or layer > top:
            return 0
        last = head[layer] + 1 if rule.depth_first else tail[layer]
        if layer < top:
            if not _deliver(net, work, rule, layer, last):
                return layer + 1
        elif learn:
            status = _raise_errors(net, work, rule, last)
            if status != 0:
                return status
        else:
            head[top] = last
        layer += 1


@pasted
def _raise_errors(net, work, rule, last):  # type: ignore[no-untyped-def]
    """Hand the top population's spikes below index ``last`` to the error counter."""
    top, n = net.size.size - 1, np.int64(0)
    for i in range(work.head[top], last):
        if rule.hold:
            work.held[work.unit[top, i]] += work.sign[top, i]
        else:
            work.back_unit[0, n] = work.unit[top, i]
            work.back_sign[0, n] = work.sign[top, i]
            n += 1
    work.head[top] = last
    work.back_end[0, 0] = n
    return _backward(net, work, rule, n, np.int64(1))


@pasted
def _release(net, work, rule):  # type: ignore[no-untyped-def]
    """Send what the error counter holds, unit by unit."""
    n = np.int64(0)
    for unit in range(net.size[-1]):
        count = work.held[unit]
        work.held[unit] = 0
        if abs(count) > work.back_unit.shape[1] - n:
            return net.size.size - 1
        for _ in range(abs(count)):
            work.back_unit[0, n] = unit
            work.back_sign[0, n] = 1 if count > 0 else -1
            n += 1
            work.back_end[0, n - 1] = n  # each goes down by itself
    return _backward(net, work, rule, n, n)


@kernel
def _backward(net, work, rule, n, batches):  # type: ignore[no-untyped-def]
    """Carry the first n error spikes, which come in batches, to layer 0, a layer at a time."""
    row = np.int64(0)
    for layer in range(net.size.size - 2, -1, -1):
        if n == 0:
            return 0
        work.tally[ERRORS, layer] += n
        n_source = _take_source(net, work, rule, layer) if rule.fractional else 0
        passed = work.tally[PASSED, layer]
        n = _backward_layer(net, work, rule, layer, row, batches)
        if n < 0:
            return layer + 1
        row = np.int64(1) - row
        if rule.fractional:
            _update(net, work, rule, layer)
            work.tally[UPDATES, layer] += n_source * (work.tally[PASSED, layer] - passed)
    return 0


@inlined
def _move(column, source, rule, sign):  # type: ignore[no-untyped-def]
    """Fractional: move a column by one error spike."""
    rate = rule.rate if sign > 0 else -rule.rate
    for k in range(column.size):
        column[k] -= rate * source[k]


@kernel
def _move_batch(net, work, rule, layer, row, first, last):  # type: ignore[no-untyped-def]
    """Fractional and breadth-first: move the columns of a batch, all of which have been read."""
    here, n_in = net.unit_at[layer + 1], net.pad[layer]
    source = work.source[net.unit_at[layer] : here]
    columns = net.column[net.column_at[layer] : net.column_at[layer + 1]]
    for i in range(first, last):
        unit = np.int64(work.back_unit[row, i])
        at = here + unit
        if work.phi[at] + work.sent[at] - work.phi_start[at] >= 0:
            column = columns[unit * n_in : unit * n_in + n_in]
            _move(column, source, rule, work.back_sign[row, i])


@pasted
def _backward_layer(net, work, rule, layer, row, batches):  # type: ignore[no-untyped-def]
    """Take a layer's error spikes in, batch by batch; write those for the layer below."""
    here, n_in = net.unit_at[layer + 1], net.pad[layer]
    phi_back = work.phi_back[net.unit_at[layer] : here]
    source = work.source[net.unit_at[layer] : here]
    columns = net.column[net.column_at[layer] : net.column_at[layer + 1]]
    out = Spikes(work.key, work.back_unit[1 - row], work.back_sign[1 - row])
    kind = (rule.back_low, rule.high, rule.one, rule.heap)
    tail, passed, first = np.int64(0), np.int64(0), np.int64(0)
    for batch in range(batches):
        last = work.back_end[row, batch]
        for i in range(first, last):
            unit, sign = np.int64(work.back_unit[row, i]), work.back_sign[row, i]
            at = here + unit
            if work.phi[at] + work.sent[at] - work.phi_start[at] < 0:
                continue
            passed += 1
            work.error[at] += sign
            work.changed[at] = True
            if layer == 0:
                continue
            column = columns[unit * n_in : unit * n_in + n_in]
            if rule.fractional and rule.depth_first:
                _move(column, source, rule, sign)
            tail = _feed(phi_back, column, sign, kind, out, tail)
            if tail < 0:
                return tail
        if layer > 0 and rule.fractional and not rule.depth_first:
            _move_batch(net, work, rule, layer, row, first, last)
        work.back_end[1 - row, batch] = tail
        first = last
    work.tally[PASSED, layer] += passed
    if layer > 0:
        work.tally[BACK_ADDS, layer] += passed * net.size[layer]
        work.tally[BACK_SPIKES, layer] += tail
    return tail


@kernel
def _take_source(net, work, rule, layer):  # type: ignore[no-untyped-def]
    """Compute relu(src) of one layer: spike counts, or the drive where smooth.

    Returns how many senders are above zero.
    """
    first, last = net.unit_at[layer], net.unit_at[layer + 1]
    zero = rule.one - rule.one  # in the type of the state
    n = 0
    for k in range(first, last):
        value = work.came[k]
        if rule.smooth:
            summed = work.phi[k] + work.sent[k] - work.phi_start[k]
            value = summed if layer > 0 else work.drive[k]
        work.source[k] = max(value, zero)
        n += value > 0
    return n


@kernel
def _update(net, work, rule, layer):  # type: ignore[no-untyped-def]
    """Move one layer's weights by what its error spikes asked for, and forget these.

    Returns how many receivers learned.
    """
    below, here = net.unit_at[layer], net.unit_at[layer + 1]
    n_in, n_out = net.size[layer], net.size[layer + 1]
    pad_in, pad_out = net.pad[layer], net.pad[layer + 1]
    error = work.error[here : here + pad_out]
    source = work.source[below : below + pad_in]
    columns = net.column[net.column_at[layer] : net.column_at[layer + 1]]
    rows = net.row[net.row_at[layer] : net.row_at[layer + 1]]
    n_changed = 0
    for unit in range(n_out):
        if not work.changed[here + unit]:
            continue
        n_changed += 1
        error[unit] *= rule.rate
        if layer == 0:
            continue
        column = columns[unit * pad_in : unit * pad_in + pad_in]
        if not rule.fractional:
            for k in range(pad_in):
                column[k] -= source[k] * error[unit]
        for k in range(n_in):
            if source[k] > 0:
                rows[k * pad_out + unit] = column[k]
    if layer == 0 and n_changed > 0:
        for k in range(n_in):
            if source[k] > 0:
                row = rows[k * pad_out : k * pad_out + pad_out]
                for unit in range(pad_out):
                    row[unit] -= source[k] * error[unit]
    error[:] = 0
    work.changed[here : here + pad_out] = False
    return n_changed


@kernel
def begin_sample(net, work, rule, sample):  # type: ignore[no-untyped-def]
    """Start a sample."""
    work.phi[: net.pad[0]] = 0
    work.phi_target[:] = 0
    work.sent[:] = 0
    work.came[:] = 0
    work.held[:] = 0
    work.drive[:] = 0
    for layer in range(net.size.size - 1):
        first, last = net.unit_at[layer + 1], net.unit_at[layer + 2]
        _start(work.phi[first:last], net.size[layer + 1], rule.start, rule, sample, 2 * layer)
        back = work.phi_back[net.unit_at[layer] : first]
        _start(back, net.size[layer], rule.back_start, rule, sample, 2 * layer + 1)
    for k in range(work.phi.size):
        work.phi_start[k] = work.phi[k]


@kernel
def _sum_input(work, rule, events):  # type: ignore[no-untyped-def]
    """Smooth gradients: sum the drive of the input, of events or of the vector ``work.x``."""
    if events:
        for i in range(work.tail[0]):
            work.drive[work.unit[0, i]] += rule.one
    else:
        for i in range(work.n_active[0]):
            work.drive[work.active[i]] += work.x[work.active[i]]


@kernel
def _step(net, work, rule, learn, events):  # type: ignore[no-untyped-def]
    """Run one step whose input spikes lie in the input population's buffer."""
    top = net.size.size - 1
    work.head[:] = 0
    work.counted[:] = 0
    work.tail[1:] = 0
    status = _forward(net, work, rule, learn)
    if status != 0 or not learn:
        return status
    if rule.smooth:
        _sum_input(work, rule, events)
    work.head[top] = 0
    tail, kind = np.int64(0), (rule.in_low, rule.high, rule.one, rule.heap)
    out = Spikes(work.key, work.unit[top], work.sign[top])
    for k in range(net.size[top]):
        work.phi_target[k] -= work.y[k]
        tail = _emit(work.phi_target, k, kind, out, tail)
        if tail < 0:
            return top
    if rule.heap:
        _heap_order(out, np.int64(0), tail)
    else:
        _sort(out, np.int64(0), tail)
    status = _raise_errors(net, work, rule, tail)
    return status if status != 0 or not rule.hold else _release(net, work, rule)


@kernel
def finish_sample(net, work, rule):  # type: ignore[no-untyped-def]
    """Apply the weight changes that waited for the end of the sample."""
    if not rule.fractional:
        for layer in range(net.size.size - 1):
            n_source = _take_source(net, work, rule, layer)
            work.tally[UPDATES, layer] += n_source * _update(net, work, rule, layer)


@pasted
def step_vector(net, work, rule, learn):  # type: ignore[no-untyped-def]
    """Present the real vector ``work.x`` for one step; return the layer that exploded, or 0."""
    x, phi, spare = work.x, work.phi, work.spare
    low, high, one, n_active = rule.in_low, rule.high, rule.one, work.n_active[0]
    spikes, tail = Spikes(work.key, work.unit[0], work.sign[0]), np.int64(0)
    if work.n_active[1] == 0:  # |x| <= 1: a unit sends at most one spike; no branches
        for i in range(n_active):
            k = np.int64(work.active[i])
            v = phi[k] + x[k]
            positive = v > high
            fires = positive | (v < low)
            spare.key[tail], spare.unit[tail] = abs(v), k
            spare.sign[tail] = 1 if positive else -1
            tail += fires
            left = v - one if positive else v + one
            phi[k] = left if fires else v
    else:
        kind = (low, high, one, rule.heap)
        for i in range(n_active):
            k = np.int64(work.active[i])
            phi[k] += x[k]
            tail = _emit(phi, k, kind, spare, tail)
            if tail < 0:
                return 1
    if rule.heap:
        for i in range(tail):
            spikes.key[i], spikes.unit[i] = spare.key[i], spare.unit[i]
            spikes.sign[i] = spare.sign[i]
        _heap_order(spikes, np.int64(0), tail)
    else:
        _scatter(spare, spikes, work.bucket, tail, rule.high)
        _sort(spikes, np.int64(0), tail)
    work.tail[0] = tail
    return _step(net, work, rule, learn, False)


@pasted
def step_events(net, work, rule, learn, events):  # type: ignore[no-untyped-def]
    """Present events as +1 spikes; return the layer that exploded, or 0."""
    if events.size > work.unit.shape[1]:
        return 1
    for i in range(events.size):
        work.unit[0, i] = events[i]
        work.sign[0, i] = 1
    work.tail[0] = events.size
    return _step(net, work, rule, learn, True)


@kernel
def load_vector(work, rule, x, scale):  # type: ignore[no-untyped-def]
    """Write ``x * scale`` to ``work.x``; where the state is whole numbers, as ``truncated``."""
    whole, n, large = rule.one > 1, 0, 0
    for k in range(x.size):
        value = np.float64(x[k]) * scale
        work.x[k] = np.trunc(value * (1 + 2.0**-50)) if whole else value
        if work.x[k] != 0:
            work.active[n] = k
            n += 1
            large += abs(work.x[k]) > rule.one
    work.n_active[0], work.n_active[1] = n, large


@pasted
def _step_end(events, i, at, step, n_steps):  # type: ignore[no-untyped-def]
    """Return where step 1..n_steps of recording i ends; the one before ends at ``at``."""
    first, last = events.start[i], events.start[i + 1]
    if step == n_steps:
        return last
    if not events.by_time:
        return first + (last - first) * step // n_steps
    while at < last and events.t[at] * n_steps < events.duration[i] * step:
        at += 1
    return at


@kernel
def read_out(net, work, rule, out):  # type: ignore[no-untyped-def]
    """Write the top layer's mean drive a step, S_L / T."""
    first = net.unit_at[net.size.size - 1]
    for k in range(net.size[-1]):
        drive = work.phi[first + k] + work.sent[first + k] - work.phi_start[first + k]
        out[k] = drive / (np.float64(rule.one) * rule.n_steps)


@kernel
def _write_log(work, log, event):  # type: ignore[no-untyped-def]
    """Append the step's spikes with the input event that set each off; -1: no room.

    ``event`` numbers the first input spike of the step (real vectors: all of them).
    """
    if log.unit.shape[1] == 0:
        return 0
    from_events = event >= 0
    before = 0
    for p in range(work.tail.size):
        first = log.size[p]
        if first + work.tail[p] > log.unit.shape[1]:
            return -1
        for j in range(work.tail[p]):
            if p > 0:
                log.event[p, first + j] = log.event[p - 1, before + work.cause[p, j]]
            else:
                log.event[p, first + j] = event + j if from_events else -1 - event
            log.unit[p, first + j] = work.unit[p, j]
            log.sign[p, first + j] = work.sign[p, j]
        log.size[p] = first + work.tail[p]
        before = first
    return 0


@threaded
def run_vectors(net, work, rule, vectors, job, out):  # type: ignore[no-untyped-def]
    """Present samples one by one; return (samples done, exploded layer or -1: log full)."""
    for done in range(job.order.size):
        i = job.order[done]
        load_vector(work, rule, vectors.x[i], vectors.scale)
        if job.learn:
            for k in range(net.size[-1]):
                work.y[k] = vectors.target[vectors.label[i], k]
        begin_sample(net, work, rule, job.first + done)
        for step in range(rule.n_steps):
            status = step_vector(net, work, rule, job.learn)
            if status == 0:
                status = _write_log(work, job.log, -1 - step)
            if status != 0:
                return done, status
        if job.learn:
            finish_sample(net, work, rule)
        read_out(net, work, rule, out[done])
    return job.order.size, 0


@kernel
def _check_recording(net, events, i):  # type: ignore[no-untyped-def]
    """Return 0, or what is wrong with recording i; nothing outside its arrays is read."""
    first, last = events.start[i], events.start[i + 1]
    if first < 0 or last < first or last > events.unit.size or last > events.t.size:
        return BAD_PLACE
    outside, n_in = False, net.size[0]
    for k in range(first, last):
        unit = np.int64(events.unit[k])
        outside |= (unit < 0) | (unit >= n_in)
    if outside:
        return BAD_UNIT
    backwards = False
    for k in range(first + 1, last):
        backwards |= events.t[k] < events.t[k - 1]
    return BAD_TIME if backwards else 0


@threaded
def run_events(net, work, rule, events, job, out):  # type: ignore[no-untyped-def]
    """Present recordings one by one; return (recordings done, exploded layer or what is wrong)."""
    for done in range(job.order.size):
        i = job.order[done]
        status = _check_recording(net, events, i)
        if status != 0:
            return done, status
        first = end = events.start[i]
        if job.learn:
            for k in range(net.size[-1]):
                work.y[k] = events.target[events.label[i], k]
        begin_sample(net, work, rule, job.first + done)
        for step in range(rule.n_steps):
            begin, end = end, _step_end(events, i, end, step + 1, rule.n_steps)
            units = events.unit[begin:end]
            status = step_events(net, work, rule, job.learn, units)
            if status == 0:
                status = _write_log(work, job.log, begin - first)
            if status != 0:
                return done, status
        if job.learn:
            finish_sample(net, work, rule)
        read_out(net, work, rule, out[done])
    return job.order.size, 0

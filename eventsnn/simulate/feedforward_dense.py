"""Dense layers of the fast path: a block of neurons takes four events in one pass.

A block is up to 128 neighbouring neurons (eight registers of 64 bytes). In a pass
every potential is loaded once, taken through four events (decay, add the weight),
and stored once; its largest value on the way tells whether it may have fired. Only
those few neurons are then taken through the four events again, one by one, with
threshold, reset and refractory time: neurons of one layer do not feel each other.

numba cannot be made to keep such a pass in registers (measured: twice the time), so
``sweep`` and ``first_bit`` are written in LLVM instructions. They stand in this file
because a cached kernel must not depend on another file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from eventsnn.kernel import inlined, threaded
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.simulate.feedforward_events import Deliveries, Spikes, Train, collect
from eventsnn.simulate.feedforward_layer import LINE, Cursor, Each, Firing, Tally, aligned

GROUP = 4
"""Events of one pass."""

CHUNKS = (8, 4, 2, 1)
"""Registers of a block, a compiled kernel each; a layer is cut into the widest that fit."""

PACK_FROM = 24
"""Events for each row of weights from which copying them into blocks pays."""

_FOUR, _ONE = (0,) * GROUP, (0,)


class Block(NamedTuple):
    """One block: its first neuron, and the state of its neurons, padded to full registers.

    Attributes
    ----------
    first : int
        Number of its first neuron within the population.
    v : float array (2 * width,)
        Potentials twice over, aligned to ``LINE`` bytes; a pass goes from one half to
        the other, so that a neuron that fired can be taken through it again.
    ready : int64 array (width,)
        When each neuron's refractory time ends.
    held : uint64 array (n_words,)
        Neurons that a pass must not decide, lane k in bit k: they are refractory.
    """

    first: int
    v: NDArray[Any]
    ready: NDArray[np.int64]
    held: NDArray[np.uint64]

    @classmethod
    def rest(cls, first: int, width: int, dtype: Any) -> Block:
        """Return a block of ``width`` neurons at rest."""
        ready, held = np.full(width, -1, np.int64), np.zeros(-(-width // 64), np.uint64)
        return cls(first, aligned(2 * width, dtype), ready, held)


class Weights(NamedTuple):
    """A block's weights: neuron k reads ``flat[offset + row * stride + k]``."""

    flat: NDArray[Any]
    stride: int
    offset: int


class DenseLayer:
    """A dense connection into spiking neurons.

    Parameters
    ----------
    weights : float array (n_in, n_out)
    neuron : IF or LIF
    n_events : int
        How many events the layer is going to take. Where they are many, each block's
        weights are laid side by side, so that they stay in the cache.
    each : callable
        ``map``, or a thread pool's: lays the blocks.
    """

    def __init__(
        self, weights: NDArray[Any], neuron: IF | LIF, n_events: int, each: Each = map
    ) -> None:
        self.n_out, self.dtype = weights.shape[1], weights.dtype.type
        self.firing = Firing.of(neuron, self.dtype)
        self.lanes = LINE // weights.dtype.itemsize
        cuts: list[tuple[int, int]] = []
        first = 0
        while first < self.n_out:
            left = -(-(self.n_out - first) // self.lanes)
            cuts.append((first, next(size for size in CHUNKS if size <= left)))
            first += cuts[-1][1] * self.lanes
        pack = n_events > PACK_FROM * len(weights)

        def lay(cut: tuple[int, int]) -> Weights:
            first, width = cut[0], cut[1] * self.lanes
            if not pack and first + width <= self.n_out:
                return Weights(weights.reshape(-1), self.n_out, first)
            part = aligned(len(weights) * width, self.dtype)
            square = part.reshape(len(weights), width)
            square[:, : self.n_out - first] = weights[:, first : first + width]
            return Weights(part, width, 0)

        laid = each(lay, cuts)
        self.blocks = [(*cut, part) for cut, part in zip(cuts, laid, strict=True)]

    def start(self) -> list[Block]:
        """Return all blocks at rest."""
        return [
            Block.rest(first, chunks * self.lanes, self.dtype) for first, chunks, _ in self.blocks
        ]

    def run(self, deliveries: Deliveries, state: list[Block], fresh: bool, tally: Tally) -> Train:
        """Take every block through all deliveries; see ``Layer.run``."""
        n = 0
        spikes = Spikes.room(len(deliveries.t) // 2 + 4096, self.dtype)
        for block, (_, chunks, weights) in zip(state, self.blocks, strict=True):
            cursor = Cursor.start()
            cursor.spikes[0] = n
            args = deliveries, weights, self.firing, block
            while not run_block(*args, spikes, cursor, fresh, (0,) * chunks):
                spikes = spikes.grown()
            n = int(cursor.spikes[0])
        tally.updates[:] += deliveries.instants * self.n_out
        tally.adds[:] += np.diff(deliveries.start) * self.n_out
        return collect(spikes, n, deliveries, ordered=True)


def _splat(builder: Any, vector: Any, value: Any) -> Any:
    index = ir.VectorType(ir.IntType(32), vector.count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), ir.Constant(index, None))


def _sweep(
    _: Any, v: Any, old: Any, w: Any, row: Any, decay: Any, e: Any, th: Any, chunks: Any, group: Any
) -> Any:
    """Take half ``old`` of ``v`` through events e, e + 1, ... into the other half.

    ``w`` is (flat, stride, offset). The lengths of the tuples ``chunks`` and ``group``
    are the number of registers and of events, known to the compiler. The answer is a
    tuple of uint64: bit k is set if lane k reached ``th`` at any of the events.
    """
    lanes = LINE * 8 // v.dtype.bitwidth
    per_word = 64 // lanes
    n_words = -(-chunks.count // per_word)

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        def data(kind: Any, array: Any) -> Any:
            return context.make_array(kind)(context, b, array).data

        i64 = ir.IntType(64)
        vector = ir.VectorType(context.get_value_type(v.dtype), lanes)
        weights = b.gep(data(w[0], b.extract_value(args[2], 0)), [b.extract_value(args[2], 2)])
        stride, limit = b.extract_value(args[2], 1), _splat(b, vector, args[6])

        width = i64(chunks.count * lanes)
        source = b.gep(data(v, args[0]), [b.mul(args[1], width)])
        target = b.gep(data(v, args[0]), [b.mul(b.sub(i64(1), args[1]), width)])

        def at(base: Any, index: Any) -> Any:
            return b.bitcast(b.gep(base, [index]), vector.as_pointer())

        factors, rows = [], []
        for j in range(group.count):
            event = b.add(args[5], i64(j))
            factors.append(_splat(b, vector, b.load(b.gep(data(decay, args[4]), [event]))))
            sender = b.zext(b.load(b.gep(data(row, args[3]), [event])), i64)
            rows.append(b.gep(weights, [b.mul(sender, stride)]))
        words = [i64(0)] * n_words
        for c in range(chunks.count):
            lane = i64(c * lanes)
            x = b.load(at(source, lane), align=LINE)
            top = None
            for factor, weight_row in zip(factors, rows, strict=True):
                weight = b.load(at(weight_row, lane), align=v.dtype.bitwidth // 8)
                x = b.fadd(b.fmul(x, factor), weight)
                top = x if top is None else b.select(b.fcmp_ordered(">", x, top), x, top)
            b.store(x, at(target, lane), align=LINE)
            reached = b.bitcast(b.fcmp_ordered(">=", top, limit), ir.IntType(lanes))
            bits = b.shl(b.zext(reached, i64), i64(c % per_word * lanes))
            words[c // per_word] = b.or_(words[c // per_word], bits)
        return cgutils.pack_array(b, words)  # type: ignore[no-untyped-call]

    answer = types.UniTuple(types.uint64, n_words)  # type: ignore[no-untyped-call]
    return answer(v, types.uint64, w, row, decay, types.uint64, th, chunks, group), codegen


sweep: Any = intrinsic(_sweep)


def _first_bit(_: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a uint64 that is not 0."""

    def codegen(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.cttz(args[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), codegen


first_bit: Any = intrinsic(_first_bit)


@inlined
def _step_lanes(events, w, firing, block, old, i, word, e, count, spikes, n):  # type: ignore[no-untyped-def]
    """Take the neurons in ``word`` through events one by one, from half ``old`` of ``v``.

    Free of branches but for the loops: whether a neuron fires cannot be predicted. All
    numbers are unsigned, so that no index is tested for a negative wrap.
    """
    one, width = np.uint64(1), np.uint64(len(block.ready))
    stride, offset = np.uint64(w.stride), np.uint64(w.offset)
    block.held[i] = np.uint64(0)
    while word:
        bit = word & (~word + one)
        word ^= bit
        k = i * np.uint64(64) + first_bit(bit)
        x, ready = block.v[old * width + k], block.ready[k]
        for j in range(e, e + count):
            awake = events.t[j] >= ready
            x = x * events.decay[j]
            y = x + w.flat[offset + np.uint64(events.row[j]) * stride + k]
            x = y if awake else x
            fires = awake & events.last[j] & (x >= firing.threshold)
            spikes.event[n], spikes.unit[n], spikes.value[n] = j, block.first + k, x
            n += np.uint64(fires)
            y = x - firing.threshold if firing.subtract else x - x
            x = y if fires else x
            ready = events.t[j] + firing.refractory if fires else ready
        block.v[(one - old) * width + k], block.ready[k] = x, ready
        if ready > events.t[e + count - one]:
            block.held[i] |= bit
    return n


@inlined
def _fire_lanes(events, w, firing, block, old, i, word, e, count, spikes, n):  # type: ignore[no-untyped-def]
    """As ``_step_lanes``, without refractory times."""
    one, width = np.uint64(1), np.uint64(len(block.ready))
    stride, offset = np.uint64(w.stride), np.uint64(w.offset)
    while word:
        k = i * np.uint64(64) + first_bit(word)
        word &= word - one
        unit = np.int32(block.first + k)
        x = block.v[old * width + k]
        for j in range(e, e + count):
            x = x * events.decay[j] + w.flat[offset + np.uint64(events.row[j]) * stride + k]
            fires = events.last[j] & (x >= firing.threshold)
            spikes.event[n], spikes.unit[n], spikes.value[n] = j, unit, x
            n += np.uint64(fires)
            y = x - firing.threshold if firing.subtract else x - x
            x = y if fires else x
        block.v[(one - old) * width + k] = x
    return n


@threaded
def run_block(events, w, firing, block, spikes, cursor, fresh, chunks):  # type: ignore[no-untyped-def]
    """Take a block through all recordings from ``cursor`` on, each from rest (see ``Layer.run``).

    It returns False, to be called again with ``cursor``, where ``spikes`` might not hold
    those of one more pass, and True when all is done.
    """
    zero, one, four = np.uint64(0), np.uint64(1), np.uint64(GROUP)
    n, e, r = np.uint64(cursor.spikes[0]), np.uint64(cursor.event[0]), cursor.recording[0]
    row, decay, v = events.row, events.decay, block.v
    threshold, free = firing.threshold, firing.refractory == 0
    old, count = zero, four
    room = np.uint64(len(spikes.event) - GROUP * len(block.ready) - 1)
    while r < len(events.start) - 1:
        if e == np.uint64(events.start[r]) and (fresh or r > 0):
            block.v[:] = 0
            block.ready[:] = -1
            block.held[:] = 0
        stop = np.uint64(events.start[r + 1])
        while e < stop and n <= room:
            if e + four <= stop:
                count, words = four, sweep(v, old, w, row, decay, e, threshold, chunks, _FOUR)
            else:
                count, words = one, sweep(v, old, w, row, decay, e, threshold, chunks, _ONE)
            for k in range(len(words)):
                i = np.uint64(k)
                word = words[i] | block.held[i]
                if word and free:
                    n = _fire_lanes(events, w, firing, block, old, i, word, e, count, spikes, n)
                elif word:
                    n = _step_lanes(events, w, firing, block, old, i, word, e, count, spikes, n)
            old = one - old
            e += count
        if e < stop:
            break
        r += 1
    if old == one:
        for k in range(len(block.ready)):
            block.v[k] = block.v[len(block.ready) + k]
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1

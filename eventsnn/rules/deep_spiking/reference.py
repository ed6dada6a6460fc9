"""The event-driven backprop MLP in plain Python: the definition. Read this first.

O'Connor & Welling 2016, *Deep Spiking Networks* (arXiv 1602.08323). Activations and
errors both travel as signed unit spikes; a layer does nothing until a spike arrives.
Every spike is an addition of one weight row (forward) or one weight column (backward)
to the potentials of a *quantizer*, which answers with spikes of its own.

This file is written to be read and to be checked against; ``kernel.py`` does
the same two orders of magnitude faster.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.deep_spiking.options import HerdingOptions, QuantizerKind, uniform

Spike = tuple[int, int]
"""(unit, sign)."""


class Quantizer:
    """Potentials that leave as unit spikes: "herding" (section 2 of the paper).

    Parameters
    ----------
    size : int
        Number of units.
    kind : QuantizerKind
        Whether negative spikes are sent, and how a sample starts.
    one : number
        What a spike is worth: 1, or ``T^2 / eta`` in integer mode.
    heap : bool
        What happens at equality: see ``HerdingOptions.ties``.
    """

    def __init__(
        self, size: int, kind: QuantizerKind, one: Any, dtype: Any, heap: bool = False
    ) -> None:
        self.kind, self.one, self.heap, self.phi = kind, one, heap, np.zeros(size, dtype)
        self.half = one / 2
        self.start, self.out = self.phi.copy(), self.phi.copy()
        self.sent = 0

    def begin(self, key: int) -> None:
        """Start a sample; ``key`` numbers the random stream of a random shift."""
        if self.kind.start == "zero":
            self.phi[:] = 0
        elif self.kind.start == "random":
            shift = np.array([uniform(key, unit) for unit in range(self.phi.size)])
            self.phi[:] = np.floor(shift * self.one) if self.phi.dtype.kind == "i" else shift
        elif self.kind.start == "clip":
            self.phi[:] = np.maximum(self.phi, 0)
        self.start[:] = self.phi
        self.out[:] = 0

    @property
    def drive(self) -> NDArray[Any]:
        """S: the summed drive of the sample, which is what left plus what still waits.

        Read off in this way, and not summed a second time, since the gate of the
        backward pass asks for its sign even where the drive cancels to rounding noise.
        """
        return self.phi + self.out - self.start

    def feed(self, drive: NDArray[Any]) -> list[Spike]:
        """Add ``drive`` and return the spikes, largest potential first; see ``ties``."""
        self.phi += drive
        spikes, keys = [], []
        for unit in range(self.phi.size):
            while sign := self._sign(unit):
                spikes.append((unit, sign))
                keys.append(abs(self.phi[unit]))
                self.phi[unit] -= sign * self.one
                self.out[unit] += sign * self.one
        self.sent += len(spikes)
        if self.heap:
            return [spikes[i] for i in heap_order(keys)]
        return [spikes[i] for i in sorted(range(len(keys)), key=lambda i: -keys[i])]

    def _sign(self, unit: int) -> int:
        if self.phi[unit] > self.half:
            return 1
        low = self.phi[unit] < -self.half or (self.heap and self.phi[unit] == -self.half)
        return -1 if self.kind.signed and low else 0


def heap_order(keys: Sequence[Any]) -> list[int]:
    """Return the order in which a binary heap gives back its keys, largest first.

    One key after the other is put in at the end and rises while it is larger than its
    parent. Where the first leaves, the last one takes its place and sinks while a child is
    larger, towards the larger child, of equals the left. Only the order of equal keys
    tells it from a sort.
    """
    heap: list[int] = []
    for new in range(len(keys)):
        heap.append(new)
        at = new
        while at and keys[new] > keys[heap[(at - 1) // 2]]:
            heap[at] = heap[(at - 1) // 2]
            at = (at - 1) // 2
        heap[at] = new
    order: list[int] = []
    while heap:
        order.append(heap[0])
        last, at = heap.pop(), 0
        while (child := 2 * at + 1) < len(heap):
            if child + 1 < len(heap) and keys[heap[child + 1]] > keys[heap[child]]:
                child += 1
            if keys[last] >= keys[heap[child]]:
                break
            heap[at] = heap[child]
            at = child
        if heap:
            heap[at] = last
    return order


@dataclass
class Layer:
    """One weight matrix with the quantizers on both of its sides."""

    weight: NDArray[Any]  # (n_in, n_out)
    forward: Quantizer  # n_out potentials
    backward: Quantizer | None  # n_in potentials; the first layer has none below it
    count: NDArray[Any] = field(init=False)  # C: signed spikes that came in, (n_in,)
    error: NDArray[Any] = field(init=False)  # E: signed error spikes, (n_out,)
    reached: set[int] = field(init=False)  # receivers that an error spike reached
    done: Counter[str] = field(default_factory=Counter)  # operations so far, by name

    def begin(self) -> None:
        """Forget the previous sample."""
        n_in, n_out = self.weight.shape
        self.count = np.zeros(n_in, self.weight.dtype)
        self.error = np.zeros(n_out, self.weight.dtype)
        self.reached = set()


class ReferenceMLP:
    """The paper's network on one sample at a time.

    Parameters
    ----------
    weights : list of arrays (n_in, n_out)
        In the scaled units of ``options`` (multiplied by T^2/eta in integer mode).
    options : HerdingOptions
    """

    def __init__(self, weights: Iterable[NDArray[Any]], options: HerdingOptions) -> None:
        self.options = options
        dtype, one, heap = options.numpy_dtype, options.one, options.heap
        self.layers: list[Layer] = []
        for weight in weights:
            backward = Quantizer(weight.shape[0], options.backward, one, dtype, heap)
            self.layers.append(
                Layer(
                    weight.astype(dtype),
                    Quantizer(weight.shape[1], options.forward, one, dtype, heap),
                    backward if self.layers else None,
                )
            )
        n_in, n_out = self.layers[0].weight.shape[0], self.layers[-1].weight.shape[1]
        herding = QuantizerKind.named("herding")
        self.input = Quantizer(n_in, herding, one, dtype, heap)
        self.target = Quantizer(n_out, herding, one, dtype, heap)
        self.input_sum = np.zeros(n_in, dtype)
        self.held = np.zeros(n_out, np.int64)
        self.errors_sent = 0
        self.input_sent = 0
        self.n_trained = 0

    @property
    def spikes(self) -> list[int]:
        """Spikes sent so far: input, forward layer 1..L, error counter, backward L..2."""
        forward = [layer.forward.sent for layer in self.layers]
        backward = [layer.backward.sent for layer in reversed(self.layers) if layer.backward]
        return [self.input_sent, *forward, self.errors_sent, *backward]

    def predict(self, steps: Iterable[NDArray[Any] | list[Spike]], sample: int = 0) -> NDArray[Any]:
        """Return S_L / T, the top layer's mean drive a step; the network stays as it is.

        ``sample`` numbers the random shifts, where the test quantizer has them.
        """
        net = copy.deepcopy(self)
        net._begin(sample, self.options.predict)
        for step in steps:
            list(net._forward(step))
        drive: NDArray[Any] = net.layers[-1].forward.drive / (
            self.options.one * self.options.n_steps
        )
        return drive

    def train(self, steps: Iterable[NDArray[Any] | list[Spike]], y: NDArray[Any]) -> None:
        """Learn one sample: ``steps`` are real vectors or lists of event spikes."""
        self._begin(self.n_trained, self.options.forward)
        for step in steps:
            spikes = self._forward(step)
            if self.options.depth_first:
                for spike in spikes:
                    self._raise_errors([spike])
            else:
                self._raise_errors(list(spikes))
            self._sum_input(step)
            self._raise_errors(self.target.feed(-y))
            self._release()
        if not self.options.fractional:
            for index, layer in enumerate(self.layers):
                source = self._source(index)
                layer.weight -= np.outer(source, self.options.rate * layer.error)
                layer.done["updates"] += len(layer.reached) * int(np.count_nonzero(source))
        self.n_trained += 1

    def _begin(self, sample: int, forward: QuantizerKind) -> None:
        self.input.begin(0)
        self.target.begin(0)
        self.input_sum[:] = 0
        self.held[:] = 0
        for index, layer in enumerate(self.layers):
            layer.begin()
            layer.forward.kind = forward
            layer.forward.begin(self.options.stream(sample, index, 0))
            if layer.backward:
                layer.backward.begin(self.options.stream(sample, index, 1))

    def _forward(self, step: NDArray[Any] | list[Spike]) -> Iterator[Spike]:
        """Send one step's input through all layers; return the top layer's spikes."""
        spikes = step if isinstance(step, list) else self.input.feed(step)
        self.input_sent += len(spikes)
        flow: Iterator[Spike] = iter(spikes)
        for layer in self.layers:
            flow = self._through(layer, flow)
            if not self.options.depth_first:
                flow = iter(list(flow))
        return flow

    @staticmethod
    def _through(layer: Layer, spikes: Iterator[Spike]) -> Iterator[Spike]:
        for unit, sign in spikes:
            row = sign * layer.weight[unit]
            layer.done["spikes in"] += 1
            layer.done["additions"] += row.size
            # The quantizer answers in full before its first spike travels on.
            sent = layer.forward.feed(row)
            layer.done["spikes"] += len(sent)
            yield from sent
            # Depth-first: a spike counts when all that it set off has been carried to the end.
            layer.count[unit] += sign

    def _sum_input(self, step: NDArray[Any] | list[Spike]) -> None:
        """Sum the input's drive, which is what smooth gradients weigh the first layer with."""
        if isinstance(step, list):
            np.add.at(self.input_sum, [u for u, _ in step], [s * self.options.one for _, s in step])
        else:
            self.input_sum += step

    def _raise_errors(self, spikes: list[Spike]) -> None:
        if self.options.hold_error:
            for unit, sign in spikes:
                self.held[unit] += sign
        else:
            self.errors_sent += len(spikes)
            self._backward(len(self.layers) - 1, spikes)

    def _release(self) -> None:
        for unit in np.flatnonzero(self.held):
            count, self.held[unit] = self.held[unit], 0
            for _ in range(abs(count)):
                self.errors_sent += 1
                self._backward(len(self.layers) - 1, [(int(unit), int(np.sign(count)))])

    def _backward(self, index: int, spikes: list[Spike]) -> None:
        """Carry error spikes that reach layer ``index`` together all the way down."""
        layer = self.layers[index]
        layer.done["errors"] += len(spikes)
        # The gate is the derivative of the ReLU.
        passed = [spike for spike in spikes if layer.forward.drive[spike[0]] >= 0]
        layer.done["passed"] += len(passed)
        if self.options.depth_first:  # each spike for itself, and it learns first
            for spike in passed:
                self._learn(index, spike)
                self._below(index, [self._column(index, spike)])
        else:  # all columns are read before any of them learns
            columns = [self._column(index, spike) for spike in passed]
            for spike in passed:
                self._learn(index, spike)
            self._below(index, columns)

    def _column(self, index: int, spike: Spike) -> NDArray[Any]:
        column: NDArray[Any] = spike[1] * self.layers[index].weight[:, spike[0]]
        return column

    def _learn(self, index: int, spike: Spike) -> None:
        (unit, sign), layer = spike, self.layers[index]
        layer.reached.add(unit)
        if self.options.fractional:
            source = self._source(index)
            layer.weight[:, unit] -= sign * self.options.rate * source
            layer.done["updates"] += int(np.count_nonzero(source))
        else:
            layer.error[unit] += sign

    def _below(self, index: int, columns: list[NDArray[Any]]) -> None:
        """Quantize the columns one after the other; all spikes go down together."""
        layer, spikes = self.layers[index], []
        if layer.backward:
            for column in columns:
                layer.done["backward additions"] += column.size
                spikes += layer.backward.feed(column)
            layer.done["backward spikes"] += len(spikes)
            self._backward(index - 1, spikes)

    def _source(self, index: int) -> NDArray[Any]:
        """relu(src): what each sender gave, as spikes or (smooth) as drive."""
        if not self.options.smooth_grads:
            source = self.layers[index].count
        else:
            source = self.layers[index - 1].forward.drive if index else self.input_sum
        positive: NDArray[Any] = np.maximum(source, 0)
        return positive

"""The event-driven backprop MLP in plain Python: the definition. Read this first.

O'Connor & Welling 2016, *Deep Spiking Networks* (arXiv 1602.08323). Activations and
errors both travel as signed unit spikes; a layer does nothing until a spike arrives.
Every spike is an addition of one weight row (forward) or one weight column (backward)
to the potentials of a *quantizer*, which answers with spikes of its own.

This file is written to be read and to be checked against; ``herding_kernel.py`` does
the same two orders of magnitude faster.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sortedcontainers import SortedKeyList

from eventsnn.learn.herding_options import HerdingOptions, QuantizerKind, uniform

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
    """

    def __init__(self, size: int, kind: QuantizerKind, one: Any, dtype: Any) -> None:
        self.kind, self.one, self.phi = kind, one, np.zeros(size, dtype)
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

    def feed(self, drive: NDArray[Any]) -> Iterator[Spike]:
        """Add ``drive`` and return the spikes, largest potential first, then lowest unit."""
        self.phi += drive
        queue = SortedKeyList(
            (u for u in range(self.phi.size) if self._sign(u)), key=self._priority
        )
        while queue:
            unit = queue.pop(0)
            sign = self._sign(unit)
            self.phi[unit] -= sign * self.one
            self.out[unit] += sign * self.one
            self.sent += 1
            if self._sign(unit):
                queue.add(unit)
            yield unit, sign

    def _priority(self, unit: int) -> tuple[Any, int]:
        return -abs(self.phi[unit]), unit

    def _sign(self, unit: int) -> int:
        if self.phi[unit] > self.half:
            return 1
        return -1 if self.kind.signed and self.phi[unit] < -self.half else 0


@dataclass
class Layer:
    """One weight matrix with the quantizers on both of its sides."""

    weight: NDArray[Any]  # (n_in, n_out)
    forward: Quantizer  # n_out potentials
    backward: Quantizer | None  # n_in potentials; the first layer has none below it
    count: NDArray[Any] = field(init=False)  # C: signed spikes that came in, (n_in,)
    error: NDArray[Any] = field(init=False)  # E: signed error spikes, (n_out,)

    def begin(self) -> None:
        """Forget the previous sample."""
        n_in, n_out = self.weight.shape
        self.count = np.zeros(n_in, self.weight.dtype)
        self.error = np.zeros(n_out, self.weight.dtype)


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
        dtype, one = options.numpy_dtype, options.one
        self.layers: list[Layer] = []
        for weight in weights:
            backward = Quantizer(weight.shape[0], options.backward, one, dtype)
            self.layers.append(
                Layer(
                    weight.astype(dtype),
                    Quantizer(weight.shape[1], options.forward, one, dtype),
                    backward if self.layers else None,
                )
            )
        n_in, n_out = self.layers[0].weight.shape[0], self.layers[-1].weight.shape[1]
        herding = QuantizerKind.named("herding")
        self.input = Quantizer(n_in, herding, one, dtype)
        self.target = Quantizer(n_out, herding, one, dtype)
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
            for _ in net._forward(step):
                pass
        drive: NDArray[Any] = net.layers[-1].forward.drive / (
            self.options.one * self.options.n_steps
        )
        return drive

    def train(self, steps: Iterable[NDArray[Any] | list[Spike]], y: NDArray[Any]) -> None:
        """Learn one sample: ``steps`` are real vectors or lists of event spikes."""
        self._begin(self.n_trained, self.options.forward)
        for step in steps:
            for spike in self._forward(step):
                self._raise_error(spike)
            for spike in self.target.feed(-y):
                self._raise_error(spike)
            self._release()
        if not self.options.fractional:
            for index, layer in enumerate(self.layers):
                layer.weight -= np.outer(self._source(index), self.options.rate * layer.error)
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
        if isinstance(step, list):
            spikes = step
            np.add.at(self.input_sum, [u for u, _ in step], [s for _, s in step])
        else:
            spikes = list(self.input.feed(step))
            self.input_sum += step
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
            layer.count[unit] += sign
            # The quantizer answers in full before its first spike travels on.
            yield from list(layer.forward.feed(row))

    def _raise_error(self, spike: Spike) -> None:
        if self.options.hold_error:
            self.held[spike[0]] += spike[1]
        else:
            self.errors_sent += 1
            self._backward(len(self.layers) - 1, spike)

    def _release(self) -> None:
        for unit in np.flatnonzero(self.held):
            count, self.held[unit] = self.held[unit], 0
            for _ in range(abs(count)):
                self.errors_sent += 1
                self._backward(len(self.layers) - 1, (int(unit), int(np.sign(count))))

    def _backward(self, index: int, spike: Spike) -> None:
        """Carry one error spike from layer ``index`` all the way down."""
        unit, sign = spike
        layer = self.layers[index]
        if layer.forward.drive[unit] < 0:  # the derivative of the ReLU
            return
        column = layer.weight[:, unit].copy()  # read before this spike's own update
        if self.options.fractional:
            layer.weight[:, unit] -= sign * self.options.rate * self._source(index)
        else:
            layer.error[unit] += sign
        if layer.backward:
            for below in list(layer.backward.feed(sign * column)):
                self._backward(index - 1, below)

    def _source(self, index: int) -> NDArray[Any]:
        """relu(src): what each sender gave, as spikes or (smooth) as drive."""
        if not self.options.smooth_grads:
            source = self.layers[index].count
        else:
            source = self.layers[index - 1].forward.drive if index else self.input_sum
        positive: NDArray[Any] = np.maximum(source, 0)
        return positive

"""What convolutions of one and of two sides share."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from eventsnn.exchange.nir.nodes.map import Ends, Map, Matrix, Synapses
from eventsnn.exchange.nir.nodes.node import Raw, Shape
from eventsnn.text import shown


class Convolution(Map):
    """A cross-correlation; weights are (c_out, c_in / groups, sides of the kernel)."""

    n_sides: ClassVar[int]

    def read(self, raw: Raw) -> None:
        """Take all parameters."""
        many = self.n_sides
        self.weight = self.numbers(raw, "weight")
        if self.weight.ndim != many + 2:
            shape = self.weight.shape
            raise self.refuse(f"weight has shape {shape}; give {many + 2} sides")
        self.stride = self.sides(raw, "stride", 1, many, 1)
        self.dilation = self.sides(raw, "dilation", 1, many, 1)
        (self.groups,) = self.sides(raw, "groups", 1, 1, 1)
        kernel = self.weight.shape[2:]
        pairs = zip(kernel, self.dilation, strict=True)
        self.reach = tuple((k - 1) * d + 1 for k, d in pairs)
        self.before, self.behind = self._padding(raw)
        if len(self.weight) % self.groups:
            given = f"{self.groups} groups of {len(self.weight)} channels"
            raise self.refuse(f"{given}; give groups of equal size")
        self.bias = self.numbers(raw, "bias", 0.0)
        if self.bias.size not in (1, len(self.weight)):
            raise self.refuse(f"bias has shape {self.bias.shape}; give ({len(self.weight)},)")

    def _padding(self, raw: Raw) -> tuple[Shape, Shape]:
        """Return the zeros before and behind each side."""
        given = raw.get("padding")
        word = given.decode(errors="replace") if isinstance(given, bytes) else given
        if not isinstance(word, str):
            sides = self.sides(raw, "padding", 0, self.n_sides, 0)
            return sides, sides
        if word == "valid":
            return (0,) * self.n_sides, (0,) * self.n_sides
        if word == "same":
            if any(s != 1 for s in self.stride):
                raise self.refuse("padding 'same' needs a stride of 1; give numbers of zeros")
            before = tuple((r - 1) // 2 for r in self.reach)
            return before, tuple(r - 1 - b for r, b in zip(self.reach, before, strict=True))
        raise self.refuse(f"padding is {shown(word)}; give 'same', 'valid' or numbers")

    @abstractmethod
    def synapses(self, given: Shape, ends: Ends) -> Synapses | None:
        """Return it as a connection, where a topology has its form."""

    @property
    def channels_in(self) -> int:
        """Channels that it takes."""
        return int(self.weight.shape[1]) * self.groups

    def fits(self, given: Shape) -> Shape:
        """Return (c_out, sides)."""
        if len(given) != self.n_sides + 1 or given[0] != self.channels_in:
            raise self.refuse(
                f"takes {self.channels_in} channels and {self.n_sides} sides, is given {given}; "
                "change its weight"
            )
        out = []
        for k, size in enumerate(given[1:]):
            room = size + self.before[k] + self.behind[k] - self.reach[k]
            if room < 0:
                raise self.refuse(
                    f"a kernel that reaches over {self.reach[k]} does not fit into {size} with "
                    f"padding {self.before[k]}; pad more"
                )
            out.append(room // self.stride[k] + 1)
        return len(self.weight), *out

    def constant(self, given: Shape) -> NDArray[np.float64] | None:
        """Return the bias of its channel for each unit."""
        out = self.fits(given)
        bias = np.broadcast_to(self.bias.reshape(-1), len(self.weight)).astype(np.float64)
        return np.repeat(bias, math.prod(out[1:])) if bias.any() else None

    def matrix(self, given: Shape) -> Matrix:
        """Return every synapse."""
        out = self.fits(given)
        places, taps = math.prod(out[1:]), self.weight[0].size
        self.room(len(self.weight) * places * taps)
        inner, outer = math.prod(given[1:]), len(self.weight) // self.groups
        at, seen = self._seen(given, out)  # (places, kernel) inputs within a channel, and whether
        rows, columns, values = [], [], []
        for c, kernel in enumerate(self.weight):
            first = c // outer * self.weight.shape[1]
            for k, one in enumerate(kernel.reshape(len(kernel), -1).astype(np.float64)):
                place, tap = np.nonzero(seen)
                rows.append(c * places + place)
                columns.append((first + k) * inner + at[place, tap])
                values.append(one[tap])
        table = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_array(table, shape=(math.prod(out), math.prod(given)))

    def _seen(self, given: Shape, out: Shape) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        at, seen = np.zeros((1, 1), np.int64), np.ones((1, 1), np.bool_)
        for k, size in enumerate(given[1:]):
            taps = np.arange(self.weight.shape[2 + k]) * self.dilation[k]
            places = np.arange(out[1 + k]) * self.stride[k] - self.before[k]
            side = places[:, None] + taps
            inside = (side >= 0) & (side < size)
            shape = at.shape[0] * side.shape[0], at.shape[1] * side.shape[1]
            at = (at[:, None, :, None] * size + side[None, :, None, :]).reshape(shape)
            seen = (seen[:, None, :, None] & inside[None, :, None, :]).reshape(shape)
        return at, seen

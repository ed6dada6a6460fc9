"""What both poolings share: windows of each channel, summed."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy import sparse

from eventsnn.exchange.nir.nodes.conv2d import Conv2dNode
from eventsnn.exchange.nir.nodes.map import Ends, Map, Matrix, Pooled, Synapses
from eventsnn.exchange.nir.nodes.node import Raw, Shape
from eventsnn.topology import pool2d


class Pooling(Map):
    """Windows of (rows, columns); what lies in the padding is 0 and counts."""

    def read(self, raw: Raw) -> None:
        """Take the window."""
        self.window = self._pair(raw, "kernel_size", 1)
        self.stride = self._pair({"stride": raw.get("kernel_size"), **raw}, "stride", 1)
        self.padding = self._pair({"padding": 0, **raw}, "padding", 0)
        if any(2 * p > k for p, k in zip(self.padding, self.window, strict=True)):
            given = f"{self.padding} of windows of {self.window}"
            raise self.refuse(f"padding is {given}; give at most half a window")

    def _pair(self, raw: Raw, name: str, least: int) -> tuple[int, int]:
        rows, columns = self.sides(raw, name, least, 2)
        return rows, columns

    @property
    @abstractmethod
    def share(self) -> float:
        """What one input adds to what its window passes on."""

    def fits(self, given: Shape) -> Shape:
        """Return (channels, rows, columns)."""
        if len(given) != 3:
            raise self.refuse(f"takes (channels, rows, columns), is given {given}")
        return given[0], *self._one_channel().fits((1, *given[1:]))[1:]

    def _one_channel(self) -> Conv2dNode:
        weight = np.full((1, 1, *self.window), self.share)
        raw = {"weight": weight, "stride": self.stride, "padding": self.padding}
        return Conv2dNode(raw, {}, self.where)

    def matrix(self, given: Shape) -> Matrix:
        """Return every synapse."""
        self.room(given[0] * given[1] * given[2] * self.window[0] * self.window[1])
        one = self._one_channel().matrix((1, *given[1:]))
        return sparse.kron(sparse.eye_array(given[0]), one, "csr")

    def pooled(self, given: Shape) -> Pooled | None:
        """Return its windows, where they lie side by side and fill the input."""
        full = all(s % k == 0 for s, k in zip(given[1:], self.window, strict=True))
        if self.padding != (0, 0) or self.stride != self.window or not full:
            return None
        return Pooled(self.window, self.share)

    def synapses(self, given: Shape, ends: Ends) -> Synapses | None:
        """Return a pooling, through one weight."""
        channels, rows, columns = given
        out = ends.of_channels(channels)
        one = ends.one_in is not None and out is not None and len(set(out)) == 1
        if not one or self.padding != (0, 0) or not ends.receives(self.fits(given)):
            return None
        shape = pool2d.Pool2d((rows, columns, channels), self.window, self.stride, ends.planar)
        assert ends.one_in is not None and out is not None
        weight = np.array([self.share * ends.one_in * float(out[0])])
        single = weight.astype(np.float32)  # where it is the same number: potentials may be, too
        return shape, single if single == weight else weight

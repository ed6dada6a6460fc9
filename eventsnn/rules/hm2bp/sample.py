"""Samples through a network: forward, graded, back, and its weights changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.board import Board, close, finish, take_or_wait
from eventsnn.kernels.listed import Listed
from eventsnn.rules.hm2bp.backward import Desk
from eventsnn.rules.hm2bp.forward import Columns
from eventsnn.rules.hm2bp.grading import Pairs, Wanted
from eventsnn.rules.hm2bp.layers import GridLayer
from eventsnn.rules.hm2bp.parts import LayerWay, Rooms, assist
from eventsnn.rules.hm2bp.prepared import PreparedLayer
from eventsnn.rules.hm2bp.trains import Trains
from eventsnn.rules.hm2bp.update import LearnedLayer, Stepping
from eventsnn.rules.hm2bp.way import (
    GradingRoom,
    Lesson,
    learn_sample,
    run_sample,
)
from eventsnn.threads import in_threads

Matrices = Sequence[NDArray[np.float32]]

Encode = Callable[[int, Trains], None]
"""Writes the spikes of a sample, by its number among those that are learned."""

NONE = np.zeros((0, 0), np.float32)
"""Stands for weights of a layer onto itself where it has none."""


NO_STEP = Stepping(
    True, np.float32(0), (np.float32(0),) * 2, (np.float32(0),) * 2, np.float32(0), 0.0, 0.0
)


class Marked(NamedTuple):
    """How a sample was answered, and what that cost.

    Attributes
    ----------
    counts : int32 array (n_out,)
        Spikes of each output, before the revival.
    cost : float
    """

    counts: NDArray[np.int32]
    cost: float


class SampleRunner:
    """Runs samples one by one; holds the room that one takes.

    Parameters
    ----------
    layers : sequence of GridLayer
    steps : int
        T.
    wanted : Wanted
    side_effect : bool
    threads : int
        Changes no bit.
    """

    def __init__(
        self,
        layers: Sequence[GridLayer],
        steps: int,
        wanted: Wanted,
        side_effect: bool = True,
        threads: int = 1,
    ) -> None:
        self.wanted, self.threads = wanted, threads
        self.lowest = next((k for k, layer in enumerate(layers) if layer.learns), len(layers))
        self.layers = [
            PreparedLayer(layer, steps, k > self.lowest, side_effect, threads)
            for k, layer in enumerate(layers)
        ]
        self.helpers = min(threads, max(len(layer.blocks) for layer in self.layers)) - 1
        sizes = [self.layers[0].n_in, *(layer.n_out for layer in self.layers)]
        rests = [0, *(layer.rest for layer in self.layers[:-1]), 0]
        self.trains = [Trains.room(n, steps, r) for n, r in zip(sizes, rests, strict=True)]
        # The next sample is encoded while this one is learned.
        ahead = [Trains.room(sizes[0], steps)] if self.helpers else []
        self.inputs = [self.trains[0], *ahead]
        self.blocks = [(layer, c) for layer in self.layers for c in layer.blocks]
        self.cells = Listed([(c, layer.cells(c)) for layer, c in self.blocks])
        self.rows = [layer.event_rows() for layer in self.layers]
        self.errors = [np.zeros((2, n), np.float32) for n in sizes[1:]]
        self.seen = np.zeros((len(layers), 4), np.int64)
        self.steps, self.ways = steps, list[Listed]()
        self.given: tuple[object, ...] = ()
        self.lent: dict[int, tuple[LearnedLayer, list[LearnedLayer]]] = {}
        self.away = False

    @cached_property
    def desks(self) -> list[Desk]:
        """Room for the way back through each block."""
        return [layer.desk(columns) for layer, columns in self.blocks]

    @cached_property
    def back(self) -> tuple[Listed, Listed, Listed]:
        """Room for the way back, as ``Rooms`` has it."""
        columns, top = [c for _, c in self.blocks], self.layers[-1]
        pairs = Pairs.room(top.n_out, top.shape.curves, self.steps)
        desks = Listed(list(zip(columns, self.desks, strict=True)))
        return desks, Listed([GradingRoom(self.wanted, pairs)]), Listed([NO_STEP])

    @property
    def input(self) -> Trains:
        """Where the next sample's spikes are to be written."""
        return self.trains[0]

    def take(self, learning: Sequence[LearnedLayer], inward: Matrices, back: bool = False) -> None:
        """Take the weights that samples run with, and begin to count.

        To learn (``back``), threads that share a layer take columns of its weights away, until
        ``bring_home``: two that write to the same rows would hinder each other.
        """
        self.seen[:] = 0
        given = (*learning, *inward, back)
        if len(given) != len(self.given) or any(
            a is not b for a, b in zip(given, self.given, strict=True)
        ):
            self.bring_home()
            self.given, self.lent = given, {}
            for error in self.errors:
                error[1] = 1
            held = [w for k, whole in enumerate(learning) for w in self._held(k, whole, back)]
            self.weights, two = Listed(held), range(len(self.inputs))
            numbers = range(len(self.layers))
            self.ways = [Listed([self._way(k, p, inward[k], back) for k in numbers]) for p in two]
        if not self.away:
            for whole, columns, part in self._lent():
                whole.lend(columns.low, columns.high, part)
            self.away = True

    def _held(self, k: int, whole: LearnedLayer, back: bool) -> list[tuple[LearnedLayer, Columns]]:
        """Return the weights of each block of layer k, and which of their columns are its own."""
        blocks = self.layers[k].blocks
        if not (back and self.helpers and len(blocks) > 1):
            return [(whole, c) for c in blocks]
        widths = [c.high - c.low for c in blocks]
        self.lent[k] = whole, [whole.narrow(n) for n in widths]
        return [(w, Columns(0, n, n)) for w, n in zip(self.lent[k][1], widths, strict=True)]

    def _lent(self) -> Iterator[tuple[LearnedLayer, Columns, LearnedLayer]]:
        """Return what is lent by which columns of which weights."""
        for k, (whole, parts) in self.lent.items():
            for columns, part in zip(self.layers[k].blocks, parts, strict=True):
                yield whole, columns, part

    def bring_home(self) -> None:
        """Write what was taken away back to the arrays that it was taken of."""
        if self.away:
            for whole, columns, part in self._lent():
                whole.take_back(columns.low, columns.high, part)
        self.away = False

    def _way(self, k: int, parity: int, inward: NDArray[np.float32], back: bool) -> LayerWay:
        layer = self.layers[k]
        first = sum(len(one.blocks) for one in self.layers[:k])
        return LayerWay(
            layer.shape,
            layer.constants,
            inward,
            self.trains[k] if k else self.inputs[parity],
            self.trains[k + 1],
            self.rows[k],
            self.errors[k][0],
            self.errors[k][1],
            self.seen[k],
            (first, first + len(layer.blocks)),
            layer.dense,
            back and k >= self.lowest,
            self.helpers > 0 and len(layer.blocks) > 1,
        )

    def forward(self) -> None:
        """Run the sample in ``input``; the spikes of all layers are in ``trains`` then."""
        run_sample(self.ways[0], self.weights, self.cells, len(self.layers))

    def learn(
        self,
        learning: Sequence[LearnedLayer],
        inward: Matrices,
        lessons: Sequence[Lesson],
        encode: Encode | None = None,
    ) -> list[Marked]:
        """Learn samples one after the other; without ``encode``, the one in ``input``.

        Returns
        -------
        list of Marked
            Of each, up to the first that has no cost.
        """
        self.take(learning, inward, back=True)
        lead = Leader(self, lessons, encode)
        in_threads(lead.work, range(self.helpers + 1), self.threads)
        return lead.marked


class Leader:
    """Learns some samples; other threads may follow."""

    def __init__(
        self, runner: SampleRunner, lessons: Sequence[Lesson], encode: Encode | None
    ) -> None:
        self.runner, self.lessons, self.encode = runner, lessons, encode
        parts = runner.helpers + 1
        self.rooms = Rooms(runner.weights, runner.cells, *runner.back)
        self.boards = Board.fresh(parts), Board.fresh(1)
        self.next, self.failed = 0, False
        self.marked: list[Marked] = []

    def work(self, mine: int) -> None:
        """Lead, or follow and take part ``mine`` first."""
        if mine:
            self.follow(mine)
        else:
            self.lead()

    def lead(self) -> None:
        """Learn the samples."""
        runner, many = self.runner, len(self.runner.inputs)
        n, n_out = len(runner.layers), runner.layers[-1].n_out
        try:
            self._encode(0)
            for number, lesson in enumerate(self.lessons):
                self.next = number + 1
                more, parity = self.next < len(self.lessons), number % many
                span = runner.lowest, n, parity, more and many > 1
                ways, counts = runner.ways[parity], np.empty(n_out, np.int32)
                cost = learn_sample(ways, self.rooms, lesson, counts, self.boards, span)
                self.marked.append(Marked(counts, cost))
                if not math.isfinite(cost):
                    return
                if more and (many == 1 or take_or_wait(self.boards[1])):
                    self._encode(self.next)
                if self.failed:
                    return
        finally:
            close(self.boards[0])

    def follow(self, mine: int) -> None:
        """Take blocks, and encode samples, until all are learned."""
        both = self.runner.ways[0], self.runner.ways[-1]
        while assist(both, self.rooms, self.boards, mine):
            try:
                self._encode(self.next)
            except BaseException:
                self.failed = True
                raise
            finally:
                finish(self.boards[1])

    def _encode(self, number: int) -> None:
        """Encode a sample where its turn finds it."""
        runner = self.runner
        place = number % len(runner.inputs)
        if self.encode is not None:
            self.encode(number, runner.inputs[place])

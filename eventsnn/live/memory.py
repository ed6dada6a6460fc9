"""What a learning session remembers: the events of its window, and where neurons stood before."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.asynchronous.population_state import PopulationState
from eventsnn.engines.inputs import Feed, RecordedFeed
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream, Shape
from eventsnn.live.learner import Learning
from eventsnn.live.outputs import STEPS
from eventsnn.rules.learned import Since, Window

CARRIED = ("v", "current")
"""Variables that neurons carry into a window."""


class Mark(NamedTuple):
    """A place in the stream where a window may begin.

    Attributes
    ----------
    t_us : int
    cells : (float array, float64 array) or None
        Variables and times of all neurons as they stood, as the engine has them; None: at rest.
    """

    t_us: int
    cells: tuple[NDArray[Any], NDArray[np.float64]] | None


class Memory:
    """Keeps the events from the first of some marks on, and no more than ``most``.

    Parameters
    ----------
    run : Ongoing
        Of a network with one input.
    shape : (int, int, int)
        Of the sensor.
    most : int
        Events.

    Attributes
    ----------
    marks : deque of Mark
        A step of the window apart, the oldest first: at most ``STEPS``.
    kept : int
        Events that are remembered.
    lost : float
        Time of the last event that had no room.
    """

    def __init__(self, run: Ongoing, shape: Shape, most: int) -> None:
        self.run, self.shape, self.most = run, shape, most
        self.marks: deque[Mark] = deque(maxlen=STEPS)
        self.kept, self.lost = 0, -math.inf
        self._parts: deque[tuple[NDArray[np.float64], NDArray[np.int32]]] = deque()

    def reset(self, at_rest: bool) -> None:
        """Forget everything: another stream begins, or goes on, where the run stands."""
        self._parts.clear()
        self.kept, self.lost = 0, -math.inf
        self.begin(at_rest)

    def begin(self, at_rest: bool = False) -> None:
        """Let a window begin where the run stands, and none before."""
        self.marks.clear()
        self.mark(at_rest)

    def mark(self, at_rest: bool = False) -> None:
        """Note where neurons stand; what came before the oldest mark is forgotten."""
        # Events come at whole microseconds: neurons are as they will be at the next one.
        now = math.ceil(self.run.now)
        cells = self.run.buffers.cells
        self.marks.append(Mark(now, None if at_rest else (cells.x.copy(), cells.times.copy())))
        self._forget(self.marks[0].t_us)

    def add(self, t: NDArray[np.float64], unit: NDArray[np.int32]) -> None:
        """Remember events, in order; where they are too many, the oldest are forgotten."""
        if not len(t):
            return
        self._parts.append((t, unit))
        self.kept += len(t)
        over = self.kept - self.most
        if over <= 0:
            return
        for old, _ in self._parts:
            if over <= len(old):
                self.lost = float(old[over - 1])
                break
            over -= len(old)
        self._forget(np.nextafter(self.lost, math.inf))

    def restore(
        self,
        marks: Sequence[Mark],
        t: NDArray[np.float64],
        unit: NDArray[np.int32],
        lost: NDArray[np.float64],
    ) -> None:
        """Take over what a saved session remembered; ValueError where it does not fit."""
        cells, network = self.run.buffers.cells, self.run.network
        fits = bool(marks) and len(t) == len(unit) and bool((np.diff(t) >= 0).all())
        for mark in marks:
            own = mark.cells or (cells.x, cells.times)
            fits &= own[0].shape == cells.x.shape and own[1].shape == cells.times.shape
            fits &= bool(np.isfinite(own[0]).all())
        n = network.populations[network.inputs[0]].size
        if not fits or (len(unit) and not 0 <= unit.min() <= unit.max() < n):
            raise ValueError("marks and events do not fit the network")
        self.marks = deque(marks, maxlen=STEPS)
        self._parts = deque([(np.asarray(t, np.float64), np.asarray(unit, np.int32))])
        self.kept, self.lost = len(t), float(lost[0])

    def take(self, feeds: Sequence[Feed]) -> None:
        """Remember the recorded events of a piece."""
        for feed in feeds:
            if isinstance(feed, RecordedFeed):
                self.add(feed.t, feed.unit)

    def window(self, label: int, until: float) -> Window:
        """Return what happened from the oldest mark to ``until``, as a recording of a class.

        Raises
        ------
        UserError
            If it has more events than are remembered, or lasts too long.
        """
        begin = self.marks[0].t_us
        t, unit = self.events()
        if begin <= self.lost:
            raise UserError(
                f"learn: the window has more than the {self.most:,} events that are remembered; "
                "give a shorter window_us, or a larger record_events"
            )
        if until - begin >= 1 << 31:
            raise UserError(
                f"learn: the answer is of the last {until - begin:,.0f} us, too long to be "
                "learned; call reset_answer where a new one begins"
            )
        stream = EventStream(
            (t - begin).astype(np.int64),
            unit,
            self.shape,
            label=label,
            duration=math.ceil(until) - begin,
            source="the stream",
        )
        batch = EventBatch.from_streams([stream], "the stream")
        return Window(batch, standing(self.run, self.marks[0]))

    def events(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return (t, unit) from the oldest mark on."""
        none = np.zeros(0), np.zeros(0, np.int32)
        t, unit = (np.concatenate(column) for column in zip(none, *self._parts, strict=True))
        first = int(np.searchsorted(t, self.marks[0].t_us))
        return t[first:], unit[first:]

    def _forget(self, begin: float) -> None:
        """Let go of events before a time."""
        while self._parts:
            t, unit = self._parts[0]
            old = int(np.searchsorted(t, begin))
            self.kept -= old
            if old < len(t):
                self._parts[0] = t[old:], unit[old:]
                break
            self._parts.popleft()


def standing(run: Ongoing, mark: Mark) -> Since | None:
    """Return where the neurons of a run stood at a mark."""
    if mark.cells is None:
        return None
    (x, times), graph = mark.cells, run.buffers.graph
    found = {}
    for p, population in enumerate(run.network.populations):
        neuron, n = population.neuron, population.size
        if neuron is None:
            continue
        rows = x[graph.x_at[p] :][: len(neuron.variables) * n].reshape(-1, n)
        clocks = times[graph.times_at[p] : graph.times_at[p + 1]].reshape(-1, n).copy()
        clocks[0] = clocks[0][np.arange(n) // graph.clock[p]]
        here = PopulationState(population, float(mark.t_us), rows, clocks)
        names = [name for name in CARRIED if name in neuron.variables]
        found[population.name] = {name: here[name].reshape(-1) for name in names}
    return found


def memory_of(run: Ongoing, how: Learning) -> Memory:
    """Return the memory of a session; UserError for a network with other than one input."""
    network = run.network
    if len(network.inputs) != 1 or network.populations[network.inputs[0]].generator is not None:
        raise UserError(
            f"learn: the network has {len(network.inputs)} inputs, or one that a generator drives; "
            "a session learns from the events of one"
        )
    population = network.populations[network.inputs[0]]
    polarities, height, width = (1, 1, *population.shape)[-3:]
    return Memory(run, (polarities, height, width), how.record_events)

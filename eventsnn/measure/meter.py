"""One meter for every trained network: what an answer costs, to the end and stopped early.

A *point* is a network in one mode of running, as plain JSON: its ``name``, ``how`` it runs,
``accuracy``, ``right`` and ``recordings``; means a recording: ``operations`` (synaptic additions,
or multiply-accumulates where signals are graded), ``spikes`` (input events are spikes; of frames
what is not 0), ``energy_nj`` and ``without_decays_nj`` by the
name of each energy model, ``decays_nj`` and ``tests_nj`` likewise, ``seconds`` measured here on one
thread, ``t_us`` of the recording that was seen. The first point of a network that the simulator
runs has ``no_stops``, too: why there are no early stops beside it, in words; "" where there are.

Early stops are runs that deliver nothing more once the answer is clear; what they cost is counted
as of any run that ends there. Their levels come from recordings that were held out of training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.engines import simulate
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.measure.choose_stop import followed
from eventsnn.measure.energy import EnergyModel, Work, estimate
from eventsnn.measure.estimated import mean_work
from eventsnn.measure.front import Point
from eventsnn.measure.operations import Operations, operations
from eventsnn.measure.own import own_work
from eventsnn.measure.policies import Policy, cheapest
from eventsnn.rules.evaluation import MOST_EVENTS, TOGETHER, predict_until_clear
from eventsnn.rules.rule import Reading, Rule

CHECK_US = Stop.check_us
"""Microseconds between two checks of an answer."""

_PARTS = ("without_decays_nj", "decays_nj", "tests_nj")

TIMED, ROUNDS = 500, 3
"""Recordings whose time is taken, and how often: the shortest counts."""

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Meter:
    """What is asked of every network.

    Attributes
    ----------
    name : str
        Of the network.
    models : tuple of EnergyModel
    lose : tuple of float
        Shares of the held-out recordings whose answer early stops may lose; a point each.
    progress : callable
        Told (done, total) runs over the recordings.
    """

    name: str
    models: tuple[EnergyModel, ...]
    lose: tuple[float, ...] = (0.0, 0.001, 0.003, 0.01)
    progress: Told = lambda done, total: None

    def points(
        self, rule: Rule[Any, Any], state: Any, data: Data, held_out: Data | None
    ) -> list[Point]:
        """Return every mode in which a trained network can run on labelled recordings.

        Raises
        ------
        UserError
            Where the rule does not count what its network does.
        """
        reading = rule.reading(state)
        if reading is None:
            return self._own(rule, state, data)
        assert isinstance(data, EventBatch)
        self.progress(0, 2 + len(self.lose))
        end = self._to_the_end(rule, state, reading, data)
        self.progress(1, 2 + len(self.lose))
        stops, why = self._stops(reading, data, held_out)
        self.progress(2 + len(self.lose), 2 + len(self.lose))
        return [end | {"no_stops": why}, *stops]

    def _stops(
        self, reading: Reading, data: EventBatch, held_out: Data | None
    ) -> tuple[list[Point], str]:
        """Return the points of early stops, and why there are none."""
        if not isinstance(held_out, EventBatch) or len(held_out) < 2:
            return [], (
                "fewer than two recordings of the data that it learned from were held out of "
                "training (--skip, --hold-out, --validate), and others choose no level"
            )
        try:
            seen = followed(reading, held_out, CHECK_US)
        except UserError as error:
            return [], str(error)
        points = self._stopped(reading, data, Policy(seen, "margin"))
        return points, "" if points else "no level loses as little as was asked for"

    def _own(self, rule: Rule[Any, Any], state: Any, data: Data) -> list[Point]:
        """Return points of a network that its rule runs itself."""
        own = rule.own(state)
        if own is None:
            raise UserError(f"{self.name}: the rule {rule.kind} does not count what it does")
        found = rule.predict(state, data, np.arange(len(data)))
        few = np.arange(min(TIMED, len(data)))
        seconds = _seconds(partial(rule.predict, state, data, few), len(few))
        right = int((found.classes == labels_of(data)).sum())
        lasts = data.duration if isinstance(data, EventBatch) else np.zeros(1)
        end = float(np.minimum(lasts, own.until_us or np.inf).mean())
        n, out = len(data), list[Point]()
        modes = (
            {"to the end": False}
            if rule.spiking
            else {"zeros skipped": False, "all synapses": True}
        )
        for how, every in modes.items():
            work = own_work(own, found, n, every)
            beside = found.neurons.additions / n if found.neurons else 0.0
            made = work.additions + work.multiply_accumulates - beside
            point = self._point(how, right, n, work, timed=False)
            # Nobody runs all synapses here, so that nobody's time is told.
            point |= {"operations": made, "seconds": None if every else seconds, "t_us": end}
            point["spikes"] = float(found.spikes.sum()) / n
            out.append(point | {"neurons_counted": found.neurons is not None})
        return out

    def _to_the_end(
        self, rule: Rule[Any, Any], state: Any, reading: Reading, data: EventBatch
    ) -> Point:
        """Return the point of recordings that are seen to their end."""
        counted, every = _counted(reading, data), np.arange(len(data))
        right = int((rule.predict(state, data, every).classes == data.label).sum())
        few = data.part(0, min(TIMED, len(data)))
        run = partial(rule.predict, state, few, np.arange(len(few)))
        end = float(data.duration.mean())
        point = self._point("to the end", right, len(data), mean_work(counted, end))
        return point | {
            "operations": float(counted.total.mean()),
            "spikes": float(counted.spikes.sum()) / len(data),
            "seconds": _seconds(run, len(few)),
            "t_us": end,
        }

    def _stopped(self, reading: Reading, data: EventBatch, chooses: Policy) -> list[Point]:
        """Return a point a share of held-out answers that may be lost."""
        points, few = list[Point](), data.part(0, min(TIMED, len(data)))
        found = ((cheapest(chooses, lose), lose) for lose in reversed(self.lose))
        levels = {best.level: lose for best, lose in found if best is not None}
        for k, (level, lose) in enumerate(levels.items()):
            stop = Stop("margin", level, CHECK_US)
            stopped = predict_until_clear(reading, data, stop)
            counted = _counted(reading, ended(data, stopped.t_us))
            # A check compares every class.
            checks = (
                float(np.ceil(stopped.t_us / CHECK_US).mean())
                * reading.network.populations[-1].size
            )
            work = mean_work(counted, float(stopped.t_us.mean()))
            work = work._replace(comparisons=work.comparisons + checks)
            right = int((stopped.classes == data.label).sum())
            told = {
                "operations": float(counted.total.mean()),
                "spikes": float(counted.spikes.sum()) / len(data),
                "seconds": _seconds(partial(predict_until_clear, reading, few, stop), len(few)),
                "t_us": float(stopped.t_us.mean()),
                "level": level,
                "lose": lose,
                "held_out": len(chooses.streamed),
            }
            points.append(self._point(f"margin {level:.4g}", right, len(data), work) | told)
            self.progress(2 + k, 2 + len(levels))
        return points

    def _point(self, how: str, right: int, n: int, work: Work, timed: bool = True) -> Point:
        """Return what all points have; machines with a clock run no network that is not timed."""
        told = [estimate(model, work) for model in self.models if timed or not model.clock_us]
        keys = {"energy_nj": "total_nj"} | {key: key for key in _PARTS}
        energy = {key: {row["model"]: row[name] for row in told} for key, name in keys.items()}
        shared = {"name": self.name, "how": how, "accuracy": right / n, "right": right}
        return shared | {"recordings": n} | energy


def _counted(reading: Reading, data: EventBatch) -> Operations:
    """Count runs to the end."""
    counted = []
    for piece in data.pieces(TOGETHER, MOST_EVENTS):
        record = simulate(reading.network, reading.weights, piece)
        counted.append(operations(record, reading.weights, piece))
    return reduce(Operations.joined, counted)


def ended(data: EventBatch, at_us: NDArray[np.float64]) -> EventBatch:
    """Return recordings that end at these times: later events are not in them."""
    size = np.diff(data.start)
    first, last = int(data.start[0]), int(data.start[-1])
    t, unit = data.t[first:last], data.unit[first:last]
    kept = t < np.repeat(at_us, size)
    sums = np.concatenate([[0], np.cumsum(kept)])
    start = sums[data.start - first].astype(np.int64)
    duration = np.minimum(np.ceil(at_us), data.duration).astype(np.int64)
    return data.with_events(t[kept], unit[kept], start, data.label, duration)


def _seconds(run: Callable[[], Any], recordings: int) -> float:
    """Return the shortest time of a recording."""
    best = math.inf
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best / recordings

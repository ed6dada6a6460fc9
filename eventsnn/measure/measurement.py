"""Everything that is measured of one network on one set of recordings, as plain JSON.

Recordings go through in pieces; of each piece the record is counted, read at every check,
run a second and third time with its events moved to the steps of a clock, and once more as
learning runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers, unanswered
from eventsnn.losses.loss import Loss
from eventsnn.measure.anytime import event_checks, stream
from eventsnn.measure.backward import Backward, backward
from eventsnn.measure.clock import ClockCosts, binned, clock_costs, relu_costs
from eventsnn.measure.energy import HIGHEST, MODELS, EnergyModel
from eventsnn.measure.mistakes import check_labelled, confusion
from eventsnn.measure.operations import operations, per_right_answer
from eventsnn.measure.piece_counts import PieceCounts
from eventsnn.measure.summary import (
    Levels,
    anytime_json,
    backward_json,
    clock_json,
    energy_json,
    neurobench_json,
    relu_json,
)
from eventsnn.network import Network
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.rules.evaluation import MOST_EVENTS, TOGETHER, scores_of
from eventsnn.text import shown

Progress = Callable[[int, int], None]

CLOCKS_US = (1_000, 10_000)
"""Steps of the clock-driven twins."""

CHECKS = 400
"""Checks of a recording where nothing else is asked for, at most."""

MOST_CHECKS = 100_000
"""Most that can be asked for."""


@dataclass(frozen=True)
class Request:
    """What to measure beyond accuracy and operations.

    Attributes
    ----------
    check_us : float
        Microseconds between two checks of the answer; 0: 2,000, or more where recordings
        last longer than 0.8 s.
    tolerance : float
        Accuracy that an early stop may lose where its level is chosen.
    batch : int
        Recordings of one update in training; 0: training is not counted, since the
        network was not trained by the spike adjoint.
    near : float
        Share of the threshold from which on silent neurons learned.
    models : tuple of EnergyModel
    levels : mapping from a policy's name to its level, or None
        Levels chosen elsewhere, reported on all recordings; None: chosen on one half of
        these, and reported on the other.
    shuffle : bool
        Whether to tell, too, the accuracy on the same recordings with their times shuffled.
    ranks : Ranks
        Who share out the recordings.
    """

    check_us: float = 0.0
    tolerance: float = 0.001
    batch: int = 0
    near: float = 0.0
    models: tuple[EnergyModel, ...] = MODELS
    levels: Levels = None
    shuffle: bool = False
    ranks: Ranks = ONE

    def __post_init__(self) -> None:
        """Check the numbers."""
        most = {"check_us": HIGHEST, "tolerance": 1.0, "batch": HIGHEST, "near": 1.0}
        for name, highest in most.items():
            value = getattr(self, name)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not number or not 0 <= value <= highest:
                raise UserError(
                    f"measure: {name} is {shown(value)}; give a number from 0 to {highest:g}"
                )


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found.

    Attributes
    ----------
    result : dict
        Plain JSON; ``docs/reference/measure.md`` defines its keys.
    predictions : int64 array (n_recordings,)
    """

    result: dict[str, Any]
    predictions: NDArray[np.int64]


def measure(
    network: Network,
    weights: list[NDArray[Any]],
    loss: Loss,
    events: EventBatch,
    request: Request | None = None,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> Measured:
    """Measure a network on labelled recordings.

    Parameters
    ----------
    network : Network
        Its last population is the output.
    weights : list of arrays, in the order of the connections
    loss : Loss
        Says what of the output is read.
    events : EventBatch
    request : Request, optional
    threads : int
        Changes no number.
    progress : callable, optional
        Told (done, total) recordings.

    Raises
    ------
    UserError
        Where there is no recording, or one has no label.
    """
    request = request or Request()
    check_labelled(events.label, events.source)
    work = _Work(network, weights, loss, events, request, threads)
    found, done = PieceCounts({us: [] for us in CLOCKS_US}), 0
    own = events[request.ranks.part(len(events))]
    for piece in own.pieces(TOGETHER, MOST_EVENTS):
        work.piece(piece, found)
        done += len(piece)
        if progress is not None:
            progress(done, len(own))
    found = found.of_all(request.ranks, network)
    predictions = np.concatenate(found.predictions)
    return Measured(_result(work, found, predictions), predictions)


class _Work:
    """What stays the same from piece to piece."""

    def __init__(
        self,
        network: Network,
        weights: list[NDArray[Any]],
        loss: Loss,
        events: EventBatch,
        request: Request,
        threads: int,
    ) -> None:
        self.network, self.weights, self.loss = network, weights, loss
        self.events, self.request, self.threads = events, request, threads
        end = float(events.duration.max())
        self.check_us = request.check_us or max(2_000.0, np.ceil(end / CHECKS / 1e3) * 1e3)
        if end / self.check_us > MOST_CHECKS:
            raise UserError(
                f"measure: check_us is {self.check_us:g}, which would be {end / self.check_us:.3g} "
                f"checks a recording; give at least {end / MOST_CHECKS:g}"
            )
        self.times = self.check_us * np.arange(1, max(1, int(np.ceil(end / self.check_us))) + 1)
        most = int(np.diff(events.start).max())
        self.seen = np.unique(np.linspace(0, most, 41).round().astype(np.int64))[1:]

    def piece(self, batch: EventBatch, found: PieceCounts) -> None:
        """Measure some recordings."""
        record = simulate(self.network, self.weights, batch, threads=self.threads)
        output = len(self.network.populations) - 1
        found.predictions.append(answers(scores_of(record, output, self.loss, batch)))
        counted = operations(record, self.weights, batch)
        found.operations = found.operations.joined(counted) if found.operations else counted
        found.relu.append(relu_costs(record, self.weights, batch))
        for bin_us in CLOCKS_US:
            found.clocks[bin_us].append(self._clock(batch, bin_us))
        if "anytime" not in found.refused:
            try:
                self._stream(record, batch, found)
            except UserError as error:
                found.refused["anytime"] = str(error)
        if self.request.batch and "training" not in found.refused:
            try:
                found.backward.append(self._backward(batch))
            except UserError as error:
                found.refused["training"] = str(error)

    def _backward(self, batch: EventBatch) -> Backward:
        return backward(self.network, self.weights, batch, self.request.near, self.threads)

    def _stream(self, record: Any, batch: EventBatch, found: PieceCounts) -> None:
        times = np.broadcast_to(self.times, (len(batch), len(self.times)))
        here = stream(record, self.weights, batch, self.loss, times, settle=True)
        checks = event_checks(batch, self.seen)
        there = stream(record, self.weights, batch, self.loss, checks, settle=True)
        found.streamed = found.streamed.joined(here) if found.streamed else here
        found.by_events = found.by_events.joined(there) if found.by_events else there

    def _clock(self, batch: EventBatch, bin_us: int) -> tuple[ClockCosts, int]:
        """Return what a clock costs, and how many answers are right with it."""
        seen = binned(batch, bin_us)
        record = simulate(self.network, self.weights, seen, threads=self.threads)
        scores = scores_of(record, len(self.network.populations) - 1, self.loss, seen)
        right = int((answers(scores) == batch.label).sum())
        return clock_costs(record, self.weights, seen, bin_us), right


def _result(work: _Work, found: PieceCounts, predictions: NDArray[np.int64]) -> dict[str, Any]:
    counted, events, request = found.operations, work.events, work.request
    assert counted is not None  # there is at least one recording
    right = int((predictions == events.label).sum())
    clocks = {
        f"clock_{us // 1000}ms": clock_json(work.network, found.clocks[us], us) for us in CLOCKS_US
    }
    relu = relu_json(found.relu)
    training: dict[str, Any] = {
        "not_counted": found.refused.get("training", "the rule is not the spike adjoint")
    }
    if found.backward:
        training = backward_json(work.network, found.backward, counted, request.batch, request.near)
    anytime: dict[str, Any] = {"not_measured": found.refused.get("anytime", "")}
    if found.streamed is not None and found.by_events is not None:
        checks = (found.streamed, found.by_events)
        anytime = anytime_json(checks, work.seen, work.check_us, request.tolerance, request.levels)
    return {
        "accuracy": right / len(events),
        "right": right,
        "recordings": len(events),
        "no_answer": unanswered(predictions),
        "network": _network_json(work.network),
        "duration_us": float(events.duration.mean()),
        "operations": counted.to_json()
        | {"operations_per_right_answer": per_right_answer(int(counted.total.sum()), right)},
        "training": training,
        "references": clocks | {"relu": relu},
        "neurobench": neurobench_json(work.network, work.weights, counted, clocks["clock_1ms"]),
        "energy": energy_json(request.models, counted, events, clocks, relu),
        "anytime": anytime,
        "confusion": confusion(events.label, predictions, work.network.populations[-1].size),
    }


def _network_json(network: Network) -> dict[str, Any]:
    return {
        "populations": [
            {"name": p.name, "neurons": p.size, "model": p.neuron.kind if p.neuron else "input"}
            for p in network.populations
        ],
        "connections": [
            {"name": c.name, "topology": c.topology.kind, "source": c.source, "target": c.target}
            for c in network.connections
        ],
    }

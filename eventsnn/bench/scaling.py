"""What a training step over ranks takes: a model with few numbers, fitted to one and two ranks.

``docs/explanation/scaling.md`` says what is in it, and what is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from eventsnn.bench.control import HIDDEN
from eventsnn.engines.layered.walk import GROUP

SIZES = (2312, HIDDEN, 10)
"""Of the network that is timed."""

WEIGHT_BYTES = 4 * sum(a * b for a, b in pairwise(SIZES))

EVENT_BYTES, JUMP_BYTES = 6, 16
"""Of an event and of a jump of a hidden neuron, as they are sent."""

SUM_BYTES = 4 * SIZES[-2] * SIZES[-1]
"""Of the gradient of the readouts by a group of ``GROUP`` recordings."""

OUTPUT_BYTES = 8 * SIZES[-1]
"""Of the outputs of a recording."""

COUNT_BYTES = 8 * sum(SIZES)
"""Of the spikes of each unit over the recordings of a rank."""

CALLS = 6
"""Collective calls of MPI a step."""


class Interconnect(NamedTuple):
    """What ranks are joined by.

    Attributes
    ----------
    name : str
    bytes_per_ms : float
        Into a rank, while all receive; infinite within a machine, whose copies the model has.
    call_ms : float
        A collective call takes this for each doubling of the ranks.
    """

    name: str
    bytes_per_ms: float
    call_ms: float


WITHIN = Interconnect("one machine", math.inf, 0.0)
LINKS = (
    Interconnect("100 Gbit/s, 2 us", 12.5e6, 0.002),
    Interconnect("10 Gbit/s, 20 us", 1.25e6, 0.02),
)
"""Assumed, not measured: a network of a cluster, and one of an office."""


class StepModel(NamedTuple):
    """Milliseconds of a step.

    Attributes
    ----------
    walk_ms : float
        A recording forward and in reverse: what ranks share by groups.
    sum_ms : float
        Its part of the gradients: what ranks share by targets.
    step_ms : float
        The optimizer over all weights: shared by targets, too.
    rest_ms : float
        What every rank does, a recording.
    bytes_per_ms : float
        Into a rank, packing and unpacking among them, of two ranks of one machine.
    events, jumps : float
        Of a recording; jumps are those of hidden neurons.
    """

    walk_ms: float
    sum_ms: float
    step_ms: float
    rest_ms: float
    bytes_per_ms: float
    events: float
    jumps: float

    @classmethod
    def fitted(cls, rows: Sequence[dict[str, Any]]) -> StepModel:
        """Fit rows of ``bench.of_ranks`` of one and of two ranks, and of two batches."""
        one, two = (
            sorted((row for row in rows if row["ranks"] == n), key=lambda row: int(row["batch"]))
            for n in (1, 2)
        )
        (n, a), (m, b) = ((row["batch"], row) for row in one)
        per = (b["update_ms"] - a["update_ms"]) / (m - n)
        model = cls(
            walk_ms=b["walk_ms"] / m,
            sum_ms=max(per, 0.0),
            step_ms=max(a["update_ms"] - n * per, 0.0),
            rest_ms=max(b["ms_per_step"] - b["walk_ms"] - b["update_ms"], 0.0) / m,
            bytes_per_ms=math.inf,
            events=b["events_per_step"] / m,
            jumps=0.0,
        )
        # Each of two ranks sends what it receives; jumps are what is left of it.
        left = two[1]["sent_bytes_per_step"] - model.received(2, m)
        model = model._replace(jumps=max(left, 0.0) / (JUMP_BYTES * m / 4))
        late = [row["ms_per_step"] - model.step(2, row["batch"]) for row in two]
        moved = sum(model.received(2, row["batch"]) for row in two)
        return model._replace(bytes_per_ms=moved / max(sum(late), 1e-3))

    def received(self, ranks: int, batch: int) -> float:
        """Return the bytes that a rank receives in a step."""
        jumps = batch * self.jumps * JUMP_BYTES
        summed = (jumps + math.ceil(batch / GROUP) * SUM_BYTES) / ranks
        told = batch * (self.events * EVENT_BYTES + OUTPUT_BYTES)
        others = (ranks - 1) / ranks * (WEIGHT_BYTES + told + summed)
        return others + (ranks - 1) * COUNT_BYTES

    def step(self, ranks: int, batch: int, link: Interconnect = WITHIN) -> float:
        """Return the milliseconds of a step."""
        groups = math.ceil(batch / GROUP)
        walked = min(batch, math.ceil(groups / ranks) * GROUP)
        shared = (batch * self.sum_ms + self.step_ms) / ranks
        received = self.received(ranks, batch)
        moved = received / self.bytes_per_ms + received / link.bytes_per_ms
        calls = CALLS * math.log2(ranks) * link.call_ms
        return walked * self.walk_ms + batch * self.rest_ms + shared + moved + calls

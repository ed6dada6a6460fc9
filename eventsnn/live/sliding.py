"""How a window slides along a stream: step by step, but for the silence between what happens.

Where nothing came in and no neuron fired for a whole window, and nothing can be on its way, only
potentials decay. Then the window rests, so that an hour of silence costs nothing; the next event
wakes it, and what the output did before counts no more. When it rests and wakes depends on the
stream alone, not on how that is cut into pieces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.inputs import Feed
from eventsnn.live.memory import Memory
from eventsnn.live.outputs import STEPS, Outputs
from eventsnn.network import Network


class Sliding:
    """Takes a run along the stream, and slides the window of its output.

    Parameters
    ----------
    network : Network
    outputs : Outputs
    memory : Memory, optional
        Told where windows may begin.
    """

    def __init__(self, network: Network, outputs: Outputs, memory: Memory | None = None) -> None:
        self._memory = memory
        self.outputs, self.step_us = outputs, outputs.step_us
        acts = any(p.predicts or p.generator is not None for p in network.populations)
        longest = max((c.greatest_delay for c in network.connections), default=0)
        self._patience = math.inf if acts else STEPS + math.ceil(longest / self.step_us)
        self._at, self._quiet, self._before, self._resting = math.inf, 0, 0, False

    def note(self, run: Ongoing) -> tuple[int, int, int]:
        """Return what a saved session keeps: steps of silence, what came since, if it rests."""
        return self._quiet, _activity(run) - self._before, int(self._resting)

    def begin(self, run: Ongoing, note: tuple[int, int, int] = (0, 0, 0)) -> None:
        """Begin where the run stands, or where ``note`` was taken."""
        self._quiet, happened, resting = note
        # What happened in this step before a session was saved: a run counts from where it begins.
        self._before, self._resting = -happened, bool(resting)
        steps = max(1.0, math.ceil(run.now / self.step_us))
        self._at = math.inf if self._resting or math.isinf(self.step_us) else steps * self.step_us

    def advance(self, run: Ongoing, feeds: Sequence[Feed], until: float) -> None:
        """Work off the instants before ``until``."""
        while True:
            if self._resting and not self._wake(run, feeds, until):
                break
            if self._at >= until:
                break
            self._slide(run, feeds)
        run.reach(feeds, until)

    def _slide(self, run: Ongoing, feeds: Sequence[Feed]) -> None:
        """Run to the end of a step, and begin the next one, or rest."""
        run.reach(feeds, self._at)
        self.outputs.slide(run)
        if self._memory is not None:
            self._memory.mark()
        self._quiet = self._quiet + 1 if _activity(run) == self._before else 0
        self._before = _activity(run)
        self._at += self.step_us
        if self._quiet >= self._patience:
            self.outputs.past.clear()
            self._at, self._resting = math.inf, True
            if self._memory is not None:
                self._memory.begin()

    def _wake(self, run: Ongoing, feeds: Sequence[Feed], until: float) -> bool:
        """Run to the first event, if there is one, and begin a window there."""
        found = [feed.between(run.now, until)[0][:1] for feed in feeds]
        first = min(np.concatenate([np.zeros(0), *found]), default=math.inf)
        if math.isinf(first):
            return False
        run.reach(feeds, float(first))
        self.outputs.reset(run)
        if self._memory is not None:
            self._memory.begin()
        self._quiet, self._before, self._resting = 0, _activity(run), False
        self._at = (math.floor(first / self.step_us) + 1) * self.step_us
        return True


def _activity(run: Ongoing) -> int:
    """Return a number that grows with every event that came in and every spike."""
    return sum(run.sent.values()) + run.fired() + run.added()

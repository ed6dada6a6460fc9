"""What the output of a network has done: since the last reset, or over a sliding window."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.outputs import read_outputs
from eventsnn.errors import UserError
from eventsnn.network import Population
from eventsnn.record import Readouts, Reads
from eventsnn.text import named, shown

STEPS = 10
"""Of a window: it slides by a tenth of itself."""

SLIDES: tuple[Reads, ...] = ("integral", "maximum", "counts")
"""What a window can be read of: the final potential has a memory of its own."""


class Outputs:
    """Reads the output population of a run that goes on.

    Parameters
    ----------
    population : Population
    reads : "integral", "maximum", "final" or "counts"
    window_us : int, optional
        Whole tenths of it slide along the stream; None: everything since the last reset.

    Attributes
    ----------
    step_us : float
        At its multiples of stream time the window slides; infinity without one.

    Raises
    ------
    UserError
        If the population does not give what is read, or the window is none.
    """

    def __init__(self, population: Population, reads: Reads, window_us: int | None) -> None:
        self.population, self.reads, self.window_us = population, reads, window_us
        _check(population, reads, window_us)
        self.step_us = math.inf if window_us is None else float(window_us // STEPS)
        self.past: deque[NDArray[np.float64]] = deque(maxlen=STEPS - 1)

    def now(self, run: Ongoing) -> NDArray[np.float64]:
        """Return one number a class, float64 (classes,)."""
        here = self._since(run)
        if self.reads == "maximum":
            return np.asarray(np.max([here, *self.past], axis=0), np.float64)
        # Added from the oldest on, so that a saved session adds in the same order.
        total = np.zeros(len(here))
        for part in (*self.past, here):
            total += part
        return total

    def slide(self, run: Ongoing) -> None:
        """Begin a step of the window: what was read of the one before goes into the past."""
        self.past.append(self._since(run))
        self._anew(run)

    def reset(self, run: Ongoing) -> None:
        """Forget what the output did; potentials stay."""
        self.past.clear()
        self._anew(run)

    def counted(self, run: Ongoing) -> NDArray[np.float64]:
        """Return the spikes of the output since the window slid, if they are read; else zeros."""
        size = self.population.size
        return self._since(run) if self.reads == "counts" else np.zeros(size)

    def restore(
        self, run: Ongoing, past: NDArray[np.float64], counted: NDArray[np.float64]
    ) -> None:
        """Take over what a saved session had read."""
        self.past = deque(past, maxlen=STEPS - 1)
        if self.reads == "counts":
            run.unit_spikes[self.population.name][:] = counted

    def _since(self, run: Ongoing) -> NDArray[np.float64]:
        """Return what was read since the window slid, or since the last reset."""
        name, network = self.population.name, run.network
        counts = run.unit_spikes[name][None] if self.reads == "counts" else None
        kept = None
        if counts is None:
            kept = Readouts(*(np.asarray(part)[None] for part in run.readout(name)))
        p = network.index(name)
        return np.asarray(read_outputs(network, p, self.reads, kept, counts)[0])

    def _anew(self, run: Ongoing) -> None:
        if self.reads == "counts":
            run.unit_spikes[self.population.name][:] = 0
        else:
            run.gather_anew(run.network.index(self.population.name))


def _check(population: Population, reads: Reads, window_us: int | None) -> None:
    """Refuse what cannot be read."""
    where = f"session: the output {named(population.name)}"
    if population.neuron is None:
        raise UserError(f"{where} is an input; put the output last")
    fits = ("counts",) if population.spiking else ("integral", "maximum", "final")
    if reads not in fits:
        raise UserError(
            f"{where} has {population.neuron.kind} neurons, reads is {shown(reads)}; give "
            f"{' or '.join(fits)}"
        )
    if window_us is None:
        return
    whole = isinstance(window_us, int | np.integer) and not isinstance(window_us, bool)
    if not whole or window_us < STEPS or window_us % STEPS:
        raise UserError(
            f"session: window_us is {shown(window_us)}; give whole tens of microseconds, such as "
            "100_000"
        )
    if reads not in SLIDES:
        raise UserError(
            f"session: a window of {window_us} us, but reads is {reads}, which is the potential "
            "now; leave window_us out, or read integral or maximum"
        )

"""The answers of recordings that are running, from check to check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.outputs import leak_of, read_outputs
from eventsnn.engines.stop import POLICIES, AtCheck, Scoring, Stop, Stopped
from eventsnn.network import Network
from eventsnn.record import Readouts


class Watched:
    """Some recordings, watched until their answers are clear.

    Parameters
    ----------
    network : Network
        Whose last population is the output.
    until : float64 array (n_recordings,)
        Their ends, microseconds.
    stop : Stop
    answer : Scoring

    Attributes
    ----------
    t : float64 array (n_recordings,)
        Where each stands.
    running, early : bool array (n_recordings,)
        Whether it runs; whether it was stopped before its end.
    scores : float64 array (n_recordings, classes)
        What each said last.
    """

    def __init__(
        self, network: Network, until: NDArray[np.float64], stop: Stop, answer: Scoring
    ) -> None:
        self.network, self.until, self.stop, self.answer = network, until, stop, answer
        n, self.output = len(until), len(network.populations) - 1
        shape = n, network.populations[self.output].size
        self.t, self.running, self.early = np.zeros(n), until > 0, np.zeros(n, np.bool_)
        self._leader, self._steady_us = np.full(n, -2, np.int64), np.zeros(n)
        self.scores = answer.scores(np.full(shape, np.inf) if self._timed else np.zeros(shape))
        self._counts, self._first = np.zeros(shape, np.int64), np.full(shape, np.inf)
        self._checks = 0
        self._leaks = bool(np.isfinite(leak_of(network.populations[self.output].neuron)))

    @property
    def _timed(self) -> bool:
        return self.answer.reads == "first_spike"

    def border(self) -> NDArray[np.float64]:
        """Return where each recording stands at the next check, float64 (n_recordings,)."""
        self._checks += 1
        check = np.minimum(float(self._checks * self.stop.check_us), self.until)
        return np.where(self.running, check, self.t)

    def note(self, row: NDArray[np.int64], unit: NDArray[np.int32], t: NDArray[np.float64]) -> None:
        """Take spikes of the output: recording, unit and time of each, all (n_spikes,)."""
        np.add.at(self._counts, (row, unit), 1)
        np.minimum.at(self._first, (row, unit), t)

    def look(self, border: NDArray[np.float64], readouts: Readouts | None) -> None:
        """Read the answers at ``border``; those that are clear, or at their end, run no more."""
        rows = np.flatnonzero(self.running)
        passed, self.t = border[rows] - self.t[rows], border
        scores = self.scores[rows] = self.answer.scores(self._outputs(rows, readouts))
        ended = border[rows] >= self.until[rows]
        clear = self._clear(rows, scores, passed)
        self.early[rows] = clear & ~ended
        self.running[rows] = ~clear & ~ended

    def _outputs(self, rows: NDArray[np.int64], readouts: Readouts | None) -> NDArray[np.float64]:
        """Return what is read of some recordings, float64 (n, classes)."""
        reads = self.answer.reads
        if readouts is None and self._timed:
            return self._first[rows]
        if readouts is None:
            return read_outputs(self.network, self.output, reads, None, self._counts[rows])
        kept = (readouts.final, readouts.maximum, readouts.maximum_t, readouts.integral)
        some = Readouts(*(array[rows] for array in kept))
        outputs = read_outputs(self.network, self.output, reads, some, None)
        if reads == "integral" and self._leaks:
            # In units of tau, what is still to come is the potential itself.
            unfinished = np.where(self.t[rows] < self.until[rows], 1.0, 0.0)
            outputs = outputs + unfinished[:, None] * some.final
        return outputs

    def _clear(
        self, rows: NDArray[np.int64], scores: NDArray[np.float64], passed: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which answers are clear; ``passed`` (n,) is the time since the check before."""
        top = np.sort(scores, axis=1)
        second = top[:, -2] if scores.shape[1] > 1 else np.zeros(len(scores))
        lead = (top[:, -1] - second).astype(np.float32)
        leader = np.where(lead > 0, scores.argmax(1), -1)
        same = leader == self._leader[rows]
        self._leader[rows] = leader
        self._steady_us[rows] = np.where(same, self._steady_us[rows] + passed, 0.0)
        spoke = np.isfinite(self._first[rows]).any(axis=1)
        seen = AtCheck(scores, lead, self._steady_us[rows], spoke)
        return (lead > 0) & POLICIES[self.stop.policy](seen, self.stop.level)


def stopped_of(network: Network, parts: Sequence[Watched]) -> Stopped:
    """Return what all recordings said, end to end."""
    none = np.zeros((0, network.populations[-1].size))
    scores = np.concatenate([none, *(part.scores for part in parts)])
    return Stopped(scores, np.concatenate([np.zeros(0, np.bool_), *(part.early for part in parts)]))

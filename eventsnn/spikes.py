"""Spikes of a population as flat arrays, and what is read off them: neurons, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.text import shown


@dataclass(frozen=True, eq=False, repr=False)
class Spikes:
    """Spikes of one population over all recordings, 12 bytes a spike and the value.

    Attributes
    ----------
    t : float64 array (n_spikes,)
        Microseconds since the start of the spike's own recording; in a recording sorted
        by (t, unit).
    unit : int32 array (n_spikes,)
    value : float array (n_spikes,)
        The neuron model's value at the spike, in the state's dtype: v just before the
        reset (if, lif), dv/dt just before it (cuba_lif).
    start : int64 array (n_recordings + 1,)
        Recording i owns the spikes start[i] to start[i + 1] - 1.
    """

    t: NDArray[np.float64]
    unit: NDArray[np.int32]
    value: NDArray[Any]
    start: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of spikes."""
        return len(self.t)

    def __repr__(self) -> str:
        """Return one line of facts."""
        return f"<Spikes: {len(self):,} in {len(self.start) - 1:,} recordings>"

    def recording(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return (t, unit) of one recording, as views."""
        part = slice(self.start[index], self.start[index + 1])
        return self.t[part], self.unit[part]

    def of(self, unit: int, recording: int = 0) -> NDArray[np.float64]:
        """Return the times of one neuron's spikes in a recording, microseconds.

        Raises
        ------
        UserError
            For no whole number of 0 or more.
        """
        if isinstance(unit, bool) or not isinstance(unit, int | np.integer) or unit < 0:
            raise UserError(f"spikes: unit is {shown(unit)}; give a whole number, 0 or more")
        t, units = self.recording(recording)
        return np.asarray(t[units == unit])

    def intervals(self, recording: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the intervals from spike to spike of each neuron (ISI), neuron after neuron.

        Returns
        -------
        unit : int32 array (n_intervals,)
            Whose it is; of a neuron they stand in order of time.
        interval : float64 array (n_intervals,)
            Microseconds.

        Examples
        --------
        >>> import eventsnn as es
        >>> net = es.Network((es.Population("c", 1, es.CubaLIF(10_000, 5_000, bias=2.0)),))
        >>> es.simulate(net, {}, until_us=30_000).spikes["c"].intervals()[1].round()
        array([6931., 6931., 6931.])
        """
        t, unit = self.recording(recording)
        order = np.lexsort((t, unit))
        t, unit = t[order], unit[order]
        same = unit[1:] == unit[:-1]
        return unit[1:][same], np.diff(t)[same]

    def cv(self, recording: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return how irregular neurons fire: standard deviation of intervals over their mean.

        About 1 for Poisson spikes, 0 for a clock. Of neurons with three spikes or more.

        Returns
        -------
        unit : int32 array (n_neurons,)
        cv : float64 array (n_neurons,)
        """
        unit, interval = self.intervals(recording)
        units, place, count = np.unique(unit, return_inverse=True, return_counts=True)
        mean = np.bincount(place, interval) / np.maximum(count, 1)
        spread = np.sqrt(np.bincount(place, (interval - mean[place]) ** 2) / np.maximum(count, 1))
        many = count >= 2
        return units[many], spread[many] / mean[many]

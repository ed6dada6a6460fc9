"""Potentials of neurons over a recording, by the reference engine's own equations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.engines.fingerprint import check_given
from eventsnn.engines.gathered import Given
from eventsnn.errors import UserError
from eventsnn.measure.replay import Delivered, Snapshot, replayed
from eventsnn.network import Network, Weights
from eventsnn.network.graph import Population
from eventsnn.neurons.neuron import Cell, Neuron
from eventsnn.record import Record
from eventsnn.text import named, shown


class PotentialTrace(NamedTuple):
    """One neuron over a recording.

    Attributes
    ----------
    t : float64 array (n,)
        Microseconds: where the run began, and each instant at which something reached the neuron,
        or it fired. A spike gives two points: what the neuron reached, and what the reset left.
    v : float64 array (n,)
        Its first variable there, the potential, in the units of the weights.
    """

    t: NDArray[np.float64]
    v: NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Potentials:
    """Variables of some neurons of a population over one recording; ``potentials`` makes it.

    ``traces[unit]`` are the exact points of one neuron, ``traces.course(unit)`` what lies between
    them, too, ``traces.every(us)`` values at regular times; ``eventsnn.plot`` draws the course.
    ``for trace in traces`` goes through the neurons, in the order of ``units``.

    Attributes
    ----------
    population : Population
    units : tuple of int
        Which neurons.
    duration : float
        Where the run ended, microseconds.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-3-1", es.CubaLIF(20_000, 5_000), es.Readout(30_000))
    >>> weights = {c.name: np.ones(c.topology.weight_shape) for c in network.connections}
    >>> stream = es.EventStream([0], [0], (1, 1, 2), duration=3_000)
    >>> traces = es.potentials(network, weights, stream, "hidden1", 0)
    >>> t, current = traces.every(1_000, "current")
    >>> current.round(2)
    array([[1.  , 0.82, 0.67]])
    """

    population: Population
    units: tuple[int, ...]
    duration: float
    _kept: dict[int, list[Snapshot]]

    def __repr__(self) -> str:
        """Return one line of facts."""
        return (
            f"<Potentials of {len(self.units):,} of {self.population.size:,} neurons of "
            f"{named(self.population.name)}, {self.duration / 1000:g} ms>"
        )

    def __len__(self) -> int:
        """Return how many neurons there are."""
        return len(self.units)

    def __getitem__(self, unit: int) -> PotentialTrace:
        """Return the points of one neuron; UserError if it was not followed."""
        return PotentialTrace(*self._points(unit, 0))

    def __iter__(self) -> Iterator[PotentialTrace]:
        """Go through the points of the neurons, in the order of ``units``."""
        return (self[unit] for unit in self.units)

    def course(self, unit: int, points: int = 2_000) -> PotentialTrace:
        """Return one neuron as it is drawn: a line through these points is what it did.

        Between events the potential follows the formula of its model to the end of the run; where
        it jumps there is a point before and one after, at one time.

        Parameters
        ----------
        unit : int
        points : int
            Over the whole run, beside those at events.

        Raises
        ------
        UserError
            If the neuron was not followed.

        Examples
        --------
        >>> import eventsnn as es
        >>> net = es.layers("1-1", es.LIF(20_000), es.LIF(20_000))
        >>> stream = es.EventStream([5_000], [0], (1, 1, 1), duration=25_000)
        >>> traces = es.potentials(net, [[[0.7]]], stream, "output")
        >>> t, v = traces.course(0, points=5)
        >>> t
        array([    0.,  5000.,  5000., 10000., 15000., 20000., 25000.])
        >>> v.round(2)
        array([0.  , 0.  , 0.7 , 0.55, 0.42, 0.33, 0.26])
        """
        kept, step = self._followed(unit), (self.duration - self.since) / max(points, 1)
        ends = [*(one.t for one in kept[1:]), self.duration]
        t, v = list[float](), list[float]()
        for one, end in zip(kept, ends, strict=True):
            if one.reached is not None:
                t.append(one.t)
                v.append(one.reached[0])
            cell = Cell([*one.x], [*one.times])
            corners = [when for when in one.times[1:2] if one.t < when < end]  # refractory until
            inner = np.arange(one.t, end, step or 1.0)[1:].tolist()
            for when in sorted({max(one.t, one.times[0]), *inner, *corners, end}):
                t.append(when)
                v.append(one.neuron.now(cell, when)[0])
        return PotentialTrace(np.array(t), np.array(v))

    def every(self, step_us: float, variable: str = "") -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Return values at regular times, after what happens at each of them.

        Parameters
        ----------
        step_us : float
            Microseconds between them, > 0.
        variable : str
            By its name in the model: "v", "current"; the first one if it is left out.

        Returns
        -------
        t : float64 array (n_times,)
            0, step_us, ... below the duration, microseconds; of a run that went on from a state,
            those at or after its time.
        values : float64 array (n_units, n_times)
            A row for each of ``units``.
        """
        step: Any = step_us
        if isinstance(step, bool) or not isinstance(step, int | float) or not step > 0:
            raise UserError(f"potentials: step_us is {shown(step)}; give a number above 0")
        place = self._place(variable)
        times = np.arange(0.0, self.duration, step)
        times = times[times >= self.since]
        out = np.zeros((len(self.units), len(times)))
        for row, unit in enumerate(self.units):
            kept = self._kept[unit]
            last = np.searchsorted([s.t for s in kept], times, side="right") - 1
            for k, (t, i) in enumerate(zip(times.tolist(), last.tolist(), strict=True)):
                cell = Cell([*kept[i].x], [*kept[i].times])
                out[row, k] = kept[i].neuron.now(cell, t)[place]
        return times, out

    @property
    def since(self) -> float:
        """Microseconds at which the run began; above 0 where it went on from a state."""
        return float(self._kept[self.units[0]][0].t) if self.units else 0.0

    @property
    def _neuron(self) -> Neuron:
        assert self.population.neuron is not None
        return self.population.neuron

    def _place(self, variable: str) -> int:
        names = self._neuron.variables
        if variable and variable not in names:
            raise UserError(
                f"potentials: {named(self.population.name)} has no {named(variable)}; there are "
                f"{', '.join(names)}"
            )
        return names.index(variable) if variable else 0

    def _followed(self, unit: int) -> list[Snapshot]:
        if unit not in self._kept:
            raise UserError(
                f"potentials: neuron {shown(unit)} of {named(self.population.name)} was not "
                f"followed; there are {', '.join(map(str, self.units[:20]))}"
            )
        return self._kept[unit]

    def _points(self, unit: int, place: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        t, v = list[float](), list[float]()
        for one in self._followed(unit):
            if one.reached is not None:
                t.append(one.t)
                v.append(one.reached[place])
            t.append(one.t)
            cell = Cell([*one.x], [*one.times])
            v.append(one.neuron.now(cell, max(one.t, one.times[0]))[place])
        return np.array(t), np.array(v)


def potentials(
    network: Network | Record,
    weights: Weights,
    events: Given,
    population: str,
    units: Sequence[int] | int | None = None,
    *,
    until_us: float | None = None,
) -> Potentials:
    """Follow neurons of a population over one recording.

    Parameters
    ----------
    network : Network or Record
        A network is run in float64. Of a record, all spikes must be kept: its run is not repeated.
        One that went on from a state is followed from there.
    weights : mapping by connection name, or sequence in connection order
        Those of the run.
    events : as ``simulate`` takes them
        What the run was given; None where every input has a generator.
    population : str
        Of any neuron model.
    units : sequence of int, or int, optional
        Which neurons; all of them if it is left out.
    until_us : float, optional
        Where the run of a network ends; it is needed where generators drive it.

    Returns
    -------
    Potentials

    Raises
    ------
    UserError
        If there is no such population or neuron, or weights or events do not fit, or are not
        those that the record was made with.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.Network(
    ...     (es.Population("in", (1, 1, 2)), es.Population("h", 3, es.LIF(20_000))),
    ...     (es.Connection("in", "h", es.Dense(2, 3)),),
    ... )
    >>> stream = es.EventStream([1_000, 2_000], [0, 1], (1, 1, 2), duration=4_000)
    >>> weights = [np.array([[0.5, 0.6, 0.7], [0.4, 0.5, 0.6]])]
    >>> traces = es.potentials(network, weights, stream, "h", [0, 2])
    >>> traces
    <Potentials of 2 of 3 neurons of h, 4 ms>
    >>> traces[2].t, traces[2].v.round(3)  # it fires at 2 ms
    (array([   0., 1000., 2000., 2000.]), array([0.   , 0.7  , 1.266, 0.266]))
    >>> t, v = traces.every(1_000)
    >>> v.round(3)
    array([[0.   , 0.5  , 0.876, 0.833],
           [0.   , 0.7  , 0.266, 0.253]])
    """
    record = network
    if isinstance(network, Network):
        record = simulate(network, weights, events, until_us=until_us, dtype=np.float64)
    if not isinstance(record, Record) or len(record) != 1:
        raise UserError(f"potentials: {shown(network)}; give a Network, or a Record of one run")
    check_given(record, weights, events, "potentials")
    found = record.network[population]
    if found.neuron is None:
        raise UserError(f"potentials: {named(population)} is the input; its spikes are the events")
    chosen = _chosen(found, units)
    arrivals = Delivered(record, weights, events, population)
    kept = replayed(found, arrivals, chosen, float(record.duration[0]))
    return Potentials(found, chosen, float(record.duration[0]), kept)


def _chosen(population: Population, units: Sequence[int] | int | None) -> tuple[int, ...]:
    """Return the neurons that are asked for, checked."""
    if units is None:
        return tuple(range(population.size))
    given = np.atleast_1d(np.asarray(units))
    whole = given.ndim == 1 and (given.dtype.kind in "iu" or not given.size)
    if not whole or ((given < 0) | (given >= population.size)).any():
        raise UserError(
            f"potentials: units are {shown(units)}; give numbers from 0 to {population.size - 1}, "
            f"neurons of {named(population.name)}"
        )
    return tuple(dict.fromkeys(int(unit) for unit in given))

"""Where a run stands: every neuron's state and everything still on its way.

A run that is cut anywhere, also between a spike and its delayed delivery, goes on from
its state to the very same record. States are plain arrays and are saved as ``.npz``.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.plan import plan
from eventsnn.engines.asynchronous.population_state import PopulationState
from eventsnn.engines.asynchronous.replaced import with_readouts_reset, with_variables
from eventsnn.engines.asynchronous.state_checked import check_arrays, digest_of
from eventsnn.engines.turns import amplitudes_of
from eventsnn.errors import DataError, UserError
from eventsnn.files.arrays import read_npz
from eventsnn.files.outputs import check_output_file, write_whole
from eventsnn.network import Network
from eventsnn.text import named

VERSION = 1
"""Of the files of ``State.save``."""


@dataclass(frozen=True, eq=False, repr=False)
class State:
    """State of one run, for one network.

    Attributes
    ----------
    t : float64 array ()
        Microseconds; every instant before it is worked off.
    network : uint8 array (16,)
        A digest of the network that it belongs to: shapes, neurons, currents, synapses and delays.
    sizes : int64 array (n_populations,)
        Sizes of the populations of the network that it belongs to.
    x : float32 or float64 array
        Variables of all neurons; its dtype is that of the run.
    times : float64 array
        Clocks and other times of all neurons, microseconds.
    log_t, log_unit : float64 and int32 arrays
        Spikes not yet read by all connections with one delay, population by population
        (the input's too), from ``log_at[p]`` to ``log_at[p + 1]``.
    log_at : int64 array (n_populations + 1,)
    cursor : int64 array (n_channels,)
        How many of its source's spikes above each channel has read.
    synapse_t, synapse_target, synapse_weight : float64, int32 and float arrays
        Synapses on their way one by one, calendar by calendar, in order of delivery.
    synapse_at : int64 array (n_calendars + 1,)
    described : Network or None
        What it belongs to, for names; None of a state that was loaded (``of``).
    worked_off : uint8 array (16,) or None
        A digest of the events of the recording before ``t``, which ``eventsnn simulate --state``
        keeps: so it goes on with the same recording, and refuses another. No run looks at it.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.Network(
    ...     (es.Population("in", (1, 1, 2)), es.Population("h", 2, es.CubaLIF(20_000, 5_000))),
    ...     (es.Connection("in", "h", es.Dense(2, 2)),),
    ... )
    >>> stream = es.EventStream([0], [1], (1, 1, 2), duration=5_000)
    >>> record = es.simulate(network, [np.eye(2)], stream, state=True)
    >>> record.state["h"].v.round(3), record.state["h"].current.round(3)
    (array([0.   , 0.137]), array([0.   , 0.368]))
    """

    t: NDArray[np.float64]
    network: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    x: NDArray[Any]
    times: NDArray[np.float64]
    log_t: NDArray[np.float64]
    log_unit: NDArray[np.int32]
    log_at: NDArray[np.int64]
    cursor: NDArray[np.int64]
    synapse_t: NDArray[np.float64]
    synapse_target: NDArray[np.int32]
    synapse_weight: NDArray[Any]
    synapse_at: NDArray[np.int64]
    described: Network | None = field(default=None, compare=False)
    worked_off: NDArray[np.uint8] | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        """Return one line of facts."""
        waiting = len(self.synapse_t) + len(self.log_t)
        sizes = ", ".join(f"{size:,}" for size in self.sizes.tolist())
        return f"<State at {float(self.t):,g} us of {sizes} neurons, {waiting:,} on their way>"

    def __getitem__(self, population: str) -> PopulationState:
        """Return the neurons of a population, by name: ``state["h"].v``.

        Raises
        ------
        UserError
            If there is no such population, or a state was loaded and has no names (``of``).
        """
        if self.described is None:
            raise UserError(
                "state: loaded from a file, it knows no names; give them: state.of(network)"
            )
        p, graph = self.described.index(population), plan(self.described)
        found, at = self.described.populations[p], float(self.t)
        if found.neuron and p in amplitudes_of(self.described, at):
            driven = found.neuron.with_current(amplitudes_of(self.described, at)[p])
            found = replace(found, neuron=driven, generator=None)
        rows = len(found.neuron.variables) if found.neuron else 0
        first, n = int(graph.x_at[p]), found.size
        times = self.times[graph.times_at[p] : graph.times_at[p + 1]].reshape(-1, n).copy()
        if len(times):  # the first row holds one clock a group
            times[0] = times[0][np.arange(n) // graph.clock[p]]
        x = self.x[first : first + rows * n].reshape(rows, n)
        return PopulationState(found, at, x, times)

    def of(self, network: Network) -> State:
        """Return the state with the names of the network that it belongs to; UserError if none."""
        self.check(network, np.zeros(0), float(self.t))
        return replace(self, described=network)

    def reset_readouts(self) -> State:
        """Return the state whose readouts gather anew from here: for a stream without an end.

        Maximum and integral of what goes on from it are those since ``t``; the potential that
        is left counts. Nothing else changes: spikes stay as they were, to the bit.

        Raises
        ------
        UserError
            If the state was loaded and knows no network (``of``).

        Examples
        --------
        >>> import eventsnn as es
        >>> network = es.Network(
        ...     (es.Population("in", (1, 1, 2)), es.Population("out", 2, es.Readout(20_000))),
        ...     (es.Connection("in", "out", es.Dense(2, 2)),),
        ... )
        >>> state = es.State.start(network)
        >>> for unit, end in ((0, 100_000), (1, 200_000)):
        ...     piece = es.EventStream([end - 90_000], [unit], (1, 1, 2), duration=end)
        ...     record = es.simulate(network, [[[1, 0], [0, 1]]], piece, state=state)
        ...     state = record.state.reset_readouts()
        ...     print((record.readouts["out"].integral[0] / 20_000).round(2))
        [0.99 0.  ]
        [0.01 0.99]
        """
        return with_readouts_reset(self)

    def replaced(self, population: str, **variables: Any) -> State:
        """Return the state with other variables of a population, such as initial potentials.

        Parameters
        ----------
        population : str
        variables : one number, or one a neuron, by the names of the model: ``v``, ``current``
            In units of the weights, rounded to the state's dtype. The other variables are brought
            up to the state's time.

        Raises
        ------
        UserError
            For a population or name that is not there, values that do not fit, potentials at
            which a neuron would fire at once, and models that keep more than their variables.

        Examples
        --------
        >>> import eventsnn as es
        >>> net = es.Network((es.Population("c", 3, es.LIF(20_000)),))
        >>> state = es.State.start(net).replaced("c", v=[0.1, 0.5, 0.9])
        >>> es.simulate(net, {}, until_us=20_000, state=state).state["c"].v.round(2)
        array([0.04, 0.18, 0.33])
        """
        return with_variables(self, population, variables)

    @classmethod
    def start(cls, network: Network, dtype: type[np.floating[Any]] = np.float64) -> State:
        """Return the state of a network at rest at time 0.

        It fits a run of any dtype: the first run takes that of its weights.
        """
        from eventsnn.engines.asynchronous.engine import resting_state

        return resting_state(network, dtype)

    def of_dtype(self, dtype: type[np.floating[Any]]) -> State:
        """Return a state at rest at time 0 in another dtype; any other state as it is.

        At rest all variables and everything on its way are 0, in every dtype.
        """
        check_arrays(self)
        if self.x.dtype == dtype or self.t != 0 or self.x.any() or len(self.synapse_t):
            return self
        waiting = self.synapse_weight.astype(dtype)
        return replace(self, x=self.x.astype(dtype), synapse_weight=waiting)

    def check(self, network: Network, t: NDArray[np.float64], until: float) -> None:
        """Refuse a state of another network, or a run of what lies before the state.

        Parameters
        ----------
        t : float64 array (n_events,)
            Times of the events that an input is given, microseconds, sorted.
        until : float
            Where it ends.
        """
        check_arrays(self)
        sizes = [p.size for p in network.populations]
        if self.sizes.tolist() != sizes:
            raise UserError(
                f"state: made for populations of {self.sizes.tolist()} neurons, the network has "
                f"{sizes}; give the network that it belongs to"
            )
        if (self.network != digest_of(network)).any():
            raise UserError(
                "state: made for another network of these sizes: a neuron's parameter, a synapse "
                "or a delay differs; give the network that it belongs to"
            )
        stands = f"the state stands at {float(self.t)} us: every event before that is worked off"
        if len(t) and t[0] < self.t:
            before = int(np.searchsorted(t, float(self.t)))
            raise UserError(
                f"simulate: {before} of {len(t)} events, the first at {t[0]} us, come again: "
                f"{stands}. Give the rest alone, with its times: "
                f"stream.between({math.ceil(self.t)}, stream.duration)"
            )
        if until < self.t:
            raise UserError(
                f"simulate: the run would end at {until} us, but {stands}. Events of a run that "
                "goes on carry the times of the whole recording; stream.between keeps them, "
                "slice_time does not"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to an ``.npz`` file, whole or not at all.

        Raises
        ------
        UserError
            If there is no such folder, or it cannot be written.
        """
        check_output_file("state", Path(path))
        data = io.BytesIO()
        np.savez(data, **self.arrays())  # type: ignore[arg-type]
        write_whole(Path(path), data.getvalue())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what ``save`` writes, by name."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        worked_off = {} if self.worked_off is None else {"worked_off": self.worked_off}
        return arrays | worked_off | {"version": np.array(VERSION)}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> State:
        """Read a state that ``save`` wrote.

        Raises
        ------
        DataError
            If what it holds is no state: it names the file, the array, the place and the value.
        """
        return cls.from_arrays(read_npz(path), os.fspath(path))

    @classmethod
    def from_arrays(cls, given: Mapping[str, NDArray[Any]], source: str) -> State:
        """Return the state of which these are the ``arrays``; DataError as of ``load``."""
        arrays: dict[str, Any] = {**given}
        version = arrays.pop("version", None)
        if version is None or version.shape != () or version.dtype.kind not in "iu":
            raise DataError(f"{source}: not a saved state; give a file of State.save")
        if int(version) != VERSION:
            raise DataError(
                f"{source}: a state of version {int(version)}, this eventsnn reads "
                f"{VERSION}; run it again from its start"
            )
        worked_off = arrays.pop("worked_off", None)
        odd = [f"lacks {name}" for name in _ARRAYS if name not in arrays]
        odd += [f"has the unknown array {named(name)}" for name in arrays if name not in _ARRAYS]
        if odd:
            raise DataError(f"{source}: {odd[0]}; give a file of State.save")
        state = cls(**arrays, worked_off=worked_off)
        try:
            check_arrays(state)
        except UserError as error:
            raise DataError(f"{source}: {error}") from error
        return state


_ARRAYS = tuple(f.name for f in fields(State) if f.name not in ("described", "worked_off"))

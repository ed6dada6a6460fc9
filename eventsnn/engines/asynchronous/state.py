"""Where a run stands: every neuron's state and everything still on its way.

A run that is cut anywhere, also between a spike and its delayed delivery, goes on from
its state to the very same record. States are plain arrays and are saved as ``.npz``.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.state_checked import check_arrays, digest_of
from eventsnn.errors import DataError, UserError
from eventsnn.files.arrays import read_npz
from eventsnn.files.outputs import write_whole
from eventsnn.network import Network
from eventsnn.text import named

VERSION = 1
"""Of the files of ``State.save``."""


@dataclass(frozen=True, eq=False)
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
        OSError
            If it cannot be written; nothing is left behind.
        """
        data = io.BytesIO()
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        np.savez(data, version=np.array(VERSION), **arrays)
        write_whole(Path(path), data.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> State:
        """Read a state that ``save`` wrote.

        Raises
        ------
        DataError
            If there is no such file, or what it holds is no state: it names the file, the
            array, the place and the value. Whether it is one of a network is checked when a
            run goes on from it.
        """
        arrays = read_npz(path)
        version = arrays.pop("version", None)
        if version is None or version.shape != () or version.dtype.kind not in "iu":
            raise DataError(f"{os.fspath(path)}: not a saved state; give a file of State.save")
        if int(version) != VERSION:
            raise DataError(
                f"{os.fspath(path)}: a state of version {int(version)}, this eventsnn reads "
                f"{VERSION}; run it again from its start"
            )
        names = [f.name for f in fields(cls)]
        odd = [f"lacks {name}" for name in names if name not in arrays]
        odd += [f"has the unknown array {named(name)}" for name in arrays if name not in names]
        if odd:
            raise DataError(f"{os.fspath(path)}: {odd[0]}; give a file of State.save")
        state = cls(**arrays)
        try:
            check_arrays(state)
        except UserError as error:
            raise DataError(f"{os.fspath(path)}: {error}") from error
        return state

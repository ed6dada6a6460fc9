"""Options of a run, checked once and handed to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.pool import Pool
from eventsnn.errors import UserError
from eventsnn.network import Network

Progress = Callable[[float], bool]

EVENT_BUDGET = 50_000_000
"""Spikes a recording may fire before its run is taken for a runaway."""


class RunawayError(UserError):
    """A recording fired more spikes than its budget.

    Attributes
    ----------
    spikes : int64 array (n_populations,)
        Those fired until then.
    """

    def __init__(self, message: str, spikes: NDArray[np.int64]) -> None:
        super().__init__(message)
        self.spikes = spikes


class Options(NamedTuple):
    """What an engine gets beside the network, the flat weights and the inputs.

    Attributes
    ----------
    kept : populations whose spikes are kept, by number.
    unit_spikes : whether spikes of the output neurons are counted a neuron.
    dtype : numpy.float32 or numpy.float64, of potentials and weights.
    threads : number of threads.
    event_budget : most spikes a recording may fire.
    progress : told now and then how far a recording is (microseconds); where it returns False
        the run stops. Of the asynchronous engine.
    pool : where an engine leaves what the next run of the same network and weights can use.
    counted : populations whose spikes are counted a neuron, too. Of the asynchronous engine.
    """

    kept: tuple[int, ...]
    unit_spikes: bool
    dtype: type[np.floating[Any]]
    threads: int
    event_budget: int
    progress: Progress | None = None
    pool: Pool | None = None
    counted: tuple[int, ...] = ()


def over_budget(network: Network, spikes: NDArray[np.int64], budget: int) -> RunawayError:
    """Return the error of a run away; ``spikes`` is int64 (n_populations,)."""
    own = np.array([0 if p.neuron is None else 1 for p in network.populations])
    busiest = int(np.argmax(spikes * own))
    return RunawayError(
        f"simulate: the network fired more than {budget} spikes; the busiest population is "
        f"{network.populations[busiest].name} with {spikes[busiest]}: weaken its recurrence, or "
        "raise event_budget; if it learns, lower the learning rate",
        spikes,
    )

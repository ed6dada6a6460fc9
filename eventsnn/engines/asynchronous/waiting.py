"""What is on its way into a connection's targets where a run stands, read off its state."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.places import CALENDAR, LOG
from eventsnn.engines.asynchronous.plan import plan
from eventsnn.engines.asynchronous.state import State
from eventsnn.network import Network


class Waiting(NamedTuple):
    """Of one connection.

    Attributes
    ----------
    t, unit : float64 and int32 arrays (n_spikes,)
        Spikes that no synapse has delivered yet, of a connection with one delay: when they were
        sent (microseconds), and by whom.
    due, target, weight : float64, int32 and float arrays (n_synapses,)
        Synapses one by one, in order of delivery, of a connection with delays a synapse.
    """

    t: NDArray[np.float64]
    unit: NDArray[np.int32]
    due: NDArray[np.float64]
    target: NDArray[np.int32]
    weight: NDArray[Any]


def waiting(state: State, network: Network, connection: int) -> Waiting:
    """Return what is on its way through a connection, by its number, at ``state.t``."""
    graph = plan(network)
    spikes = synapses = slice(0, 0)
    for k in np.flatnonzero(graph.connection == connection).tolist():
        p, row = int(graph.source[k]), int(graph.calendar[k])
        if graph.kind[k] == LOG:
            spikes = slice(int(state.log_at[p] + state.cursor[k]), int(state.log_at[p + 1]))
        elif graph.kind[k] == CALENDAR:
            synapses = slice(int(state.synapse_at[row]), int(state.synapse_at[row + 1]))
    due, target = state.synapse_t[synapses], state.synapse_target[synapses]
    sent, unit = state.log_t[spikes], state.log_unit[spikes]
    return Waiting(sent, unit, due, target, state.synapse_weight[synapses])

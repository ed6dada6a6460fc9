"""The synapses of a connection one by one: from whom, to whom, how strong, how late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network.checked import Weights
from eventsnn.text import named

if TYPE_CHECKING:
    from eventsnn.network.graph import Network


class SynapseTable(NamedTuple):
    """Synapses of a connection, sender after sender.

    Attributes
    ----------
    source, target : int32 arrays (n_synapses,)
        Units of both populations.
    weight : float array (n_synapses,) or None
        None where no weights were given.
    delay_us : int64 array (n_synapses,)
    """

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[Any] | None
    delay_us: NDArray[np.int64]


def synapses_of(network: Network, name: str, weights: Weights | None) -> SynapseTable:
    """Return the synapses of a connection; see ``Network.synapses``."""
    names = [c.name for c in network.connections]
    if name not in names:
        raise UserError(
            f"network: no connection is called {named(repr(name))}; there are "
            f"{', '.join(names) or 'none'}"
        )
    c = names.index(name)
    connection = network.connections[c]
    rows = [connection.topology.fan_out(sender) for sender in range(connection.topology.n_in)]
    source = np.repeat(np.arange(len(rows), dtype=np.int32), [len(targets) for targets, _ in rows])
    target = np.concatenate([np.zeros(0, np.int32), *(targets for targets, _ in rows)])
    place = np.concatenate([np.zeros(0, np.int64), *(places for _, places in rows)])
    delays = np.broadcast_to(connection.delay_us, connection.topology.weight_shape).reshape(-1)
    flat = None if weights is None else network.weights(weights)[c][place]
    return SynapseTable(source, target.astype(np.int32), flat, delays[place].astype(np.int64))

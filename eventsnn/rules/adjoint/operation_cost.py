"""Dense layers that learn where to look: synapses are pruned by what they cost, and grow again.

With the first update of each epoch the synapses that stay are chosen anew. Those with the
greatest ``|w| - cost * r`` do, r being how often the sender spoke a recording: a synapse has to be
worth the operations that it makes. Their share falls as in Zhu & Gupta (2017), from all to
``synapses``, which the last choice has whatever the number of epochs; where |w| does not reach
its cost none stays. A part of them, less and less, goes to synapses that are not there and have
the greatest gradient, as the optimizer remembers it (RigL, Evci et al. 2020). Others stay at 0
until the next choice.

What learns stays dense, which is the fastest; the network that is evaluated and saved is a list of
the synapses that are left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.network import Network
from eventsnn.optimizers.optimizer import Param
from eventsnn.rules.learned import Reading
from eventsnn.topology.sparse import Sparse

LEFT = 0.5
"""Share of the synapses up to which a connection is run as a list of them."""

REGROWN = 0.1
"""Share of the synapses that are chosen by their gradient, at the start of a run."""


class Choice(NamedTuple):
    """How synapses are chosen.

    Attributes
    ----------
    share : float
        Of all synapses, that may stay.
    regrown : float
        Of those, that are chosen by their gradient.
    cost : float
        Weight that a synapse must have for each time its sender speaks in a recording.
    """

    share: float
    regrown: float
    cost: float

    @classmethod
    def at(cls, progress: float, synapses: float, fall: float, cost: float) -> Choice:
        """Return the choice when that share of the run is done."""
        left = max(0.0, 1 - progress / fall) if fall else 0.0
        return cls(synapses + (1 - synapses) * left**3, REGROWN * (1 - progress), cost)


def priced(network: Network) -> list[int]:
    """Return the connections whose synapses are chosen: a weight a pair, into spiking neurons."""
    return [
        c
        for c, connection in enumerate(network.connections)
        if connection.topology.weight_shape == (connection.topology.n_in, connection.topology.n_out)
        and connection.learns
        and network.populations[network.targets[c]].spiking
    ]


def chosen(
    weights: Param, gradient: Param, spoke: NDArray[np.float64], choice: Choice
) -> NDArray[np.bool_]:
    """Return which synapses stay or grow, bool (n_in, n_out).

    Parameters
    ----------
    weights, gradient : float array (n_in, n_out), or Laid
        The gradient as the optimizer remembers it.
    spoke : float64 array (n_in,)
        How often each sender spoke in a recording.
    choice : Choice
    """
    w, g = np.abs(plain(weights)), np.abs(plain(gradient))
    worth = (w - choice.cost * spoke[:, None]).reshape(-1)
    most = round(choice.share * worth.size)
    grown = round(choice.regrown * most) if choice.share < 1 else 0
    stay = _greatest(np.where(worth > 0, worth, -np.inf), most - grown)
    new = _greatest(np.where(stay, -np.inf, g.reshape(-1)), grown)
    return (stay | new).reshape(w.shape)


def _greatest(values: NDArray[Any], most: int) -> NDArray[np.bool_]:
    """Mark the greatest values, at most so many; of equal ones the first. -inf is none."""
    out = np.zeros(values.size, np.bool_)
    order = np.argsort(-values, kind="stable")[:most]
    out[order] = np.isfinite(values[order])
    return out


def silence(weights: Param, present: Param) -> None:
    """Set weights to 0 where ``present`` is, which is laid out as they are, of 0 and 1."""
    if isinstance(weights, Laid) and isinstance(present, Laid):
        for w, keep in zip(weights.parts, present.parts, strict=True):
            np.multiply(w, keep, out=w)
    elif isinstance(weights, np.ndarray) and isinstance(present, np.ndarray):
        np.multiply(weights, present, out=weights)
    else:
        raise TypeError("silence: what is present is not laid out as the weights are")


def pruned(reading: Reading) -> Reading:
    """Return a network without the synapses whose weight is 0, where few are left."""
    network, weights = reading.network, list(reading.weights)
    connections = list(network.connections)
    for c in priced(network):
        present = weights[c] != 0
        if present.mean() > LEFT:
            continue
        senders, targets = np.nonzero(present)
        start = np.searchsorted(senders, np.arange(present.shape[0] + 1))
        listed = Sparse(present.shape[1], start.astype(np.int64), targets.astype(np.int32))
        connections[c] = replace(connections[c], topology=listed)
        weights[c] = weights[c][present]
    return Reading(Network(network.populations, tuple(connections)), weights, reading.loss)

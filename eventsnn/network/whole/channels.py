"""Which weights share a scale: those into one channel of a population, or all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.network.graph import Connection, Network, Population

Ints = NDArray[np.int64]


class Ways(NamedTuple):
    """Where the weights of a connection lead, int64 (n_weights,) each; -1 where to several.

    Attributes
    ----------
    channel : of the targets
    sender : whose spikes go through it
    """

    channel: Ints
    sender: Ints


def fan_of(connection: Connection, channels: int) -> Ways:
    """Return where each weight leads.

    A weight of a convolution has one channel and many senders; one of a pooling many of both.
    """
    topology = connection.topology
    fans = [topology.fan_out(unit) for unit in range(topology.n_in)]
    places = np.concatenate([places for _, places in fans])
    channel = np.concatenate([targets for targets, _ in fans]) % channels
    sender = np.repeat(np.arange(len(fans)), [len(targets) for targets, _ in fans])
    size = int(np.prod(topology.weight_shape))
    return Ways(_only(channel, places, size), _only(sender, places, size))


def _only(values: Ints, places: Ints, size: int) -> Ints:
    """Return the one value that each place has; -1 of several, 0 of none."""
    low, high = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, np.int64)
    np.minimum.at(low, places, values)
    np.maximum.at(high, places, values)
    return np.where(high < 0, 0, np.where(low == high, low, -1))


def groups(network: Network, population: Population, by_channel: bool) -> tuple[int, list[Ways]]:
    """Return how many scales a population has, and the fan of each connection into it.

    One scale for a readout, whose classes are compared; for what pooling leads into; and where
    channels are not asked for.
    """
    into = [c for c in network.connections if c.target == population.name]
    wanted = population.shape[-1] if by_channel and population.spiking else 1
    fans = [fan_of(c, wanted) for c in into]
    if wanted > 1 and any((fan.channel < 0).any() for fan in fans):
        wanted, fans = 1, [fan_of(c, 1) for c in into]
    return wanted, fans

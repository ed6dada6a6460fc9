"""The spike traffic that one input causes in an event-driven backprop MLP."""

from __future__ import annotations

import numpy as np

from eventsnn.data.dataset import Data, labels_of
from eventsnn.data.images import Images
from eventsnn.rules.deep_spiking import state
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.traffic import RuleTraffic


def traffic(net: HerdingMLP, data: Data, index: int, name: str) -> RuleTraffic:
    """Run one input through the network and return every spike that it caused."""
    output, spikes, tally = net.record(data, index)
    label = int(labels_of(data)[index])
    if isinstance(data, Images):
        times = [population.event.astype(np.float64) for population in spikes]
        duration, unit = float(net.options.n_steps), "step"
    else:
        t = np.asarray(data.t[data.start[index] : data.start[index + 1]], np.float64)
        times = [t[population.event] for population in spikes]
        duration, unit = float(data.duration[index]), "us"
    return RuleTraffic(
        name,
        times,
        [population.unit for population in spikes],
        output,
        None if label < 0 else label,
        duration,
        tally[state.ADDS],
        unit,
        net.sizes,
    )

"""One leaky neuron: it sums two simultaneous events, forgets, and fires.

Run: python examples/one_neuron.py
"""

import numpy as np

from eventsnn.engines import simulate
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.lif import LIF
from eventsnn.topology.dense import Dense


def main() -> None:
    network = Network(
        (Population("input", (2,)), Population("neuron", (1,), LIF(tau_us=10_000, threshold=1.0))),
        (Connection("input", "neuron", Dense(2, 1)),),
    )
    weights = {"input->neuron": np.array([[0.7], [0.4]])}
    # 0.7 alone is too little; 0.7 and 0.4 at one instant fire; 0.4 ms later much is left.
    events = EventStream([1_000, 30_000, 30_000, 30_400], [0, 0, 1, 0], (1, 1, 2))
    spikes = simulate(network, weights, events).spikes["neuron"]
    for t, v in zip(spikes.t, spikes.value, strict=True):
        print(f"spike at {t:.0f} us, potential {v:.4f} before the reset")


if __name__ == "__main__":
    main()

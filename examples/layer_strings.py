"""What layer strings mean: the connections of a few, and a recurrent layer that learns.

A line a connection: its name, its weights, its delay, and whether it learns.
"""

import numpy as np

from eventsnn.data.source import open_data
from eventsnn.network.layer_string import chain, parse_layers
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.train.learning import Learner
from eventsnn.train.options import completed, make_options

STRINGS = ("2312-135rf@2-64-10", "34x34x2-[4c3p1-4c3p1]-2p-2avg-8c3-10")


def main() -> None:
    """Print networks, then let one learn."""
    for text in STRINGS:
        print(text)
        for c in chain(parse_layers(text), LIF(20_000.0), Readout()).connections:
            shape = "x".join(map(str, c.topology.weight_shape))
            learns = "learns" if c.learns else "stays"
            print(f"  {c.name:18} {c.topology.kind:11} {shape:10} {c.delay_us:5} us  {learns}")

    data = open_data("digits", limit=100)
    given = {"rule": "eventprop", "layers": parse_layers("2312-16r-10"), "batch": 10}
    learner = Learner(completed(make_options(given), data))
    for rate in learner.start(data.train):
        print(f"{rate.population} starts with {rate.after:.1f} spikes a neuron and recording")
    rng = np.random.default_rng(0)
    for epoch in range(4):
        learner.begin_epoch(epoch, 10, 4)
        order = rng.permutation(100)
        batches = [learner.learn(data.train, some, rng) for some in order.reshape(10, 10)]
        print(f"epoch {epoch + 1}: loss {sum(learned.loss for learned in batches) / 100:.2f}")


if __name__ == "__main__":
    main()

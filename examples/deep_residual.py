"""Gradients of a deep spiking network: alpha decides whether they explode or vanish.

Twenty layers with normalised currents, and what each does to the norm of the gradient. Then a
residual network learns, its normalisation is folded, and an event-driven engine fires the same
spikes.

    python examples/deep_residual.py
"""

import numpy as np

from eventsnn.data.images import Images
from eventsnn.engines import simulate
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.ledinauskas2020 import Ledinauskas2020
from eventsnn.rules.ledinauskas2020.options import NormedOptions
from eventsnn.rules.ledinauskas2020.simulated import simulated


def pictures(n, seed):
    """A class is a bright row of noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 90, (n, 8, 8))
    pixels[np.arange(n), np.arange(n) % 4] += 120
    return Images(pixels.astype(np.uint8), np.arange(n) % 4, "rows")


def gain(alpha):
    rule = Ledinauskas2020(NormedOptions(alpha=alpha, dtype="float64"))
    rng, data = np.random.default_rng(0), pictures(32, 0)
    network = rule.network(parse_layers("64" + 20 * "-100" + "-4"))
    state, _ = rule.start(network, data, rng)
    ran = rule.run(state, data, np.arange(32), rng)
    norms = rule.gradients(state, ran, rng.standard_normal(ran.logits.shape)).norms
    return (norms[0] / norms[-1]) ** (1 / 19)


def main():
    for alpha in (0.5, 2.0, 10.0):
        print(f"alpha {alpha:g}: a layer multiplies the gradient by {gain(alpha):.2f}")
    rule = Ledinauskas2020(NormedOptions(rate=0.01))
    train, test = pictures(400, 1), pictures(100, 2)
    rng = np.random.default_rng(0)
    state, _ = rule.start(rule.network(parse_layers("64-32-[32-32]-[32-32]-4")), train, rng)
    for epoch in range(5):
        state = rule.begin_epoch(state, Epoch(epoch, 10, 5))
        order = rng.permutation(400)
        for k in range(10):
            state, _ = rule.learn(state, Batch(train, order[40 * k : 40 * k + 40]), rng)
    accuracy = rule.evaluate(state, test)["accuracy"]
    print(f"a residual network of 5 layers: {accuracy:.1%} right")
    network, weights, stream = simulated(rule, state, test, 0)
    record = simulate(network, weights, stream, engine="asynchronous")
    told = rule.traffic(state, test, 0, "")
    same = sum(
        np.array_equal(record.spikes[p.name].unit, told.unit[k])
        for k, p in enumerate(network.populations[1:-1], 1)
    )
    print(f"folded: {same} of 5 layers fire the same spikes on the asynchronous engine")


if __name__ == "__main__":
    main()

"""Train the event-driven backprop MLP on real vectors, and watch it tend to a ReLU network."""

import numpy as np

from eventsnn.rules.deep_spiking.network import HerdingMLP


def main() -> None:
    rng = np.random.default_rng(0)
    centres = rng.uniform(0, 1, (3, 20))
    label = rng.integers(0, 3, 600)
    x = np.clip(centres[label] + rng.normal(0, 0.2, (600, 20)), 0, 1)
    weights = [0.1 * rng.standard_normal(shape) for shape in ((20, 30), (30, 3))]
    net = HerdingMLP(weights, n_steps=10, eta=0.02)
    for sample, target in zip(x[:500], label[:500], strict=True):
        net.train_one(sample, int(target))
    right = (net.predict(x[500:]).argmax(1) == label[500:]).mean()
    print(f"accuracy on new vectors: {right:.2f}")
    print("spikes [input, layer 1, layer 2, errors, backward]:", net.cumulative_spikes)

    relu = np.maximum(x[0] @ net.weights[0], 0) @ net.weights[1]
    for steps in (1, 10, 100, 1000):
        spiking = HerdingMLP(net.weights, n_steps=steps).predict(x[0])
        print(
            f"T = {steps:4}: largest difference to the ReLU network {abs(spiking - relu).max():.4f}"
        )


if __name__ == "__main__":
    main()

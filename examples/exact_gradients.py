"""Exact gradients of spike times: checked on one weight, then a small task learned with them.

The Yin-Yang task (Kriener, Goeltz & Petrovici 2021), from its formula: is a point of the
disc in yin, in yang or in one of the two eyes? x, y, 1 - x, 1 - y and a bias each fire
once, later for larger values; the output neuron that fires first is the answer.

Run: python examples/exact_gradients.py
"""

import numpy as np

from eventsnn.engines import simulate
from eventsnn.events import EventBatch
from eventsnn.losses import FirstSpike
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.rules.eventprop.gradients import errors_of, eventprop
from eventsnn.topology.dense import Dense

HIDDEN, EPOCHS, BATCH, RATE, LONGEST = 60, 8, 30, 0.15, 0.3


def yin_yang(rng: np.random.Generator, n: int) -> EventBatch:
    x, y = rng.random((2, 12 * n))
    left, right = np.hypot(x - 0.25, y - 0.5), np.hypot(x - 0.75, y - 0.5)
    eye = np.minimum(left, right) < 0.1
    yin = (left < 0.25) | ((y > 0.5) & (right > 0.25))
    label = np.where(eye, 2, yin)
    inside = np.hypot(x - 0.5, y - 0.5) < 0.5
    chosen = [np.flatnonzero(inside & (label == k))[: n // 3] for k in range(3)]
    i = rng.permutation(np.concatenate(chosen))
    values = np.stack([x, y, 1 - x, 1 - y, 0 * x], axis=1)[i]
    t = np.round(30_000 * values).astype(np.int32)
    order = np.argsort(t, axis=1, kind="stable")
    return EventBatch(
        np.take_along_axis(t, order, 1).reshape(-1),
        order.astype(np.int32).reshape(-1),
        np.arange(len(i) + 1) * 5,
        label[i],
        np.full(len(i), 60_000),
        (1, 1, 5),
    )


def main() -> None:
    rng = np.random.default_rng(1)
    neuron = CubaLIF(tau_mem_us=20_000, tau_syn_us=5_000)
    sizes = {"input": 5, "hidden": HIDDEN, "output": 3}
    populations = [Population(n, (k,), None if n == "input" else neuron) for n, k in sizes.items()]
    network = Network(
        tuple(populations),
        (
            Connection("input", "hidden", Dense(5, HIDDEN)),
            Connection("hidden", "output", Dense(HIDDEN, 3)),
        ),
    )
    weights = [rng.normal(1.5, 0.8, (5, HIDDEN)), rng.normal(0.5, 0.2, (HIDDEN, 3))]
    train, test, loss = yin_yang(rng, 900), yin_yang(rng, 300), FirstSpike(scale_us=1_000)

    def learn(batch: EventBatch) -> tuple[float, list[np.ndarray]]:
        record = simulate(network, weights, batch)
        found = errors_of(loss, record, "output", batch.label)
        gradients = eventprop(network, weights, batch, record, found.errors, least_slope=1e-6)
        return float(found.loss.sum()), list(gradients.weights)

    gradient, place, values = learn(train.select(range(20)))[1][0][4, 7], (4, 7), []
    for step in (1e-5, -2e-5):
        weights[0][place] += step
        values.append(learn(train.select(range(20)))[0])
    weights[0][place] += 1e-5
    difference = (values[0] - values[1]) / 2e-5
    print(f"one weight: gradient {gradient:.6f}, central difference {difference:.6f}")

    speed = [np.zeros_like(w) for w in weights]
    for epoch in range(EPOCHS):
        total = 0.0
        for chosen in rng.permutation(len(train)).reshape(-1, BATCH):
            found, gradients = learn(train.select(chosen))
            total += found
            for w, v, g in zip(weights, speed, gradients, strict=True):
                g /= BATCH
                g *= LONGEST / max(LONGEST, np.linalg.norm(g))
                v *= 0.9
                v -= RATE * (1 - epoch / EPOCHS) * g
                w += v
        record = simulate(network, weights, test)
        scores = errors_of(loss, record, "output", test.label).scores
        right = (scores.argmax(1) == test.label).mean()
        print(f"epoch {epoch}: loss {total / len(train):.3f}, test accuracy {right:.1%}")


if __name__ == "__main__":
    main()

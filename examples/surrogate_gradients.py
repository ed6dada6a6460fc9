"""STBP on filmed digits: gradients over events beside those of a sweep over every step.

The rule adds rows of weights at spikes only; its definition visits every neuron at every step.
Both find the same gradient.
"""

import numpy as np

import eventsnn
from eventsnn.rules.stbp import STBP
from eventsnn.rules.stbp.options import STBPOptions
from eventsnn.rules.stbp.reference import IterativeLIF, backward, forward
from eventsnn.surrogates import surrogates

STEPS = 30


def by_rate(target):
    """Return what grades rates: derivatives of half the squared distance from the target."""
    return lambda rates, part: rates - target[part]


def main() -> None:
    data = eventsnn.open_data("digits", limit=100).train
    for kind in surrogates():
        options = STBPOptions(n_steps=STEPS, step_us=10_000, surrogate=kind, dtype="float64")
        rule, rng = STBP(options), np.random.default_rng(0)
        state, _ = rule.start(rule.network((data.n_units, 50, 10)), data, rng)
        order, target = np.arange(4), np.eye(10)[data.label[:4]]
        sample = rule.sample(data, order, None)
        found = rule.gradients(state, sample, by_rate(target))

        lif = IterativeLIF(options.decay, options.threshold, False, options.make_surrogate())
        swept = [np.zeros_like(p) for p in state.params]
        for i in order:
            told = rule.traffic(state, data, int(i), "")
            sent = np.zeros((STEPS, data.n_units))
            sent[told.t[0].astype(int), told.unit[0]] = 1
            ran = forward(sent, state.weights, state.biases, lif)
            gradient = backward(ran, state.weights, ran.rates - target[i], lif)
            for total, one in zip(swept, gradient.weights + gradient.biases, strict=True):
                total += one
        apart = max(
            np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, swept, strict=True)
        )
        adds = sum(array.sum() for array in state.counts[1])
        dense = len(order) * state.plan.dense.sum()
        print(f"{kind}: differs by {apart:.0e} of the largest, {dense / adds:.0f} times fewer adds")


if __name__ == "__main__":
    main()

"""HM2-BP on filmed digits: learn from one number a synapse, whatever the number of steps.

Spikes go forward on a grid of steps. On the way back a synapse is one number, the potential that
its spikes left at the neuron's own ones; rows of weights are added at events only.
"""

import numpy as np

import eventsnn
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.train.learning import rule_of
from eventsnn.train.options import make_options


def main() -> None:
    data = eventsnn.open_data("digits", limit=240)
    rule = rule_of(make_options({"rule": "hm2bp", "layers": (2312, 60, 10), "data": "digits"}))
    network, rng = rule.network((2312, 60, 10)), np.random.default_rng(0)
    state, _ = rule.start(network, data.train, rng)
    for epoch in range(5):
        state = rule.begin_epoch(state, Epoch(epoch))
        order = rng.permutation(len(data.train))
        state, learned = rule.learn(state, Batch(data.train, order), rng)
        state = rule.end_epoch(state, Epoch(epoch))
        found = rule.evaluate(state, data.test)
        print(
            f"epoch {epoch + 1}: {learned.right / len(order):.0%} right while learning, "
            f"{found['accuracy']:.0%} of digits that it has not seen, "
            f"{found['spikes_per_recording'][1]:.0f} hidden spikes"
        )
    costs = rule.costs(state)
    rows = sum(costs["operations_per_recording"]) + sum(costs["s_psp_additions_per_recording"])
    dense = sum(costs["dense_sweep_per_recording"].values())
    print(f"{rows:,.0f} additions a recording; a sweep over all steps has {dense / rows:.0f} times")


if __name__ == "__main__":
    main()

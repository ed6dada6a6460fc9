"""Learn filmed digits event by event (rule lee2016), and read the answer while a stream goes on.

A few hundred events of a recording, from a random place, are one update. The answer is the output
with most spikes so far; what it took is counted in synaptic additions.
"""

import numpy as np

import eventsnn
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.lee2016 import Lee2016
from eventsnn.rules.lee2016.options import Lee2016Options


def main() -> None:
    data = eventsnn.open_data("digits", limit=600)
    rule = Lee2016(Lee2016Options(tau_us=200_000.0, crop=300, rate=0.004, decay_epochs=8.0))
    network = rule.network(parse_layers("2312-200-10"))
    rng = np.random.default_rng(0)
    state, _ = rule.start(network, data.train, rng)
    for number in range(12):
        state = rule.begin_epoch(state, Epoch(number))
        state, learned = rule.learn(state, Batch(data.train, rng.permutation(600)), rng)
        state = rule.end_epoch(state, Epoch(number))
    spikes = rule.costs(state)["spikes_per_recording"]
    print(f"{learned.right / 600:.1%} right in the last pass, of {spikes[0]:.0f} events each")
    marks = np.array([20_000.0, 50_000.0, 100_000.0, 200_000.0])
    found = state.answers(data.test, np.arange(len(data.test)), marks=marks)
    right = (found.answer == data.test.label[:, None]).mean(0)
    for mark, share, adds in zip([*marks, 300_000.0], right, found.adds.mean(0), strict=True):
        print(f"{mark / 1000:4.0f} ms: {share:.1%} of unseen digits, {adds:,.0f} additions")


if __name__ == "__main__":
    main()

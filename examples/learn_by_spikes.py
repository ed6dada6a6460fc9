"""Train a small network on filmed digits by the spike adjoint, one minibatch at a time.

Forward, loss, reverse walk, optimizer: the four lines that ``eventsnn train`` repeats.
"""

import numpy as np

import eventsnn
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.losses import CrossEntropy
from eventsnn.measure.mistakes import confusion
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.optimizers import Adam
from eventsnn.topology.dense import Dense


def main() -> None:
    data = eventsnn.open_data("digits", limit=600)
    network = Network(
        (
            Population("input", (2, 34, 34)),
            Population("hidden", (60,), LIF(tau_us=30_000.0)),
            Population("output", (10,), Readout(tau_us=30_000.0)),
        ),
        (
            Connection("input", "hidden", Dense(2312, 60)),
            Connection("hidden", "output", Dense(60, 10)),
        ),
    )
    rng = np.random.default_rng(0)
    weights = [
        rng.normal(0, 0.03, (2312, 60)).astype(np.float32),
        rng.normal(0, 0.05, (60, 10)).astype(np.float32),
    ]
    loss, optimizer = CrossEntropy("integral"), Adam()
    state = optimizer.init(weights)
    for epoch in range(3):
        right = 0
        for chunk in rng.permutation(600).reshape(-1, 50):
            batch = data.train.select(chunk)
            passed = layered.run(network, weights, batch, near=0.7)  # silent ones learn, too
            graded = loss(layered.outputs_of(passed, 2, "integral"), batch.label)
            found = adjoint(passed, weights, {2: ("integral", graded.gradient / 50)})
            weights, state = optimizer.update(found.weights, state, weights, 0.003)
            right += int((graded.scores.argmax(1) == batch.label).sum())
        fired = np.mean([passed.spikes(1).sum(1)])
        print(f"epoch {epoch + 1}: {right / 600:.1%} right, {fired:.0f} hidden spikes a recording")
    outputs = layered.outputs_of(layered.run(network, weights, data.test), 2, "integral")
    counts = np.array(confusion(data.test.label, outputs.argmax(1), 10))
    print(f"{counts.trace() / counts.sum():.1%} of digits that it has not seen")
    np.fill_diagonal(counts, 0)
    label, said = np.unravel_index(counts.argmax(), counts.shape)
    print(f"most often a {label} is taken for a {said}: {counts.max()} times")


if __name__ == "__main__":
    main()

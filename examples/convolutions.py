"""Train a convolution on filmed digits, and see how often each of its layers fires.

The layer string means: 34 x 34 pixels of two polarities, 6 channels of 5 x 5 kernels in
steps of 2, sum pooling of 2 x 2, ten classes. While learning, one in ten of the neurons
before the readout is silent in each recording.
"""

from typing import Any

import eventsnn
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.learned import Rates
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer


class Report(Listener):
    """Prints what the trainer tells."""

    def started(self, rates: list[Rates]) -> None:
        """Show what the initial weights do."""
        for rate in rates:
            print(f"{rate.population}: {rate.before:.2f} -> {rate.after:.2f} spikes a neuron")

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Show what was learned."""
        spikes = ", ".join(f"{n:.0f}" for n in row["spikes_per_recording"][1:-1])
        print(f"epoch {row['epoch']}: {row['test_accuracy']:.1%} right, spikes by layer: {spikes}")


def main() -> None:
    data = eventsnn.open_data("digits", limit=400)
    given = {
        "rule": "adjoint",
        "layers": parse_layers("34x34x2-6c5s2-2p-10"),
        "epochs": 4,
        "batch": 16,
        "rate": 0.003,
        "dropout": 0.1,
        "dropout_at": "last",
    }
    Trainer(completed(make_options(given), data), data, folder=None).run(Report())


if __name__ == "__main__":
    main()

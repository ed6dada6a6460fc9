"""Train a network on filmed digits, then let it learn to do with fewer spikes.

The second run starts from the first one's weights and is drawn to one spike a
hidden neuron: above that each spike costs it something, below it pays. Half of what
it aims at is what the first one says of each recording.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import eventsnn
from eventsnn.train.model import inherited
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer


def main() -> None:
    data = eventsnn.open_data("digits", limit=600)

    def run(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
        trainer = Trainer(completed(make_options(given), data), data, folder)
        summary = trainer.run(Listener())
        right, spikes = summary["test_accuracy"], summary["spikes_per_recording"][1]
        print(f"{folder.name}: {right:.1%} right, {spikes:.0f} hidden spikes a recording")
        return summary

    with TemporaryDirectory() as parent:
        first, second = Path(parent, "first"), Path(parent, "frugal")
        layers = (data.n_inputs, 60, data.n_classes)
        run(first, {"rule": "adjoint", "layers": layers, "epochs": 4, "batch": 16})
        aim = {"spike_cost": 0.02, "spike_target": 1.0}
        frugal = {"start_from": str(first), "teacher": str(first), "epochs": 4, "batch": 16} | aim
        run(second, inherited(first) | frugal)


if __name__ == "__main__":
    main()

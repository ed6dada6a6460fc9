"""Train on a few filmed digits, then follow the spikes that one of them causes."""

import tempfile
from pathlib import Path

import numpy as np

from eventsnn.data.source import open_data
from eventsnn.report.traffic_figure import plot_traffic
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.traffic import traffic


def main() -> None:
    data = open_data("digits", limit=300)
    rng = np.random.default_rng(0)
    weights = [0.01 * rng.standard_normal(shape) for shape in ((2312, 100), (100, 10))]
    net = HerdingMLP(weights, n_steps=10, eta=0.02, fractional=True, dtype="float32")
    for _ in range(5):
        net.train(data.train, rng.permutation(len(data.train)))
    found = traffic(net, data.test, 0, "a held-out digit, filmed (emulated)")
    for row in found.to_json(busiest=3)["layers"]:
        print(row)
    picture = Path(tempfile.gettempdir()) / "traffic.png"
    plot_traffic(found, picture, data.test.shape)
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()

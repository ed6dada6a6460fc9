"""A recurrent network with inhibition: excitation alone runs away, inhibition holds it.

400 excitatory and 100 inhibitory neurons, 40 random targets each, delays of 1 to 10 ms,
driven by 100 Poisson inputs.

Run: python examples/recurrent_inhibition.py
"""

import numpy as np

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.measure.traffic import traffic
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.lif import LIF
from eventsnn.topology.sparse import Sparse

SECOND = 1_000_000


def random_rows(rng: np.random.Generator, n_in: int, n_out: int, fan_out: int) -> Sparse:
    starts = np.arange(n_in + 1) * fan_out
    return Sparse(n_out, starts, rng.integers(0, n_out, n_in * fan_out))


def main() -> None:
    rng = np.random.default_rng(0)
    lif = LIF(tau_us=20_000, threshold=1.0, reset="zero", refractory_us=2_000)
    sizes = {"input": 100, "excitatory": 400, "inhibitory": 100}
    populations = [Population(n, (k,), None if n == "input" else lif) for n, k in sizes.items()]
    connections, strengths = [], {"input": 0.35, "excitatory": 0.06, "inhibitory": -0.3}
    for source, n_in in sizes.items():
        for target in ("excitatory", "inhibitory"):
            rows = random_rows(rng, n_in, sizes[target], 40)
            delays = rng.integers(1_000, 10_001, len(rows.target))
            connections.append(Connection(source, target, rows, delays))
    network = Network(tuple(populations), tuple(connections))
    n = rng.poisson(100 * 20)
    t = np.sort(rng.integers(0, SECOND, n))
    events = EventStream(t, rng.integers(0, 100, n), (1, 1, 100), duration=SECOND)
    for inhibition in (1.0, 0.0):
        weights = {
            c.name: np.full(
                len(c.topology.target),  # type: ignore[attr-defined]
                strengths[c.source] * (inhibition if c.source == "inhibitory" else 1.0),
            )
            for c in connections
        }
        print(f"inhibition x {inhibition}:")
        try:
            record = simulate(network, weights, events, event_budget=60_000)
        except UserError as error:
            print(" ", error)
            continue
        print(traffic(record, events).table())


if __name__ == "__main__":
    main()

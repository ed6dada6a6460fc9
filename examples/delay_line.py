"""A delay line: one event runs along ten neurons, and a state carries it over a cut.

Run: python examples/delay_line.py
"""

import numpy as np

from eventsnn.engines import State, simulate
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.record import Record
from eventsnn.topology.sparse import Sparse

N = 10


def seen(record: Record) -> str:
    spikes = record.spikes["line"]
    return ", ".join(f"{u} at {t:.0f}" for t, u in zip(spikes.t, spikes.unit, strict=True))


def main() -> None:
    first = Sparse(N, [0, 1], [0])
    along, order = Sparse.from_pairs(np.arange(N - 1), np.arange(1, N), N, N)
    delays = np.arange(100, 100 * N, 100)[order]
    network = Network(
        (Population("input", (1,)), Population("line", (N,), IF())),
        (Connection("input", "line", first), Connection("line", "line", along, delays)),
    )
    weights = {"input->line": np.ones(1), "line->line": np.ones(N - 1)}
    event = EventStream([0], [0], (1, 1, 1), duration=1_950)
    one = simulate(network, weights, event, state=State.start(network))
    print("up to 1950 us:", seen(one))
    assert one.state is not None
    silence = EventStream([], [], (1, 1, 1), duration=10_000)
    two = simulate(network, weights, silence, state=one.state)
    print("and then:     ", seen(two))


if __name__ == "__main__":
    main()

"""A network, recordings, what ``measure`` says of them and the same run by hand."""

from functools import cache

import numpy as np
from by_hand import Run

from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CrossEntropy
from eventsnn.measure.measurement import Request, measure
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.dense import Dense

SIZES, TAUS = (4, 5, 3), (12_000.0, 20_000.0)
NAMES, PAIRS = ("input", "hidden", "output"), ("input->hidden", "hidden->output")
CHECK_US, BATCH, NEAR, LOSE = 4_000.0, 6, 0.6, 0.2


class Case:
    """A network, recordings, what ``measure`` says and the same run by hand."""

    def __init__(self, readout, seed=40):
        rng = np.random.default_rng(seed)
        self.readout = readout
        self.weights = [rng.normal(0.35, 0.5, pair).astype(np.float32) for pair in ((4, 5), (5, 3))]
        if not readout:
            self.weights[1] += np.float32(0.4)
        self.weights[0][1, 2] = self.weights[0][3, 0] = self.weights[1][0, 1] = 0
        output = Readout(TAUS[1]) if readout else LIF(TAUS[1])
        network = Network(
            (
                Population("input", (1, 2, 2)),
                Population("hidden", (5,), LIF(TAUS[0])),
                Population("output", (3,), output),
            ),
            (
                Connection("input", "hidden", Dense(4, 5)),
                Connection("hidden", "output", Dense(5, 3)),
            ),
        )
        streams, self.label = [], [1, 2, 1, 1, 2, 2, 0]
        for i, label in enumerate(self.label):
            n, duration = int(rng.integers(14, 30)), 20_000 + 3_100 * i
            t, unit = np.sort(rng.integers(0, duration - 1, n)), rng.integers(0, 4, n)
            streams.append(EventStream(t, unit, (1, 2, 2), label, duration))
        self.events = [list(zip(s.t.tolist(), s.unit.tolist(), strict=True)) for s in streams]
        self.durations = [s.duration for s in streams]
        batch = EventBatch.from_streams(streams, "by hand")
        loss = CrossEntropy("integral" if readout else "counts")
        request = Request(
            check_us=CHECK_US, tolerance=LOSE, batch=BATCH if readout else 0, near=NEAR
        )
        self.measured = measure(network, self.weights, loss, batch, request)
        self.result = self.measured.result
        self.runs = self.run(self.events)
        self.answers = [r.lead(r.duration)[0] for r in self.runs]
        assert all(r.trains[-1] for r in self.runs) or readout
        assert 0 < sum(a == b for a, b in zip(self.answers, self.label, strict=True)) < 7

    def run(self, events):
        """Run every recording by hand."""
        rows = [w.astype(float).tolist() for w in self.weights]
        return [
            Run(rows, e, d, TAUS, self.readout, NEAR)
            for e, d in zip(events, self.durations, strict=True)
        ]

    def right(self, runs):
        return sum(r.lead(r.duration)[0] == y for r, y in zip(runs, self.label, strict=True))

    def mean(self, of):
        return sum(of(r) for r in self.runs) / len(self.runs)


@cache
def made(readout):
    """The case of either output, measured once."""
    return Case(readout)

"""A neuron of one's own: a leaky neuron whose threshold rises with every spike it fires.

One class in one file. It runs on all engines, spike for spike, and learns by the adjoint,
layer by layer, though nothing in the package knows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
from numba import int64
from numpy.typing import NDArray

import eventsnn
from eventsnn.engines import simulate
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.kernels.compile import inlined
from eventsnn.losses.cross_entropy import CrossEntropy
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons import neuron as base
from eventsnn.neurons.decay_kernel import decay_at
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Cell, Kernels, Membrane, Neuron
from eventsnn.neurons.readout import Readout
from eventsnn.neurons.work_list import mark
from eventsnn.optimizers.adam import Adam
from eventsnn.topology.dense import Dense


@eventsnn.register
@dataclass(frozen=True)
class AdaptiveLIF(Neuron):
    """Leaky integrate-and-fire with a threshold that moves (Bellec et al. 2018).

    A spike raises the threshold by ``jump``; it falls back with ``tau_threshold_us``. A spike
    takes the threshold that it reached from the potential.
    """

    kind: ClassVar[str] = "adaptive_lif"
    in_state: ClassVar[tuple[str, ...]] = ("threshold", "jump")
    multiplications: ClassVar[int] = 2
    variables: ClassVar[tuple[str, ...]] = ("v", "raised")
    times: ClassVar[tuple[str, ...]] = ("clock",)
    tau_us: float
    tau_threshold_us: float
    threshold: float = 1.0
    jump: float = 0.2

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "tau_us", "tau_threshold_us", "threshold", "jump")

    @cached_property
    def decays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Decay tables of the potential and of the threshold."""
        return base.decay_table(self.tau_us), base.decay_table(self.tau_threshold_us)

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay, add, test once; return v where it fires."""
        v, raised = self.now(cell, t)
        for weight in weights:
            v += weight
        limit = self.threshold + raised
        fires = v >= limit
        cell.x[:] = (v - limit, raised + self.jump) if fires else (v, raised)
        cell.times[0] = t
        return v if fires else None

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return the potential and what the threshold is raised by."""
        dt, (of_v, of_threshold) = t - cell.times[0], self.decays
        v = cell.x[0] * base.decay(dt, self.tau_us, of_v)
        return [v, cell.x[1] * base.decay(dt, self.tau_threshold_us, of_threshold)]

    @cached_property
    def membrane(self) -> Membrane:
        """Return what the adjoint learns by: the leak, and the threshold of a rested neuron."""
        return Membrane(self.tau_us, self.threshold)

    def lowered(self, share: float) -> "AdaptiveLIF":
        """Return the model with a lower threshold, for near spikes."""
        return replace(self, threshold=share * self.threshold)

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read."""
        head = [self.tau_us, self.tau_threshold_us, self.threshold, self.jump]
        return np.concatenate([np.array(head), *self.decays])

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return compiled(dtype)


# Places in a kernel's table, which begins with the population's size and its clock size.
TAU, TAU_THRESHOLD, THRESHOLD, JUMP, DECAY = 2, 3, 4, 5, 6
DECAY_THRESHOLD = DECAY + 2 * base.FINE


@inlined
def one(table, x, times, t, j, weight, work):
    """Bring neuron j up to now, add a weight, and mark it if it may fire."""
    n, real = int64(table[0]), x.dtype.type
    dt = t - times[j]
    if dt > 0.0:
        x[j] *= real(decay_at(table, DECAY, TAU, dt))
        x[n + j] *= real(decay_at(table, DECAY_THRESHOLD, TAU_THRESHOLD, dt))
        times[j] = t
        work[1] += 1
    x[j] += weight
    if x[j] >= real(table[THRESHOLD]) + x[n + j]:
        mark(work, n, int64(j))


def receive(table, x, times, t, weights, targets, runs, work):
    for r in range(1, 1 + 3 * runs[0], 3):
        first, k0 = runs[r], runs[r + 1]
        for k in range(runs[r + 2]):
            j = first + k if first >= 0 else int64(targets[k0 + k])
            one(table, x, times, t, j, weights[k0 + k], work)


def train(table, x, times, at, targets, weights, grouped, span, limit, work):
    k, now = span[0], at[span[0]]
    while k < span[1] and at[k] == now:
        if targets[k] >= 0:
            one(table, x, times, now, targets[k], weights[k], work)
            span[2] += 1
        else:
            first, n = int64(~targets[k]), int64(weights[k])
            for s in range(first, first + n):
                one(table, x, times, now, grouped[s].target, grouped[s].weight, work)
            span[2] += n
        k += 1
    return int64(k)


def settle(table, x, times, t, work, fired, values):
    n, marked, n_fired = int64(table[0]), work[0], 0
    work[0] = 0
    for i in range(2, 2 + marked):
        j = work[i]
        work[2 + n + j] = 0
        limit = x.dtype.type(table[THRESHOLD]) + x[n + j]
        if x[j] >= limit:
            fired[n_fired], values[n_fired] = j, x[j]
            x[j] -= limit
            x[n + j] += x.dtype.type(table[JUMP])
            n_fired += 1
    return n_fired


@cache
def compiled(dtype: Any) -> Kernels:
    return base.entry_points(receive, train, settle, dtype)


def chain(hidden: Neuron) -> Network:
    populations = (
        Population("input", (2, 34, 34)),
        Population("hidden", (40,), hidden),
        Population("output", (10,), Readout(30_000.0)),
    )
    connections = (
        Connection("input", "hidden", Dense(2312, 40)),
        Connection("hidden", "output", Dense(40, 10)),
    )
    return Network(populations, connections)


def main() -> None:
    data = eventsnn.open_data("digits", limit=400)
    loss, optimizer = CrossEntropy("integral"), Adam()
    for hidden in (LIF(30_000.0), AdaptiveLIF(30_000.0, 100_000.0, jump=0.5)):
        network, rng = chain(hidden), np.random.default_rng(0)
        weights = [rng.normal(0, s, c.topology.weight_shape).astype(np.float32)
                   for s, c in zip((0.03, 0.05), network.connections, strict=True)]  # fmt: skip
        state = optimizer.init(weights)
        for _ in range(3):
            for chosen in rng.permutation(400).reshape(-1, 20):
                batch = data.train.select(chosen)
                passed = layered.run(network, weights, batch, near=0.7)
                graded = loss(layered.outputs_of(passed, "output", "integral"), batch.label)
                errors = {"output": ("integral", graded.gradient / len(batch))}
                found = adjoint(passed, weights, errors)
                weights, state = optimizer.update(found.weights, state, weights, 0.003)
        test = layered.run(network, weights, data.test)
        said = layered.outputs_of(test, "output", "integral").argmax(1)
        right, spikes = np.mean(said == data.test.label), test.spikes("hidden").sum(1).mean()
        print(f"{hidden.kind}: {right:.1%} of digits that it has not seen, {spikes:.0f} spikes")
    exact = [w.astype(np.float64) for w in weights]
    for engine in ("reference", "asynchronous", "feedforward"):
        record = simulate(network, exact, data.test[0], engine=engine).spikes["hidden"]
        print(f"{engine}: {len(record)} spikes, the sum of their times {record.t.sum():.0f} us")


if __name__ == "__main__":
    main()

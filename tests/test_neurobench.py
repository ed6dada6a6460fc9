"""Counts by NeuroBench's definitions: against a plain sweep over steps, and the package itself.

The network is the clock-driven twin: steps of 1 ms. The sweep always runs. The package needs
torch and snntorch, which eventsnn does not: `pip install torch snntorch neurobench` lets it
count, too.
"""

import itertools
import math

import numpy as np
import pytest

from eventsnn.engines import simulate
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CrossEntropy
from eventsnn.measure.clock import binned, clock_costs
from eventsnn.measure.measurement import measure
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.lif import LIF
from eventsnn.topology.dense import Dense

SIZES, STEPS, TAU_US = (20, 30, 4), 50, 30_000.0


def a_case(most_at_once):
    """A network, its weights (some of them 0), and three recordings of whole milliseconds."""
    rng = np.random.default_rng(most_at_once)
    populations = [Population("input", (SIZES[0],))]
    connections, weights = [], []
    for k, (m, n) in enumerate(itertools.pairwise(SIZES), 1):
        populations.append(Population(f"p{k}", (n,), LIF(TAU_US)))
        connections.append(Connection(populations[-2].name, f"p{k}", Dense(m, n)))
        weights.append(rng.normal(0.03, 0.08, (m, n)).astype(np.float32))
        weights[-1][rng.random((m, n)) < 0.25] = 0
    counts = rng.binomial(most_at_once, 0.1, (3, STEPS, SIZES[0]))
    streams = []
    for one in counts:
        step, unit = (np.repeat(a, one[one > 0]) for a in np.nonzero(one))
        spread = rng.integers(0, 1000, len(step))
        order = np.argsort(step * 1000 + spread, kind="stable")
        times = (step * 1000 + spread)[order]
        streams.append(EventStream(times, unit[order], (1, 1, SIZES[0]), 0, STEPS * 1000))
    batch = binned(EventBatch.from_streams(streams), 1000)
    return Network(tuple(populations), tuple(connections)), weights, batch, counts


def by_definition(weights, counts):
    """Sweep every neuron at every step and count as NeuroBench defines it, means a recording.

    A synapse works in a step if its signal and its weight are not 0; where all signals of a
    layer in a step are 0, 1 or -1 it accumulates, else it multiplies and accumulates.
    """
    beta = math.exp(-1000 / TAU_US)
    found = {"Effective_ACs": 0, "Effective_MACs": 0, "Dense": 0, "MembraneUpdates": 0}
    spikes = room = 0
    for recording in counts:
        v = [[0.0] * w.shape[1] for w in weights]
        for signal in recording.tolist():
            for layer, w in zip(v, weights, strict=True):
                kind = "Effective_ACs" if set(signal) <= {0, 1} else "Effective_MACs"
                rows = [(s, row) for s, row in zip(signal, w.tolist(), strict=True) if s]
                found[kind] += sum(value != 0 for _, row in rows for value in row)
                found["Dense"] += w.size
                found["MembraneUpdates"] += len(layer)
                drive = [sum(s * row[j] for s, row in rows) for j in range(len(layer))]
                layer[:] = [beta * x + d for x, d in zip(layer, drive, strict=True)]
                signal = [int(x >= 1) for x in layer]
                layer[:] = [x - s for x, s in zip(layer, signal, strict=True)]
                spikes, room = spikes + sum(signal), room + len(signal)
    found = {key: value / len(counts) for key, value in found.items()}
    return found | {"ActivationSparsity": 1 - spikes / room, "spikes": spikes}


@pytest.mark.parametrize("most_at_once", [1, 3])
def test_the_clock_driven_twin_is_counted_as_a_sweep_over_steps_counts_it(most_at_once):
    network, weights, batch, counts = a_case(most_at_once)
    record = simulate(network, weights, batch)
    mine, theirs = clock_costs(record, weights, batch, 1000), by_definition(weights, counts)
    assert mine.steps.tolist() == [STEPS] * 3
    assert mine.spikes.sum() == theirs["spikes"] > 20
    assert mine.accumulates.mean() == pytest.approx(theirs["Effective_ACs"])
    assert mine.multiply_accumulates.mean() == pytest.approx(theirs["Effective_MACs"])
    assert (theirs["Effective_MACs"] > 0) == (most_at_once > 1)
    assert mine.dense.mean() == pytest.approx(theirs["Dense"])
    assert mine.neuron_updates.mean() == pytest.approx(theirs["MembraneUpdates"])
    sparsity = 1 - mine.spikes.sum() / mine.spiking_updates.sum()
    assert sparsity == pytest.approx(theirs["ActivationSparsity"])


def test_the_keys_of_a_measurement_are_those_of_the_sweep():
    network, weights, batch, counts = a_case(3)
    found = measure(network, weights, CrossEntropy("counts"), batch).result["neurobench"]
    theirs = by_definition(weights, counts)
    total = 20 * 30 + 30 * 4
    zeros = sum(value == 0 for w in weights for value in w.reshape(-1).tolist())
    assert found["ParameterCount"] == total and found["Footprint"] == 4 * total
    assert found["ConnectionSparsity"] == pytest.approx(zeros / total)
    assert found["ActivationSparsity"] == pytest.approx(theirs["ActivationSparsity"])
    assert found["clock_1ms"]["MembraneUpdates"] == pytest.approx(theirs["MembraneUpdates"])
    keys = ("Effective_ACs", "Effective_MACs", "Dense")
    twin = found["clock_1ms"]["SynapticOperations"]
    assert twin == pytest.approx({key: theirs[key] for key in keys})
    # Of the event-driven run: additions only, of events and spikes through weights that are not 0.
    own = found["SynapticOperations"]
    record = simulate(network, weights, batch)
    sent = [batch.unit.tolist(), record.spikes["p1"].unit.tolist()]
    effective = sum(
        value != 0 for w, units in zip(weights, sent, strict=True) for u in units for value in w[u]
    )
    wanted = {"Effective_ACs": effective / 3, "Effective_MACs": 0, "Dense": theirs["Dense"]}
    assert own == pytest.approx(wanted)


def by_neurobench(weights, counts):
    """Run the twin in snnTorch under NeuroBench's own benchmark."""
    import snntorch
    import torch
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics import static, workload
    from neurobench.models import SNNTorchModel

    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList()
            for w in weights:
                dense = torch.nn.Linear(*w.shape, bias=False)
                dense.weight.data = torch.tensor(w.T.copy())
                beta = math.exp(-1000 / TAU_US)
                neuron = snntorch.Leaky(beta, init_hidden=True, output=True, reset_delay=False)
                self.layers.extend([dense, neuron])

        def reset(self):
            for neuron in self.layers[1::2]:
                neuron.reset_mem()

        def forward(self, x):
            for dense, neuron in zip(self.layers[::2], self.layers[1::2], strict=True):
                x, potential = neuron(dense(x))
            return x, potential

    data = torch.tensor(counts.astype(np.float32))
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(data, torch.zeros(len(data))), batch_size=1
    )
    metrics = [
        [static.ParameterCount, static.ConnectionSparsity],
        [workload.ActivationSparsity, workload.SynapticOperations, workload.MembraneUpdates],
    ]
    return Benchmark(SNNTorchModel(Twin()), loader, [], [], metrics).run(quiet=True)


@pytest.mark.parametrize("most_at_once", [1, 3])
def test_the_clock_driven_twin_is_counted_as_neurobench_does(most_at_once):
    for package in ("torch", "snntorch", "neurobench"):
        pytest.importorskip(package, reason=f"{package} is not installed; it is optional")
    network, weights, batch, counts = a_case(most_at_once)
    record = simulate(network, weights, batch)
    mine, theirs = clock_costs(record, weights, batch, 1000), by_neurobench(weights, counts)
    assert mine.spikes.sum() > 20
    operations = theirs["SynapticOperations"]
    assert operations["Effective_ACs"] == pytest.approx(mine.accumulates.mean())
    assert operations["Effective_MACs"] == pytest.approx(mine.multiply_accumulates.mean())
    assert (operations["Effective_MACs"] > 0) == (most_at_once > 1)
    assert operations["Dense"] == pytest.approx(mine.dense.mean())
    sparsity = 1 - mine.spikes.sum() / mine.spiking_updates.sum()
    assert theirs["ActivationSparsity"] == pytest.approx(sparsity)
    total = sum(w.size for w in weights)
    assert theirs["ParameterCount"] == total
    zeros = sum((w == 0).sum() for w in weights) / total
    assert theirs["ConnectionSparsity"] == pytest.approx(zeros, abs=1e-4)
    # NeuroBench leaves out steps in which a potential stayed what it was.
    assert 0 < theirs["MembraneUpdates"] <= mine.neuron_updates.mean()

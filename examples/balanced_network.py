"""A balanced random network with Poisson input, after Brunel (2000), and the potential of a neuron.

Four fifths excite, one fifth inhibits eight times as strongly; each neuron hears a tenth of either,
and Poisson spikes of its own at twice the rate that would just bring it to its threshold. It then
fires slowly and irregularly: the intervals of a neuron vary as those of a Poisson process do.

Run: python examples/balanced_network.py [NEURONS]
"""

import sys

import numpy as np

import eventsnn as es

THRESHOLD, TAU_US, DELAY_US = 20.0, 20_000, 1_500  # millivolts above rest, microseconds
END_US = 1_000_000


def network(n: int, weight: float, strength: float, above: float) -> tuple[es.Network, dict]:
    """Return n neurons, and their weights: inhibition ``strength`` times, drive ``above`` times."""
    cell = es.LIF(TAU_US, THRESHOLD, reset="zero", refractory_us=2_000)
    rate = above * THRESHOLD / (weight * TAU_US * 1e-6)
    noise = es.Population("noise", (n,), generator=es.Poisson(rate, seed=1))
    exc, inh = es.Population("exc", (n * 4 // 5,), cell), es.Population("inh", (n // 5,), cell)
    connections, weights = [], {}
    for k, target in enumerate((exc, inh)):
        outside = es.FixedInDegree(1, seed=10 + k, multapses=False)
        connections.append(es.connect(noise, target, outside))
        for j, source in enumerate((exc, inh)):
            rule = es.FixedInDegree(source.size // 10, seed=20 + 2 * k + j, autapses=False)
            connections.append(es.connect(source, target, rule, delay_us=DELAY_US))
    for connection in connections:
        weights[connection.name] = -strength * weight if connection.source == "inh" else weight
    return es.Network((noise, exc, inh), tuple(connections)), weights


def irregularity(spikes: es.Record, size: int) -> float:
    """Return the mean coefficient of variation of a neuron's intervals, where it has a few."""
    trains = [spikes.t[spikes.unit == unit] for unit in range(size)]
    gaps = [np.diff(train) for train in trains if len(train) >= 5]
    return float(np.mean([gap.std() / gap.mean() for gap in gaps]))


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    net, weights = network(n, weight=1.0, strength=8.0, above=2.0)
    record = es.simulate(net, weights, until_us=END_US)
    print(record)
    for name in ("exc", "inh"):
        spikes = record.spikes[name]
        told = f"{record.rate(name)[0]:.1f} spikes a second"
        print(f"{name}: {told}, irregularity {irregularity(spikes, net[name].size):.2f}")
    traces = es.potentials(record, weights, None, "exc", [0, 1, 2])
    v = traces.every(100)[1]
    print(f"potential of neuron 0: mean {v[0].mean():.1f} mV, {v[0].std():.1f} around it")
    es.plot(traces).savefig("potentials.svg")


if __name__ == "__main__":
    main()

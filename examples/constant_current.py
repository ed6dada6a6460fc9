"""Neurons with delta synapses and a constant current, in mV, as a user of NEST knows them.

Every neuron has a current of its own; its rate is the formula's, and one kick moves its spikes.

Run: python examples/constant_current.py
"""

import numpy as np

import eventsnn as es

REST, THRESHOLD, TAU_US, REFRACTORY_US = -70.0, -55.0, 10_000.0, 2_000.0


def main() -> None:
    bias = np.array([14.0, 15.5, 18.0, 24.0])  # I tau / C: where the current leads, above the rest
    neuron = es.GeneralLIF(
        TAU_US, THRESHOLD, REST, reset=REST, bias=bias, refractory_us=REFRACTORY_US
    )
    population = es.Population("cells", 4, neuron)
    kick = es.Population("kick", (1, 1, 1))
    network = es.Network((kick, population), (es.connect(kick, population, es.AllToAll()),))
    stream = es.EventStream([25_000], [0], (1, 1, 1), duration=1_000_000)
    for weight in (0.0, 4.0):
        spikes = es.simulate(network, {"kick->cells": weight}, stream).spikes["cells"]
        for unit, current in enumerate(bias):
            t = spikes.t[spikes.unit == unit]
            said = "silent"
            if len(t) > 2:
                period = REFRACTORY_US + TAU_US * np.log(current / (current - THRESHOLD + REST))
                said = f"{1e6 / np.diff(t)[-1]:.3f} Hz, the formula {1e6 / period:.3f} Hz"
            print(f"kick of {weight:g} mV, current {current:g} mV: {len(t)} spikes, {said}")
    traces = es.potentials(network, {"kick->cells": 4.0}, stream, "cells", [0])
    print(f"neuron 0 reached {traces[0].v.max():.3f} mV")


if __name__ == "__main__":
    main()

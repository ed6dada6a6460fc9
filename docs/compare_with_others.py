"""Repeat the comparison of one dense layer network with public simulators, outside the tests.

    python docs/compare_with_others.py [brian2] [nest] [--recordings N]

Each package runs sensor-800-10, LIF with delta synapses, tau 30 ms, threshold 1, over the
same synthetic Poisson recordings, with the same weights, on one core. Times are printed as
multiples of the control (``eventsnn.bench``), and the hidden spikes beside them, since the
packages do not mean quite the same: Brian2 and NEST move in steps of 0.1 ms and reset a
neuron to 0. Packages that are not installed are reported as such. Build times (Brian2's
C++ compilation, NEST's connections) are not counted; that Brian2's program loads its weights
is, so give it enough recordings. Brian2 2.9 needs numpy below 2.4.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable

import numpy as np

from eventsnn.bench import networks
from eventsnn.bench.control import HIDDEN, Control, seconds
from eventsnn.engines import simulate
from eventsnn.events import EventBatch

STEP_MS = 0.1
GAP_MS = 400.0
"""From one recording's start to the next one's: ten time constants after its end."""
OUTPUTS = 10

Answer = tuple[float, float]
"""Seconds of the run, hidden spikes."""


def ours(batch: EventBatch, weights: networks.Weights, engine: str) -> Answer:
    """Run this library."""
    network = networks.dense(batch, OUTPUTS)

    def run() -> float:
        record = simulate(network, weights, batch, engine=engine, record="counts")
        return float(record.counts.spikes[:, 1].sum())

    return (spikes := run()) and seconds(run), spikes


def on_the_grid(batch: EventBatch) -> tuple[np.ndarray, np.ndarray]:
    """Return (unit, milliseconds) of all events end to end, one a unit and step."""
    recording = np.repeat(np.arange(len(batch)), np.diff(batch.start))
    step = np.floor(batch.t / (STEP_MS * 1000)) + 1
    at = np.stack([batch.unit, step + recording * (GAP_MS / STEP_MS)], 1).astype(np.int64)
    unit, step = np.unique(at, axis=0).T
    order = np.lexsort((unit, step))
    return unit[order], step[order] * STEP_MS


def brian2(batch: EventBatch, weights: networks.Weights) -> Answer:
    """Run Brian2's C++ standalone mode."""
    import brian2 as b

    unit, at = on_the_grid(batch)
    with tempfile.TemporaryDirectory() as folder:
        b.set_device("cpp_standalone", directory=folder, build_on_run=False)
        b.prefs.devices.cpp_standalone.openmp_threads = 0
        b.defaultclock.dt = STEP_MS * b.ms
        source = b.SpikeGeneratorGroup(batch.n_units, unit, at * b.ms)
        model = {"model": "dv/dt = -v / (30*ms) : 1", "threshold": "v >= 1", "reset": "v = 0"}
        hidden = b.NeuronGroup(HIDDEN, method="exact", **model)
        output = b.NeuronGroup(OUTPUTS, method="exact", **model)
        first = b.Synapses(source, hidden, "w : 1", on_pre="v += w")
        second = b.Synapses(hidden, output, "w : 1", on_pre="v += w")
        for synapses, array in ((first, weights[0]), (second, weights[1])):
            synapses.connect()
            synapses.w = array.reshape(-1)
        counter = b.SpikeMonitor(hidden, record=False)
        b.Network(source, hidden, output, first, second, counter).run(len(batch) * GAP_MS * b.ms)
        b.device.build(directory=folder, run=False)
        begin = time.perf_counter()
        b.device.run(folder, with_output=False, run_args=[])
        return time.perf_counter() - begin, float(counter.num_spikes)


def nest(batch: EventBatch, weights: networks.Weights) -> Answer:
    """Run NEST with its exact ``iaf_psc_delta``; a delay of one step, as it must have."""
    import nest as n

    unit, at = on_the_grid(batch)
    n.ResetKernel()
    n.SetKernelStatus({"resolution": STEP_MS, "local_num_threads": 1, "print_time": False})
    model = {"tau_m": 30.0, "E_L": 0.0, "V_m": 0.0, "V_th": 1.0, "V_reset": 0.0, "t_ref": STEP_MS}
    source = n.Create("spike_generator", batch.n_units)
    for i, generator in enumerate(source):
        generator.spike_times = np.round(at[unit == i], 1)
    relay = n.Create("parrot_neuron", batch.n_units)
    hidden = n.Create("iaf_psc_delta", HIDDEN, model)
    output = n.Create("iaf_psc_delta", OUTPUTS, model)
    n.Connect(source, relay, "one_to_one", {"delay": STEP_MS})
    for a, b, array in ((relay, hidden, weights[0]), (hidden, output, weights[1])):
        n.Connect(a, b, "all_to_all", {"weight": array.T.astype(float), "delay": STEP_MS})
    counter = n.Create("spike_recorder")
    n.Connect(hidden, counter)
    n.Prepare()
    begin = time.perf_counter()
    n.Run(len(batch) * GAP_MS)
    took = time.perf_counter() - begin
    n.Cleanup()
    return took, float(counter.n_events)


OTHERS: dict[str, Callable[[EventBatch, networks.Weights], Answer]] = {
    "brian2": brian2,
    "nest": nest,
}


def main() -> None:
    """Print one line a simulator."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", choices=[*OTHERS, []], default=[])
    parser.add_argument("--recordings", type=int, default=10)
    options = parser.parse_args()
    batch = networks.poisson(options.recordings)
    weights = networks.dense_weights(batch, 1000, OUTPUTS)
    control = Control.over(batch)
    control.run()
    one = float(np.median([seconds(control.run) for _ in range(5)]))
    print(f"{batch.source}: {len(batch)} recordings, {len(batch.t)} events")
    print(f"control: {one / len(batch.t) * 1e9:.1f} ns an event")
    answers = {f"eventsnn {e}": ours(batch, weights, e) for e in ("feedforward", "asynchronous")}
    for name in options.packages or OTHERS:
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed; install it and run this script again")
            continue
        answers[name] = OTHERS[name](batch, weights)
    for name, (took, spikes) in answers.items():
        print(f"{name:22} {took / one:8.1f} controls  {spikes / len(batch):8.0f} hidden spikes")


if __name__ == "__main__":
    main()

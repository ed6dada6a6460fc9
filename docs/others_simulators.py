"""Brian2 and NEST on the networks of ``compare_with_others.py``, in steps of 0.1 ms, one thread.

Build times (Brian2's C++ compilation, NEST's connections) are not counted; that Brian2's program
loads its weights is.
"""

from __future__ import annotations

import resource
import tempfile
import time
from typing import Any

import numpy as np

from eventsnn.bench import networks
from eventsnn.bench.control import HIDDEN
from eventsnn.events import EventBatch, EventStream
from eventsnn.network import Network

STEP_MS = 0.1
GAP_MS = 400.0
"""From one recording's start to the next one's: ten time constants after its end."""
OUTPUTS = 10

Answer = tuple[float, float]
"""Seconds of a processor, spikes of the neurons."""


def on_the_grid(batch: EventBatch) -> tuple[np.ndarray, np.ndarray]:
    """Return (unit, milliseconds) of all events end to end, one a unit and step."""
    recording = np.repeat(np.arange(len(batch)), np.diff(batch.start))
    step = np.floor(batch.t / (STEP_MS * 1000)) + 1
    at = np.stack([batch.unit, step + recording * (GAP_MS / STEP_MS)], 1).astype(np.int64)
    unit, step = np.unique(at, axis=0).T
    order = np.lexsort((unit, step))
    return unit[order], step[order] * STEP_MS


def _built(b: Any, folder: str, parts: list[Any], milliseconds: float) -> float:
    """Compile a network, run it, and return the seconds of the run."""
    b.Network(*parts).run(milliseconds * b.ms)
    b.device.build(directory=folder, run=False)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    b.device.run(folder, with_output=False, run_args=[])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _device(b: Any, folder: str) -> None:
    b.device.reinit()
    b.device.activate()
    b.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b.prefs.devices.cpp_standalone.openmp_threads = 0
    b.defaultclock.dt = STEP_MS * b.ms


def brian2(batch: EventBatch, weights: networks.Weights) -> Answer:
    """Run sensor-800-10 in Brian2's C++ standalone mode."""
    import brian2 as b

    unit, at = on_the_grid(batch)
    with tempfile.TemporaryDirectory() as folder:
        _device(b, folder)
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
        parts = [source, hidden, output, first, second, counter]
        took = _built(b, folder, parts, len(batch) * GAP_MS)
        return took, float(counter.num_spikes)


CURRENT = """dv/dt = (current - v) / (20*ms) : 1 (unless refractory)
dcurrent/dt = -current / (5*ms) : 1"""
DELTA = "dv/dt = -v / (20*ms) : 1 (unless refractory)"


def brian2_balanced(network: Network, weights: networks.Weights, events: EventStream) -> Answer:
    """Run the balanced network in Brian2's C++ standalone mode."""
    import brian2 as b

    current = network.populations[1].neuron.kind == "cuba_lif"
    n_in, n = (p.size for p in network.populations)
    batch = EventBatch.from_streams([events])
    unit, at = on_the_grid(batch)
    with tempfile.TemporaryDirectory() as folder:
        _device(b, folder)
        source = b.SpikeGeneratorGroup(n_in, unit, at * b.ms)
        neurons = b.NeuronGroup(
            n,
            CURRENT if current else DELTA,
            threshold="v >= 1",
            reset="v = 0",
            refractory=2 * b.ms,
            method="exact",
        )
        target, parts = "current" if current else "v", [source, neurons]
        for before, connection, array in zip(
            (source, neurons), network.connections, weights, strict=True
        ):
            topology = connection.topology
            delay = connection.delay_us / 1000 * b.ms
            synapses = b.Synapses(before, neurons, "w : 1", on_pre=f"{target} += w", delay=delay)
            sender = np.repeat(np.arange(topology.n_in), np.diff(topology.start))
            synapses.connect(i=sender, j=topology.targets)
            synapses.w = array.reshape(-1)
            parts.append(synapses)
        counter = b.SpikeMonitor(neurons, record=False)
        took = _built(b, folder, [*parts, counter], events.duration / 1000)
        return took, float(counter.num_spikes)


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
    begin = time.process_time()
    n.Run(len(batch) * GAP_MS)
    took = time.process_time() - begin
    n.Cleanup()
    return took, float(counter.n_events)

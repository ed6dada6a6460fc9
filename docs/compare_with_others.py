"""Compare with public programs, one after another on one core, outside the tests.

    python docs/compare_with_others.py [torch] [brian2] [nest] [--tasks dense] [--out FILE --keep]

Writes JSON, of which ``docs/results/tables.py`` makes a page. Three tasks:

- sensor-800-10, LIF with delta synapses, over synthetic Poisson recordings: forward, and a step of
  learning; PyTorch in 10 to 300 bins (``others_torch.py``), Brian2 and NEST in steps of 0.1 ms;
- 700 inputs, 256 recurrent current-based neurons, 20 readouts: gradients, here of exact times by
  EventProp, in PyTorch by BPTT in bins of 1 ms;
- 10,000 recurrent neurons with 1,000 synapses each, current-based and with delta synapses.

Every program gets the same weights and events, and one thread. A figure is the least of the
processor's seconds of ``--rounds`` runs; beside it stands the control of ``eventsnn.bench``, run in
between, which tells how fast the machine was just then. Packages that are not
installed are left out, and the page says so. NEST runs the first task only. Brian2 2.9 needs numpy
below 2.4.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import others_simulators as simulators

import eventsnn
from eventsnn.bench import networks
from eventsnn.bench.control import HIDDEN, Control, machine
from eventsnn.bench.current_based import BINS, CELLS, gradient_step, step_us
from eventsnn.engines import simulate
from eventsnn.events import EventBatch
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.train.learning import Learner
from eventsnn.train.options import TrainOptions

HERE = Path(__file__).resolve().parent
PACKAGES = ("torch", "brian2", "nest")
SEED = "networks of eventsnn.bench: 1, 4, 6, 7"
TORCH_BINS, BATCHES = (10, 30, 100, 300), (1, 64)
GRADIENT_BATCHES = (1, 8, 32)
SECONDS = 0.2
"""Of the balanced network."""

Row = dict[str, Any]


def seconds(run: Callable[[], Any]) -> float:
    """Return the processor's seconds of a call."""
    begin = time.process_time()
    run()
    return time.process_time() - begin


class Bench:
    """Runs of one task, each beside the control."""

    def __init__(self, rounds: int) -> None:
        self.rounds, self.rows = rounds, []
        self.control = Control.over(networks.poisson(40))
        self.control.run()

    def row(
        self, task: str, who: str, run: Callable[[], float | None], units: int, **more: Any
    ) -> None:
        """Time a call that returns the spikes of all its units."""
        spikes = run()
        own, controls = [], []
        for _ in range(self.rounds):
            controls.append(seconds(self.control.run))
            own.append(seconds(run))
        self._note(task, who, (min(own), spikes), units, min(controls), **more)

    def add(self, task: str, who: str, answer: simulators.Answer, units: int, **more: Any) -> None:
        """Note seconds and spikes of a run."""
        control = min(seconds(self.control.run) for _ in range(self.rounds))
        self._note(task, who, answer, units, control, **more)

    def _note(
        self, task: str, who: str, answer: tuple[Any, Any], units: int, control: float, **more: Any
    ) -> None:
        took, spikes = answer
        row = {"task": task, "who": who, "ms": took / units * 1e3}
        row["spikes"] = None if spikes is None else spikes / units
        self.rows.append(row | more | {"control_ns": control / len(self.control.unit) * 1e9})
        print(
            f"{task:18} {who:44} {row['ms']:10.3f} ms  {row['spikes'] or 0:10.1f} spikes",
            flush=True,
        )


def dense_rows(bench: Bench, packages: list[str], recordings: int) -> None:
    """Measure sensor-800-10: forward and learning."""
    batch = networks.poisson(recordings)
    weights, n = networks.dense_weights(batch, 1000, simulators.OUTPUTS), len(batch)
    network = networks.dense(batch, simulators.OUTPUTS)

    def forward(given: EventBatch, engine: str) -> Callable[[], float]:
        def run() -> float:
            record = simulate(network, weights, given, engine=engine, record="counts")
            return float(record.counts.spikes[:, 1].sum())

        return run

    for engine in ("feedforward", "asynchronous"):
        bench.row("forward", f"eventsnn, {engine}, microseconds", forward(batch, engine), n)
    for bins in BINS:
        coarse = forward(batch.on_grid(step_us(batch, bins)), "feedforward")
        bench.row("forward", f"eventsnn, feedforward, {bins} bins", coarse, n)
    bench.row("learning", "eventsnn, adjoint, microseconds, batch 64", learning(batch), n)
    for bins in BINS:
        step = learning(batch.on_grid(step_us(batch, bins)))
        bench.row("learning", f"eventsnn, adjoint, {bins} bins, batch 64", step, n)
    if "torch" in packages:
        torch_rows(bench, batch, weights)
    for name in ("brian2", "nest"):
        if name in packages:
            answer = getattr(simulators, name)(batch, weights)
            bench.add("forward", f"{name}, steps of 0.1 ms", answer, n)


def learning(batch: EventBatch) -> Callable[[], None]:
    """Return minibatches of 64 by the adjoint, at a rate that changes next to nothing."""
    layers = parse_layers(f"{batch.n_units}-{HIDDEN}-{simulators.OUTPUTS}")
    own = AdjointOptions(batch=64, rate=1e-12, init_spikes=1000 / HIDDEN)
    learner = Learner(TrainOptions(rule="adjoint", layers=layers, own=own), 1)
    learner.start(batch)
    learner.begin_epoch(0, 1, 1_000_000)

    chunks = [np.arange(a, min(a + 64, len(batch))) for a in range(0, len(batch), 64)]

    def run() -> None:
        for _ in learner.learn_all(batch, chunks, np.random.default_rng(0)):
            pass

    return run


def torch_rows(bench: Bench, batch: EventBatch, weights: networks.Weights) -> None:
    """Measure PyTorch on the same."""
    import others_torch

    ways = {"forward": "forward", "embedding_bag": "learning", "dense": "learning"}
    for size in BATCHES:
        part = batch if size > 1 else batch.part(0, min(len(batch), 8))
        for bins in TORCH_BINS:
            for how, task in ways.items():
                run = others_torch.dense_network(part, weights, bins, size, how)
                told = "embedding_bag" if how == "forward" else how
                who = f"torch, {told}, {bins} bins, batch {size}"
                bench.row(task, who, run, len(part))


def gradient_rows(bench: Bench, packages: list[str], _: int) -> None:
    """Measure gradients of the recurrent current-based network."""
    network, weights, events = networks.spoken(max(GRADIENT_BATCHES))

    def run() -> float:
        gradients = gradient_step(network, weights, events)()
        return float(sum(len(t) for t in gradients.spike_t.values()))

    bench.row("gradients", "eventsnn, eventprop, exact times", run, len(events))
    if "torch" in packages:
        import others_torch

        for size in GRADIENT_BATCHES:
            part = events.part(0, max(size, 2))
            step = others_torch.recurrent_network(part, weights, size)
            bench.row("gradients", f"torch, BPTT, 1 ms bins, batch {size}", step, len(part))


def balanced_rows(bench: Bench, packages: list[str], _: int) -> None:
    """Measure the balanced networks."""
    events = networks.drive(20.0, int(SECONDS * 1e6))
    for name, (neuron, drive) in CELLS.items():
        network, weights = networks.balanced(neuron, drive)
        counts = simulate(network, weights, events, record="nothing").counts
        adds = float(counts.synaptic_adds.sum())

        def run(network: Any = network, weights: Any = weights) -> float:
            record = simulate(network, weights, events, record="counts")
            return float(record.counts.spikes[0, 1])

        bench.row(f"balanced {name}", "eventsnn, microseconds", run, 1, adds=adds)
        if "brian2" in packages:
            answer = simulators.brian2_balanced(network, weights, events)
            bench.add(f"balanced {name}", "brian2, steps of 0.1 ms", answer, 1)


TASKS: dict[str, Callable[[Bench, list[str], int], None]] = {
    "dense": dense_rows,
    "gradients": gradient_rows,
    "balanced": balanced_rows,
}


def kept(before: Row, rows: list[Row]) -> Row:
    """Return what was measured before, with these rows in place of the same ones of then."""
    new = {(row["task"], row["who"]): row for row in rows}
    old = [new.pop((row["task"], row["who"]), row) for row in before["rows"]]
    return before | {"rows": [*old, *new.values()]}


def main() -> None:
    """Measure, print a line each, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", choices=[*PACKAGES, "none", []], default=[])
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--keep", action="store_true", help="keep the other rows of --out")
    parser.add_argument("--recordings", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "others.json")
    options = parser.parse_args()
    wanted = options.packages or list(PACKAGES)
    packages = [
        name for name in wanted if name != "none" and importlib.util.find_spec(name) is not None
    ]
    bench = Bench(options.rounds)
    for task in options.tasks:
        TASKS[task](bench, packages, options.recordings)
    versions = {name: importlib.metadata.version(name) for name in packages if name != "nest"}
    told = {"version": eventsnn.__version__, "seeds": SEED, "machine": machine()}
    told |= {"packages": versions, "missing": [name for name in PACKAGES if name not in packages]}
    told |= {"recordings": options.recordings, "rounds": options.rounds, "rows": bench.rows}
    if options.keep:
        told = kept(json.loads(options.out.read_text()), bench.rows) | {"kept": True}
    options.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()

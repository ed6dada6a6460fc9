"""A NIR graph here and in other programs, on the same events: where they part, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.exchange.nir.connect import place_of
from eventsnn.exchange.nir.files import read
from eventsnn.exchange.nir.hdf5 import read_raw
from eventsnn.exchange.nir.own import convention_in
from eventsnn.exchange.nir.shapes import shapes_of
from eventsnn.exchange.nir.tree import NirTree, tree_of
from eventsnn.exchange.programs import programs
from eventsnn.exchange.programs.program import Program, StepTask
from eventsnn.network import Network
from eventsnn.text import named

MOST_STEPS = 200_000
Steps = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class WayRun:
    """One way to run a graph.

    Attributes
    ----------
    name : str
    does : str
    steps : dict from node to bool array (steps, n)
        Who fired in which step; of exact times in which step it was.
    failed : str
        Why it did not run; "" if it did.
    """

    name: str
    does: str
    steps: Steps
    failed: str = ""


def notes_of(file: Path, dt_us: float) -> list[str]:
    """Return what parts every program of steps from here, as the file is meant."""
    how = convention_in(read_raw(file), str(file))
    found = []
    if isinstance(how.spike, float) and how.spike != dt_us:
        found.append(
            f"a spike is held for {dt_us:g} us in these steps, the file means {how.spike:g} us: it "
            f"moves v {dt_us / how.spike:g} times as far"
        )
    if how.spike == "dirac":
        found.append("a spike is a Dirac pulse: only `steps` makes it 1 / dt high")
    if how.steps == "equations":
        found.append(
            "leaks are taken as written: v keeps exp(-dt / tau) a step, in forward Euler "
            "1 - dt / tau (steps='euler' takes it so here)"
        )
    if how.reset == "subtract":
        found.append(
            "spikes subtract the threshold: what is left above it fires at the next step there, "
            "at the next event here"
        )
    return found


def compared(file: Path, stream: EventStream, step_us: float | None) -> tuple[float, list[WayRun]]:
    """Run a file here with exact times, here with times of steps, and in every program there is.

    Returns
    -------
    The microseconds of a step, and each way; the first is that of exact times.

    Raises
    ------
    UserError
        For a file that does not say how it is meant, or too many steps.
    """
    raw = read_raw(file)
    convention = convention_in(raw, str(file))
    network, weights = read(file)
    tree = tree_of(raw, str(file))
    held = convention.spike if isinstance(convention.spike, float) else 1_000.0
    dt = held if step_us is None else step_us
    count = int(stream.duration // dt) + 1
    if count > MOST_STEPS:
        raise UserError(f"--step-us {dt:g}: {count:,} steps; give more, or a shorter --until")
    step = (stream.t // dt).astype(np.int64)
    on_grid = EventStream(
        np.rint(step * dt).astype(np.int64), stream.unit, stream.shape, duration=stream.duration
    )
    found = []
    for name, events, does in (
        ("exact", stream, "here, exact times"),
        ("on their grid", on_grid, "here, events moved to the begin of their step"),
    ):
        record = simulate(network, weights, events)
        found.append(WayRun(name, does, _in_steps(network, tree, record, (dt, count))))
    inputs = np.zeros((count, stream.shape[0] * stream.shape[1] * stream.shape[2]), np.float32)
    np.add.at(inputs, (step, stream.unit), 1.0)
    first = next(n for n, node in tree.nodes.items() if node.kind == "Input")
    shape = tree.nodes[first].own_shape or (inputs.shape[1],)
    task = StepTask(file, tree, convention, inputs.reshape(count, *shape), dt)
    return dt, [*found, *(_run(one(), task) for one in programs().values())]


def _run(program: Program, task: StepTask) -> WayRun:
    """Run a program; what it raises is said, for what others do nobody here can know."""
    if not program.installed():
        return WayRun(program.kind, program.does, {}, "not installed")
    try:
        return WayRun(program.kind, program.does, dict(program.run(task)))
    except Exception as error:  # noqa: BLE001 - code of others
        return WayRun(program.kind, program.does, {}, named(f"{type(error).__name__}: {error}"))


def _in_steps(network: Network, tree: NirTree, record: Any, grid: tuple[float, int]) -> Steps:
    """Return spikes as steps, by NIR's numbers."""
    (dt, count), shapes, found = grid, shapes_of(tree, "graph"), {}
    for population in network.populations:
        if population.neuron is None or not population.spiking or population.name not in shapes:
            continue
        spikes = record.spikes[population.name]
        order = place_of(shapes[population.name], False).order
        unit = spikes.unit if order is None else order[spikes.unit]
        steps = np.zeros((count, population.size), np.bool_)
        steps[np.minimum((spikes.t // dt).astype(np.int64), count - 1), unit] = True
        found[population.name] = steps
    return found


def told(dt_us: float, ways: list[WayRun]) -> dict[str, Any]:
    """Return a row for each way and node: its spikes, those it shares, and where it parts.

    ``exact`` is compared with nothing, "on their grid" with it, programs with "on their grid": so
    that what the step of time does stands apart from what the program does.
    """
    rows = []
    for k, way in enumerate(ways):
        other = ways[max(min(k - 1, 1), 0)]
        row: dict[str, Any] = {"program": way.name, "does": way.does, "failed": way.failed}
        row["nodes"] = {}
        for node, steps in way.steps.items():
            if node in other.steps and steps.shape == other.steps[node].shape:
                row["nodes"][node] = _parted(steps, other.steps[node], dt_us)
        rows.append(row | {"beside": "" if k == 0 else other.name})
    return {"step_us": dt_us, "ways": rows}


def _parted(steps: NDArray[np.bool_], other: NDArray[np.bool_], dt_us: float) -> dict[str, Any]:
    both = steps & other
    apart = np.argwhere(steps != other)
    first: dict[str, Any] | None = None
    if len(apart):
        step, unit = (int(k) for k in apart[0])
        first = {"step": step, "unit": unit, "ms": step * dt_us / 1000}
    return {
        "spikes": int(steps.sum()),
        "spikes_beside": int(other.sum()),
        "same": int(both.sum()),
        "first_apart": first,
    }

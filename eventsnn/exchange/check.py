"""A NIR graph here and in other programs, on the same events: where they part, and why."""

from __future__ import annotations

import math
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
from eventsnn.exchange.nir.layout import UnitsLaid, laid_out
from eventsnn.exchange.nir.nodes.cell import CellNode
from eventsnn.exchange.nir.own import convention_in, keeps_network
from eventsnn.exchange.nir.shapes import shapes_of
from eventsnn.exchange.nir.tree import NirTree, tree_of
from eventsnn.exchange.nir.writing import node_names
from eventsnn.exchange.programs import programs
from eventsnn.exchange.programs.program import Program, StepTask
from eventsnn.memory import check_room
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
            "spikes subtract the threshold: what is left above it fires at the next step in "
            "programs that do so, at the next event here; others set v to v_reset, as each says"
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
        For a file that does not say how it is meant, a step of no whole microseconds, or too many
        steps.
    """
    raw = read_raw(file)
    convention = convention_in(raw, str(file))
    network, weights = read(file)
    tree = tree_of(raw, str(file))
    held = convention.spike if isinstance(convention.spike, float) else 1_000.0
    dt = held if step_us is None else step_us
    count = _count(dt, stream, network)
    places = _places(network, tree, keeps_network(raw, str(file)))
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
        found.append(WayRun(name, does, _in_steps(places, record, (dt, count))))
    inputs = np.zeros((count, stream.shape[0] * stream.shape[1] * stream.shape[2]), np.float32)
    np.add.at(inputs, (step, stream.unit), 1.0)
    first = next(n for n, node in tree.nodes.items() if node.kind == "Input")
    shape = tree.nodes[first].own_shape or (inputs.shape[1],)
    task = StepTask(file, tree, convention, inputs.reshape(count, *shape), dt)
    return dt, [*found, *(_run(one(), task) for one in programs().values())]


def _count(dt: float, stream: EventStream, network: Network) -> int:
    """Return how many steps there are."""
    if not (dt >= 1 and float(dt).is_integer()):
        raise UserError(
            f"--step-us {dt} (left out, as long as the file holds a spike): times are whole "
            "microseconds here; give a whole number"
        )
    count = int(stream.duration // dt) + 1
    if count > MOST_STEPS:
        raise UserError(f"--step-us {dt:g}: {count:,} steps; give more, or a shorter --until-ms")
    units = sum(p.size for p in network.populations)
    what = f"--step-us {dt:g}: {count:,} steps of {units:,} inputs and neurons"
    check_room(4 * count * units, what)
    return count


def _run(program: Program, task: StepTask) -> WayRun:
    """Run a program; what it raises is said, for what others do nobody here can know."""
    if not program.installed():
        return WayRun(program.kind, program.does, {}, "not installed")
    try:
        steps = dict(program.run(task))
    except Exception as error:  # noqa: BLE001 - code of others
        return WayRun(program.kind, program.does, {}, named(f"{type(error).__name__}: {error}"))
    cells = [
        n for n, node in task.tree.nodes.items() if isinstance(node, CellNode) and node.spiking
    ]
    if cells and not set(cells) & set(steps):
        why = f"ran, but nothing in it is called as a node of neurons, such as {named(cells[0])}"
        return WayRun(program.kind, program.does, {}, why)
    return WayRun(program.kind, program.does, steps)


def _places(network: Network, tree: NirTree, ours: bool) -> dict[str, tuple[str, UnitsLaid]]:
    """Return the node of each population that fires, and where NIR has its units."""
    names, shapes = node_names(network) if ours else {}, shapes_of(tree, "graph")
    laid = laid_out(network) if ours else {}
    found = {}
    for population in network.populations:
        name = population.name
        if population.neuron is None or not population.spiking:
            continue
        if ours:
            found[name] = names[name], laid[name]
        else:  # populations are called as their nodes
            found[name] = name, UnitsLaid(shapes[name], place_of(shapes[name], False).order)
    return found


def _in_steps(places: Any, record: Any, grid: tuple[float, int]) -> Steps:
    """Return spikes as steps, by NIR's numbers."""
    (dt, count), found = grid, {}
    for name, (node, laid) in places.items():
        spikes = record.spikes[name]
        unit = spikes.unit if laid.order is None else laid.order[spikes.unit]
        steps = np.zeros((count, math.prod(laid.shape)), np.bool_)
        steps[np.minimum((spikes.t // dt).astype(np.int64), count - 1), unit] = True
        found[node] = steps
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

"""Files that ``simulate`` writes: asked before the work begins, written after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eventsnn.commands.simulate_options import SimulateOptions
from eventsnn.commands.spike_file import SUFFIXES, check_replaced, write_spikes
from eventsnn.data.source import checked_split
from eventsnn.errors import UserError
from eventsnn.files.outputs import check_output_file
from eventsnn.measure.operations import input_trains
from eventsnn.network import Network
from eventsnn.record import Keep, Record
from eventsnn.report.files import check_figure_path


def check_places(options: SimulateOptions) -> None:
    """Ask, before the work begins, whether files can be written."""
    checked_split(options.split)
    if options.figure is not None:
        check_figure_path(options.figure)
        if options.record != "all":
            raise UserError(
                "--figure draws every spike; leave --record out, or draw what --spikes writes"
            )
    if options.state is not None:
        check_output_file("state", options.state, (".npz",))
    if options.spikes is not None:
        _check_spikes(options.spikes, options)


def _check_spikes(path: Path, options: SimulateOptions) -> None:
    """Refuse a file of spikes that would hold none, or take the place of what is no such file."""
    check_output_file("spikes", path, SUFFIXES)
    if options.record in ("counts", "nothing"):
        raise UserError(
            f"--spikes writes the spikes that --record keeps, {options.record} keeps none; leave "
            "--record out, or give it names of populations"
        )
    state = options.state
    if state is not None and path.resolve() == state.resolve():
        raise UserError(f"--spikes and --state are one file, {path}; give each its own name")
    check_replaced(path)
    if state is not None and state.exists() and path.exists():
        raise UserError(
            f"spikes {path}: is there, and {state} goes on: those until then would be lost; give "
            "another name"
        )


def keep_of(network: Network, options: SimulateOptions) -> Keep:
    """Return whose spikes a run keeps: ``--spikes`` takes names of inputs, too."""
    inputs = {network.populations[p].name for p in network.inputs}
    if isinstance(options.record, str) or options.spikes is None:
        return options.record
    return tuple(name for name in options.record if name not in inputs)


def write_files(
    record: Record,
    events: Any,
    path: Path | None,
    options: SimulateOptions,
    progress: Callable[[int, int], None],
) -> dict[str, str]:
    """Write spikes to ``path``, and the state; return the names of the files.

    Of inputs the spikes are written that ``--record`` names, or all where it is left out.
    """
    told = {}
    if path is not None:
        network = record.network
        trains = {name: spikes.recording(0) for name, spikes in record.spikes.items()}
        wanted = [p for p in network.inputs if _named(network, p, options)]
        if wanted:
            given = input_trains(record, events)
            trains |= {network.populations[p].name: given[p] for p in wanted}
        names = [p.name for p in network.populations if p.name in trains]
        write_spikes(path, {name: trains[name] for name in names}, progress)
        told["spikes_file"] = str(path)
    if options.state is not None and record.state is not None:
        record.state.save(options.state)
        told["state_file"] = str(options.state)
    return told


def _named(network: Network, population: int, options: SimulateOptions) -> bool:
    return options.record == "all" or network.populations[population].name in options.record

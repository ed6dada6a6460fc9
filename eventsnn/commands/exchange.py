"""``export`` and ``exchange``: networks as files of other programs; nothing is printed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.data.source import open_data
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.events.checked import sensor_text
from eventsnn.network import Network
from eventsnn.network.file import load_network
from eventsnn.options import declared, made
from eventsnn.report.files import check_figure_path
from eventsnn.text import named
from eventsnn.train.model import open_model
from eventsnn.train.model_file import Described, FileFormat, answer_of, format_of, formats


def network_in(model: Path) -> Described:
    """Return the network of a MODEL, a network file, or a file of another format.

    Raises
    ------
    UserError
        If there is none, or only its rule runs it.
    """
    return _opened(model)[0]


def _opened(model: Path) -> tuple[Described, dict[str, Any], list[str]]:
    """Return the network of ``network_in``, options that it knows, and notes on what it sees."""
    form = format_of(model)
    if form is not None:
        return form.read(model), {}, []
    if model.suffix == ".toml":
        network, weights = load_network(model)
        return Described(network, network.shaped(weights), {}), {}, []
    learner, run = open_model(model)
    reading, view = learner.reading, run.options.view
    if reading is None:
        raise UserError(
            f"{model}: is run by its own rule, not by the simulator, and no other program has "
            "such a network; give one that adjoint or eventprop trained"
        )
    network = reading.network
    described = Described(network, network.shaped(reading.weights), answer_of(reading.loss))
    note = (
        f"it learned from events that were seen with {view}: give it such, not those of the sensor"
    )
    known = {"sensor": sensor_text(run.sensor)} if len(run.sensor) == 3 else {}
    return described, known, [note] if view else []


def export(model: Path, to: str, out: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Write a network as a file of another format; return what it was and what is to be known."""
    known = formats()
    if to not in known:
        raise UserError(f"--to {named(to)}: unknown; give {', '.join(known)}")
    form: FileFormat = known[to]()
    for name in given:
        if name not in declared(form.Options):
            raise UserError(f"--{name.replace('_', '-')}: {to} has no such option; leave it out")
    if form.suffix and out.suffix != form.suffix:
        raise UserError(f"--out {out}: give a name that ends in {form.suffix}")
    described, known_of, seen = _opened(model)
    found = {key: v for key, v in known_of.items() if key in declared(form.Options)}
    notes = [*form.write(out, described, made(form.Options, found | given)), *seen]
    what = {"model": str(model), "to": to, "out": str(out)}
    return what | told(described.network) | {"notes": notes}


def adopt(source: Path, out: Path, made_by: str | None, how: dict[str, Any]) -> dict[str, Any]:
    """Read a NIR file as its convention says, and write it with that beside it."""
    from eventsnn.exchange import nir

    if out.suffix != ".nir":
        raise UserError(f"--out {out}: give a name that ends in .nir")
    network, _ = nir.adopt(source, out, made_by=made_by, **how)
    return {"source": str(source), "out": str(out)} | told(network)


def check(
    file: Path,
    source: tuple[str, int, float | None],
    step_us: float | None,
    figure: Path | None,
    console: Console,
) -> dict[str, Any]:
    """Run a NIR file here and in other programs on one recording; tell where they part.

    ``source`` is (data, number in the test half, where it is cut in microseconds, or None).
    """
    from eventsnn.exchange.check import compared, notes_of
    from eventsnn.exchange.check import told as told_of
    from eventsnn.exchange.check_figure import draw
    from eventsnn.exchange.nir.files import lacking

    if figure is not None:
        check_figure_path(figure)
    data, index, until_us = source
    network = network_in(file).network
    if not any(p.neuron is not None and p.spiking for p in network.populations):
        raise UserError(f"{file}: none of its neurons fires, so no spikes can be compared")
    shape = network.populations[network.input].shape
    with progress_bars(console) as bars:
        opened = open_data(data, progress=Bar(bars, "preparing data"))
    half = opened.test
    if not isinstance(half, EventBatch) or not 0 <= index < len(half):
        raise UserError(f"--index {index}: {data} has no such recording; it has {len(half)}")
    stream = half[index]
    if math.prod(stream.shape) != math.prod(shape):
        raise UserError(f"{data}: recordings of {stream.shape}, {file} takes {shape}; give others")
    stream = stream if until_us is None else stream.between(0, int(until_us))
    with console.working("running"):
        step, ways = compared(file, stream, step_us)
    result = {"file": str(file), "data": data, "index": index, "events": len(stream.t)}
    result |= told_of(step, ways) | {"notes": notes_of(file, step) + lacking(network)}
    result |= {"figure": None if figure is None else str(figure)}
    if figure is not None:
        draw(ways, list(ways[0].steps)[-1], step, figure)
    return result


def told(network: Network) -> dict[str, Any]:
    """Return what a network consists of."""
    return {
        "populations": [
            {"name": p.name, "shape": list(p.shape), "neuron": _neuron(p.neuron)}
            for p in network.populations
        ],
        "connections": [
            {"name": c.name, "topology": c.topology.kind, "delay_us": _delay(c)}
            for c in network.connections
        ],
    }


def _neuron(neuron: Any) -> str:
    return "input" if neuron is None else repr(neuron)


def _delay(connection: Any) -> int | list[int]:
    least, greatest = connection.least_delay, connection.greatest_delay
    return least if least == greatest or connection.one_delay else [least, greatest]

"""``simulate``: options in, plain results out; nothing is printed but progress."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eventsnn.commands.console import Console
from eventsnn.commands.pieces import noted, rest_of
from eventsnn.commands.progress import Bar, Watch, progress_bars
from eventsnn.commands.simulate_files import check_places, keep_of, write_files
from eventsnn.commands.simulate_options import SimulateOptions
from eventsnn.commands.simulated import answer_of, draw, told_of
from eventsnn.data.dataset import sensor_of
from eventsnn.data.inputs import Inputs, LearnedFrom, open_inputs
from eventsnn.data.source import checked_split
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.gathered import gathered
from eventsnn.engines.running import How, run
from eventsnn.errors import Interrupted, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.generators import Generator
from eventsnn.kernels.compiling import when_compiling
from eventsnn.losses.loss import Loss
from eventsnn.measure.traffic import traffic
from eventsnn.network import Network, Weights
from eventsnn.network.file import generator_of, load_network
from eventsnn.record import Record
from eventsnn.report.style import DARK, LIGHT, Theme
from eventsnn.rules.evaluation import answer_by
from eventsnn.rules.rule import Rule
from eventsnn.text import named
from eventsnn.train.learning import Learner
from eventsnn.train.model import open_model
from eventsnn.train.model_file import format_of
from eventsnn.train.own_data import open_own, own_word
from eventsnn.train.saved_run import SavedRun
from eventsnn.train.trainable import times

Told = tuple[dict[str, Any], str | None]
"""The traffic of one input, and its picture."""


class _Subject(NamedTuple):
    """What runs; a ``loss`` reads its answer."""

    path: Path
    network: Network
    weights: Weights
    loss: Loss | None
    drives: dict[str, Generator]
    classes: tuple[str, ...] = ()
    rule: Rule[Any, Any] | None = None


def simulate(
    model: Path, source: str | None, options: SimulateOptions, console: Console
) -> Iterator[Told]:
    """Run inputs through a network; yield the traffic of each and its picture.

    Raises
    ------
    Interrupted
        After Ctrl-C, when what was simulated until then is yielded and written.
    """
    check_places(options)
    with when_compiling(lambda: console.print("compiling (once)")):
        form = format_of(model)
        if model.suffix == ".toml" or form is not None:
            described = load_network(model) if form is None else form.read(model)
            subject = _Subject(model, described[0], described[1], None, {})
            yield from _simulate(_driven(subject, options), source, options, console)
            return
        learner, saved = open_model(model)
        read, shape = learner.reading, saved.sensor
        if read is not None:
            subject = _Subject(model, read.network, read.weights, read.loss, {}, saved.classes)
            subject = _driven(subject._replace(rule=learner.rule), options)
        inputs = None
        if read is None or source is not None or not subject.drives:
            if source is None:
                open_own(model, saved, None, give="INPUT")  # refuses what has changed
                source = own_word(model, saved, "INPUT")
            if options.view:
                raise UserError(
                    f"{options.view}: {model} sees recordings as it learned to; leave it out"
                )
            seeing = replace(options, view=saved.options.view)
            inputs = _opened(source, shape, seeing, console, saved)
            if sensor_of(inputs.data) != shape:
                raise UserError(
                    f"{source}: inputs of {times(sensor_of(inputs.data))}, {model} learned from "
                    f"{times(shape)}; give another INPUT"
                )
        if read is not None:
            yield from _simulate(subject, source, options, console, inputs)
            return
        _check_own(model, options)
        assert inputs is not None  # a network that only its rule runs takes no generators
        yield from _by_its_rule(learner, inputs, options)


def _by_its_rule(learner: Learner, inputs: Inputs, options: SimulateOptions) -> Iterator[Told]:
    """Run inputs through a network that only its rule runs."""
    from eventsnn.report.traffic_figure import plot_traffic

    for i, name in zip(inputs.chosen, inputs.names, strict=True):
        found = learner.rule.traffic(learner.state, inputs.data, i, name)
        picture = _numbered(options.figure, inputs, i)
        if picture is not None:
            plot_traffic(found, picture, sensor_of(inputs.data), _theme(options))
        yield found.to_json(), None if picture is None else str(picture)


def _check_own(model: Path, options: SimulateOptions) -> None:
    """Refuse options of the simulator for a network that its rule runs."""
    usual = SimulateOptions()
    for name in ("engine", "until", "stop", "record", "state", "spikes", "drive"):
        if getattr(options, name) != getattr(usual, name):
            raise UserError(
                f"--{name}: {model} is run by its own rule, not by the simulator; leave it out"
            )


def _driven(subject: _Subject, options: SimulateOptions) -> _Subject:
    """Return it with the generators of ``--drive``."""
    known = [p.name for p in subject.network.populations]
    for name, _ in options.drive:
        if name not in known:
            raise UserError(f"--drive: no population {named(repr(name))}; {', '.join(known)}")
    drives = {name: generator_of(table, f"--drive {name}") for name, table in options.drive}
    return subject._replace(drives=drives)


def _opened(
    source: str,
    shape: tuple[int, ...],
    options: SimulateOptions,
    console: Console,
    saved: SavedRun | None = None,
) -> Inputs:
    index = None if options.index is None else list(options.index)
    with progress_bars(console) as bars:
        progress = Bar(bars, "preparing data")
        return open_inputs(
            source,
            shape,
            index=index,
            split=checked_split(options.split),
            progress=progress,
            view=options.view,
            learned=LearnedFrom(saved.recorded, saved.classes) if saved else None,
        )


def _numbered(path: Path | None, inputs: Inputs | None, i: int) -> Path | None:
    """Return where the file of recording ``i`` goes: each has its own."""
    if path is None or inputs is None or len(inputs.chosen) == 1:
        return path
    return path.with_stem(f"{path.stem}-{i}")


def _theme(options: SimulateOptions) -> Theme:
    return DARK if options.dark else LIGHT


def _simulate(
    subject: _Subject,
    source: str | None,
    options: SimulateOptions,
    console: Console,
    inputs: Inputs | None = None,
) -> Iterator[Told]:
    """Run inputs through a network of neurons, or what its generators draw.

    ``inputs`` are those of ``source``, where they are open already.
    """
    network, waits = subject.network, _waiting(subject)
    if source is None and not waits:
        if options.until is None:
            raise UserError(f"{subject.path}: generators never end; give --until, such as 1s")
        told, picture, stopped = _one(subject, None, (None, 0, subject.path.stem), options, console)
        yield told, picture
        if stopped:
            raise stopped
        return
    if source is None:
        raise UserError(
            f"{subject.path}: a network of your own needs an INPUT for {named(waits[0])}; give "
            f"one, e.g. digits, or --drive {waits[0]}=poisson,rate_hz=20,seed=1"
        )
    if not network.inputs or network.populations[network.input].name in subject.drives:
        raise UserError(f"{source}: no input waits for it; leave it out, or --drive")
    if inputs is None:
        inputs = _opened(source, network.populations[network.input].shape, options, console)
    if not isinstance(inputs.data, EventBatch):
        raise UserError(f"input {inputs.word!r}: real vectors; a network of neurons takes events")
    if options.state is not None and len(inputs.chosen) != 1:
        raise UserError(
            f"--state goes on with one recording, {len(inputs.chosen)} are chosen; give --index"
        )
    for i, name in zip(inputs.chosen, inputs.names, strict=True):
        which = (inputs, i, name)
        told, picture, stopped = _one(subject, inputs.data[i], which, options, console)
        yield told, picture
        if stopped:
            raise stopped


def _waiting(subject: _Subject) -> list[str]:
    """Return the inputs that have no generator."""
    inputs = [subject.network.populations[p] for p in subject.network.inputs]
    return [p.name for p in inputs if p.generator is None and p.name not in subject.drives]


def _one(
    subject: _Subject,
    stream: EventStream | None,
    which: tuple[Inputs | None, int, str],
    options: SimulateOptions,
    console: Console,
) -> tuple[dict[str, Any], str | None, Interrupted | None]:
    """Run one recording, and write what is asked for."""
    network, name = subject.network, which[2]
    state, recording = _state(network, options), stream
    if stream is not None and state is not None and options.state is not None:
        stream = rest_of(stream, state, options.state, options.until)
    events: dict[str, Any] = dict(subject.drives)
    if stream is not None:
        events[network.populations[network.input].name] = stream
    record, stopped = _run(subject, events, state, options, console)
    if subject.rule is not None:
        before = 0 if recording is None else int(np.searchsorted(recording.t, record.since))
        given = int(record.counts.spikes[0, list(network.inputs)].sum())
        subject.rule.check_events(before + given, f"{name}: up to its end the input")
    told = told_of(record, events, options.record == "all") | {
        "input": name,
        "label": None if stream is None else stream.label,
    }
    if subject.loss is not None:
        unlabelled = EventBatch.from_streams([replace(stream, label=0)]) if stream else None
        told |= answer_of(record, subject.loss, unlabelled, subject.classes)
    if record.state is not None:
        record = replace(record, state=noted(record.state, recording))
    spikes = _numbered(options.spikes, which[0], which[1])
    with progress_bars(console) as bars:
        told |= write_files(record, events, spikes, options, Bar(bars, "writing spikes"))
    picture = _numbered(options.figure, which[0], which[1])
    if picture is not None:
        draw(traffic(record, events), told, picture, _theme(options))
    return told, None if picture is None else str(picture), stopped


def _run(
    subject: _Subject,
    events: dict[str, Any],
    state: State | None,
    options: SimulateOptions,
    console: Console,
) -> tuple[Record, Interrupted | None]:
    """Run, with a bar; return what is to be said where Ctrl-C stopped it."""
    network = subject.network
    with progress_bars(console) as bars, Watch(bars) as watch:
        until = gathered(network, events, options.until).inputs.until[0]
        watch.until = float(until)
        if state is not None and 0 < float(state.t) == until:
            raise UserError(
                f"{options.state}: the state stands at {until:,.0f} us, where the run would end; "
                "give --until a later time"
            )
        how = How(options.engine, keep_of(network, options), state, progress=watch)
        if options.stop is not None:
            answer = None if subject.loss is None else answer_by(subject.loss)
            how = how._replace(stop=options.stop, answer=answer)
        record = run(network, subject.weights, events, options.until, how)
    if not watch.stopped:
        return record, None
    return record, Interrupted(
        f"stopped at {record.duration[0] / 1000:,.0f} of {until / 1000:,.0f} ms; what was "
        "simulated until then is kept"
    )


def _state(network: Network, options: SimulateOptions) -> State | None:
    if options.state is None:
        return None
    return State.load(options.state) if options.state.exists() else State.start(network)

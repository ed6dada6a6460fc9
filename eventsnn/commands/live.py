"""``live`` and ``send``: options in, plain rows out; nothing is printed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from eventsnn.commands.console import Console
from eventsnn.commands.live_options import LiveCommandOptions
from eventsnn.data.inputs import open_inputs
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.files.outputs import check_output_file
from eventsnn.kernels.compiling import when_compiling
from eventsnn.live.log import LiveLog, check_marked
from eventsnn.live.page import Page
from eventsnn.live.picture import EventPicture
from eventsnn.live.run import LiveOptions, LiveRun
from eventsnn.live.session import Session
from eventsnn.live.sources import Source, SourceOptions, open_source
from eventsnn.record import Reads
from eventsnn.train.load import load
from eventsnn.train.saved_run import load_run

Row = dict[str, Any]


class _Parts(NamedTuple):
    """What a run is made of."""

    session: Session
    run: LiveRun
    picture: EventPicture
    page: Page | None
    classes: tuple[str, ...]


def live(source: str, model: Path, options: LiveCommandOptions, console: Console) -> Iterator[Row]:
    """Run a network on a source of events; yield a row a second, and a last one.

    A row is as ``live.meter`` makes it, and ``rates`` (spikes a second and neuron, by population),
    ``name`` of the answer, and ``address`` of the page. Ctrl-C and SIGTERM end the run in order.
    """
    with when_compiling(lambda: console.print("compiling (once)")):
        parts = _parts(source, model, options)
    run, state = parts.run, options.state
    save = None if state is None else lambda: parts.session.save(state, note_of(run))
    before: dict[str, int] = {}
    try:
        with _stopped_by_signals(run.stop), _after(options.seconds, run.stop):
            for row in run.rows(save):
                yield _completed(parts, row, before)
        if save is not None:
            save()
    finally:
        if parts.page is not None:
            parts.page.close()


def send(recording: str, to: str, index: int, speed: float, shape: tuple[int, int, int]) -> Row:
    """Send a recording as datagrams; return how many."""
    from eventsnn.live.sender import send as send_stream

    data = open_inputs(recording, shape, index=[index]).data
    if not isinstance(data, EventBatch):
        raise UserError(f"send: {recording}: pictures; give a recording of events")
    stream, asked = data[index], threading.Event()
    began = time.perf_counter()
    with _stopped_by_signals(asked.set):
        n = send_stream(stream, to, speed=speed, stopped=asked.is_set)
    seconds = time.perf_counter() - began
    return {"events": len(stream), "datagrams": n, "seconds": seconds, "to": to}


def _parts(word: str, path: Path, options: LiveCommandOptions) -> _Parts:
    """Open everything, or refuse it, before anything runs."""
    model = load(path)
    view = model.learner.options.view
    session = Session(
        model,
        reads=cast(Reads, options.reads) if options.reads else None,
        # One that learned from windows answers windows.
        window_us=options.window_us or view.window_us or None,
    )
    saved = load_run(path)
    if len(session.network.inputs) != 1:
        raise UserError(f"{path}: has {len(session.network.inputs)} inputs; live feeds one")
    polarities, height, width = (1, 1, *saved.recorded)[-3:]
    shape, classes = (polarities, height, width), saved.classes
    source: Source = open_source(word, SourceOptions(shape, options.speed))
    try:
        policy = options.when_full or source.policy
        how = LiveOptions(shape, options.late_us, options.queue, policy, view=view)
        if options.state is not None:
            check_output_file("state", options.state)
        log = LiveLog(options.log, shape, options.resume) if options.log is not None else None
        picture = EventPicture(shape)
        run = LiveRun(session, source, how, log, picture.add)
        if options.resume:
            _go_on(session, run, options)
        page = None
        if options.page:
            facts = {"title": f"{path} on {word}", "classes": list(classes)}
            page = Page(options.page, facts)
    except BaseException:
        source.close()
        raise
    return _Parts(session, run, picture, page, classes)


def note_of(run: LiveRun) -> tuple[int, ...]:
    """Return what is kept with a session: how its events were ordered, and where its log stands."""
    return *run.ordered.note, *((0, 0) if run.log is None else run.log.mark())


def _go_on(session: Session, run: LiveRun, options: LiveCommandOptions) -> None:
    """Go on where a run was saved; what its log has beyond that is worked off first."""
    assert options.state is not None  # --resume needs it
    if not options.state.exists():
        raise UserError(f"{options.state}: no such file; leave --resume out to begin anew")
    note = session.load(options.state)
    if len(note) != len(note_of(run)):
        raise UserError(f"{options.state}: no session of live; leave --resume out")
    *ordered, end, total = note
    run.ordered.restore(tuple(ordered))
    if options.log is not None and end:
        check_marked(options.log, end, total)
        run.catch_up(options.log, end)


def _completed(parts: _Parts, row: Row, before: dict[str, int]) -> Row:
    """Return a row with what people want to see beside it."""
    network, counts = parts.session.network, parts.session.counts.spikes[0]
    label, seconds = row["label"], row["seconds"] - before.get("", 0)
    rates = {}
    for p, population in enumerate(network.populations):
        if population.neuron is not None and population.spiking:
            new = int(counts[p]) - before.get(population.name, 0)
            rates[population.name] = new / population.size / max(seconds, 1e-9)
            before[population.name] = int(counts[p])
    before[""] = row["seconds"]
    named = parts.classes[label] if label is not None and label < len(parts.classes) else None
    row |= {"rates": rates, "name": named}
    if parts.page is not None:
        parts.page.add(row | {"picture": parts.picture.take()})
        row["address"] = parts.page.address
    return row


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM ask for the end; a second one is as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    former = {number: signal.getsignal(number) for number in numbers}

    def asked(number: int, _: Any) -> None:
        signal.signal(number, former[signal.Signals(number)])
        stop()

    for number in numbers:
        signal.signal(number, asked)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, former[number])


@contextmanager
def _after(seconds: float, stop: Callable[[], None]) -> Iterator[None]:
    """Stop after some seconds; 0: never."""
    if not seconds:
        yield
        return
    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()

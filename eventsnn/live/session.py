"""A network that takes a stream piece by piece, and answers after each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.gathered import Given
from eventsnn.engines.inputs import Feed, RecordedFeed
from eventsnn.engines.kept import read_only
from eventsnn.engines.options import EVENT_BUDGET, Options
from eventsnn.engines.stop import Scoring, Stop
from eventsnn.errors import UserError
from eventsnn.live.answer import Answer, leading
from eventsnn.live.outputs import Outputs
from eventsnn.live.piece import piece_of
from eventsnn.live.saved import read_session, write_session
from eventsnn.live.sliding import Sliding
from eventsnn.live.subject import Subject, subject_of
from eventsnn.live.until_clear import UntilClear
from eventsnn.network import Network, Weights
from eventsnn.record import Counts, Reads
from eventsnn.text import named
from eventsnn.train.classifier import Classifier


class Session:
    """A network on a stream without an end.

    Pieces may be cut anywhere: together they give the spikes, the operations and the answer of
    one run over all of them, to the last bit. What a session holds does not grow with the stream.

    Parameters
    ----------
    model : Classifier, path of a saved one, or Network
        Its last population answers.
    weights : mapping by connection name, or sequence in connection order
        Of a Network.
    reads : "integral", "maximum", "final" or "counts", optional
        What the answer is made of, see ``eventsnn.losses``; as the model learned, if it is left
        out.
    window_us : int, optional
        The answer is of the last so many microseconds, which slide by tenths of them: of nine
        whole tenths and what there is of the tenth. None: of everything since ``reset_answer``.
    stop : Stop or str, optional
        Such as "margin:2.0", see ``eventsnn.Stop``: once an answer is clear, nothing more is
        delivered until ``reset_answer``. Checks count from there; potentials go on.
    record : sequence of population names
        Whose spikes every answer holds.
    event_budget : int
        Most spikes a piece may fire.

    Raises
    ------
    UserError
        For a model that the simulator does not run, and for what does not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> net = es.layers("1x2x1-2", hidden=es.LIF(20_000), output=es.Readout(20_000))
    >>> session = es.Session(net, [np.eye(2)])
    >>> session.push(es.EventStream([10, 20], [1, 1], (1, 1, 2), duration=1_000)).label
    1
    >>> session.push(es.EventStream([1_500] * 3, [0, 0, 0], (1, 1, 2), duration=90_000)).label
    0
    """

    def __init__(
        self,
        model: Classifier | Network | str | os.PathLike[str],
        weights: Weights | None = None,
        *,
        reads: Reads | None = None,
        window_us: int | None = None,
        stop: Stop | str | None = None,
        record: tuple[str, ...] | list[str] = (),
        event_budget: int = EVENT_BUDGET,
    ) -> None:
        subject = subject_of(model, weights, reads)
        network = self.network = subject.network
        if isinstance(record, str):
            raise UserError(f"session: record is {named(record)}; give a list of names")
        self._asked = tuple(network.index(name) for name in record)
        self.until_clear = None if stop is None else _until_clear(subject, stop, window_us)
        last = len(network.populations) - 1
        watched = (last,) if self.until_clear and subject.output.spiking else ()
        kept = tuple({*self._asked, *watched})
        self.weights = tuple(read_only(flat) for flat in network.weights(subject.weights))
        dtype = self.weights[0].dtype.type if self.weights else np.float64
        self.outputs = Outputs(subject.output, subject.reads, window_us)
        self.sliding = Sliding(network, self.outputs)
        counted = (network.index(subject.output.name),)
        options = Options(kept, True, dtype, 1, event_budget, counted=counted)
        self._run = Ongoing(network, self.weights, options)
        self._failed: str | None = None
        self.reset()
        self._go_on([], 0.0)  # finds the types of its arrays

    @property
    def t_us(self) -> float:
        """Stream time: every instant before it is worked off, microseconds."""
        return self._run.now

    @property
    def counts(self) -> Counts:
        """What was counted since the session began, or was reset or loaded."""
        counts = Counts.zeros(self.network, 1)
        self._run.count(counts, 0)
        return counts

    @property
    def state(self) -> State:
        """Where the network stands, as ``simulate`` takes it."""
        return self._run.state()

    def push(self, events: Given = None, until_us: float | None = None) -> Answer:
        """Take the next piece of the stream.

        Parameters
        ----------
        events : EventStream, or mapping of these by input population, or None for none
            With the times of the whole stream, none before ``t_us``.
        until_us : float, optional
            The piece is known to be whole until there: instants before it are worked off. As
            ``duration`` of the events, if it is left out: that is right behind the last one.

        Returns
        -------
        Answer

        Raises
        ------
        DataError
            For events of another sensor, or before ``t_us``.
        UserError
            For an end before ``t_us``, and for a piece that fires more spikes than its budget.
        """
        if self._failed:
            raise UserError(f"session: {self._failed}; reset() puts the network at rest")
        feeds, until, n = piece_of(self.network, events, until_us, self.t_us)
        self._skipped = 0
        run = self._run
        spikes, operations = run.fired(), run.added()
        self._go_on(feeds, until)
        spent = run.fired() - spikes, run.added() - operations
        clear = self.until_clear is not None and self.until_clear.clear
        scores = self.until_clear.scores if clear and self.until_clear else self.outputs.now(run)
        found = {self.network.populations[p].name: run.spikes(p) for p in self._asked}
        told = self.t_us, *leading(scores), scores, n
        return Answer(*told, *spent, clear, self._skipped, found)

    def reset_answer(self) -> None:
        """Begin a new answer: what the output did until now counts no more. Potentials stay."""
        self.outputs.reset(self._run)
        if self.until_clear is not None:
            self.until_clear.begin(self.t_us)

    def reset(self) -> None:
        """Put the network at rest, at stream time 0."""
        self._failed = None
        self._begin(None)

    def save(self, path: str | os.PathLike[str], note: Sequence[int] = ()) -> None:
        """Write where the session stands to an ``.npz`` file, whole or not at all.

        ``note`` are whole numbers of one's own that are kept with it.

        Raises
        ------
        UserError
            If it cannot be written, and for a session that stops when its answer is clear.
        """
        if self.until_clear is not None:
            raise UserError("session: one with stop cannot be saved; make it without")
        slid = self.sliding.note(self._run)
        write_session(Path(path), self.state, self.outputs, self._run, (*slid, *note))

    def load(self, path: str | os.PathLike[str]) -> tuple[int, ...]:
        """Go on where a session of the same network and window was saved; return its ``note``.

        Raises
        ------
        DataError
            If the file holds no session, or one of another window.
        UserError
            If it is one of another network.
        """
        found = read_session(path, self.outputs)
        state = found.state.of_dtype(self._run.options.dtype)
        state.check(self.network, np.zeros(0), float(state.t))
        self._failed = None
        self._begin(state, found.slid)
        self.outputs.restore(self._run, found.past, found.here)
        return found.note

    def __repr__(self) -> str:
        """Return one line of facts."""
        window = f", window {self.outputs.window_us:,} us" if self.outputs.window_us else ""
        return (
            f"<Session at {self.t_us:,g} us of {len(self.network.populations)} populations{window}>"
        )

    def _begin(self, state: State | None, slid: tuple[int, int, int] = (0, 0, 0)) -> None:
        run = self._run
        run.renew(run.options)
        run.begin(state)
        self.outputs.past.clear()
        self._skipped = 0
        if self.until_clear is not None:
            self.until_clear.begin(run.now)
        self.sliding.begin(run, slid)

    def _go_on(self, feeds: list[Feed], until: float) -> None:
        """Work off the instants before ``until``; slide the window where it is due."""
        run = self._run
        run.renew(run.options)
        run.allow()
        try:
            self.sliding.advance(run, self._looked(feeds, until), until)
            if self.until_clear is not None:
                self.until_clear.take(run, ends=True)
        except BaseException as error:
            self._failed = f"a piece ended with: {error!s:.200}"
            raise
        for p, starts in run.starts.items():
            starts.append(len(run.kept[p][0]))

    def _looked(self, feeds: list[Feed], until: float) -> list[Feed]:
        """Run up to the last check before ``until``; return what is still delivered then."""
        watched, run = self.until_clear, self._run
        if watched is None:
            return feeds
        while watched.next_us <= until:
            run.reach(feeds, watched.next_us)
            watched.look(run)
        if not watched.clear:
            return feeds
        for feed in feeds:
            if isinstance(feed, RecordedFeed):
                self._skipped += len(feed.between(self.t_us, until)[0])
        return [feed for feed in feeds if not isinstance(feed, RecordedFeed)]


def _until_clear(subject: Subject, stop: Stop | str, window_us: int | None) -> UntilClear:
    """Return who watches; UserError for what cannot be watched."""
    if window_us is not None:
        raise UserError("session: stop and window_us; an answer that stops has no window: give one")
    answer = Scoring(subject.reads, subject.scores)
    return UntilClear(subject.network, Stop.of(stop), answer)

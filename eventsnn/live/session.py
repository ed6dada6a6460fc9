"""A network that takes a stream piece by piece, and answers after each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous.ongoing import Ongoing
from eventsnn.engines.asynchronous.state import State
from eventsnn.engines.gathered import Given
from eventsnn.engines.inputs import Feed
from eventsnn.engines.kept import read_only
from eventsnn.engines.options import EVENT_BUDGET, Options
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.live.answer import Answer, leading
from eventsnn.live.learned_file import learned_arrays, restore_learned
from eventsnn.live.learner import Learning, StreamLearner, check_label, learner_of
from eventsnn.live.memory import memory_of
from eventsnn.live.outputs import Outputs
from eventsnn.live.piece import piece_of
from eventsnn.live.saved import read_session, write_session
from eventsnn.live.sliding import Sliding
from eventsnn.live.subject import subject_of
from eventsnn.live.taken import Taken
from eventsnn.live.until_clear import watcher_of
from eventsnn.network import Network, Weights
from eventsnn.record import Counts, Reads
from eventsnn.rules.learned import Learned
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
        subject = self._subject = subject_of(model, weights, reads)
        self._taken = Taken(subject.rule)
        network = self.network = subject.network
        if isinstance(record, str):
            raise UserError(f"session: record is {named(record)}; give a list of names")
        self._asked = tuple(network.index(name) for name in record)
        self.until_clear = None if stop is None else watcher_of(subject, stop, window_us)
        spiking = self.until_clear and subject.output.spiking
        watched = (len(network.populations) - 1,) if spiking else ()
        kept = tuple({*self._asked, *watched})
        self.weights = tuple(read_only(flat) for flat in network.weights(subject.weights))
        self.outputs = Outputs(subject.output, subject.reads, window_us)
        counted = (network.index(subject.output.name),)
        self._options = Options(kept, True, np.float64, 1, event_budget, counted=counted)
        self.learner: StreamLearner | None = None
        self._failed: str | None = None
        self._make()

    def learns(self, how: Learning) -> Session:
        """Let it ``learn`` from now on, at stream time 0; return it.

        UserError for a rule or a network that cannot learn along a stream.
        """
        self.learner = learner_of(self._subject, how)
        self.weights = tuple(np.copy(flat) for flat in self.learner.weights)
        self._make()
        return self

    def _make(self) -> None:
        """Make the run of these weights, at rest."""
        dtype = self.weights[0].dtype.type if self.weights else np.float64
        self._run = Ongoing(self.network, self.weights, self._options._replace(dtype=dtype))
        self.memory = None if self.learner is None else memory_of(self._run, self.learner.how)
        self.sliding = Sliding(self.network, self.outputs, self.memory)
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
    def weights_(self) -> dict[str, NDArray[Any]]:
        """Copies of the weights of the moment, by connection, as ``simulate`` takes them."""
        pairs = zip(self.network.connections, self.weights, strict=True)
        return {c.name: flat.reshape(c.topology.weight_shape).copy() for c, flat in pairs}

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
            For events of another sensor, before ``t_us``, or more than a network takes.
        UserError
            For an end before ``t_us``, and for a piece that fires more spikes than its budget.
        """
        if self._failed:
            raise UserError(f"session: {self._failed}; reset() puts the network at rest")
        feeds, until, n = piece_of(self.network, events, until_us, self.t_us)
        self._taken.add(n)
        self._skipped = 0
        run = self._run
        spikes, operations = run.fired(), run.added()
        self._go_on(feeds, until)
        spent = run.fired() - spikes, run.added() - operations
        clear = self.until_clear is not None and self.until_clear.clear
        scores = self.until_clear.scores if clear and self.until_clear else self.outputs.now(run)
        found = {self.network.populations[p].name: run.spikes(p) for p in self._asked}
        return Answer(self.t_us, *leading(scores), scores, n, *spent, clear, self._skipped, found)

    def learn(self, label: int) -> Learned:
        """Learn that what happened in the window of the answer is of a class: one update.

        Without ``window_us``, that is all since ``reset_answer``. It is walked back until there;
        where it began at rest, the update is that of the rule on that recording, to the last bit.

        ``right`` of what is returned is 1 if the answer before was; ``before`` is that, int64 (1,).
        UserError for a label that is no class, or a window with more events than are remembered.
        """
        if self.learner is None or self.memory is None:
            raise UserError("session: does not learn; call learns(es.Learning()) first")
        if self.until_clear is not None and self.until_clear.clear:
            raise UserError("learn: the answer is clear, and what came since was not delivered")
        window = self.memory.window(check_label(label, self.network), self.t_us)
        found = self.learner.learn(window)
        self.learner.write_weights(self.weights)
        return found

    def reset_answer(self) -> None:
        """Begin a new answer: what the output did until now counts no more. Potentials stay."""
        self.outputs.reset(self._run)
        if self.memory is not None:
            self.memory.begin()
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
        slid, learned = self.sliding.note(self._run), {}
        if self.learner is not None and self.memory is not None:
            learned = learned_arrays(self.learner, self.memory)
        notes = (*slid, *note), self._taken.count
        write_session(Path(path), self.state, self.outputs, self._run, *notes, learned)

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
        if found.learned and self.learner is None:
            raise UserError(f"{os.fspath(path)}: of a session that learns; call learns first")
        state = found.state.of_dtype(self._run.options.dtype)
        state.check(self.network, np.zeros(0), float(state.t))
        self._failed = None
        self._begin(state, found.slid, found.taken)
        self.outputs.restore(self._run, found.past, found.here)
        if self.learner is not None and self.memory is not None:
            restore_learned(self.learner, self.memory, found.learned, os.fspath(path))
            self.learner.write_weights(self.weights)
        return found.note

    def __repr__(self) -> str:
        """Return one line of facts."""
        window = f", window {self.outputs.window_us:,} us" if self.outputs.window_us else ""
        return (
            f"<Session at {self.t_us:,g} us of {len(self.network.populations)} populations{window}>"
        )

    def _begin(
        self, state: State | None, slid: tuple[int, int, int] = (0, 0, 0), taken: int = 0
    ) -> None:
        run = self._run
        run.renew(run.options)
        run.begin(state)
        self.outputs.past.clear()
        self._skipped, self._taken.count = 0, taken
        if self.until_clear is not None:
            self.until_clear.begin(run.now)
        self.sliding.begin(run, slid)
        if self.memory is not None:
            self.memory.reset(at_rest=state is None)

    def _go_on(self, feeds: list[Feed], until: float) -> None:
        """Work off the instants before ``until``; slide the window where it is due."""
        run = self._run
        run.renew(run.options)
        run.allow()
        if self.memory is not None:
            self.memory.take(feeds)
        try:
            if self.until_clear is not None:
                feeds, self._skipped = self.until_clear.looked(run, feeds, until)
            self.sliding.advance(run, feeds, until)
            if self.until_clear is not None:
                self.until_clear.take(run, ends=True)
        except BaseException as error:
            self._failed = f"a piece ended with: {error!s:.200}"
            raise
        for p, starts in run.starts.items():
            starts.append(len(run.kept[p][0]))

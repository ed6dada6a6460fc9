"""The event-driven backprop MLP on a stream: it answers, and learns, step by step."""

from __future__ import annotations

import io
import math
import os
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventStream
from eventsnn.files.arrays import read_npz
from eventsnn.files.outputs import check_output_file, write_whole
from eventsnn.live.answer import Answer, leading
from eventsnn.rules.deep_spiking import state as rows
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.steps import (
    StepEvents,
    StreamPlace,
    present,
    restore_running,
    running,
)
from eventsnn.text import named


class StepSession:
    """A ``HerdingMLP`` on a stream without an end.

    Its errors are spikes and need no end of a recording: while a class is told, it learns at every
    step. T steps (``n_steps`` of the network) are a sample, which it answers. Pieces may be cut
    anywhere, with the same bits; what is held does not grow.

    Parameters
    ----------
    net : HerdingMLP
        It is changed.
    step_events : int, optional
        A step is so many events ...
    step_us : int, optional
        ... or so many microseconds of stream time; give one of the two.
    samples : int
        The answer is the mean of the last so many samples.

    Attributes
    ----------
    t_us : float
        Stream time: nothing earlier is taken.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> net = es.HerdingMLP([np.eye(2), np.eye(2)], n_steps=2, fractional=True)
    >>> session = es.StepSession(net, step_events=2)
    >>> stream = es.EventStream([1, 2, 3, 4], [1, 1, 1, 1], (1, 1, 2), duration=10)
    >>> session.push(stream).label
    1
    """

    def __init__(
        self,
        net: HerdingMLP,
        *,
        step_events: int | None = None,
        step_us: int | None = None,
        samples: int = 1,
    ) -> None:
        if not isinstance(net, HerdingMLP):
            raise UserError(f"session: net is {named(net)}; give a HerdingMLP")
        given = {"step_events": step_events, "step_us": step_us}
        sizes = [value for value in given.values() if value is not None]
        for name, value in (given | {"samples": samples}).items():
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if value is not None and (not whole or not 1 <= value < 1 << 31):
                raise UserError(f"session: {name} is {named(value)}; give a whole number from 1")
        if len(sizes) != 1:
            raise UserError("session: give step_events or step_us, one of the two")
        self.net, self.step_events, self.step_us = net, step_events, step_us
        self.t_us, self._place = 0.0, StreamPlace(net.n_trained, 0)
        self._said: deque[NDArray[np.float64]] = deque(maxlen=samples)
        self._step = 0  # that begins next, of steps by time
        self._t, self._unit = np.zeros(0, np.int64), np.zeros(0, np.int32)

    def push(
        self, stream: EventStream, until_us: float | None = None, label: int | None = None
    ) -> Answer:
        """Take the next piece; learn its steps if their class is told.

        Parameters
        ----------
        stream : EventStream
            With the times of the whole stream.
        until_us : float, optional
            Until when it is known; its ``duration``, if it is left out.
        label : int, optional
            Of all steps that end in this piece.

        Returns
        -------
        Answer
            ``spikes`` and ``operations`` (forward) of this piece; ``label`` -1 before the first
            sample. Answers to samples that were learned come from while they were.
        """
        until = self._checked(stream, until_us, label)
        self._t = np.concatenate([self._t, stream.t])
        self._unit = np.concatenate([self._unit, stream.unit.astype(np.int32)])
        before, self.t_us = self.net.counts, until
        end = self._ends(until)
        steps = StepEvents(self._unit[: end[-1]], end)
        outputs, self._place = present(self.net, self._place, steps, label)
        self._t, self._unit = self._t[end[-1] :], self._unit[end[-1] :]
        self._said.extend(outputs)
        spent = self.net.counts - before
        zeros = np.zeros(self.net.sizes[-1])
        scores = np.mean([*self._said], axis=0) if self._said else zeros
        fired, added = (int(spent[row].sum()) for row in (rows.SPIKES, rows.ADDS))
        return Answer(until, *leading(scores), scores, len(stream), fired, added, False, 0, {})

    def _ends(self, until: float) -> NDArray[np.int64]:
        """Return where the steps that are complete end, 0 first."""
        if self.step_events is not None:
            return np.arange(0, len(self._t) + 1, self.step_events, dtype=np.int64)
        assert self.step_us is not None
        last = int(until // self.step_us)
        bounds = np.arange(self._step + 1, last + 1) * self.step_us
        self._step = max(last, self._step)
        return np.concatenate([[0], np.searchsorted(self._t, bounds)]).astype(np.int64)

    def _checked(self, stream: EventStream, until_us: float | None, label: Any) -> float:
        until = float(stream.duration if until_us is None else until_us)
        if len(stream) and stream.t[0] < self.t_us:
            raise DataError(
                f"session: an event at {stream.t[0]} us; everything before {self.t_us:g} us is "
                "worked off"
            )
        if not self.t_us <= until < math.inf or (len(stream) and stream.t[-1] >= until):
            raise UserError(
                f"session: the piece ends at {until:g} us, the session stands at {self.t_us:g} us; "
                "give the times of the whole stream, and an end behind its last event"
            )
        classes = self.net.sizes[-1]
        whole = isinstance(label, int | np.integer) and not isinstance(label, bool)
        if label is not None and not (whole and 0 <= label < classes):
            raise UserError(f"label is {named(label)}; give a class from 0 to {classes - 1}")
        return until

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write network and stream to an ``.npz`` file, whole or not at all."""
        check_output_file("session", Path(path))
        arrays = {f"net.{name}": array for name, array in running(self.net).items()}
        arrays["place"] = np.array([*self._place, self._step, *self._form()], np.int64)
        arrays |= {"t_us": np.array([self.t_us]), "t": self._t, "unit": self._unit}
        arrays["said"] = np.array(self._said, np.float64).reshape(-1, self.net.sizes[-1])
        data = io.BytesIO()
        np.savez(data, **arrays)  # type: ignore[arg-type]
        write_whole(Path(path), data.getvalue())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on where a session of the same layers, options and steps was saved.

        Raises
        ------
        DataError
            If the file holds none.
        """
        where, arrays = os.fspath(path), dict(read_npz(path))
        try:
            sample, step, begun, *form = arrays["place"].tolist()
            if form != self._form():
                raise ValueError(f"steps of {form}, here {self._form()}")
            own = {n.removeprefix("net."): a for n, a in arrays.items() if n.startswith("net.")}
            restore_running(self.net, own)
            self._place, self._step = StreamPlace(sample, step), begun
            self.t_us = float(arrays["t_us"][0])
            self._t, self._unit = arrays["t"], arrays["unit"]
            self._said = deque(arrays["said"], maxlen=self._said.maxlen)
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{where}: no such session ({error}); give one saved here") from error

    def _form(self) -> list[int]:
        return [self.step_events or 0, self.step_us or 0, self.net.options.n_steps]

    def __repr__(self) -> str:
        """Return one line of facts."""
        steps = f"{self.step_events} events" if self.step_events else f"{self.step_us:,} us"
        return f"<StepSession at {self.t_us:,g} us of {self.net!r}, steps of {steps}>"

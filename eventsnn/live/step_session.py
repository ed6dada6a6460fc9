"""The event-driven backprop MLP on a stream: it answers, and learns, step by step."""

from __future__ import annotations

import copy
import io
import json
import math
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventStream
from eventsnn.files.arrays import read_npz
from eventsnn.files.outputs import check_output_file, write_whole
from eventsnn.live.answer import Answer, leading
from eventsnn.live.subject import learner_of_model
from eventsnn.options import flat
from eventsnn.rules.deep_spiking import state as rows
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.steps import (
    StepEvents,
    StreamPlace,
    present,
    restore_running,
    running,
    sensor_of_piece,
)
from eventsnn.text import named, shown
from eventsnn.train.classifier import Classifier

_MOST_STEPS = 1 << 24
"""Of a piece."""


class StepSession:
    """A ``HerdingMLP`` on a stream without an end.

    Its errors are spikes and need no end of a recording: while a class is told, it learns at every
    step. T steps (``n_steps`` of the network) are a sample, which it answers. Pieces may be cut
    anywhere, with the same bits; what is held does not grow.

    Parameters
    ----------
    net : HerdingMLP, Classifier, or path of a saved one
        Of the rule ``deep-spiking``. A HerdingMLP is changed, of a Classifier a copy.
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
        net: HerdingMLP | Classifier | str | os.PathLike[str],
        *,
        step_events: int | None = None,
        step_us: int | None = None,
        samples: int = 1,
    ) -> None:
        net = _mlp_of(net)
        given = {"step_events": step_events, "step_us": step_us}
        sizes = [value for value in given.values() if value is not None]
        for name, value in (given | {"samples": samples}).items():
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            most = rows.SPIKE_BUDGET if name == "step_events" else (1 << 31) - 1
            if value is not None and (not whole or not 1 <= value <= most):
                raise UserError(
                    f"session: {name} is {named(value)}; give a whole number from 1 to {most:,}"
                )
        if len(sizes) != 1:
            raise UserError("session: give step_events or step_us, one of the two")
        self.net, self.step_events, self.step_us = net, step_events, step_us
        self.t_us, self._place = 0.0, StreamPlace(net.n_trained, 0)
        self._said: deque[NDArray[np.float64]] = deque(maxlen=samples)
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
        t = np.concatenate([self._t, stream.t])
        unit = np.concatenate([self._unit, stream.unit.astype(np.int32)])
        end = self._ends(t, until)
        self.net.sensor = sensor_of_piece(self.net, stream)
        before, done = self.net.counts, int(end[-1])
        outputs, self._place = present(self.net, self._place, StepEvents(unit[:done], end), label)
        self._t, self._unit, self.t_us = t[done:], unit[done:], until
        self._said.extend(outputs)
        spent = self.net.counts - before
        zeros = np.zeros(self.net.sizes[-1])
        scores = np.mean([*self._said], axis=0) if self._said else zeros
        fired, added = (int(spent[row].sum()) for row in (rows.SPIKES, rows.ADDS))
        return Answer(until, *leading(scores), scores, len(stream), fired, added, False, 0, {})

    def _ends(self, t: NDArray[np.int64], until: float) -> NDArray[np.int64]:
        """Return where the steps that are complete at ``until`` end, 0 first."""
        if self.step_events is not None:
            return np.arange(0, len(t) + 1, self.step_events, dtype=np.int64)
        assert self.step_us is not None
        first, last = int(self.t_us // self.step_us), int(until // self.step_us)
        if last - first > _MOST_STEPS:
            raise UserError(
                f"session: the piece has {last - first:,} steps of {self.step_us} us; give shorter "
                "pieces, or a larger step_us"
            )
        bounds = np.arange(first + 1, last + 1) * self.step_us
        end = np.concatenate([[0], np.searchsorted(t, bounds)]).astype(np.int64)
        most = int(np.diff(end, append=len(t)).max())
        if most > rows.SPIKE_BUDGET:
            raise UserError(
                f"session: a step of {self.step_us} us has {most:,} events, more than "
                f"{rows.SPIKE_BUDGET:,}; give a smaller step_us"
            )
        return end

    def _checked(self, stream: EventStream, until_us: float | None, label: Any) -> float:
        if not isinstance(stream, EventStream):
            raise UserError(
                f"session: stream is {named(stream)}; give an EventStream, of no events where "
                "there are none"
            )
        end = stream.duration if until_us is None else until_us
        until = float(end) if isinstance(end, int | float | np.number) else math.nan
        if len(stream) and stream.t[0] < self.t_us:
            raise DataError(
                f"session: an event at {stream.t[0]} us; everything before {self.t_us:g} us is "
                "worked off"
            )
        if not self.t_us <= until < math.inf or (len(stream) and stream.t[-1] >= until):
            raise UserError(
                f"session: the piece ends at {shown(end)} us, the session stands at "
                f"{self.t_us:g} us; give the times of the whole stream, and an end behind its "
                "last event"
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
        arrays["place"] = np.array([*self._place, *self._form()], np.int64)
        told = json.dumps(flat(self.net.options)).encode()
        arrays["options"] = np.frombuffer(told, np.uint8)
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
            place, said = self._saved_place(arrays), arrays["said"]
            t, unit, t_us = arrays["t"], arrays["unit"], float(arrays["t_us"][0])
            fits = said.dtype == np.float64 and said.shape[1:] == (self.net.sizes[-1],)
            fits &= t.dtype == np.int64 and unit.dtype == np.int32 and t.shape == unit.shape
            fits &= bool(((unit >= 0) & (unit < self.net.sizes[0])).all())
            if not (fits and np.isfinite([*said.flat, t_us]).all() and t_us >= 0):
                raise ValueError("what is held does not fit")
            if (np.diff(t) < 0).any() or (len(t) and t[-1] >= t_us):
                raise ValueError("times are not in order")
            own = {n.removeprefix("net."): a for n, a in arrays.items() if n.startswith("net.")}
            restore_running(self.net, own)
            self._place, self.t_us, self._t, self._unit = place, t_us, t, unit
            self._said = deque(said, maxlen=self._said.maxlen)
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{where}: no such session ({error}); give one saved here") from error

    def _saved_place(self, arrays: Mapping[str, NDArray[Any]]) -> StreamPlace:
        """Return where a saved session stood; ValueError for one of other steps or options."""
        sample, step, *form = arrays["place"].tolist()
        if form != self._form():
            raise ValueError(f"steps of {form}, here {self._form()}")
        options, mine = json.loads(arrays["options"].tobytes()), flat(self.net.options)
        for name in mine:
            if options[name] != mine[name]:
                raise ValueError(f"{name} is {shown(options[name])}, here {shown(mine[name])}")
        if sample < 0 or not 0 <= step < self.net.options.n_steps:
            raise ValueError(f"place is {sample}, {step}")
        return StreamPlace(sample, step)

    def _form(self) -> list[int]:
        return [self.step_events or 0, self.step_us or 0, self.net.options.n_steps]

    def __repr__(self) -> str:
        """Return one line of facts."""
        steps = f"{self.step_events} events" if self.step_events else f"{self.step_us:,} us"
        return f"<StepSession at {self.t_us:,g} us of {self.net!r}, steps of {steps}>"


def _mlp_of(given: HerdingMLP | Classifier | str | os.PathLike[str]) -> HerdingMLP:
    """Return the network that is meant."""
    if isinstance(given, HerdingMLP):
        return given
    learner = learner_of_model(given, "a HerdingMLP")
    if not isinstance(learner.state, HerdingMLP):
        raise UserError(
            f"session: a network of the rule {learner.rule.kind}; give one of deep-spiking, or "
            "es.Session, which runs others"
        )
    return copy.deepcopy(learner.state)

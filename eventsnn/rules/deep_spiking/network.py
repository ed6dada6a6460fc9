"""Deep Spiking Networks: the event-driven backprop MLP of O'Connor & Welling (2016).

A multi-layer perceptron in which activations *and* errors travel as signed unit
spikes, and every change of state is an addition, an index or a comparison. It learns
from real vectors (MNIST, as published) and from event streams, where every event is
an incoming spike at its (polarity, y, x) address and the target is fed step by step
along the stream.

``reference.py`` is the definition in plain Python, ``kernel.py`` the
same compiled; this file is what users call.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.data.images import Images
from eventsnn.errors import DataError, DivergedError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.events.checked import Shape
from eventsnn.rules.deep_spiking import state
from eventsnn.rules.deep_spiking.kernel import run_events, run_vectors
from eventsnn.rules.deep_spiking.options import HerdingOptions, truncated
from eventsnn.rules.deep_spiking.restore import check_snapshot
from eventsnn.rules.deep_spiking.samples import (
    Source,
    Spikes,
    checked_data,
    checked_order,
    source_of,
    source_of_one,
    what_is_wrong,
)
from eventsnn.text import shown


class HerdingMLP:
    """The paper's network.

    Parameters
    ----------
    weights : sequence of arrays (n_in, n_out)
        One a layer, rows by sender; there are no biases.
    options : HerdingOptions, optional
        Or give its fields by name: ``HerdingMLP(weights, n_steps=10, fractional=True)``.

    Raises
    ------
    UserError
        If weights do not fit each other or are not finite, or an option is unknown.

    Notes
    -----
    O'Connor & Welling, "Deep Spiking Networks", arXiv 1602.08323.

    Examples
    --------
    >>> import numpy as np
    >>> from eventsnn import HerdingMLP
    >>> HerdingMLP([np.eye(2), np.eye(2)], n_steps=10)
    <HerdingMLP 2-2-2, 0 samples learned>
    """

    def __init__(
        self,
        weights: Sequence[ArrayLike],
        options: HerdingOptions | None = None,
        **fields: Any,
    ) -> None:
        if not isinstance(options, HerdingOptions | None):
            raise UserError(f"options is {shown(options)}; give HerdingOptions, or its fields")
        try:
            self.options = replace(options or HerdingOptions(), **fields)
        except TypeError:
            known = ", ".join(HerdingOptions.__dataclass_fields__)
            raise UserError(f"unknown option in {sorted(fields)}; there are {known}") from None
        checked = state.checked_weights(weights, self.options)
        if self.options.integer:
            checked = [truncated(w * self.options.one) for w in checked]
        self._net = state.make_net(checked, self.options.numpy_dtype)
        self._work = state.make_work(self._net, self.options.numpy_dtype)
        self.n_trained = 0
        self.sensor: Shape | None = None
        """(polarities, height, width) of the recordings it learned from; None before."""

    def __repr__(self) -> str:
        """Return one line of facts."""
        sizes = "-".join(map(str, self.sizes))
        return f"<HerdingMLP {sizes}, {self.n_trained:,} samples learned>"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a population, from the input to the output."""
        return tuple(int(n) for n in self._net.size)

    @property
    def weights(self) -> list[NDArray[Any]]:
        """Copies of the weights (n_in, n_out), in spike units."""
        views = [state.rows_of(self._net, layer) for layer in range(self.n_layers)]
        return [view / self.options.one if self.options.integer else view.copy() for view in views]

    @property
    def n_layers(self) -> int:
        """Number of weight matrices."""
        return len(self._net.size) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Operations in training so far, (rows of ``state``, n_layers)."""
        return self._work.tally.copy()

    @property
    def cumulative_spikes(self) -> NDArray[np.int64]:
        """Spikes in training so far, int64 (2 L + 1,).

        In the order: input, forward layer 1..L, error counter, backward quantizer L..2.
        """
        count = self._work.tally
        return np.concatenate(
            [
                count[state.IN_SPIKES, :1],
                count[state.SPIKES],
                count[state.ERRORS, -1:],
                count[state.BACK_SPIKES, :0:-1],
            ]
        )

    def train_one(self, x: ArrayLike | EventStream, y: ArrayLike) -> NDArray[np.float64]:
        """Learn one sample.

        Parameters
        ----------
        x : float array (n_in,) or EventStream
        y : float array (n_out,) or int
            The target; a class number stands for its one-hot vector.

        Returns
        -------
        float64 array (n_out,)
            The network's own output, S_L / T, while it learned.
        """
        target = state.real_numbers(y, "y")
        if target.ndim == 0:
            if not (0 <= target < self.sizes[-1] and target == np.floor(target)):
                raise UserError(f"y is {target}; give a class from 0 to {self.sizes[-1] - 1}")
            target = np.eye(self.sizes[-1])[int(target)]
        if target.shape != (self.sizes[-1],):
            raise UserError(f"y has shape {target.shape}; give {self.sizes[-1]} values or a class")
        state.check_held(target, self.options, "y")
        source = source_of_one(x, target, self.sizes, self.options)
        self.sensor = self._sensor(x)
        log = state.make_log(self.n_layers, 0)
        job = state.Job(np.zeros(1, np.int64), self.n_trained, True, log)
        out = self._run(source, job, self._work, "x")
        self.n_trained += 1
        first: NDArray[np.float64] = out[0]
        return first

    def predict(self, x: ArrayLike | EventStream) -> NDArray[np.float64]:
        """Return the output S_L / T; its argmax is the class.

        Parameters
        ----------
        x : float array (n_in,) or (n, n_in), or EventStream
            For many recordings, or images, see ``outputs``.

        Returns
        -------
        float64 array (n_out,) or (n, n_out)

        Raises
        ------
        UserError
            If ``x`` is not of the network's inputs, or not finite.
        """
        if not isinstance(x, EventStream | EventBatch | Images):
            values = state.real_numbers(x, "x")
            if values.ndim == 2 and len(values):
                return np.array([self.predict(row) for row in values])
        source = source_of_one(x, np.zeros(self.sizes[-1]), self.sizes, self.options)
        self._sensor(x)
        work = state.make_work(self._net, self.options.numpy_dtype)
        job = state.Job(np.zeros(1, np.int64), 0, False, state.make_log(self.n_layers, 0))
        out: NDArray[np.float64] = self._run(source, job, work, "x")[0]
        return out

    def train(self, data: Data, order: NDArray[np.int64]) -> NDArray[np.float64]:
        """Learn the samples ``order`` of ``data`` one by one.

        Parameters
        ----------
        data : EventBatch or Images
        order : int64 array (n,)

        Returns
        -------
        float64 array (n, n_out)
            The outputs S_L / T while it learned.
        """
        order = checked_order(checked_data(data), order)
        labels = labels_of(data)[order]
        wrong = np.flatnonzero((labels < 0) | (labels >= self.sizes[-1]))
        if wrong.size:
            raise UserError(
                f"{data.source}: sample {order[wrong[0]]} has the label {labels[wrong[0]]}; "
                f"the network has {self.sizes[-1]} outputs, for the classes 0 to "
                f"{self.sizes[-1] - 1}"
            )
        source = source_of(data, self.sizes, self.options)
        self.sensor = self._sensor(data)
        job = state.Job(order, self.n_trained, True, state.make_log(self.n_layers, 0))
        out = self._run(source, job, self._work, data.source)
        self.n_trained += len(order)
        return out

    def outputs(
        self, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Predict the samples ``order``; the network stays as it is.

        Returns
        -------
        outputs : float64 array (n, n_out)
            S_L / T.
        counts : int64 array (rows of ``state``, n_layers)
            Operations of all samples together.
        """
        source = source_of(checked_data(data), self.sizes, self.options)
        self._sensor(data)
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise UserError(f"threads is {shown(threads)}; give a whole number of at least 1")
        numbers = checked_order(data, order)
        pieces = np.array_split(numbers, max(1, min(threads, len(numbers))))
        firsts = np.cumsum([0, *(len(piece) for piece in pieces)])
        works = [state.make_work(self._net, self.options.numpy_dtype) for _ in pieces]
        log = state.make_log(self.n_layers, 0)

        def run(k: int) -> NDArray[np.float64]:
            job = state.Job(pieces[k], int(firsts[k]), False, log)
            return self._run(source, job, works[k], data.source)

        with ThreadPoolExecutor(len(pieces)) as pool:
            outputs = list(pool.map(run, range(len(pieces))))
        return np.concatenate(outputs), np.sum([work.tally for work in works], axis=0)

    def record(
        self, data: Data, index: int
    ) -> tuple[NDArray[np.float64], list[Spikes], NDArray[np.int64]]:
        """Predict one sample and return (output, spikes a population, counts)."""
        source = source_of(checked_data(data), self.sizes, self.options)
        self._sensor(data)
        order = checked_order(data, [index])
        room, out = 1 << 14, np.empty((0, 0))
        while not len(out):
            work = state.make_work(self._net, self.options.numpy_dtype)
            log = state.make_log(self.n_layers, room)
            job = state.Job(order, 0, False, log)
            out = self._run(source, job, work, data.source)
            room *= 4
        spikes = [
            Spikes(log.event[p, :n].copy(), log.unit[p, :n].copy(), log.sign[p, :n].copy())
            for p, n in enumerate(log.size)
        ]
        return out[0], spikes, work.tally

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Return everything that training changes, to be saved."""
        weights = {f"weight{n}": state.rows_of(self._net, n) for n in range(self.n_layers)}
        work = {name: getattr(self._work, name) for name in ("phi", "phi_back", "tally")}
        everything = weights | work | {"n_trained": np.array([self.n_trained])}
        return {name: np.array(array, order="C") for name, array in everything.items()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Go on from what ``snapshot`` returned; raises UserError where it does not fit."""
        check_snapshot(arrays, self.snapshot(), self._net, self.options.one)
        for layer in range(self.n_layers):
            state.set_weight(self._net, layer, arrays[f"weight{layer}"])
        for name in ("phi", "phi_back", "tally"):
            getattr(self._work, name)[...] = arrays[name]
        self.n_trained = int(arrays["n_trained"][0])

    def _sensor(self, x: object) -> Shape | None:
        """Return the sensor after ``x``; refuse recordings of another than was learned from."""
        if not isinstance(x, EventStream | EventBatch):
            return self.sensor
        if self.sensor is not None and x.shape != self.sensor:
            raise UserError(
                f"{x.source}: a sensor of {x.shape} (polarities, height, width), but the network "
                f"learned from one of {self.sensor}; give recordings of the same"
            )
        return x.shape

    def _run(
        self, source: Source, job: state.Job, work: state.Work, name: str
    ) -> NDArray[np.float64]:
        """Return the outputs of a job's samples; none where its log ran full.

        Raises
        ------
        DataError
            If the arrays of a recording were changed into what no recording is.
        DivergedError
            If the weights, or what they add up to, left the numbers.
        """
        kind = self.options.forward if job.learn else self.options.predict
        rule = state.make_rule(self.options, kind)
        out = np.empty((len(job.order), self.sizes[-1]))
        run = run_vectors if isinstance(source, state.Vectors) else run_events
        done, status = run(self._net, work, rule, source, job, out)
        if status < state.LOG_FULL and isinstance(source, state.Events):
            i = int(job.order[done])
            wrong = what_is_wrong(source, status, i, self.sizes[0])
            raise DataError(f"{name}: recording {i}: {wrong}; the batch was changed since")
        if status > 0:
            raise DivergedError(
                f"{name}: on sample {job.order[done]} layer {status} sent more than "
                f"{state.SPIKE_BUDGET} spikes in one step: the weights have grown out of bounds; "
                f"lower eta (it is {self.options.eta}) or the input"
            )
        lost = np.flatnonzero(~np.isfinite(out[:done]).all(1))
        if lost.size or (job.learn and not np.isfinite(work.phi).all()):
            k = int(lost[0]) if lost.size else done - 1
            raise DivergedError(
                f"{name}: at sample {job.order[k]} weights or potentials are no longer finite; "
                f"lower eta (it is {self.options.eta}) or the input"
            )
        return out[:done]

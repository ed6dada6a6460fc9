"""Minibatches for the gradient rules: forward, loss, reverse walk, optimizer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import plain
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.losses.loss import Graded, Loss, TargetLoss
from eventsnn.network import Network
from eventsnn.optimizers.applied import clip_by_norm, follow
from eventsnn.optimizers.optimizer import Param
from eventsnn.rules.gradient.chunk import Chunk, Walked, count_into
from eventsnn.rules.gradient.wake import wake
from eventsnn.rules.learner import Arrays, Learned, Rates
from eventsnn.threads import later
from eventsnn.train.augment import augment
from eventsnn.train.evaluation import evaluate_network
from eventsnn.train.options import TrainOptions
from eventsnn.train.saved_run import load_run
from eventsnn.train.start import start_weights, trained_weights
from eventsnn.train.teacher import Teachers


class GradientLearner(ABC):
    """A network that learns by gradients; each rule says how it finds them.

    Parameters
    ----------
    options : TrainOptions
        With layers filled in.
    threads : int
        Changes no bit.

    Attributes
    ----------
    learning : list of int
        Populations whose incoming weights learn; those of pooling do not.
    params : list of float arrays or Laid, in the order of the connections
        What learns, as ``kept``.
    averaged : list of the same or None
        Their average, if it is asked for.
    teacher_digest : uint8 array or None
        Of the teachers with which the run began.
    """

    def __init__(self, options: TrainOptions, threads: int = 1) -> None:
        self.options, self.threads, self.chunk = options, threads, options.gradient.batch
        self.network: Network = options.own.network(options.layers)
        self.output = len(self.network.populations) - 1
        self.loss: Loss = options.own.make_loss()
        self.optimizer = options.gradient.make_optimizer()
        self.params: list[Param] = []
        self.weights = [
            np.zeros(c.topology.weight_shape, np.float32) for c in self.network.connections
        ]
        self.averaged: list[Param] | None = None
        self.teachers: Teachers | None = None
        self.teacher_digest: NDArray[np.uint8] | None = None
        self.state = self.optimizer.init(self.params)
        fixed = [c.topology.default_weights() is not None for c in self.network.connections]
        ends = list(zip(self.network.targets, fixed, strict=True))
        self.learning = [target for target, still in ends if not still]
        # What a rate of 0 multiplies does not learn.
        by_target = [1.0] * self.output + [options.gradient.output_rate]
        self.scales = [0.0 if still else by_target[target] for target, still in ends]
        self.progress, self.total = 0.0, 1

    @abstractmethod
    def walk(self, chunk: Chunk) -> Walked:
        """Run a batch and walk it in reverse."""

    def read(self, events: EventBatch, order: NDArray[np.int64], rng: np.random.Generator) -> Chunk:
        """Read the recordings ``order``."""
        change = self.options.augmentation
        batch = (
            augment(events, order, change, rng, self.threads) if change else events.select(order)
        )
        came = np.zeros(self.sizes[self.network.input], np.int64)
        count_into(batch.unit, came)
        return Chunk(batch, came, {})

    @property
    def model(self) -> list[NDArray[Any]]:
        """Weights of the network that is evaluated and saved."""
        return self.weights if self.averaged is None else [plain(p) for p in self.averaged]

    @property
    def weights(self) -> list[NDArray[Any]]:
        """What learns, as arrays: to change it, set it."""
        return [plain(p) for p in self.params]

    @weights.setter
    def weights(self, weights: list[NDArray[Any]]) -> None:
        self.params = self.kept(weights)

    def kept(self, weights: list[NDArray[Any]]) -> list[Param]:
        """Return weights as the rule keeps them from one update to the next."""
        return list(weights)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a population, input first."""
        return tuple(p.size for p in self.network.populations)

    def meet(self, data: Data) -> None:
        """Read the teachers, and refuse others than those with which the run began."""
        paths = self.options.gradient.teacher
        if not paths:
            return
        self.teachers = Teachers(paths, _events(data), self.sizes[-1])
        began, digest = self.teacher_digest, self.teachers.digest
        if began is not None and not np.array_equal(began, digest):
            raise UserError(
                f"{' and '.join(paths)}: not what this run began to learn from (other weights, "
                "neurons, number or order); bring that back, or train anew"
            )
        self.teacher_digest = digest

    def compile(self, data: Data) -> None:
        """Learn two recordings with a copy, and predict them."""
        copy = type(self)(self.options, self.threads)
        copy.teachers = self.teachers
        few = _events(data).part(0, min(2, len(data)))
        copy.weights = [w + np.float32(0.05) for w in copy.weights]
        copy.learn(few, np.arange(len(few)), np.random.default_rng(0))
        copy.evaluate(few, 1)

    def start(self, data: Data) -> list[Rates]:
        """Take a trained network's weights, or draw some that let each population fire."""
        events, path = _events(data), self.options.gradient.start_from
        rates: list[Rates] = []
        if path:
            self.weights = trained_weights(self.network, events, load_run(path), path)
        else:
            self.weights, rates = start_weights(self.network, events, self.options)
        self.averaged = None
        self.state = self.optimizer.init(self.params)
        if self.options.gradient.scaled:
            sizes = [float(np.sqrt(np.mean(w.astype(np.float64) ** 2))) for w in self.weights]
            self.scales = [old * new for old, new in zip(self.scales, sizes, strict=True)]
        return rates

    def begin_epoch(self, epoch: int, steps: int, epochs: int) -> None:
        """Note how far the run is: the learning rate depends on it."""
        self.total = max(1, steps * epochs)
        self.progress = epoch * steps / self.total

    def learn(self, data: Data, chunk: NDArray[np.int64], rng: np.random.Generator) -> Learned:
        """Make one update by the mean loss of the recordings ``chunk``."""
        return next(self.learn_all(data, [chunk], rng))

    def learn_all(
        self, data: Data, chunks: Iterable[NDArray[np.int64]], rng: np.random.Generator
    ) -> Iterator[Learned]:
        """Make an update a chunk, and read the next one while the weights change."""
        events, left = _events(data), deque(chunks)
        ready: Callable[[], Chunk] | None = None
        if left:
            ready = partial(self.read, events, left.popleft(), rng)
        while ready is not None:
            chunk = ready()
            walked = self.walk(chunk)
            ready = None
            if left:
                ready = later(partial(self.read, events, left.popleft(), rng), self.threads)
            self._update(walked)
            right = int((answers(walked.scores) == chunk.batch.label).sum())
            yield Learned(right, float(walked.loss.sum()))

    def _update(self, walked: Walked) -> None:
        options, gradients = self.options.gradient, walked.gradients
        if options.wake:
            self._wake(walked.spoke, gradients)
        if options.clip:
            whole = [g.whole(self.threads) if isinstance(g, Blockwise) else g for g in gradients]
            gradients = [*clip_by_norm(whole, options.clip)[0]]
        rate = options.rate_at(self.progress)
        rates = [rate * scale for scale in self.scales]
        self.progress += 1 / self.total
        self.params, self.state = self.optimizer.update(
            gradients, self.state, self.params, rates, reuse=True, threads=self.threads
        )
        if options.average:
            self._average(options.average)

    def grade(self, outputs: NDArray[Any], batch: EventBatch) -> Graded:
        """Grade outputs against the labels and, if there are any, what teachers say."""
        graded, share = self.loss(outputs, batch.label), self.options.gradient.teacher_share
        if not self.options.gradient.teacher:
            return graded
        if self.teachers is None or not isinstance(self.loss, TargetLoss):
            raise RuntimeError("meet() comes before learn(), and teachers need cross-entropy")
        target = (1 - share) * self.loss.targets(batch.label, outputs.shape[1])
        target += share * self.teachers.probabilities(batch, self.threads)
        return self.loss.towards(np.asarray(outputs, np.float64), target)

    def _average(self, share: float) -> None:
        """Let the average follow the weights; a plain mean until that share of the run is done."""
        if self.averaged is None:
            self.averaged = [p.copy() for p in self.params]
        part = max(1 / self.state.step, -math.expm1(-1 / (share * self.total)))
        follow(self.averaged, self.params, part, self.threads)

    def _wake(
        self, spoke: list[NDArray[np.int64]], gradients: list[NDArray[Any] | Blockwise]
    ) -> None:
        """Pull up the weights of neurons that were silent in every recording."""
        ends = zip(self.network.sources, self.network.targets, strict=True)
        for c, (source, target) in enumerate(ends):
            if self.network.populations[target].spiking:
                topology, pull = self.network.connections[c].topology, self.options.gradient.wake
                wake(topology, gradients[c], spoke[source], spoke[target], pull)

    def evaluate(self, data: Data, threads: int) -> dict[str, Any]:
        """Predict every recording; see ``Learner``."""
        return evaluate_network(self.network, self.model, self.loss, _events(data), threads)

    def check(self, epoch: int) -> None:
        """Raise UserError if a weight is no longer finite."""
        for connection, weight in zip(self.network.connections, self.weights, strict=True):
            if not np.isfinite(weight).all():
                raise UserError(
                    f"epoch {epoch + 1}: weights of {connection.name} are no longer finite; lower "
                    f"rate (it is {self.options.gradient.rate}), or give clip"
                )

    def costs(self) -> dict[str, Any]:
        """Nothing is counted while learning."""
        return {}

    def snapshot(self) -> Arrays:
        """Return weights and the optimizer's state."""
        arrays = {f"weights.{k}": w.copy() for k, w in enumerate(self.model)}
        if self.averaged is not None:
            arrays |= {f"learning.{k}": w.copy() for k, w in enumerate(self.weights)}
        arrays["optimizer.step"] = np.array([self.state.step])
        arrays["scales"] = np.array(self.scales)
        if self.teacher_digest is not None:
            arrays["teacher"] = self.teacher_digest
        for s, slot in enumerate(self.state.slots):
            arrays |= {f"optimizer.{s}.{k}": plain(a).copy() for k, a in enumerate(slot)}
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Take a snapshot back."""
        fresh = self.optimizer.init(self.params)

        def taken(name: str) -> list[Param]:
            return self.kept([_like(arrays, f"{name}.{k}", p) for k, p in enumerate(self.params)])

        slots = tuple(taken(f"optimizer.{s}") for s in range(len(fresh.slots)))
        self.averaged = taken("weights") if "learning.0" in arrays else None
        self.params = taken("weights" if self.averaged is None else "learning")
        if "teacher" in arrays:
            self.teacher_digest = _like(arrays, "teacher", np.zeros(32, np.uint8))
        if "scales" in arrays:  # older runs knew none
            self.scales = _like(arrays, "scales", np.zeros(len(self.scales))).tolist()
        else:
            self.scales = [1.0] * len(self.scales)
        step = int(_like(arrays, "optimizer.step", np.zeros(1, np.int64))[0])
        if not 0 <= step < 1 << 53:
            raise UserError(f"optimizer.step is {step}")
        self.state = fresh._replace(step=step, slots=slots)


def _events(data: Data) -> EventBatch:
    if not isinstance(data, EventBatch):
        raise UserError(
            "gradient rules take events, these data are real vectors; film them (film:mnist:PATH), "
            "or give --rule herding"
        )
    return data


def _like(arrays: Arrays, name: str, old: Param) -> NDArray[Any]:
    new = arrays[name]
    if new.shape != old.shape or new.dtype != old.dtype:
        raise UserError(f"{name} is {new.dtype} {new.shape}, not {old.dtype} {old.shape}")
    return new.copy()

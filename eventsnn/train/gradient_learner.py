"""Minibatches for the spike adjoint: forward, loss, reverse walk, optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from eventsnn.data.source import Data
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.learn import layered
from eventsnn.learn.adjoint import adjoint
from eventsnn.network import Network
from eventsnn.simulate import simulate
from eventsnn.train.augment import augment
from eventsnn.train.learner import Arrays, Learned
from eventsnn.train.optimizers import clip_by_norm
from eventsnn.train.options import TrainOptions
from eventsnn.train.start import start_weights

EVALUATED = 250
"""Recordings that are evaluated in one go."""


class AdjointLearner:
    """A layered network that learns by the spike adjoint.

    Parameters
    ----------
    options : TrainOptions
        With layers filled in.
    threads : int
        Changes no bit.
    """

    def __init__(self, options: TrainOptions, threads: int = 1) -> None:
        self.options, self.threads, self.chunk = options, threads, options.gradient.batch
        self.network: Network = options.gradient.network(options.rule, options.layers)
        layered.check_layered(self.network)
        self.output = len(self.network.populations) - 1
        self.loss = options.gradient.make_loss()
        self.optimizer = options.gradient.make_optimizer()
        self.weights: list[NDArray[Any]] = [
            np.zeros(c.topology.weight_shape, np.float32) for c in self.network.connections
        ]
        self.state = self.optimizer.init(self.weights)
        self.progress, self.total = 0.0, 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a population, input first."""
        return tuple(p.size for p in self.network.populations)

    def compile(self, data: Data) -> None:
        """Learn two recordings with a copy, and predict them."""
        copy = AdjointLearner(self.options, self.threads)
        few = _events(data).select(np.arange(min(2, len(data))))
        copy.weights = [w + np.float32(0.05) for w in copy.weights]
        copy.learn(few, np.arange(len(few)), np.random.default_rng(0))
        copy.evaluate(few, 1)

    def start(self, data: Data) -> None:
        """Draw weights that let each population fire as the options ask."""
        self.weights = start_weights(self.network, _events(data), self.options)
        self.state = self.optimizer.init(self.weights)

    def begin_epoch(self, epoch: int, steps: int, epochs: int) -> None:
        """Note how far the run is: the learning rate depends on it."""
        self.total = max(1, steps * epochs)
        self.progress = epoch * steps / self.total

    def learn(self, data: Data, chunk: NDArray[np.int64], rng: np.random.Generator) -> Learned:
        """Make one update by the mean loss of the recordings ``chunk``."""
        options, events = self.options.gradient, _events(data)
        change = self.options.augmentation
        batch = augment(events, chunk, change, rng) if change else events.select(chunk)
        masks, weights = self._dropped(len(batch), rng)
        passed = layered.run(self.network, weights, batch, self.threads, masks)
        outputs = layered.outputs_of(passed, self.output, self.loss.reads)
        graded = self.loss(outputs, batch.label)
        errors = {self.output: (self.loss.reads, graded.gradient / len(batch))}
        cost = options.spike_cost / len(batch)
        found = adjoint(passed, weights, errors, spike_cost=cost, threads=self.threads)
        gradients = self._of_all(found.weights)
        if options.wake:
            self._wake(passed, gradients)
        if options.clip:
            gradients, _ = clip_by_norm(gradients, options.clip)
        rate = options.rate_at(self.progress)
        self.progress += 1 / self.total
        self.weights, self.state = self.optimizer.update(
            gradients, self.state, self.weights, rate, reuse=True, threads=self.threads
        )
        right = int((graded.scores.argmax(1) == batch.label).sum())
        return Learned(right, float(graded.loss.sum()))

    def _dropped(
        self, n: int, rng: np.random.Generator
    ) -> tuple[dict[int, NDArray[np.bool_]], list[NDArray[Any]]]:
        """Draw which hidden neurons speak in each recording; they speak the louder for it."""
        share = self.options.gradient.dropout
        if not share:
            return {}, self.weights
        masks = {
            p: rng.random((n, self.sizes[p]), np.float32) >= share
            for p in range(1, len(self.sizes) - 1)
        }
        louder = np.float32(1 / (1 - share))
        first = self.network.input
        pairs = zip(self.weights, self.network.sources, strict=True)
        return masks, [w if source == first else w * louder for w, source in pairs]

    def _of_all(self, gradients: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Turn gradients by the louder weights into gradients by the weights."""
        share = self.options.gradient.dropout
        for gradient, source in zip(gradients, self.network.sources, strict=True):
            if share and source != self.network.input:
                gradient *= np.float32(1 / (1 - share))
        return gradients

    def _wake(self, passed: layered.Passed, gradients: list[NDArray[Any]]) -> None:
        """Pull up the weights of neurons that were silent in every recording.

        The spike adjoint gives a silent neuron no gradient. Its weights gain in proportion
        to how often each of its inputs spoke.
        """
        for link in passed.links:
            if not self.network.populations[link.target].spiking:
                continue
            fired = np.zeros(self.sizes[link.target], np.int64)
            came = np.zeros(self.sizes[link.source], np.int64)
            for piece in passed.pieces:
                _count(piece.trains[link.target].unit, fired)
                _count(piece.deliveries[link.connection].row, came)
            quiet = np.flatnonzero(fired == 0)
            if len(quiet) and came.any():
                pull = self.options.gradient.wake * came / came.sum()
                _pull(gradients[link.connection], quiet, pull.astype(np.float32))

    def evaluate(self, data: Data, threads: int) -> dict[str, Any]:
        """Predict every recording; see ``Learner``."""
        return evaluate_network(self.network, self.weights, self.loss.reads, _events(data), threads)

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
        arrays = {f"weights.{k}": w.copy() for k, w in enumerate(self.weights)}
        arrays["optimizer.step"] = np.array([self.state.step])
        for s, slot in enumerate(self.state.slots):
            arrays |= {f"optimizer.{s}.{k}": a.copy() for k, a in enumerate(slot)}
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Take a snapshot back."""
        fresh = self.optimizer.init(self.weights)
        slots = tuple(
            [_like(arrays, f"optimizer.{s}.{k}", a) for k, a in enumerate(slot)]
            for s, slot in enumerate(fresh.slots)
        )
        self.weights = [_like(arrays, f"weights.{k}", w) for k, w in enumerate(self.weights)]
        self.state = fresh._replace(step=int(arrays["optimizer.step"][0]), slots=slots)


def evaluate_network(
    network: Network,
    weights: list[NDArray[Any]],
    reads: Any,
    events: EventBatch,
    threads: int = 1,
) -> dict[str, Any]:
    """Predict every recording with the simulator; see ``Learner.evaluate``."""
    output, right = len(network.populations) - 1, 0
    spikes = np.zeros(len(network.populations), np.int64)
    adds = np.zeros(len(network.connections), np.int64)
    for first in range(0, len(events), EVALUATED):
        batch = events.select(np.arange(first, min(first + EVALUATED, len(events))))
        record = simulate(network, weights, batch, record="counts", threads=threads)
        scores = layered.recorded_outputs(record, output, reads)
        right += int((scores.argmax(1) == batch.label).sum())
        spikes += record.counts.spikes.sum(0)
        adds += record.counts.synaptic_adds.sum(0)
    n = max(len(events), 1)
    return {
        "accuracy": right / n,
        "recordings": len(events),
        "spikes_per_recording": [float(s) / n for s in spikes],
        "operations_per_recording": [float(a) / n for a in adds],
    }


def _events(data: Data) -> EventBatch:
    if not isinstance(data, EventBatch):
        raise UserError(
            "gradient rules take events, these data are real vectors; film them (film:mnist:PATH), "
            "or give --rule herding"
        )
    return data


def _like(arrays: Arrays, name: str, old: NDArray[Any]) -> NDArray[Any]:
    new = arrays[name]
    if new.shape != old.shape or new.dtype != old.dtype:
        raise UserError(f"{name} is {new.dtype} {new.shape}, not {old.dtype} {old.shape}")
    return new.copy()


@njit(cache=True, error_model="numpy", nogil=True)
def _count(unit, out):  # type: ignore[no-untyped-def]
    for i in range(len(unit)):
        out[np.int64(unit[i])] += 1


@njit(cache=True, error_model="numpy", nogil=True)
def _pull(gradient, columns, by):  # type: ignore[no-untyped-def]
    for j in range(len(by)):
        for i in columns:
            gradient[j, i] -= by[j]

"""A network, the rule that it learns by, and its state: what a trainer drives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.rules import find_rule
from eventsnn.rules.evaluation import predict_until_clear
from eventsnn.rules.learned import (
    Arrays,
    Batch,
    Epoch,
    Learned,
    PredictedEarly,
    Rates,
    Teaching,
)
from eventsnn.rules.rule import Reading, Rule
from eventsnn.train.augment import augment
from eventsnn.train.described import network_by
from eventsnn.train.distort import distort
from eventsnn.train.options import TrainOptions
from eventsnn.train.predict import predicted, together
from eventsnn.train.shapes import check_network_room


class Learner:
    """A network that learns, by whatever rule.

    Parameters
    ----------
    options : TrainOptions
        With layers filled in.
    threads : int
        Changes no bit.

    Attributes
    ----------
    rule : Rule
    network : whatever the rule's ``network`` returns
    state : whatever its ``start`` returns
        None before ``start`` or ``restore``.
    teaching : Teaching or None
    """

    def __init__(self, options: TrainOptions, threads: int = 1) -> None:
        check_network_room(options)
        self.options, self.threads = options, threads
        self.rule = rule_of(options, threads)
        self.network: Any = network_by(self.rule, options)
        self.state: Any = None
        self.epoch = Epoch(0)
        self.teaching: Teaching | None = None
        self.ranks: Ranks = ONE

    def over(self, ranks: Ranks) -> None:
        """Let ranks share out batches and evaluations; UserError where the rule cannot."""
        self.rule, self.ranks = self.rule.over(ranks), ranks

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a population, input first."""
        return tuple(self.rule.populations(self.network).values())

    @property
    def reading(self) -> Reading | None:
        """The trained network, if the simulator runs it."""
        return self.rule.reading(self.state)

    @property
    def answers_first(self) -> bool:
        """Whether learning tells what was said before, of samples as they are."""
        return self.rule.answers_first and not self.options.augmentation

    def compile(self, data: Data) -> None:
        """Compile or load every kernel, changing nothing; the first rank keeps it for others."""
        alone = self.rule if self.ranks.size == 1 else rule_of(self.options, self.threads)
        with self.ranks.in_turn():
            alone.compile(self.network, data)

    def start(self, data: Data, weights: list[NDArray[Any]] | None = None) -> list[Rates]:
        """Begin, with the weights of a trained network or with initial ones; return the rates."""
        rng = np.random.default_rng([self.options.seed, 0])
        self.state, rates = self.rule.start(self.network, data, rng, weights)
        return rates

    def begin_epoch(self, number: int, steps: int, epochs: int) -> None:
        """Epoch ``number`` of ``epochs`` (from 0) begins; it has ``steps`` batches."""
        self.epoch = Epoch(number, steps, epochs)
        self.state = self.rule.begin_epoch(self.state, self.epoch)

    def learn(self, data: Data, order: NDArray[np.int64], rng: np.random.Generator) -> Learned:
        """Learn some samples."""
        return next(self.learn_all(data, [order], rng))

    def learn_all(
        self, data: Data, orders: Iterable[NDArray[np.int64]], rng: np.random.Generator
    ) -> Iterator[Learned]:
        """Learn batch after batch, each changed at random where the options say so."""
        batches = (partial(self._batch, data, order, rng) for order in orders)
        for state, learned in self.rule.learn_all(self.state, batches, rng):
            self.state = state
            yield learned

    def _batch(self, data: Data, order: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        change, among = self.options.augmentation, self.rule.among(labels_of(data)[order])
        own = slice(0, len(order)) if among is None else among.rows
        mine = order[own]
        if not change:
            return _unchanged(data, mine, self.teaching)._replace(among=among)
        if not isinstance(data, EventBatch):
            drawn = distort(data, order, change, rng)
            return Batch(drawn, np.arange(len(order))[own], among is None, among=among)
        changed = augment(data, order, change, rng, self.threads, own)
        return Batch(changed, np.arange(len(mine)), True, self.teaching, mine, among)

    def end_epoch(self) -> None:
        """An epoch has ended; raise UserError if anything is no longer finite."""
        self.state = self.rule.end_epoch(self.state, self.epoch)
        self.rule.check(self.state, self.epoch)

    def evaluate(self, data: Data, threads: int, stop: Stop | None = None) -> dict[str, Any]:
        """Predict every sample; see ``Rule``. With ``stop``, until its answer is clear."""
        if stop is None:
            found = predicted(self.ranks, self.rule, self.state, data, threads)
            return found.to_json(labels_of(data))
        return self.until_clear(data, stop, threads).to_json(labels_of(data))

    def until_clear(self, data: Data, stop: Stop, threads: int = 1) -> PredictedEarly:
        """Predict every sample, and look at each until its answer is clear.

        Raises
        ------
        UserError
            Of a network that only its rule runs.
        """
        reading = self.reading
        if reading is None:
            raise UserError(
                f"stop: a network of the rule {self.rule.kind} is run by its own rule, which "
                "does not stop early; leave it out"
            )
        self.rule.check_data(data)
        assert isinstance(data, EventBatch)
        own = data[self.ranks.part(len(data))]
        return together(self.ranks, predict_until_clear(reading, own, stop, threads))

    def costs(self) -> dict[str, Any]:
        """Return operations a recording while learning."""
        return self.rule.costs(self.state)

    def snapshot(self) -> Arrays:
        """Return copies of all that training changes."""
        return self.rule.arrays(self.state)

    def settle(self) -> None:
        """Learn no more: only predictions are asked for from now on."""
        self.state = self.rule.settled(self.state)

    def restore(self, arrays: Arrays) -> None:
        """Take a snapshot back; UserError or KeyError where it does not fit."""
        self.state = self.rule.restore(self.network, arrays)


def _unchanged(data: Data, order: NDArray[np.int64], teaching: Teaching | None) -> Batch:
    """Return samples as they are; of windows, which share times, a copy of those alone."""
    if not isinstance(data, EventBatch):
        return Batch(data, order, teaching=teaching)
    at_hand, places = data.at_hand(order)
    known = None if at_hand is data else order
    return Batch(at_hand, places, at_hand is not data, teaching, known)


def rule_of(options: TrainOptions, threads: int = 1) -> Rule[Any, Any]:
    """Return the rule of a run, with its options."""
    return find_rule(options.rule)(options.own, threads)

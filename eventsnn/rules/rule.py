"""The contract of a learning rule.

A rule is a description: its options, and how it learns. Whatever changes while it learns is in
its state, which is passed in and returned; the one that was passed in is used up, so that a rule
may learn in place. Rules whose network the simulator runs stand below ``NetworkRule``, those
that follow gradients below ``GradientRule``; they have less to answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.errors import DivergedError, UserError
from eventsnn.events import EventBatch
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.options import flat, made
from eventsnn.rules.learned import Arrays, Batch, Epoch, Learned, Predicted, Rates, Shape
from eventsnn.rules.learned import Reading as Reading
from eventsnn.rules.learned import ReverseWalk as ReverseWalk
from eventsnn.rules.on_streams import OnStreams
from eventsnn.rules.over_ranks import OverRanks
from eventsnn.rules.own import OwnNetwork
from eventsnn.rules.rule_options import RuleOptions, TellsOptions
from eventsnn.rules.traffic import RuleTraffic

Net = TypeVar("Net")
State = TypeVar("State")


class Rule(TellsOptions, OnStreams, OverRanks, ABC, Generic[Net, State]):
    """A learning rule.

    Parameters
    ----------
    options : Options, optional
    threads : int
    given
        Options by their names, instead of ``options``; the others are as declared, and in a
        ``Classifier`` of layers those of the recipe for the data.

    Attributes
    ----------
    kind : str
        The word that ``--rule`` takes.
    aliases : tuple of str
        Older words for it; they are taken for ever, in checkpoints too.
    Options : type
    takes : tuple of types
        What it learns from: EventBatch, Images, or both.
    learns, spiking : bool
        False of one that only keeps what learned elsewhere, whose network looks at frames.
    given : frozenset of str
        Names of the options that were given; all of them where they were given whole.
    """

    kind: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[RuleOptions]]
    takes: ClassVar[tuple[type[Any], ...]] = (EventBatch,)
    learns: ClassVar[bool] = True
    spiking: ClassVar[bool] = True

    def __init__(self, options: Any = None, threads: int = 1, **given: Any) -> None:
        self.options, self.threads = self._options(options, given), threads
        self.given = frozenset(flat(self.options) if options is not None else given)

    @classmethod
    def _options(cls, options: Any, given: dict[str, Any]) -> Any:
        """Return options that are given whole, or by their names."""
        if not given:
            return cls.Options() if options is None else options
        known = list(flat(cls.Options()))
        unknown = sorted(set(given) - set(known))
        if options is not None or unknown:
            wrong = (unknown or sorted(given))[0]
            raise UserError(f"rule {cls.kind}: no option {wrong}; there are {', '.join(known)}")
        return made(cls.Options, given)

    def __repr__(self) -> str:
        """Return the options that are not as declared."""
        usual, now = flat(self.Options()), flat(self.options)
        changed = ", ".join(f"{name}={now[name]!r}" for name in now if now[name] != usual[name])
        return f"<{type(self).__name__} {changed or 'with its default options'}>"

    @property
    def validate(self) -> float:
        """Share of the training samples that is kept apart to choose the best epoch."""
        return 0.0

    @property
    def patience(self) -> int:
        """Epochs without a better one after which a run ends; 0: never."""
        return 0

    @property
    def teachers(self) -> tuple[str, ...]:
        """Checkpoints of networks that teach; they come as ``Batch.teaching``."""
        return ()

    @property
    def begins_with(self) -> str:
        """Checkpoint whose weights ``start`` is given; "": it draws its own."""
        return ""

    @property
    def traits(self) -> dict[str, Any]:
        """What its network is, whatever it learned from: neurons and readout, by their options.

        A run that starts from such a network takes them over. Digests of teachers are made of
        them: names stay. {}: nothing starts from such a network.
        """
        return {}

    @abstractmethod
    def network(self, layers: Layers) -> Net:
        """Return the network of these layers: a description, before any memory is taken.

        A ``Network``, or the description of the rule's own. UserError where the rule
        has no such layers.
        """

    def adopt(self, network: Network) -> Net:
        """Return a network that a program described, as ``network`` returns that of layers.

        UserError where the rule cannot learn it; by default it can none.
        """
        raise UserError(
            f"rule {self.kind}: makes its network of layers, and takes no Network; give layers, "
            "such as '2312-200-10', or another rule"
        )

    @abstractmethod
    def populations(self, network: Net) -> dict[str, int]:
        """Return how many units each population has, by its name, input first."""

    @abstractmethod
    def shapes(self, network: Net) -> dict[str, Shape]:
        """Return the shape of each weight array, by its name in ``arrays``."""

    @abstractmethod
    def start(
        self,
        network: Net,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[State, list[Rates]]:
        """Return the state before the first sample, and the rates that its weights give.

        Weights are drawn with ``rng``, or those of a trained network (``begins_with``).
        Whatever is drawn once for a run, such as a reservoir, is part of the state.
        """

    def with_weights(self, network: Net, weights: list[NDArray[Any]]) -> State:
        """Return the state of weights that learned elsewhere, in the order of the connections.

        UserError where the network is the rule's own.
        """
        raise UserError(
            f"with_weights: the network of the rule {self.kind} is its own; give a rule that "
            "follows gradients, such as adjoint"
        )

    def begin_epoch(self, state: State, epoch: Epoch) -> State:
        """Return the state at the beginning of a pass: rates that fall, data of an epoch."""
        return state

    @abstractmethod
    def learn(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Learned]:
        """Learn ``batch`` samples, or fewer at the end of a pass.

        A rule may learn after every event of a sample, use labels on the way forward, and move
        thresholds or running statistics there: all that is state.
        """

    def learn_all(
        self,
        state: State,
        batches: Iterable[Callable[[], Batch]],
        rng: np.random.Generator,
    ) -> Iterator[tuple[State, Learned]]:
        """Learn batch after batch, as ``learn`` would; the next one may be read ahead."""
        for read in batches:
            state, learned = self.learn(state, read(), rng)
            yield state, learned

    def end_epoch(self, state: State, epoch: Epoch) -> State:
        """Return the state after a pass: what is averaged, folded or reset then."""
        return state

    def compile(self, network: Net, data: Data) -> None:
        """Compile or load every kernel, so that no epoch's time has compilation."""
        rng, order = np.random.default_rng(0), np.arange(1)
        state, _ = self.start(network, data, rng)
        state, _ = self.learn(self.begin_epoch(state, Epoch(0)), Batch(data, order), rng)
        self.predict(state, data, order)

    @abstractmethod
    def predict(
        self, state: State, data: Data, order: NDArray[np.int64], threads: int = 1
    ) -> Predicted:
        """Predict the samples ``order`` of ``data``; the state stays as it is."""

    def evaluate(self, state: State, data: Data, threads: int = 1) -> dict[str, Any]:
        """Predict every sample; return what ``Predicted.to_json`` does."""
        found = self.predict(state, data, np.arange(len(data)), threads)
        return found.to_json(labels_of(data))

    def check(self, state: State, epoch: Epoch) -> None:
        """Raise DivergedError if anything is no longer finite."""
        for name, array in self.arrays(state).items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise DivergedError(
                    f"epoch {epoch.number + 1}: {name} is no longer finite; lower the learning rate"
                )

    @abstractmethod
    def arrays(self, state: State) -> Arrays:
        """Return copies of all that learning changes, for a checkpoint."""

    @abstractmethod
    def restore(self, network: Net, arrays: Arrays) -> State:
        """Return the state that ``arrays`` were made of.

        Raises
        ------
        UserError or KeyError
            Where they do not fit.
        """

    def settled(self, state: State) -> State:
        """Return a state that predicts the same and learns no more, if that predicts sooner."""
        return state

    def costs(self, state: State) -> dict[str, Any]:
        """Return operations a recording while learning; nothing if they are not counted.

        ``operations_per_recording``, ``backward_operations_per_recording`` and
        ``weight_updates_per_recording``, lists of a number a connection.
        """
        return {}

    def reading(self, state: State) -> Reading | None:
        """Return the trained network if the simulator runs it: all is measured of it then."""
        return None

    @property
    def reverse_walk(self) -> ReverseWalk | None:
        """How it walks back, if that is the walk of ``engines.layered``."""
        return None

    def own(self, state: State) -> OwnNetwork | None:
        """Return what its own network is, where no engine runs it; None: it is not measured."""
        return None

    def traffic(self, state: State, data: Data, index: int, name: str) -> RuleTraffic:
        """Run one sample through its own network; return every spike that it caused.

        ``name`` is what the sample is called. UserError where the rule does not know them.
        """
        raise UserError(f"{name}: simulate cannot run a network of the rule {self.kind}")

    def check_events(self, events: int, where: str, remedy: str = "cut it") -> None:
        """Refuse more events than its network may be given from rest on; ``where`` they are."""
        return

    def check_data(self, data: Data) -> None:
        """Refuse data of a kind that the rule does not take."""
        if isinstance(data, self.takes):
            return
        if isinstance(data, EventBatch):
            raise UserError(f"{data.source}: events; rule {self.kind} takes real vectors")
        raise UserError(
            f"{data.source}: real vectors; rule {self.kind} takes events, film them "
            "(film:mnist:PATH), or give another rule"
        )

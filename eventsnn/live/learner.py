"""Learning along a stream: windows whose class is told, one update each, and some of them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.live.subject import Subject
from eventsnn.network import Network
from eventsnn.options import option, take
from eventsnn.rules.learned import Learned, Window
from eventsnn.rules.rule import Rule
from eventsnn.text import named
from eventsnn.train.reservoir import Reservoir


@dataclass(frozen=True)
class Learning:
    """How a session learns.

    Attributes
    ----------
    rate : float
        Of the optimizer; it stays.
    rule : Rule, optional
        Such as ``es.rules.Adjoint()``; that of a trained model, if it is left out.
    replay : int
        Windows that are kept to be learned again, each with the same chance; 0: none.
    replayed : int
        How many of them are learned after each new one, an update each.
    record_events : int
        Most events of a window: what is remembered is bounded.
    seed : int
        Of what is kept, and drawn.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> net = es.layers("1x2x1-2", hidden=es.LIF(20_000), output=es.Readout(20_000))
    >>> how = es.Learning(rate=0.1, rule=es.rules.Adjoint())
    >>> session = es.Session(net, [np.eye(2)], window_us=50_000).learns(how)
    >>> session.push(es.EventStream([10, 20], [1, 1], (1, 1, 2), duration=1_000)).label
    1
    >>> session.learn(0).right
    0
    """

    rate: float = option(0.0005, "Of the optimizer.", above=0, most=1e6)
    rule: Rule[Any, Any] | None = None
    replay: int = option(0, "Windows that are kept to be learned again.", least=0)
    replayed: int = option(1, "How many of them are learned after each new one.", least=1)
    record_events: int = option(1 << 20, "Most events of a window.", least=1, most=1 << 30)
    seed: int = option(0, "Of what is kept, and drawn.", least=0, most=(1 << 63) - 1)

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        take(self)
        if self.rule is not None and not isinstance(self.rule, Rule):
            raise UserError(f"learning: rule is {named(self.rule)}; give one of eventsnn.rules")


class StreamLearner:
    """A rule and its state, along a stream.

    Parameters
    ----------
    subject : Subject
        What runs.
    rule : Rule
    how : Learning

    Attributes
    ----------
    state : Any
        As the rule has it.
    learned : int
        Windows, those that were learned again not among them.
    right : int
        How many of them were answered rightly before.
    """

    def __init__(self, subject: Subject, rule: Rule[Any, Any], how: Learning) -> None:
        network = self.network = subject.network
        self.rule, self.how = rule.along_stream(network, how.rate), how
        shaped = list(network.shaped(subject.weights).values())
        self.state = self.rule.with_weights(network, shaped)
        self.replay = Reservoir[Window](how.replay, how.seed)
        self.learned = self.right = 0

    @property
    def weights(self) -> list[NDArray[Any]]:
        """The weights of the moment, flat, in the order of the connections."""
        reading = self.rule.reading(self.state)
        if reading is None:
            raise TypeError(f"{self.rule.kind}: its network is its own")
        return [np.ravel(array) for array in reading.weights]

    def write_weights(self, out: Sequence[NDArray[Any]]) -> None:
        """Write the weights of the moment into flat arrays."""
        self.rule.write_weights(self.state, out)

    def learn(self, window: Window) -> Learned:
        """Learn a window, and some of those before it again."""
        found = self._update(window)
        for again in self.replay.draw(self.how.replayed):
            self._update(again)
        self.replay.offer(window)
        self.learned += 1
        self.right += found.right
        return found

    def _update(self, window: Window) -> Learned:
        rng = np.random.default_rng([self.how.seed, 7, self.learned])
        self.state, found = self.rule.learn_window(self.state, window, rng)
        return found


def check_label(label: Any, network: Network) -> int:
    """Return a class, or refuse what is none."""
    classes = network.populations[-1].size
    whole = isinstance(label, int | np.integer) and not isinstance(label, bool)
    if not whole or not 0 <= label < classes:
        raise UserError(f"learn: label is {named(label)}; give a class from 0 to {classes - 1}")
    return int(label)


def learner_of(subject: Subject, how: Learning) -> StreamLearner:
    """Return who learns a session's windows; UserError without a rule, or one that cannot."""
    if not isinstance(how, Learning):
        raise UserError(f"session: learning is {named(how)}; give es.Learning()")
    rule = how.rule or subject.rule
    if rule is None:
        raise UserError("learning: of a network; give its rule, such as es.rules.Adjoint()")
    learner = StreamLearner(subject, rule, how)
    reading = learner.rule.reading(learner.state)
    if reading is None or reading.loss.reads != subject.reads:
        raise UserError(
            f"learning: the session reads {subject.reads}, the rule's loss "
            f"{reading.loss.reads if reading else 'nothing'}; give the same"
        )
    return learner

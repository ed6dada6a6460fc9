"""When a run stops looking: its answer is clear, and nothing more is delivered.

At each check the output is read as if the recording had ended there; an integral, where it would
settle if nothing more came. A policy stops at the first check at which it is satisfied:

- ``margin``: the leading class leads by at least the level (in scores);
- ``entropy``: the entropy of softmax(scores) is at most the level (nats);
- ``patience``: the same class has led for at least the level (microseconds);
- ``first_spike``: an output neuron has spiked (its level is 1).

Where no class leads none stops: that would be a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.options import option, take
from eventsnn.record import Reads
from eventsnn.text import shown

Scores = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From what is read of the output, float64 (n, classes), to the scores of the classes."""

_SHOW = 'give a policy and its level, such as "margin:2.0" or "margin:2.0,check_us=1000"'


class AtCheck(NamedTuple):
    """How the answers of recordings stand at a check.

    Attributes
    ----------
    scores : float64 array (n_recordings, classes)
    lead : float32 array (n_recordings,)
        The highest score less the next one; 0 where no class leads.
    steady_us : float64 array (n_recordings,)
        How long the leading class has led.
    spoke : bool array (n_recordings,)
        Whether an output neuron has spiked.
    """

    scores: NDArray[np.float64]
    lead: NDArray[np.float32]
    steady_us: NDArray[np.float64]
    spoke: NDArray[np.bool_]

    def entropy(self) -> NDArray[np.float32]:
        """Return the entropy of softmax(scores), nats, float32 (n_recordings,)."""
        shifted = self.scores - self.scores.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        found = -(np.exp(log_p) * log_p).sum(axis=1)
        return np.asarray(found.astype(np.float32))


POLICIES: dict[str, Callable[[AtCheck, float], NDArray[np.bool_]]] = {
    "margin": lambda seen, level: seen.lead.astype(np.float64) >= level,
    "entropy": lambda seen, level: seen.entropy().astype(np.float64) <= level,
    "patience": lambda seen, level: seen.steady_us >= level,
    "first_spike": lambda seen, level: seen.spoke,
}
"""What satisfies each policy."""


@dataclass(frozen=True)
class Stop:
    """When to stop looking at a recording.

    Attributes
    ----------
    policy : str
        "margin", "entropy", "patience" or "first_spike".
    level : float
        Finite; in scores, nats or microseconds.
    check_us : int
        Microseconds between two checks, at least 1.

    Examples
    --------
    >>> import eventsnn as es
    >>> es.Stop.of("margin:2.0")
    Stop(policy='margin', level=2.0, check_us=2000)
    >>> str(es.Stop("patience", 40_000, check_us=5_000))
    'patience:40000,check_us=5000'
    """

    policy: str = option("margin", "What makes an answer clear.", choices=tuple(POLICIES))
    level: float = option(1.0, "Of the policy.")
    check_us: int = option(2_000, "Between two checks.", unit="microseconds", least=1)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        take(self, "stop")
        object.__setattr__(self, "level", float(self.level))

    @classmethod
    def of(cls, given: Stop | str, what: str = "stop") -> Stop:
        """Return a stop from its text, or as it is; ``what`` it is called in messages.

        Raises
        ------
        UserError
            For a text that is none.
        """
        if isinstance(given, Stop):
            return given
        if not isinstance(given, str):
            raise UserError(f"{what} is {shown(given)}; {_SHOW}")
        first, comma, every = given.partition(",")
        policy, colon, level = first.partition(":")
        key, _, check_us = every.partition("=")
        if (not colon and policy != "first_spike") or (comma and key.strip() != "check_us"):
            raise UserError(f"{what} is {shown(given)}; {_SHOW}")
        try:
            number = float(level) if colon else 1.0
            step = int(check_us) if comma else cls.check_us
        except ValueError as error:
            raise UserError(f"{what} is {shown(given)}; {_SHOW}") from error
        return cls(policy.strip(), number, step)

    def __str__(self) -> str:
        """Return the text that ``of`` takes."""
        every = "" if self.check_us == Stop.check_us else f",check_us={self.check_us}"
        return f"{self.policy}:{self.level:.12g}{every}"


class Scoring(NamedTuple):
    """What is read of the output at a check, and the scores that it gives.

    Attributes
    ----------
    reads : str
    scores : callable
    """

    reads: Reads
    scores: Scores


@dataclass(frozen=True, eq=False, repr=False)
class Stopped:
    """What recordings said whose run ended when their answers were clear.

    Attributes
    ----------
    scores : float64 array (n_recordings, classes)
        At the stop; at the end of one that was never clear.
    early : bool array (n_recordings,)
        Whether it was stopped before its end.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-2", es.LIF(20_000), es.Readout())
    >>> events = es.EventStream([5, 9_000], [0, 1], (1, 1, 2), duration=20_000)
    >>> record = es.simulate(network, [np.eye(2)], events, until_us="margin:1.0")
    >>> record.stopped, record.duration
    (<Stopped: 1 of 1 recordings>, array([2000.]))
    """

    scores: NDArray[np.float64]
    early: NDArray[np.bool_]

    def __repr__(self) -> str:
        """Return one line of facts."""
        return f"<Stopped: {int(self.early.sum()):,} of {len(self.early):,} recordings>"

"""Gradient rules along a stream: windows whose class is known, walked back to where they begin.

A window is run again with the weights of the moment, from where the network stood when it began,
and walked in reverse until there: the walk is truncated, and what came before is constant. Of a
window that begins at rest that is the whole gradient, to the bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.errors import UserError
from eventsnn.losses.answers import answers
from eventsnn.losses.loss import Loss
from eventsnn.network import Network
from eventsnn.rules.gradient.chunk import Chunk, Walked
from eventsnn.rules.gradient.options import GradientOptions
from eventsnn.rules.gradient.state import GradientState
from eventsnn.rules.learned import Batch, Learned, Window
from eventsnn.rules.network_rule import check_output

_STEPS = 1 << 62
"""Updates of a stream, of which nobody knows the end."""


class AlongStream(ABC):
    """What rules that follow gradients do along a stream.

    Attributes
    ----------
    steady : dict
        Options that know the length of a run, or that need a batch, as they are along a stream.
    """

    kind: ClassVar[str]
    steady: ClassVar[dict[str, Any]] = {
        "batch": 1,
        "schedule": "constant",
        "warmup": 0.0,
        "average": 0.0,
        "silent_pull": 0.0,
        "teacher": (),
        "teacher_share": GradientOptions.teacher_share,
        "validate": 0.0,
        "patience": 0,
    }
    options: GradientOptions
    threads: int
    loss: Loss

    def along_stream(self, network: Network, rate: float) -> Self:
        """Return the same rule with a rate that stays; see ``Rule``."""
        check_output(self.kind, network, self.loss)
        self.check_network(network)
        self.check_stream(network)
        if self.options.loss == "first-spike":
            raise UserError(f"rule {self.kind}: a stream has no first spike; give another loss")
        options = replace(self.options, rate=rate, **self.steady)
        made: Callable[..., Self] = type(self)  # the constructor of a rule
        return made(options, self.threads)

    def check_stream(self, network: Network) -> None:
        """Refuse a network that remembers more than its potentials and currents."""
        for population in network.populations:
            if getattr(population.neuron, "refractory_us", 0):
                raise UserError(
                    f"rule {self.kind}: {population.name} has a refractory time, which a "
                    "window may cut; along streams there are networks without"
                )
        for connection in network.connections:
            if connection.greatest_delay:
                raise UserError(
                    f"rule {self.kind}: {connection.name} has a delay, and spikes may be on their "
                    "way when a window begins; along streams there are networks without"
                )

    def write_weights(self, state: GradientState, out: Sequence[NDArray[Any]]) -> None:
        """Write the weights of the moment into flat arrays, where they are; see ``Rule``."""
        for param, flat in zip(state.params, out, strict=True):
            if isinstance(param, Laid):
                param.into(flat.reshape(param.shape))
            else:
                flat[:] = param.reshape(-1)

    def learn_window(
        self, state: GradientState, window: Window, rng: np.random.Generator
    ) -> tuple[GradientState, Learned]:
        """Make one update by what a stream did in a window; see ``Rule``."""
        state = replace(state, total=_STEPS)
        chunk = self.read(state, Batch(window.events, np.arange(1), whole=True), rng)
        walked = self.walk(state, chunk._replace(since=window.since))
        said = answers(walked.scores)
        right = int((said == window.events.label).sum())
        return self._updated(state, walked), Learned(right, float(walked.loss.sum()), said)

    @abstractmethod
    def check_network(self, network: Network) -> None:
        """Refuse a network that the rule cannot learn."""

    @abstractmethod
    def read(self, state: GradientState, batch: Batch, rng: np.random.Generator) -> Chunk:
        """Read the recordings of a batch, and draw all that is drawn for them."""

    @abstractmethod
    def walk(self, state: GradientState, chunk: Chunk) -> Walked:
        """Run a batch, grade it, and walk it in reverse."""

    @abstractmethod
    def _updated(self, state: GradientState, walked: Walked) -> GradientState: ...

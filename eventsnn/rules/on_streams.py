"""What a rule may answer about streams: samples that come once, and windows of what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.rules.learned import Learned, Window


class OnStreams:
    """Of a rule that says nothing: it learns recordings one after the other, and no windows."""

    kind: ClassVar[str]

    @property
    def batch(self) -> int:
        """Samples that ``learn`` takes: 1 learns inside each, more make an update together."""
        return 1

    @property
    def online_batch(self) -> int:
        """The same along a stream, where each sample is answered before it is learned."""
        return self.batch

    @property
    def answers_first(self) -> bool:
        """Whether ``learn`` tells what it said of each sample before: ``Learned.before``."""
        return False

    def along_stream(self, network: Any, rate: float) -> Self:
        """Return the same rule with a rate that stays, for ``learn_window`` of streams.

        UserError where it, or this network, cannot learn along a stream.
        """
        raise UserError(
            f"rule {self.kind}: learns from whole recordings; give a rule that follows gradients, "
            "such as adjoint"
        )

    def write_weights(self, state: Any, out: Sequence[NDArray[Any]]) -> None:
        """Write the weights of the moment into flat arrays, in the order of the connections."""
        raise TypeError(f"{self.kind}: not along a stream")

    def learn_window(
        self, state: Any, window: Window, rng: np.random.Generator
    ) -> tuple[Any, Learned]:
        """Learn what a stream did last; of a rule that ``along_stream`` returned.

        The state that was passed in is used up, as in ``learn``.
        """
        raise TypeError(f"{self.kind}: not along a stream")

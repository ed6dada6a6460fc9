"""Conv1d: a convolution over one side; here it is a list of synapses."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.exchange.nir.nodes.convolution import Convolution
from eventsnn.exchange.nir.nodes.map import Ends
from eventsnn.exchange.nir.nodes.node import Shape


class Conv1d(Convolution):
    """(channel, place)."""

    kind: ClassVar[str] = "Conv1d"
    n_sides: ClassVar[int] = 1

    def synapses(self, given: Shape, ends: Ends) -> None:
        """Return none: topologies in space have two sides."""
        return None

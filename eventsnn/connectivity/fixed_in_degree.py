"""Fixed in-degree: every receiver has the same number of senders, drawn at random."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np

from eventsnn.connectivity.connectivity import Connectivity, rows_of
from eventsnn.connectivity.partners import partners
from eventsnn.options import option
from eventsnn.topology.topology import MAX_UNITS, Topology


@dataclass(frozen=True)
class FixedInDegree(Connectivity):
    """Every receiver hears so many senders.

    Attributes
    ----------
    degree : int
        Synapses into each receiver.
    seed : int
        Give each connection its own.
    autapses : bool
        Whether a neuron of a population that is connected to itself may reach itself.
    multapses : bool
        Whether a pair may have several synapses.

    Examples
    --------
    >>> from eventsnn import FixedInDegree
    >>> topology = FixedInDegree(100, seed=1).topology(1000, 500)
    >>> len(topology.target)
    50000
    """

    kind: ClassVar[str] = "fixed_in_degree"
    degree: int = option(MISSING, "Synapses a receiver.", least=1, most=MAX_UNITS)
    seed: int = option(MISSING, "Of the draw.", least=0)
    autapses: bool = option(True, "Whether a neuron may reach itself.")
    multapses: bool = option(True, "Whether a pair may have several synapses.")

    def topology(self, senders: int, receivers: int, same: bool = False) -> Topology:
        """Draw senders for each receiver."""
        self.check_synapses(receivers * self.degree)
        rng, barred = np.random.default_rng(self.seed), same and not self.autapses
        sizes = receivers, self.degree, senders
        chosen = partners(rng, sizes, barred, self.multapses, f"connectivity {self.kind}")
        return rows_of(chosen, sizes[2], by_receiver=True)

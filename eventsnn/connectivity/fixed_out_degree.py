"""Fixed out-degree: every sender has the same number of receivers, drawn at random."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np

from eventsnn.connectivity.connectivity import Connectivity, rows_of
from eventsnn.connectivity.partners import partners
from eventsnn.options import option
from eventsnn.topology.topology import MAX_UNITS, Topology


@dataclass(frozen=True)
class FixedOutDegree(Connectivity):
    """Every sender reaches so many receivers.

    Attributes
    ----------
    degree : int
        Synapses out of each sender.
    seed : int
        Give each connection its own.
    autapses : bool
        Whether a neuron of a population that is connected to itself may reach itself.
    multapses : bool
        Whether a pair may have several synapses.

    Examples
    --------
    >>> from eventsnn import FixedOutDegree
    >>> topology = FixedOutDegree(100, seed=1).topology(1000, 500)
    >>> len(topology.target)
    100000
    """

    kind: ClassVar[str] = "fixed_out_degree"
    degree: int = option(MISSING, "Synapses a sender.", least=1, most=MAX_UNITS)
    seed: int = option(MISSING, "Of the draw.", least=0)
    autapses: bool = option(True, "Whether a neuron may reach itself.")
    multapses: bool = option(True, "Whether a pair may have several synapses.")

    def topology(self, senders: int, receivers: int, same: bool = False) -> Topology:
        """Draw receivers for each sender."""
        self.check_synapses(senders * self.degree)
        rng, barred = np.random.default_rng(self.seed), same and not self.autapses
        sizes = senders, self.degree, receivers
        chosen = partners(rng, sizes, barred, self.multapses, f"connectivity {self.kind}")
        return rows_of(chosen, sizes[2], by_receiver=False)

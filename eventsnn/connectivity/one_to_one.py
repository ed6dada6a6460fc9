"""One to one: sender i reaches receiver i."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsnn.connectivity.connectivity import Connectivity
from eventsnn.errors import UserError
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology


@dataclass(frozen=True)
class OneToOne(Connectivity):
    """One to one, between populations of as many neurons.

    Examples
    --------
    >>> from eventsnn import OneToOne
    >>> OneToOne().topology(3, 3).target
    array([0, 1, 2], dtype=int32)
    """

    kind: ClassVar[str] = "one_to_one"

    def topology(self, senders: int, receivers: int, same: bool = False) -> Topology:
        """Return a synapse a neuron."""
        if senders != receivers:
            raise UserError(
                f"connectivity one_to_one: {senders} senders for {receivers} receivers; give "
                "populations of one size"
            )
        self.check_synapses(senders)
        each = np.arange(senders + 1, dtype=np.int64)
        return Sparse(receivers, each, each[:-1].astype(np.int32))

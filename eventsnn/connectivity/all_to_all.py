"""All to all: every sender reaches every receiver once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eventsnn.connectivity.connectivity import Connectivity
from eventsnn.errors import UserError
from eventsnn.options import option
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology


@dataclass(frozen=True)
class AllToAll(Connectivity):
    """All to all.

    Attributes
    ----------
    autapses : bool
        Whether a neuron of a population that is connected to itself reaches itself.

    Examples
    --------
    >>> from eventsnn import AllToAll
    >>> AllToAll().topology(3, 2)
    Dense(senders=3, receivers=2)
    >>> len(AllToAll(autapses=False).topology(10, 10, same=True).target)
    90
    """

    kind: ClassVar[str] = "all_to_all"
    autapses: bool = option(True, "Whether a neuron reaches itself.")

    def topology(self, senders: int, receivers: int, same: bool = False) -> Topology:
        """Return ``Dense``, or a ``Sparse`` without its diagonal."""
        if self.autapses or not same:
            return Dense(senders, receivers)
        if receivers < 2:
            raise UserError(
                "connectivity all_to_all: one neuron without autapses has no partner; leave the "
                "connection out"
            )
        self.check_synapses(senders * (receivers - 1))
        others = np.arange(senders * (receivers - 1), dtype=np.int64).reshape(senders, -1)
        target = others % (receivers - 1)
        target += target >= np.arange(senders)[:, None]
        start = np.arange(senders + 1, dtype=np.int64) * (receivers - 1)
        return Sparse(receivers, start, target.reshape(-1).astype(np.int32))

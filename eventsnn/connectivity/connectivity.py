"""What every connection rule gives: the topology that it draws between two populations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.memory import check_room
from eventsnn.options import take
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import MAX_UNITS, Topology

_BYTES_A_SYNAPSE = 48
"""While it is drawn: numbers of both ends, sorted by the other end, checked and kept."""


@dataclass(frozen=True)
class Connectivity(ABC):
    """A connection rule. Subclasses are frozen dataclasses, named in files by ``kind``.

    An *autapse* is a synapse from a neuron to itself: where a population is connected to itself
    and ``autapses`` is False there is none. A *multapse* is one of several synapses of one pair.
    """

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        UserError
            For a number out of bounds: it names the rule, the parameter and the value.
        """
        take(self, f"connectivity {self.kind}")

    @abstractmethod
    def topology(self, senders: int, receivers: int, same: bool = False) -> Topology:
        """Draw the synapses.

        Parameters
        ----------
        senders, receivers : int
            Neurons of both populations.
        same : bool
            Whether they are one population.

        Returns
        -------
        Topology
            The same for the same numbers and seed. The targets of a sender are in order.

        Raises
        ------
        UserError
            If there are too few neurons for the rule, or more synapses than fit into memory.
        """

    def check_synapses(self, count: int) -> None:
        """Refuse more synapses than fit into memory, or than can be counted."""
        where = f"connectivity {self.kind}: {count} synapses"
        check_room(count * _BYTES_A_SYNAPSE, f"{where}: it")
        if count > MAX_UNITS:
            raise UserError(f"{where}; give a rule of at most {MAX_UNITS}")


def rows_of(chosen: NDArray[np.int32], senders: int, by_receiver: bool) -> Sparse:
    """Return the topology of chosen partners, a row for each neuron of the other side.

    Parameters
    ----------
    chosen : int32 array (n, degree)
        Senders of each receiver where ``by_receiver``, else receivers of each sender.
    senders : int
        How many neurons the partners are chosen from: senders, or receivers.
    by_receiver : bool
    """
    from scipy.sparse import csr_matrix

    n, degree = chosen.shape
    ones = np.ones(chosen.size, np.bool_)
    start = np.arange(n + 1, dtype=np.int64) * degree
    # Transposing counts instead of sorting, and what it returns is in order.
    across = csr_matrix((ones, chosen.reshape(-1), start), shape=(n, senders)).tocsc()
    if by_receiver:
        return Sparse(n, across.indptr, across.indices)
    back = across.tocsr()
    return Sparse(senders, back.indptr, back.indices)

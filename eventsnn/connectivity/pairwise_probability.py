"""Pairwise probability: each pair has a synapse, or none, independently of the others."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.connectivity.connectivity import Connectivity
from eventsnn.options import option
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

_PAIRS = 1 << 40
_GAPS = 1 << 20
"""Pairs of a block and gaps drawn at a time: their sums stay below 2**63."""


@dataclass(frozen=True)
class PairwiseProbability(Connectivity):
    """Each pair has a synapse with this probability: never more than one.

    Attributes
    ----------
    probability : float
        From 0 to 1.
    seed : int
        Give each connection its own.
    autapses : bool
        Whether a neuron of a population that is connected to itself may reach itself.

    Examples
    --------
    >>> from eventsnn import PairwiseProbability
    >>> topology = PairwiseProbability(0.1, seed=1).topology(1000, 1000)
    >>> 99_000 < len(topology.target) < 101_000
    True
    """

    kind: ClassVar[str] = "pairwise_probability"
    probability: float = option(MISSING, "Of a synapse.", least=0, most=1)
    seed: int = option(MISSING, "Of the draw.", least=0)
    autapses: bool = option(True, "Whether a neuron may reach itself.")

    def topology(self, senders: int, receivers: int, same: bool = False) -> Topology:
        """Draw the gaps between pairs that have a synapse, which costs nothing for the others."""
        p = self.probability
        pairs = senders * receivers
        self.check_synapses(math.ceil(p * pairs + 10 * math.sqrt(p * pairs)))
        rng = np.random.default_rng(self.seed)
        rows = max(1, _PAIRS // receivers)
        counts, targets = np.zeros(senders, np.int64), []
        for first in range(0, senders, rows):
            n = min(rows, senders - first)
            row, target = np.divmod(_chosen(rng, n * receivers, p), receivers)
            if same and not self.autapses:
                apart = target != row + first
                row, target = row[apart], target[apart]
            counts[first : first + n] = np.bincount(row, minlength=n)
            targets.append(target.astype(np.int32))
        start = np.concatenate([[0], np.cumsum(counts)])
        return Sparse(receivers, start, np.concatenate(targets))


def _chosen(rng: np.random.Generator, pairs: int, p: float) -> NDArray[np.int64]:
    """Return the numbers of the pairs that have a synapse, in order."""
    if p == 0.0:
        return np.zeros(0, np.int64)
    found, last = [], -1
    while last < pairs:
        left = (pairs - last) * p
        gaps = rng.geometric(p, min(_GAPS, math.ceil(left + 4 * math.sqrt(left)) + 1))
        # Of a tiny probability they may be longer than all pairs: the sum stays in range.
        places = last + np.cumsum(np.minimum(gaps, pairs + 1))
        found.append(places[places < pairs])
        last = int(places[-1])
    return np.concatenate(found)

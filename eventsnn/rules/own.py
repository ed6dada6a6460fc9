"""A network that no engine runs, as its rule describes it to ``measure``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A chain of layers that its rule runs itself.

    Attributes
    ----------
    populations : dict of str to int
        Units of each, by its name, input first.
    model : str
        What its neurons are called.
    weights : list of arrays, a layer each
        Of a dense layer (n_in, n_out).
    itemsize : int
        Bytes of a weight in memory.
    untimed : str
        Why there is no answer at every moment.
    topologies : tuple of str
        What leads to each layer; none: all are dense.
    synapses : tuple of int
        How many each layer has; none: as a dense one.
    dense_sweep : mapping of str to float
        Additions a recording of the same arithmetic swept over all neurons and steps.
    multiplies : tuple of bool
        Whether an operation of each layer is a multiply-accumulate; none: all are additions.
    until_us : float
        Microseconds of a recording that it looks at; 0: all of it.
    """

    populations: dict[str, int]
    model: str
    weights: list[NDArray[Any]]
    itemsize: int
    untimed: str
    topologies: tuple[str, ...] = ()
    synapses: tuple[int, ...] = ()
    dense_sweep: Mapping[str, float] = field(default_factory=dict)
    multiplies: tuple[bool, ...] = ()
    until_us: float = 0.0

    @property
    def all_synapses(self) -> int:
        """Synapses of all layers."""
        return sum(self.synapses or (a * b for a, b in pairwise(self.populations.values())))

    @property
    def parameters(self) -> int:
        """Weights; those that many synapses share are one."""
        return sum(w.size for w in self.weights)

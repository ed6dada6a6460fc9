"""The neurons of one population where a run stands, by the names that their model gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Population
from eventsnn.neurons.neuron import Cell
from eventsnn.text import named


class UnknownName(UserError, AttributeError):
    """A name that a model does not have."""


@dataclass(frozen=True, eq=False, repr=False)
class PopulationState(Mapping[str, NDArray[Any]]):
    """Variables and times of the neurons of one population, by name: ``state["h"].v``.

    Variables are as they are at ``t`` if nothing arrives there: potentials have decayed until
    then. Times are as the model keeps them, in microseconds: ``clock``, when a neuron was last
    touched; ``ready``, until when it is refractory; ``next``, when it will fire.

    Attributes
    ----------
    population : Population
    t : float
        Microseconds.
    """

    population: Population
    t: float
    _x: NDArray[Any]
    _times: NDArray[np.float64]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a variable or a time of all neurons, of the population's shape, read-only."""
        neuron = self.population.neuron
        if neuron is not None and name in neuron.times:
            row = self._times[neuron.times.index(name)]
        elif neuron is not None and name in neuron.variables:
            place = neuron.variables.index(name)
            cells = list(map(Cell, self._x.T.tolist(), self._times.T.tolist()))
            row = np.array([neuron.of(j).now(one, self.t)[place] for j, one in enumerate(cells)])
        else:
            raise UnknownName(
                f"state of {named(self.population.name)}: no {named(name)}; there are "
                f"{', '.join(self) or 'none, it is the input'}"
            )
        found = np.array(row).reshape(self.population.shape)
        found.flags.writeable = False  # a copy: what is written there would change no state
        return found

    def cell(self, unit: int) -> Cell:
        """Return the running variables of a neuron as its model keeps them."""
        return Cell(self._x[:, unit].tolist(), self._times[:, unit].tolist())

    def __getattr__(self, name: str) -> NDArray[Any]:
        """Return a variable or a time of all neurons."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        neuron = self.population.neuron
        return iter(() if neuron is None else (*neuron.variables, *neuron.times))

    def __len__(self) -> int:
        """Return how many names there are."""
        return sum(1 for _ in self)

    def __dir__(self) -> list[str]:
        """Return the names."""
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        """Return one line of facts."""
        name, size = named(self.population.name), self.population.size
        return f"<PopulationState of {name}, {size:,} neurons at {self.t:,g} us: {', '.join(self)}>"

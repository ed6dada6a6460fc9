"""Populations: neurons of one model, or inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

from eventsnn.errors import UserError
from eventsnn.generators import CurrentGenerator, Generator
from eventsnn.network.checked import check_name
from eventsnn.neurons.neuron import Neuron
from eventsnn.registry import check_exact
from eventsnn.text import named
from eventsnn.topology.topology import MAX_UNITS, whole


@dataclass(frozen=True)
class Population:
    """Neurons of one model.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Any number of sides; units are counted in C order. Populations in space are
        (height, width, channels), so that a position's channels are neighbours.
    neuron : Neuron or None
        None for an input population: its spikes are the events of a recording.
    generator : Generator or None
        Sends the spikes of an input population in place of a recording, or leads a current into
        the neurons.

    Examples
    --------
    >>> from eventsnn import LIF, Population
    >>> Population("conv", (15, 15, 12), LIF(20_000)).size
    2700
    """

    name: str
    shape: tuple[int, ...]
    neuron: Neuron | None = None
    generator: Generator | None = None

    def __post_init__(self) -> None:
        """Check the name, the shape and the model."""
        check_name(self.name, "population: the name")
        if not self.name:
            raise UserError("population: the name is empty; give one")
        where = f"population {named(self.name)}"
        given: Any = self.shape
        sides = [whole(s) for s in (given if isinstance(given, list | tuple) else (given,))]
        if not sides or any(side is None or side < 1 for side in sides):
            raise UserError(f"{where}: shape is {named(given)}; give whole numbers of at least 1")
        shape = cast(tuple[int, ...], tuple(sides))
        if math.prod(shape) > MAX_UNITS:
            raise UserError(
                f"{where}: shape {named(shape)} has more than {MAX_UNITS} units; make it smaller"
            )
        if self.neuron is not None:
            check_exact(self.neuron, Neuron, where, "LIF(20_000), or None for the input")
            width = self.neuron.width
            if width is not None and width != math.prod(shape):
                raise UserError(
                    f"{where}: {self.neuron.kind} has parameters for {width} neurons, it has "
                    f"{math.prod(shape)}; give one value, or one a neuron"
                )
        if self.generator is not None:
            check_exact(self.generator, Generator, where, "Poisson(10, seed=1), or None")
            self.generator.check_drives(self.neuron, where)
        object.__setattr__(self, "shape", shape)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)

    @property
    def predicts(self) -> bool:
        """True if neurons may fire between events: by their model, or by a current led into it."""
        driven = isinstance(self.generator, CurrentGenerator)
        return self.neuron is not None and (self.neuron.predicts or driven)

    @property
    def spiking(self) -> bool:
        """True if this population sends spikes (a readout does not)."""
        return self.neuron is None or self.neuron.spiking

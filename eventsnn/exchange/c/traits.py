"""What a C program must know of neurons, whatever their model: of float ones, their membrane."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from eventsnn.neurons.neuron import Neuron


class Traits(NamedTuple):
    """How neurons forget and fire.

    Attributes
    ----------
    tau_us : float
        Infinity for no leak.
    thresholds : tuple of float or int
        One, or some that neurons take in turns: neuron j has number j % len.
    to_zero : bool
        Whether a spike sets the potential to 0.
    refractory_us : int
    """

    tau_us: float
    thresholds: tuple[float, ...]
    to_zero: bool
    refractory_us: int

    @property
    def leaks(self) -> bool:
        """Whether potentials decay."""
        return math.isfinite(self.tau_us)


NONE = Traits(math.inf, (0,), False, 0)
"""Of what never decays nor fires."""


def traits_of(neuron: Neuron) -> Traits | None:
    """Return the traits of a model; None of one that gives no membrane and is no whole one."""
    if neuron.whole:
        return _of_whole(neuron)
    rule = neuron.membrane
    if rule is None:
        return None
    threshold = rule.threshold if math.isfinite(rule.threshold) else 0.0
    return Traits(rule.tau_us, (threshold,), rule.reset == "zero", int(rule.refractory_us))


def _of_whole(neuron: Any) -> Traits:
    if not neuron.spiking:
        return NONE._replace(tau_us=neuron.tau_us)
    given = neuron.threshold
    thresholds = given if isinstance(given, tuple) else (given,)
    return Traits(neuron.tau_us, thresholds, neuron.reset == "zero", int(neuron.refractory_us))

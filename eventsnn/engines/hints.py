"""What a run is warned of: numbers that look like seconds or milliseconds."""

from __future__ import annotations

import warnings
from dataclasses import fields, is_dataclass

import numpy as np

from eventsnn.engines.inputs import Inputs
from eventsnn.network import Network
from eventsnn.text import named

_SHORT = 100.0
"""Microseconds below which no membrane forgets, but those of some analog chips."""
_NEVER = 1e-9
"""And this one: of neurons that forget at once, by choice."""
_LONG = 100_000.0
"""Microseconds of a run in which such a membrane has nothing to do."""
_LEVEL = 5
"""Frames from here to who called ``simulate``."""


def warn_of_units(network: Network, inputs: Inputs, ends_given: bool) -> None:
    """Warn where a run ends before its first event, or outlasts a time constant a thousandfold.

    Parameters
    ----------
    ends_given : bool
        Whether ``until_us`` was given.
    """
    if ends_given:
        _warn_of_ends(inputs)
    if not (np.isfinite(inputs.until) & (inputs.until > _LONG)).any():
        return
    for population in network.populations:
        for name, tau in _time_constants(population.neuron):
            if _NEVER < tau < _SHORT:
                warnings.warn(
                    f"simulate: {name} of {named(population.name)} is {tau:g} microseconds, and a "
                    f"run lasts {inputs.until.max() / 1000:,.4g} ms; are these milliseconds, or "
                    "seconds? Time constants are microseconds: 20 ms are 20_000",
                    stacklevel=_LEVEL,
                )
                return


def _warn_of_ends(inputs: Inputs) -> None:
    firsts = []
    for one in inputs.given.values():
        full = np.flatnonzero(one.start[1:] > one.start[:-1])
        firsts += [(float(one.t[one.start[r]]), float(inputs.until[r])) for r in full[:1]]
    if firsts and all(first >= end for first, end in firsts):
        first, end = firsts[0]
        warnings.warn(
            f"simulate: until_us is {end:g}, and the first event is at {first:,g} us, so nothing "
            "happens. until_us is in microseconds: 0.3 s are 300_000",
            stacklevel=_LEVEL,
        )


def _time_constants(neuron: object) -> list[tuple[str, float]]:
    if not is_dataclass(neuron) or isinstance(neuron, type):
        return []
    names = [one.name for one in fields(neuron) if one.name.startswith("tau")]
    values = [(name, getattr(neuron, name)) for name in names if name.endswith("_us")]
    return [(name, float(np.min(value))) for name, value in values if value is not None]

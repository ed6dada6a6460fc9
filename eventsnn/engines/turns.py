"""When the currents of current generators change, and what they are before."""

from __future__ import annotations

from typing import NamedTuple

from eventsnn.generators import CurrentGenerator
from eventsnn.generators.generator import amplitude_before
from eventsnn.network import Network


class Turn(NamedTuple):
    """From ``t`` (microseconds) on population ``population`` has the current ``amplitude``."""

    t: float
    population: int
    amplitude: float


def turns_of(network: Network, begin: float) -> list[Turn]:
    """Return the changes at ``begin`` (microseconds) and later, in the order of an instant."""
    rank = {p: k for k, p in enumerate(network.order)}
    found = [
        Turn(float(t), p, float(amplitude))
        for p, generator in _currents(network)
        for t, amplitude in zip(*generator.changes(), strict=True)
        if t >= begin
    ]
    return sorted(found, key=lambda turn: (turn.t, rank[turn.population]))


def amplitudes_of(network: Network, begin: float) -> dict[int, float]:
    """Return the current of each driven population just before ``begin`` (microseconds)."""
    return {p: amplitude_before(generator, begin) for p, generator in _currents(network)}


def _currents(network: Network) -> list[tuple[int, CurrentGenerator]]:
    return [
        (p, population.generator)
        for p, population in enumerate(network.populations)
        if isinstance(population.generator, CurrentGenerator)
    ]

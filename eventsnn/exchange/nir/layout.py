"""Where NIR has the units of each population: in space (channels, rows, columns), or in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eventsnn.errors import UserError
from eventsnn.exchange.nir.connect import Order, place_of
from eventsnn.exchange.nir.nodes.node import Shape
from eventsnn.network import Connection, Network
from eventsnn.text import named


@dataclass(frozen=True)
class UnitsLaid:
    """Units of a population, as NIR has them.

    Attributes
    ----------
    shape : tuple of int
    order : int64 array or None
        The number that NIR gives each of our units; None where it is the same.
    """

    shape: Shape
    order: Order


def laid_out(network: Network) -> dict[str, UnitsLaid]:
    """Return where the units of each population are, by its name.

    Raises
    ------
    UserError
        For a population that is given a row of values and passes on a picture: no node of NIR makes
        rows and columns out of a row.
    """
    return {p.name: _laid(network, p.name) for p in network.populations}


def in_space(connection: Connection) -> bool:
    """Tell whether a connection sees rows and columns."""
    return hasattr(connection.topology, "out_shape")


def _laid(network: Network, name: str) -> UnitsLaid:
    population = network[name]
    into = [c for c in network.connections if c.target == name]
    out = [c for c in network.connections if c.source == name and in_space(c)]
    for connection in out:
        topology: Any = connection.topology
        if topology.planar != (population.neuron is None):
            raise UserError(
                f"nir: connection {named(connection.name)} has planar={topology.planar}; inputs "
                "are (channel, row, column) in NIR, neurons here (row, column, channel)"
            )
    if population.neuron is None:
        shape = population.shape
        if out:
            rows, columns, channels = _seen(out[0])
            shape = channels, rows, columns
        return UnitsLaid(shape, None)
    sizes = {_made(c) for c in into if in_space(c)} or {_seen(c) for c in out[:1]}
    if not sizes and len(population.shape) == 3:
        sizes = {population.shape}
    if not sizes:
        return UnitsLaid(population.shape, None)
    rows, columns, channels = size = min(sizes)
    if len(sizes) > 1 or any(_seen(c) != size for c in out):
        raise UserError(f"nir: population {named(name)}: its connections see other sides of it")
    spatial = place_of((channels, rows, columns), False)
    row = any(not in_space(c) for c in into) or (rows, columns) == (1, 1)
    if row and out:
        raise UserError(
            f"nir: population {named(name)} is given a row of values and passes on rows and "
            "columns, which no node of NIR makes of it; make its connections dense or sparse, or "
            "all of them convolutions"
        )
    return UnitsLaid((population.size,) if row else spatial.shape, spatial.order)


def _seen(connection: Connection) -> tuple[int, int, int]:
    topology: Any = connection.topology
    rows, columns, channels = topology.in_size
    return rows, columns, channels


def _made(connection: Connection) -> tuple[int, int, int]:
    topology: Any = connection.topology
    rows, columns, channels = topology.out_shape
    return rows, columns, channels

"""The network of a layer string: a chain of neurons on a grid."""

from __future__ import annotations

from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers, chain, n_outputs, text_of
from eventsnn.neurons.grid_lif import GridLIF


def network_of(layers: Layers, neuron: GridLIF) -> Network:
    """Return the network of a layer string, of ``neuron`` throughout.

    Raises
    ------
    UserError
        For a layer that the rule does not have.
    """
    n_outputs(layers)
    network = chain(layers, neuron, neuron)
    check_chain(network, f"layers {text_of(layers)!r}: ")
    return network


def check_chain(network: Network, where: str = "") -> None:
    """Refuse a network with a connection that the rule does not have."""
    for k, connection in enumerate(network.connections):
        given = connection.topology.default_weights() is not None
        chained = network.sources[k] == k and network.targets[k] == k + 1
        if given or not chained or connection.topology.listed or connection.greatest_delay:
            raise UserError(
                f"{where}rule stbp has no {connection.name}; give plain "
                "layers, convolutions, and averages without neurons (2avg)"
            )
    if len(network.connections) != len(network.populations) - 1:
        raise UserError(f"{where}rule stbp takes a chain of populations; give one")

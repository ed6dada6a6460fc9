"""The network of a layer string: which neurons stand where.

Every population is of ``graded_lif`` neurons in units of their thresholds, which learn: that of a
neuron is 1 where its weights are divided by its own threshold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from eventsnn.errors import UserError
from eventsnn.network import Network, Population
from eventsnn.network.layer_part import Part
from eventsnn.network.layer_string import Layers, chain, parts_of
from eventsnn.neurons.graded_lif import GradedLIF
from eventsnn.rules.lee2016.options import Lee2016Options
from eventsnn.topology.topology import Topology

POOL_THRESHOLD = 0.8
"""Of a pooling neuron, in units of what a window must send to make it fire."""


def network_of(layers: Layers, options: Lee2016Options) -> Network:
    """Return a chain of layers; the maps of a position, or a whole layer, are a group.

    Raises
    ------
    UserError
        For layers that the paper's network has not.
    """
    plain = GradedLIF(options.tau_us, 1.0, float(options.refractory_us))
    found = chain(layers, plain, plain)
    for part, text in zip(parts_of(layers), layers[1:], strict=True):
        _check_part(part, text)
    populations, kappa = [found.populations[0]], options.inhibition
    for part, connection in zip(parts_of(layers), found.connections, strict=True):
        population = found[connection.target]
        if part.kind == "pool":
            populations.append(_pool(population, plain, part))
            continue
        last = population is found.populations[-1]
        group = 0 if len(population.shape) == 1 else population.shape[-1]
        inhibition = options.output_inhibition if last else kappa
        neuron = replace(plain, inhibition=inhibition, group=group)
        populations.append(replace(population, neuron=neuron))
        kappa = options.upper_inhibition
    return Network(tuple(populations), found.connections)


def _check_part(part: Part, text: int | str) -> None:
    """Refuse a part that the rule has no layer for."""
    threshold = part.kind != "pool" and part.threshold is not None
    other = part.kind not in ("dense", "conv", "pool") or part.opens or part.closes
    if threshold:
        raise UserError(
            f"rule lee2016: {text} gives a threshold, and thresholds learn; give --alpha or "
            "--output-alpha, which they start from"
        )
    if other or part.fixed or part.delay_us is not None:
        raise UserError(
            f"rule lee2016 has no layer {text}; give sizes, convolutions (20c5) and pooling (2p)"
        )


def _pool(population: Population, plain: GradedLIF, part: Part) -> Population:
    """Return a pooling layer: one event of its window is enough, and it is refractory."""
    membrane = population.neuron.membrane if population.neuron else None
    limit = 1.0 if membrane is None else membrane.threshold
    share = POOL_THRESHOLD if part.threshold is None else 1.0
    return replace(population, neuron=replace(plain, threshold=share * limit))


def is_learned(topology: Topology) -> bool:
    """Return whether a connection learns: one that brings its own weights (pooling) does not."""
    return topology.default_weights() is None


def neuron_of(population: Population) -> GradedLIF:
    """Return the neuron model of a population that is none of the input."""
    return cast(GradedLIF, population.neuron)


def group_of(population: Population) -> int:
    """Return how many neurons are a group: those that have thresholds of their own."""
    fixed = len(population.shape) > 1 and not neuron_of(population).group
    return 1 if fixed else neuron_of(population).group or population.size

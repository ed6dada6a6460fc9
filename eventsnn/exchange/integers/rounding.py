"""A trained network in whole numbers: weights rounded, thresholds exact, potentials bounded."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.outputs import integral_unit
from eventsnn.errors import UserError
from eventsnn.exchange.integers import bounds
from eventsnn.exchange.integers.precision import Precision
from eventsnn.losses.loss import Loss
from eventsnn.network import Network, Population
from eventsnn.network.whole.channels import groups
from eventsnn.network.whole.scales import Floats, Rounded, fitted, most_of
from eventsnn.rules.given.rule import GivenOptions
from eventsnn.rules.learned import Reading
from eventsnn.text import named
from eventsnn.train.model_file import answer_of

NO_LEAK_US = 1e9
"""Time constants from which on a leak is taken for none, and said to be: a quarter of an hour, in
which a network in whole numbers takes far more events than 32 bits allow."""

MOST_FRACTION = 16


@dataclass(frozen=True)
class IntegerLayer:
    """What became of a population.

    Attributes
    ----------
    population : str
    weights : int
        How many.
    scales : int
    scale_least, scale_most : float
        What a weight of 1 is worth.
    clipped : int
        Weights that are larger than what is kept of them.
    error : float
        Root mean square of what rounding changed, in parts of that of the weights.
    fraction : int
        Bits behind the point of a potential.
    bound : int
        The largest size that a potential can reach.
    table : int
        Entries of the decay table, 4 bytes each.
    dropped_tau_us : float
        The time constant that was taken for none; 0 where none was.
    """

    population: str
    weights: int
    scales: int
    scale_least: float
    scale_most: float
    clipped: int
    error: float
    fraction: int = 0
    bound: int = 0
    table: int = 0
    dropped_tau_us: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Quantized:
    """A network in whole numbers.

    Attributes
    ----------
    network : Network
    weights : list of int8 or int16 arrays, in the order of the connections
    answer : GivenOptions
    layers : tuple of IntegerLayer
    """

    network: Network
    weights: list[NDArray[Any]]
    answer: GivenOptions
    layers: tuple[IntegerLayer, ...]


def quantized(
    reading: Reading, precision: Precision, rates: dict[str, Floats] | None = None
) -> Quantized:
    """Return a trained network in whole numbers.

    Parameters
    ----------
    reading : Reading
    precision : Precision
    rates : dict from population name to float64 array (n_units,), optional
        Spikes of each unit: errors of weights through which more spikes go count more.

    Raises
    ------
    UserError
        For neurons, answers and graphs that have no form in whole numbers, and for potentials
        that 32 bits do not hold: it names the population.
    """
    network, tick = reading.network, precision.tick_us
    dtype = np.int8 if precision.bits <= 8 else np.int16
    flat = {c.name: w for c, w in zip(network.connections, _flat(reading), strict=True)}
    found: dict[str, tuple[IntegerLayer, list[Rounded]]] = {}
    whole: dict[str, NDArray[Any]] = {}
    for population in network.populations:
        if population.neuron is not None:
            layer, rounds, own = _rounded(network, population, flat, precision, rates)
            found[population.name] = layer, rounds
            whole |= own
    numbers = {name: [r.threshold for r in rounds] for name, (_, rounds) in found.items()}
    plain = _with_neurons(network, numbers, dict.fromkeys(found, 0), tick)
    weights = [whole[c.name].reshape(c.topology.weight_shape) for c in network.connections]
    bare = bounds.bounds(plain, weights, precision.most_events)
    fractions = {p.name: _fraction(p, bare, numbers) for p in plain.populations if p.neuron}
    made = _with_neurons(network, numbers, fractions, tick)
    reach = bounds.bounds(made, weights, precision.most_events)
    layers = tuple(
        replace(
            layer,
            fraction=fractions[name],
            bound=reach[name],
            table=sum(map(len, _decays(made[name]))),
            dropped_tau_us=_dropped(network[name]),
        )
        for name, (layer, _) in found.items()
    )
    most = bounds.most_events(made, weights)
    last = network.populations[-1]
    scale = found[last.name][1][0].scale / (1 << fractions[last.name])
    answer = _answer(reading.loss, network, made, scale, most)
    return Quantized(made, [w.astype(dtype) for w in weights], answer, layers)


def _flat(reading: Reading) -> list[Floats]:
    weights = reading.network.weights(reading.weights)
    return [w.astype(np.float64) for w in weights]


def _decays(population: Population) -> tuple[tuple[int, ...], ...]:
    neuron: Any = population.neuron
    rows: tuple[tuple[int, ...], ...] = neuron.decays.rows
    return rows


def _dropped(population: Population) -> float:
    """Return a time constant that is taken for none; 0 for others."""
    tau_us = float(getattr(population.neuron, "tau_us", math.inf))
    return tau_us if NO_LEAK_US <= tau_us < math.inf else 0.0


def _rounded(
    network: Network,
    population: Population,
    flat: dict[str, Floats],
    precision: Precision,
    rates: dict[str, Floats] | None,
) -> tuple[IntegerLayer, list[Rounded], dict[str, Floats]]:
    """Return what became of a population, its scales, and the weights into it."""
    neuron = population.neuron
    assert neuron is not None
    membrane = neuron.membrane
    if neuron.whole:
        raise UserError(
            f"quantize: population {named(population.name)} is in whole numbers already; give the "
            "network that it was made of"
        )
    if membrane is None or neuron.in_whole_numbers(1, 0, 1) is None:
        raise UserError(
            f"quantize: population {named(population.name)} has {neuron.kind} neurons, which have "
            "no form in whole numbers; give a network of if, lif and readout neurons"
        )
    into = [c for c in network.connections if c.target == population.name]
    count, fans = groups(network, population, precision.scales == "channel")
    weights = np.concatenate([np.zeros(0), *(flat[c.name] for c in into)])
    channel = np.concatenate([np.zeros(0, np.int64), *(fan.channel for fan in fans)])
    shares = np.ones(len(weights))
    if rates is not None and into:
        pairs = zip(into, fans, strict=True)
        shares = np.concatenate([_shares(rates[c.source], fan.sender) for c, fan in pairs])
    threshold = membrane.threshold if neuron.spiking else None
    out, rounds = np.zeros(len(weights)), []
    for k in range(count):
        of = channel == k
        rounds.append(fitted(weights[of], threshold, precision.bits, shares[of]))
        out[of] = rounds[-1].q
    scales = np.array([r.scale for r in rounds])
    layer = _told(population.name, weights, scales[channel] * out, scales)
    beyond = np.abs(weights) > scales[channel] * (most_of(precision.bits) + 0.5)
    ends = np.cumsum([len(flat[c.name]) for c in into])[:-1]
    own = dict(zip((c.name for c in into), np.split(out, ends), strict=True)) if into else {}
    return replace(layer, clipped=int(beyond.sum())), rounds, own


def _shares(rate: Floats, sender: NDArray[np.int64]) -> Floats:
    """Return how much an error of each weight counts: one of a silent sender a little, too."""
    each = np.where(sender < 0, rate.mean(), rate[np.maximum(sender, 0)])
    return each + 0.01 * max(float(rate.mean()), 1e-9)


def _told(name: str, weights: Floats, kept: Floats, scales: Floats) -> IntegerLayer:
    size = float(np.sqrt(np.square(weights).sum()))
    error = float(np.sqrt(np.square(weights - kept).sum())) / size if size else 0.0
    ends = float(scales.min()), float(scales.max())
    return IntegerLayer(name, len(weights), len(scales), *ends, 0, error)


def _with_neurons(
    network: Network, numbers: dict[str, list[int]], fractions: dict[str, int], tick_us: int
) -> Network:
    """Return the network with neurons of whole numbers."""
    populations = []
    for population in network.populations:
        neuron: Any = population.neuron
        if neuron is not None:
            fraction, each = fractions[population.name], numbers[population.name]
            limits = [max(1, number) << fraction for number in each]
            neuron = neuron.in_whole_numbers(
                limits[0] if len(limits) == 1 else limits, fraction, tick_us
            )
            if _dropped(population):
                neuron = replace(neuron, tau_us=math.inf)
        populations.append(replace(population, neuron=neuron))
    return Network(tuple(populations), network.connections)


def _fraction(population: Population, bare: dict[str, int], numbers: dict[str, list[int]]) -> int:
    """Return how many bits behind the point a potential has room for."""
    neuron: Any = population.neuron
    largest = max(1, bare[population.name], *numbers[population.name])
    if largest > bounds.MOST:
        raise UserError(
            f"quantize: potentials of {named(population.name)} may reach {largest:,}, 32 bits hold "
            f"{bounds.MOST:,}; give fewer --bits or smaller --most-events"
        )
    if math.isinf(neuron.tau_us):
        return 0
    return min(MOST_FRACTION, int(math.log2(bounds.MOST // largest)))


def _answer(
    loss: Loss | None, network: Network, made: Network, scale: float, most: int
) -> GivenOptions:
    """Return how the answer is read: as before, of numbers of another scale."""
    found = answer_of(loss)
    if not found:
        reads = "nothing" if loss is None else loss.reads
        raise UserError(
            f"quantize: the answer is read by {reads}; give a network whose answer is of counts, "
            "final, maximum or integral"
        )
    before, after = network.populations[-1].neuron, made.populations[-1].neuron
    assert before is not None and after is not None
    if after.spiking:
        scale = 1.0
    elif found["reads"] == "integral" and math.isinf(getattr(after, "tau_us", math.inf)):
        scale /= integral_unit(before)
    gain = found.get("gain", 1.0) * scale
    return GivenOptions(**(found | {"gain": gain, "most_events": most}))

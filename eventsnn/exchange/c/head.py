"""What stands at the head of a C program: what it is, its memory, and what an event may cost."""

from __future__ import annotations

import numpy as np

import eventsnn
from eventsnn.exchange.c.constants import harmless
from eventsnn.exchange.c.numbers import CNumbers
from eventsnn.exchange.c.program import CProgram


def head(numbers: CNumbers, name: str) -> str:
    """Return the comment; names of populations are in it as data."""
    program = numbers.program
    lines = [
        f"{name}.c: a spiking network, written by eventsnn {eventsnn.__version__}.",
        "",
        "Events in, an answer and spikes out; see the header. It allocates nothing, and all that",
        "changes is in the struct of the header. It gives the bits of the library's engine.",
        "",
        *_populations(program),
        "",
        *_memory(numbers),
        "",
        *_work(numbers),
    ]
    return "/* " + "\n   ".join(lines).replace("\n   \n", "\n\n") + " */\n"


def _populations(program: CProgram) -> list[str]:
    out = ["Populations:"]
    for k, place in enumerate(program.places):
        neuron = place.population.neuron
        kind = "input" if neuron is None else neuron.kind
        called = harmless(place.population.name)
        out.append(f"  {k}  {place.size} neurons of {kind}, called {called}")
    return out


def constant_bytes(numbers: CNumbers) -> int:
    """Return the bytes of weights, connections and decay tables."""
    total = numbers.leaks()[1]
    for way in numbers.program.ways:
        topology = way.connection.topology
        total += max(way.weights.size, 1) * numbers.weight_dtype.itemsize
        total += 4 * topology.table().size + numbers.index_dtype.itemsize * topology.targets.size
    limits = sum(len(place.traits.thresholds) for place in numbers.program.neurons)
    return total + limits * numbers.real_bytes


def state_bytes(numbers: CNumbers) -> int:
    """Return the bytes of the arrays that a running network holds."""
    program = numbers.program
    words = program.total("clocks") + program.total("pauses") + program.total("words")
    kept = 8 if program.output.population.spiking else numbers.real_bytes + numbers.integral_bytes
    neurons = sum(place.size for place in program.neurons) * numbers.real_bytes
    spans = 8 * len(program.places)
    return neurons + 4 * words + spans + program.places[0].size + kept * program.output.size


def _memory(numbers: CNumbers) -> list[str]:
    return [
        "Memory:",
        f"  {constant_bytes(numbers):,} bytes of constants (weights, connections, decay tables)",
        f"  {state_bytes(numbers):,} bytes of arrays that change, and some 50 beside them",
    ]


def _work(numbers: CNumbers) -> list[str]:
    """Return bounds: a spike's additions, and the most that one instant can take."""
    program = numbers.program
    out = ["Work, at most:"]
    adds = [0] * len(program.places)
    scaled = [0] * len(program.places)
    for way in program.ways:
        most = way.connection.topology.max_fan_out
        adds[way.source] += most
        scaled[way.source] += most * numbers.scales(program.places[way.target])
    out.append(f"  an event         {adds[0]:,} additions, twice as many comparisons")
    for k, own in enumerate(adds[1:], 1):
        if own:
            out.append(f"  a spike of {k}     {own:,} additions, twice as many comparisons")
    sizes = [place.size for place in program.neurons]
    rest, fires = int(np.dot(adds[1:], sizes)), sum(sizes)
    products = int(np.dot(scaled[1:], sizes)) + _products(numbers)
    out += [
        "  an instant of k events, in which every neuron fires:",
        f"                   {adds[0]:,} k + {rest + fires:,} additions,",
        f"                   {2 * adds[0]:,} k + {2 * rest + fires:,} comparisons,",
        f"                   {scaled[0]:,} k + {products:,} multiplications",
        "  With its loads, its store and its loop an addition is some ten instructions of a small",
        "  chip, and convolutions and pooling divide at each spike: that times the cycles of your",
        "  chip is about the longest time, so measure it there. As a rule most neurons are silent.",
    ]
    stop = program.answer.stop
    if stop:
        out += [
            f"  a look at the answer, one for each {stop.check_us:,} us, also of a silence:",
            f"                   some ten operations for each of {program.output.size:,} outputs",
        ]
    return out


def _products(numbers: CNumbers) -> int:
    """Return the multiplications of an instant that reaches every neuron, without its weights."""
    total = 0
    for place in numbers.program.neurons:
        neuron = place.population.neuron
        each = neuron.multiplications if neuron is not None else 0
        total += each * place.size + numbers.clock_products(place) * place.clocks
    return total

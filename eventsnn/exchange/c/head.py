"""What stands at the head of a C program: what it is, its memory, and what an event may cost."""

from __future__ import annotations

import numpy as np

import eventsnn
from eventsnn.exchange.c.constants import harmless
from eventsnn.exchange.c.program import CProgram
from eventsnn.neurons.neuron import FINE, Membrane


def head(program: CProgram, name: str) -> str:
    """Return the comment; names of populations are in it as data."""
    lines = [
        f"{name}.c: a spiking network, written by eventsnn {eventsnn.__version__}.",
        "",
        "Events in, an answer and spikes out; see the header. It allocates nothing, and all that",
        "changes is in the struct of the header. It gives the bits of the library's engine.",
        "",
        *_populations(program),
        "",
        *_memory(program),
        "",
        *_work(program),
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


def constant_bytes(program: CProgram) -> int:
    """Return the bytes of weights, targets and tables."""
    real = np.dtype(program.dtype).itemsize
    total = sum(max(way.weights.size, 1) * real for way in program.ways)
    for way in program.ways:
        topology = way.connection.topology
        wide = 2 if topology.n_out <= 1 << 16 else 4
        total += 4 * topology.table().size + (wide * topology.targets.size)
    finite = {p.tau_us for p in _membranes(program) if np.isfinite(p.tau_us)}
    return int(total + len(finite) * 2 * FINE * 8)


def state_bytes(program: CProgram) -> int:
    """Return the bytes of the arrays that a running network holds."""
    real, output = np.dtype(program.dtype).itemsize, program.output.size
    words = program.total("clocks") + program.total("pauses") + program.total("words")
    kept = 2 * output * (4 if program.output.population.spiking else real)
    neurons = sum(place.size for place in program.places[1:])
    return int(neurons * real + 4 * words + 8 * len(program.places) + program.places[0].size + kept)


def _membranes(program: CProgram) -> list[Membrane]:
    found = (p.population.neuron.membrane for p in program.places[1:] if p.population.neuron)
    return [membrane for membrane in found if membrane is not None]


def _memory(program: CProgram) -> list[str]:
    constants, state = constant_bytes(program), state_bytes(program)
    return [
        "Memory:",
        f"  {constants:,} bytes of constants (weights, connections, decay tables)",
        f"  {state:,} bytes of arrays that change, and some 50 beside them",
    ]


def _work(program: CProgram) -> list[str]:
    """Return bounds: a spike's additions, and the most that one instant can take."""
    out = ["Work, at most:"]
    adds = [0] * len(program.places)
    for way in program.ways:
        adds[way.source] += way.connection.topology.max_fan_out
    out.append(f"  an event         {adds[0]:,} additions, as many comparisons")
    for k, own in enumerate(adds[1:], 1):
        if own:
            out.append(f"  a spike of {k}     {own:,} additions, as many comparisons")
    rest = sum(a * p.size for a, p in zip(adds[1:], program.places[1:], strict=True))
    neurons = [(p.size, p.population.neuron) for p in program.places[1:]]
    decays = sum(size * neuron.multiplications for size, neuron in neurons if neuron)
    tests = sum(p.size for p in program.places[1:])
    out += [
        "  an instant of k events, in which every neuron fires:",
        f"                   {adds[0]:,} k + {rest:,} additions, {decays:,} multiplications,",
        f"                   {adds[0]:,} k + {rest + tests:,} comparisons",
        "  Its time: each of these numbers times the cycles of that operation on your chip. What",
        "  it takes as a rule is far less: most neurons are silent. The main program measures it.",
    ]
    return out

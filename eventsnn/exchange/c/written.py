"""The texts of a C program: its header and its one file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eventsnn.exchange.c import constants, texts
from eventsnn.exchange.c.head import head
from eventsnn.exchange.c.program import CConnection, CPopulation, CProgram
from eventsnn.neurons.neuron import FINE, Neuron, decay_table

_NUMBERS = {np.float32: "float", np.float64: "double"}


def header(program: CProgram, name: str) -> str:
    """Return the text of the header."""
    stop = program.answer.stop
    places = {
        "sizes": _sizes(program),
        "check_us": f"{stop.check_us if stop else 0}u",
        "margin": constants.real(stop.level if stop else 0.0),
        "number": _NUMBERS[program.dtype],
        "score": "double",
        "lead": "float",
        "state": "\n    ".join(_state(program)),
        "event": texts.text("event.h") if program.sensor else "",
    }
    return texts.renamed(texts.filled(texts.text("runtime.h"), places), name)


def source(program: CProgram, name: str) -> str:
    """Return the text of the C file."""
    neurons = [place.population.neuron for place in program.places[1:]]
    shapes = [way.connection.topology for way in program.ways]
    reading = texts.joined("answers", [texts.text(f"answers/{program.answer.reads}.c")])
    parts = [
        '#include "snn.h"\n' + _before(program),
        texts.text("parts.c"),
        texts.joined("neurons", _of("neurons", neurons)),
        texts.joined("fan_outs", _of("fan_outs", shapes)),
        "/* ---- The numbers. ---- */\n",
        *_leaks(program),
        *(_arrays(k, way, program.dtype) for k, way in enumerate(program.ways)),
        _populations(program),
        _links(program),
        texts.filled(texts.text("answer.c"), {"reading": reading.rstrip("\n")}),
        texts.text("loop.c"),
        texts.text("event.c") if program.sensor else "",
    ]
    # The head, which has names of the network in it, is text that nothing is filled into.
    return head(program, name) + "\n" + texts.renamed("\n".join(filter(None, parts)), name)


def _of(room: str, things: list[Any]) -> list[str]:
    """Return the texts of things, those of a kind once."""
    found = (texts.text_of(room, thing) for thing in things)
    return list(dict.fromkeys(one for one in found if one is not None))


def _sizes(program: CProgram) -> str:
    """Return the sizes that a user sees as names."""
    first, output = program.places[0], program.output
    sizes = {
        "INPUTS": first.size,
        "CLASSES": output.size,
        "POPULATIONS": len(program.places),
        "LINKS": len(program.ways),
        "NEURONS": sum(place.size for place in program.places[1:]),
        "CLOCKS": program.total("clocks"),
        "READY": program.total("pauses"),
        "WORDS": program.total("words"),
        "COUNTED": int(output.population.spiking),
    }
    if program.sensor:
        sizes |= dict(zip(("POLARITIES", "HEIGHT", "WIDTH"), program.sensor, strict=True))
    return "\n".join(f"#define SNN_{key} {value}u" for key, value in sizes.items()) + "\n"


def _state(program: CProgram) -> list[str]:
    """Return the arrays of a running network that it needs."""
    out = ["snn_real v[SNN_NEURONS];        /* potentials */"]
    if program.total("clocks"):
        out.append("uint32_t clock[SNN_CLOCKS];     /* when they were what they are */")
    if program.total("pauses"):
        out.append("uint32_t ready[SNN_READY];      /* when refractory times end */")
    if program.output.population.spiking:
        out.append("uint32_t counts[SNN_CLASSES];   /* spikes of each output */")
        out.append("uint32_t first[SNN_CLASSES];    /* the first of each; UINT32_MAX: none yet */")
    else:
        out.append("snn_real integral[SNN_CLASSES]; /* of each output, up to its clock */")
        out.append("snn_real maximum[SNN_CLASSES];")
    return out


def _before(program: CProgram) -> str:
    """Return what stands before all texts: what is included, and a few constants."""
    longest = max((way.connection.topology.n_out for way in program.ways), default=0)
    libm = any(_far(tau, program.dtype) for tau in taus(program))
    scale = constants.real(program.answer.scale_us)
    places = {
        "libm": str(int(libm)),
        "weight": _NUMBERS[program.dtype],
        "index": "uint16_t" if longest <= 1 << 16 else "uint32_t",
        "gain": constants.real(program.answer.gain),
        "scale": scale,
    }
    return texts.filled(texts.text("before.c"), places)


def taus(program: CProgram) -> list[float]:
    """Return the time constants that leak, each once."""
    membranes = [place.population.neuron.membrane for place in program.places[1:]]  # type: ignore[union-attr]
    found = (membrane.tau_us for membrane in membranes if membrane is not None)
    return [tau for tau in dict.fromkeys(found) if math.isfinite(tau)]


def _far(tau_us: float, dtype: Any) -> bool:
    """Return whether anything is left behind the table."""
    return bool(dtype(math.exp(-FINE * FINE / tau_us)) > 0)


def _leaks(program: CProgram) -> list[str]:
    """Return the decay table of each time constant."""
    out = []
    for k, tau in enumerate(taus(program)):
        table = decay_table(tau)
        out.append(constants.array("double", f"fine{k}", table[:FINE]))
        out.append(constants.array("double", f"coarse{k}", table[FINE:]))
        vanishes = int(not _far(tau, program.dtype))
        parts = f"fine{k}, coarse{k}, {constants.real(tau)}, {vanishes}"
        out.append(f"static const struct leak leak{k} = {{{parts}}};\n")
    return out


def _arrays(k: int, way: CConnection, dtype: Any) -> str:
    """Return the constants of a connection."""
    topology = way.connection.topology
    out = constants.array("snn_weight", f"weights{k}", way.weights.astype(dtype))
    out += constants.array("uint32_t", f"table{k}", topology.table().astype(np.uint32))
    if topology.listed:
        out += constants.array("snn_index", f"targets{k}", topology.targets.astype(np.uint32))
    return out


def _populations(program: CProgram) -> str:
    rows = [_population(k, place, program) for k, place in enumerate(program.places)]
    table = ",\n".join(rows)
    return f"static const struct population populations[SNN_POPULATIONS] = {{\n{table}\n}};\n"


def _population(k: int, place: CPopulation, program: CProgram) -> str:
    fields = {"index": f"{k}u", "size": f"{place.size}u", "bits": f"{place.bits}u"}
    neuron = place.population.neuron
    if neuron is not None:
        fields |= _fields(place, neuron, program)
        fields["answers"] = str(int(place is program.output))
    return "    {" + ", ".join(f".{key} = {value}" for key, value in fields.items()) + "}"


def _fields(place: CPopulation, neuron: Neuron, program: CProgram) -> dict[str, str]:
    """Return what a population's C text reads of it."""
    membrane, known = neuron.membrane, taus(program)
    if membrane is None:
        raise TypeError(f"c: {neuron.kind} gives no membrane")
    fires = math.isfinite(membrane.threshold)
    return {
        "v": f"{place.v}u",
        "clock": f"{place.clock}u",
        "share": f"{place.share}u",
        "ready": f"{place.ready}u",
        "refractory_us": f"{int(membrane.refractory_us)}u",
        "threshold": constants.real(program.dtype(membrane.threshold if fires else 0.0)),
        "to_zero": str(int(membrane.reset == "zero")),
        "leak": f"&leak{known.index(membrane.tau_us)}" if membrane.tau_us in known else "0",
        "receive": f"{neuron.kind}_receive",
        "settle": f"{neuron.kind}_settle",
    }


def _links(program: CProgram) -> str:
    rows = []
    for k, way in enumerate(program.ways):
        topology = way.connection.topology
        targets = f"targets{k}" if topology.listed else "0"
        parts = f"{way.source}u, {way.target}u, weights{k}, table{k}, {targets}, {topology.kind}"
        rows.append(f"    {{{parts}}}")
    table = ",\n".join(rows)
    return f"static const struct link links[SNN_LINKS] = {{\n{table}\n}};\n"

"""The texts of a C program: its header and its one file."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsnn.exchange.c import texts
from eventsnn.exchange.c.door import LAST_US
from eventsnn.exchange.c.head import head
from eventsnn.exchange.c.numbers import CNumbers, array
from eventsnn.exchange.c.program import CConnection, CPopulation, CProgram


def header(numbers: CNumbers, name: str) -> str:
    """Return the text of the header."""
    program = numbers.program
    stop = program.answer.stop
    places = {
        "sizes": _sizes(numbers),
        "check_us": f"{stop.check_us if stop and stop.check_us <= LAST_US else 0}u",
        "margin": numbers.margin(stop) if stop else "0",
        "number": numbers.real,
        "score": numbers.score,
        "lead": numbers.lead,
        "state": "\n    ".join(_state(numbers)),
        "event": texts.text("event.h") if program.sensor else "",
    }
    return texts.renamed(texts.filled(texts.text("runtime.h"), places), name)


def source(numbers: CNumbers, name: str) -> str:
    """Return the text of the C file."""
    program = numbers.program
    neurons = [place.population.neuron for place in program.neurons]
    shapes = [way.connection.topology for way in program.ways]
    parts = [
        '#include "snn.h"\n' + numbers.head(),
        texts.text("parts.c"),
        texts.joined("neurons", _of("neurons", neurons)),
        texts.joined("fan_outs", _of("fan_outs", shapes)),
        "/* ---- The numbers. ---- */\n",
        numbers.leaks()[0],
        *(_arrays(k, way, numbers) for k, way in enumerate(program.ways)),
        _populations(numbers),
        _links(program),
        _answer(numbers),
        texts.text("loop.c"),
        texts.text("event.c") if program.sensor else "",
    ]
    # The head, which has names of the network in it, is text that nothing is filled into.
    return head(numbers, name) + "\n" + texts.renamed("\n".join(filter(None, parts)), name)


def _answer(numbers: CNumbers) -> str:
    """Return how the answer is read."""
    file = numbers.reading(numbers.program.answer.reads)
    if file is None:
        raise TypeError(f"c: no text reads {numbers.program.answer.reads}")
    room = file.rpartition("/")[0]
    places = {
        "reading": texts.joined(room, [texts.text(file)]).rstrip("\n"),
        "lead": numbers.lead,
        "scaled": numbers.scaled,
    }
    return texts.filled(texts.text("answer.c"), places)


def _of(room: str, things: list[Any]) -> list[str]:
    """Return the texts of things, those of a kind once."""
    found = (texts.text_of(room, thing) for thing in things)
    return list(dict.fromkeys(one for one in found if one is not None))


def _sizes(numbers: CNumbers) -> str:
    """Return the sizes that a user sees as names."""
    program = numbers.program
    output = program.output
    sizes = {
        "INPUTS": program.places[0].size,
        "CLASSES": output.size,
        "POPULATIONS": len(program.places),
        "LINKS": len(program.ways),
        "NEURONS": sum(place.size for place in program.neurons),
        "CLOCKS": program.total("clocks"),
        "READY": program.total("pauses"),
        "WORDS": program.total("words"),
        "COUNTED": int(output.population.spiking),
    }
    sizes |= numbers.sizes()
    if program.sensor:
        sizes |= dict(zip(("POLARITIES", "HEIGHT", "WIDTH"), program.sensor, strict=True))
    return "\n".join(f"#define SNN_{key} {value}u" for key, value in sizes.items()) + "\n"


def _state(numbers: CNumbers) -> list[str]:
    """Return the arrays of a running network that it needs."""
    program = numbers.program
    out = [*numbers.state(), "snn_real v[SNN_NEURONS];        /* potentials */"]
    if program.total("clocks"):
        out.append("uint32_t clock[SNN_CLOCKS];     /* when they were what they are */")
    if program.total("pauses"):
        out.append("uint32_t ready[SNN_READY];      /* when refractory times end */")
    if program.output.population.spiking:
        out.append("uint32_t counts[SNN_CLASSES];   /* spikes of each output */")
        out.append("uint32_t first[SNN_CLASSES];    /* the first of each; UINT32_MAX: none yet */")
    else:
        kind = f"{numbers.integral} integral[SNN_CLASSES];"
        out.append(f"{kind:31} /* of each output, up to its clock */")
        out.append("snn_real maximum[SNN_CLASSES];")
    return out


def _arrays(k: int, way: CConnection, numbers: CNumbers) -> str:
    """Return the constants of a connection."""
    topology = way.connection.topology
    out = array(f"weights{k}", numbers.weights(way.weights), "snn_weight")
    out += array(f"table{k}", topology.table().astype(np.uint32))
    if topology.listed:
        targets = topology.targets.astype(numbers.index_dtype)
        out += array(f"targets{k}", targets, "snn_index")
    return out


def _populations(numbers: CNumbers) -> str:
    """Return the table of populations, and the thresholds of each before it."""
    out = []
    for k, place in enumerate(numbers.program.neurons, 1):
        limits = ", ".join(numbers.literal(value) for value in place.traits.thresholds)
        count = len(place.traits.thresholds)
        out.append(f"static const snn_real limits{k}[{count}] = {{{limits}}};\n")
    rows = [_population(k, place, numbers) for k, place in enumerate(numbers.program.places)]
    table = ",\n".join(rows)
    out.append(f"static const struct population populations[SNN_POPULATIONS] = {{\n{table}\n}};\n")
    return "".join(out)


def _population(k: int, place: CPopulation, numbers: CNumbers) -> str:
    fields = {"index": f"{k}u", "size": f"{place.size}u", "bits": f"{place.bits}u"}
    neuron, traits = place.population.neuron, place.traits
    if neuron is not None:
        fields |= {
            "v": f"{place.v}u",
            "clock": f"{place.clock}u",
            "share": f"{place.share}u",
            "ready": f"{place.ready}u",
            "refractory_us": f"{traits.refractory_us}u",
            "thresholds": f"limits{k}",
            "kinds": f"{len(traits.thresholds)}u",
            "to_zero": str(int(traits.to_zero)),
            "answers": str(int(place is numbers.program.output)),
            "leak": numbers.leak_of(place),
            "receive": f"{neuron.kind}_receive",
            "settle": f"{neuron.kind}_settle",
        }
        fields |= numbers.more(place)
    return "    {" + ", ".join(f".{key} = {value}" for key, value in fields.items()) + "}"


def _links(program: CProgram) -> str:
    rows = []
    for k, way in enumerate(program.ways):
        topology = way.connection.topology
        targets = f"targets{k}" if topology.listed else "0"
        parts = f"{way.source}u, {way.target}u, weights{k}, table{k}, {targets}, {topology.kind}"
        rows.append(f"    {{{parts}}}")
    table = ",\n".join(rows)
    return f"static const struct link links[SNN_LINKS] = {{\n{table}\n}};\n"

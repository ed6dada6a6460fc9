"""The files of a network in C."""

from __future__ import annotations

import math
from typing import Any

from eventsnn.errors import UserError
from eventsnn.exchange.c.answer import answer_in
from eventsnn.exchange.c.head import constant_bytes, state_bytes
from eventsnn.exchange.c.program import program_of
from eventsnn.exchange.c.vector import drawn, engine_says, main_program
from eventsnn.exchange.c.written import header, source
from eventsnn.network import Network
from eventsnn.train.model_file import Described


def program_files(described: Described, options: Any) -> tuple[dict[str, str], list[str]]:
    """Return the text of each file by its name, and what to know, a line each.

    Raises
    ------
    UserError
        For what has no form in C; it names the population or the connection.
    """
    network, weights, given = described
    flat = network.weights(weights, None)
    answer = answer_in(given, network.populations[-1], options.stop)
    program = program_of(network, flat, answer, sensor_of(network, options.sensor))
    vector = engine_says(network, weights, answer, drawn(network, options.seed))
    name = options.name
    files = {
        f"{name}.h": header(program, name),
        f"{name}.c": source(program, name),
        f"{name}_main.c": main_program(vector, name, program.sensor is not None),
    }
    notes = [
        f"{constant_bytes(program):,} bytes of constants, {state_bytes(program):,} bytes of arrays "
        "that change; the head of the C file counts the work of an event"
    ]
    if program.sensor is None:
        notes.append(f"events come by unit ({name}_unit): give --sensor for x, y and polarity")
    return files, notes


def sensor_of(network: Network, given: str) -> tuple[int, int, int] | None:
    """Return (polarities, height, width) of the input: its own, or that of a row of units."""
    population = network.populations[network.input]
    own = population.shape if len(population.shape) == 3 else None
    if not given:
        return own
    height, width, polarities = ([int(n) for n in given.split("x")] + [1])[:3]
    sensor = polarities, height, width
    if own is not None and own != sensor:
        told = "x".join(map(str, (own[1], own[2], own[0])))
        raise UserError(f"sensor is {given}; the network has one of {told}: leave it out")
    if math.prod(sensor) != population.size:
        raise UserError(
            f"sensor is {given}, {math.prod(sensor):,} inputs; the network has {population.size:,}"
        )
    return sensor

"""The files of a network in C."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from eventsnn.errors import UserError
from eventsnn.exchange.c.answer import CAnswer
from eventsnn.exchange.c.head import constant_bytes, state_bytes
from eventsnn.exchange.c.numbers import CNumbers
from eventsnn.exchange.c.program import CProgram, program_of
from eventsnn.exchange.c.real import RealNumbers
from eventsnn.exchange.c.vector import drawn, engine_says, main_program
from eventsnn.exchange.c.whole import WholeNumbers
from eventsnn.exchange.c.written import header, source
from eventsnn.files.outputs import write_whole
from eventsnn.network import Network, Weights


def program_files(
    network: Network, weights: Weights, answer: CAnswer, options: Any
) -> tuple[dict[str, str], list[str]]:
    """Return the text of each file by its name, and what to know, a line each.

    Raises
    ------
    UserError
        For what has no form in C; it names the population or the connection.
    """
    flat = network.weights(weights, None)
    program = program_of(network, flat, answer, sensor_of(network, options.sensor))
    numbers = numbers_of(program)
    vector = engine_says(network, weights, answer, drawn(network, options.seed, numbers.most))
    name = options.name
    files = {
        f"{name}.h": header(numbers, name),
        f"{name}.c": source(numbers, name),
        f"{name}_main.c": main_program(numbers, vector, name),
    }
    notes = [
        f"{constant_bytes(numbers):,} bytes of constants, {state_bytes(numbers):,} bytes of arrays "
        "that change; the head of the C file counts the work of an event"
    ]
    if program.sensor is None:
        notes.append(f"events come by unit ({name}_unit): give --sensor for x, y and polarity")
    return files, notes


def numbers_of(program: CProgram) -> CNumbers:
    """Return the arithmetic of a program: integers where its neurons are of whole numbers.

    Raises
    ------
    UserError
        Where no text reads the answer in it.
    """
    found = WholeNumbers(program) if program.whole else RealNumbers(program)
    if found.reading(program.answer.reads) is None:
        raise UserError(
            f"c: {program.answer.reads} of whole numbers has no C text; give a model that reads "
            "counts, final, maximum or integral"
        )
    return found


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


def written(path: Path, made: tuple[dict[str, str], list[str]]) -> list[str]:
    """Write the files, and return the notes."""
    files, notes = made
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_whole(path / name, text.encode("ascii"))
    return notes

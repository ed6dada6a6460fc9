"""Integers of 32 bits, as ``docs/explanation/integers.md`` defines them: nothing can overflow."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.exchange.c.numbers import CNumbers, array, c_type, head_of
from eventsnn.exchange.c.program import CPopulation, CProgram
from eventsnn.exchange.c.texts import filled
from eventsnn.exchange.integers.bounds import most_events
from eventsnn.neurons.integer_decay import BYTE, DecayRows
from eventsnn.text import named

ROWS = 4
"""Bytes of a time in C; rows beyond them are never read."""

MOST_CUT = (1 << 32) - 1

MOST_LEAD = (1 << 63) - 1
"""What no lead reaches."""


class WholeNumbers(CNumbers):
    """Integers; see ``CNumbers``."""

    score: ClassVar[str] = "int64_t"
    lead: ClassVar[str] = "int64_t"
    printed: ClassVar[tuple[str, str]] = ("%lld", "long long")
    answers: ClassVar[tuple[str, ...]] = ("answers/whole", "answers")
    integral: ClassVar[str] = "int64_t"
    real = "int32_t"

    def __init__(self, program: CProgram) -> None:
        super().__init__(program)
        for way in program.ways:
            _check_whole(way.connection.name, way.weights)
        largest = max(float(np.abs(way.weights).max(initial=0)) for way in program.ways)
        self.weight_dtype = np.dtype(
            np.int8 if largest < 1 << 7 else np.int16 if largest < 1 << 15 else np.int32
        )
        neurons: list[Any] = [place.population.neuron for place in program.neurons]
        self.tables: list[tuple[DecayRows, int]] = list(
            dict.fromkeys((n.decays, n.tick_us) for n in neurons if math.isfinite(n.tau_us))
        )
        network = program.network
        named_weights = {way.connection.name: way.weights for way in program.ways}
        most = most_events(network, network.shaped(_shaped(network, named_weights)))
        self.most = min(most, program.answer.most_events or most)
        self.scaled_spiking = any(n.fraction for n in neurons if n.spiking)

    def head(self) -> str:
        """Return the text that stands before all others."""
        places = {
            "scaled": str(int(self.scaled_spiking)),
            "weight": self.weight,
            "index": c_type(self.index_dtype),
        }
        return filled(head_of("whole"), places)

    def literal(self, value: float) -> str:
        """Return a potential as C writes it."""
        return str(int(value))

    def margin(self, stop: Stop) -> str:
        """Return the smallest whole lead that reaches the level, once it is times the gain."""
        gain = self.program.answer.gain

        def reaches(lead: int) -> bool:
            return bool(np.float32(gain * lead) >= stop.level)

        with np.errstate(over="ignore"):
            return f"{1 + bisect_left(range(1, MOST_LEAD), True, key=reaches)}ll"

    def weights(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return weights as integers."""
        return values.astype(self.weight_dtype)

    def leaks(self) -> tuple[str, int]:
        """Return the decay table of each time constant."""
        out, size = [], 0
        for k, (table, tick_us) in enumerate(self.tables):
            flat = np.array([entry for row in table.rows[:ROWS] for entry in row], np.int32)
            shift = tick_us.bit_length() - 1
            parts = f"{min(len(table.rows), ROWS)}u, {min(table.cut, MOST_CUT)}u, {shift}u"
            out += [
                array(f"rows{k}", flat),
                f"static const struct leak leak{k} = {{{parts}, rows{k}}};\n",
            ]
            size += 4 * len(flat)
            assert all(len(row) == BYTE for row in table.rows[:-1])
        return "\n".join(out), size

    def leak_of(self, place: CPopulation) -> str:
        """Return what a population's leak is called."""
        neuron: Any = place.population.neuron
        if not place.traits.leaks:
            return "0"
        return f"&leak{self.tables.index((neuron.decays, neuron.tick_us))}"

    def scales(self, place: CPopulation) -> bool:
        """Return whether it is a readout, or any neuron that fires has bits behind the point."""
        return self.scaled_spiking or not place.population.spiking

    def clock_products(self, place: CPopulation) -> int:
        """Return one less than the rows of its table."""
        neuron: Any = place.population.neuron
        return min(len(neuron.decays.rows), ROWS) - 1 if place.traits.leaks else 0

    def more(self, place: CPopulation) -> dict[str, str]:
        """Return what weights are multiplied by."""
        neuron: Any = place.population.neuron
        return {"scale": str(1 << neuron.fraction)}

    def sizes(self) -> dict[str, int]:
        """Return how many events a recording may hold."""
        return {"MOST_EVENTS": self.most}

    def state(self) -> list[str]:
        """Return the count of events."""
        return ["uint32_t events;               /* of the recording, so far */"]


def _shaped(network: Any, weights: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    shapes = {c.name: c.topology.weight_shape for c in network.connections}
    return {name: array.reshape(shapes[name]) for name, array in weights.items()}


def _check_whole(name: str, weights: NDArray[Any]) -> None:
    wrong = np.flatnonzero(weights != np.floor(weights))
    if wrong.size:
        raise UserError(
            f"c: connection {named(name)}: weight {wrong[0]} is {weights[wrong[0]]}, and its "
            "neurons are of whole numbers; give whole weights, as eventsnn quantize makes them"
        )

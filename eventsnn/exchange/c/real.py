"""float or double: every sum is rounded where the engine rounds it."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.stop import Stop
from eventsnn.exchange.c import constants
from eventsnn.exchange.c.numbers import CNumbers, array, c_type, head_of
from eventsnn.exchange.c.program import CPopulation, CProgram
from eventsnn.exchange.c.texts import filled
from eventsnn.neurons.neuron import FINE, decay_table


class RealNumbers(CNumbers):
    """Floats of the weights' dtype; see ``CNumbers``."""

    score: ClassVar[str] = "double"
    lead: ClassVar[str] = "float"
    printed: ClassVar[tuple[str, str]] = ("%.17g", "double")
    answers: ClassVar[tuple[str, ...]] = ("answers",)
    scaled: ClassVar[str] = "found[k] *= SNN_GAIN;"

    def __init__(self, program: CProgram) -> None:
        super().__init__(program)
        self.weight_dtype = np.result_type(*(way.weights for way in program.ways))
        self.real = c_type(self.weight_dtype)
        self.taus = list(dict.fromkeys(p.traits.tau_us for p in program.neurons if p.traits.leaks))

    @property
    def real_bytes(self) -> int:
        """Bytes of a potential."""
        return self.weight_dtype.itemsize

    def head(self) -> str:
        """Return the text that stands before all others."""
        answer = self.program.answer
        places = {
            "libm": str(int(any(self._far(tau) for tau in self.taus))),
            "weight": self.weight,
            "index": c_type(self.index_dtype),
            "gain": constants.real(answer.gain),
            "scale": constants.real(answer.scale_us),
        }
        return filled(head_of("real"), places)

    def literal(self, value: float) -> str:
        """Return a potential as C writes it."""
        return constants.real(self.weight_dtype.type(value))

    def margin(self, stop: Stop) -> str:
        """Return the level."""
        return constants.real(stop.level)

    def weights(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return weights of one dtype."""
        return values.astype(self.weight_dtype)

    def leaks(self) -> tuple[str, int]:
        """Return the decay table of each time constant."""
        out = []
        for k, tau in enumerate(self.taus):
            table = decay_table(tau)
            out += [array(f"fine{k}", table[:FINE]), array(f"coarse{k}", table[FINE:])]
            parts = f"fine{k}, coarse{k}, {constants.real(tau)}, {int(not self._far(tau))}"
            out.append(f"static const struct leak leak{k} = {{{parts}}};\n")
        return "\n".join(out), len(self.taus) * 2 * FINE * 8

    def leak_of(self, place: CPopulation) -> str:
        """Return what a population's leak is called."""
        return f"&leak{self.taus.index(place.traits.tau_us)}" if place.traits.leaks else "0"

    def clock_products(self, place: CPopulation) -> int:
        """Return one of two table entries, and one more for the area of a readout."""
        return int(place.traits.leaks) * (1 if place.population.spiking else 2)

    def _far(self, tau_us: float) -> bool:
        """Return whether anything is left behind the table."""
        return bool(self.weight_dtype.type(math.exp(-FINE * FINE / tau_us)) > 0)

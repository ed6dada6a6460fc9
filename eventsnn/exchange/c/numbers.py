"""The arithmetic of a C program: the contract; ``real.py`` has floats, ``whole.py`` integers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.stop import Stop
from eventsnn.exchange.c import constants
from eventsnn.exchange.c.program import CPopulation, CProgram
from eventsnn.exchange.c.texts import FOLDER, text


class CNumbers(ABC):
    """What potentials, weights and scores are in C.

    Class attributes
    ----------------
    score, lead, integral : str
        C types of a score, of how far one leads, and of an integral.
    scaled : str
        What makes scores of outputs: a statement, or nothing.
    printed : (str, str)
        How ``printf`` writes a score, and the type that it is handed.
    answers : tuple of str
        Folders below ``texts/`` in which the ways to read an answer stand, the first one wins.

    Attributes
    ----------
    program : CProgram
    real : str
        C type of potentials.
    weight_dtype, index_dtype : numpy dtype
        Of weights, and of units that are listed.
    """

    score: ClassVar[str]
    lead: ClassVar[str]
    printed: ClassVar[tuple[str, str]]
    answers: ClassVar[tuple[str, ...]]
    integral: ClassVar[str] = "snn_real"
    scaled: ClassVar[str] = ""
    real: str
    weight_dtype: np.dtype[Any]

    most = (1 << 31) - 1
    """Events that a recording may hold."""

    def __init__(self, program: CProgram) -> None:
        self.program = program
        longest = max((way.connection.topology.n_out for way in program.ways), default=0)
        self.index_dtype = np.dtype(np.uint16 if longest <= 1 << 16 else np.uint32)

    @property
    def real_bytes(self) -> int:
        """Bytes of a potential."""
        return 4

    @property
    def integral_bytes(self) -> int:
        """Bytes of an integral."""
        return self.real_bytes if self.integral == "snn_real" else 8

    @property
    def weight(self) -> str:
        """C type of a weight."""
        return c_type(self.weight_dtype)

    def reading(self, reads: str) -> str | None:
        """Return the file of a way to read an answer, None for one that there is not."""
        files = (f"{folder}/{reads}.c" for folder in self.answers)
        return next((file for file in files if (FOLDER / file).is_file()), None)

    @abstractmethod
    def head(self) -> str:
        """Return the text that stands before all others."""

    @abstractmethod
    def literal(self, value: float) -> str:
        """Return a potential as C writes it."""

    @abstractmethod
    def margin(self, stop: Stop) -> str:
        """Return how far the leading class has to lead."""

    @abstractmethod
    def weights(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return weights as they are written."""

    @abstractmethod
    def leaks(self) -> tuple[str, int]:
        """Return the tables of all leaks, and their bytes."""

    @abstractmethod
    def leak_of(self, place: CPopulation) -> str:
        """Return what a population's leak is called, 0 without one."""

    def scales(self, place: CPopulation) -> bool:
        """Return whether weights are multiplied before they are added to this population."""
        return False

    @abstractmethod
    def clock_products(self, place: CPopulation) -> int:
        """Return the multiplications of a clock that goes on: of a decay from its table."""

    def more(self, place: CPopulation) -> dict[str, str]:
        """Return fields of a population that only this arithmetic has."""
        return {}

    def sizes(self) -> dict[str, int]:
        """Return numbers of the header that only this arithmetic has."""
        return {}

    def state(self) -> list[str]:
        """Return members of the running network that only this arithmetic has."""
        return []


def c_type(dtype: np.dtype[Any]) -> str:
    """Return what C calls a dtype."""
    if dtype.kind == "f":
        return {4: "float", 8: "double"}[dtype.itemsize]
    return f"{'u' if dtype.kind == 'u' else ''}int{8 * dtype.itemsize}_t"


def array(name: str, values: NDArray[Any], word: str = "") -> str:
    """Return a constant array; ``word`` is another name of its type."""
    return constants.array(word or c_type(values.dtype), name, values)


def head_of(name: str) -> str:
    """Return the text of an arithmetic."""
    return text(f"numbers/{name}.c")

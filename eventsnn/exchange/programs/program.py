"""What every program answers: the spikes of a graph, step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.tree import NirTree


@dataclass(frozen=True)
class StepTask:
    """What a program is to run.

    Attributes
    ----------
    file : Path
        The NIR file.
    tree : NirTree
        The same, as data.
    convention : Convention
        How its numbers are meant.
    inputs : float32 array (steps, *shape of the Input)
        Events of each step, by NIR's numbers.
    dt_us : float
        Length of a step.
    """

    file: Path
    tree: NirTree
    convention: Convention
    inputs: NDArray[np.float32]
    dt_us: float


Steps = Mapping[str, NDArray[np.bool_]]
"""Of each node of neurons that fire, by its name: who fired in which step, (steps, n)."""


class Program(ABC):
    """A program that runs NIR graphs.

    Class attributes
    ----------------
    kind : str
        Its name.
    package : str
        What has to be installed; "" for nothing.
    does : str
        How it does what may part it from exact times.
    """

    kind: ClassVar[str]
    package: ClassVar[str] = ""
    does: ClassVar[str]

    def installed(self) -> bool:
        """Tell whether it can run here."""
        return not self.package or find_spec(self.package) is not None

    @abstractmethod
    def run(self, task: StepTask) -> Steps:
        """Return who fires; any error says that it cannot run the graph."""


def hooked(modules: Any, names: list[str], seen: dict[str, list[Any]]) -> None:
    """Note what modules of PyTorch that are called as nodes pass on."""
    found = {name.replace("_", "."): module for name, module in modules}
    for name in names:
        module = found.get(name.replace("_", "."))
        if module is not None:
            module.register_forward_hook(_noted(seen.setdefault(name, [])))


def _noted(into: list[Any]) -> Any:
    def note(module: Any, given: Any, passed: Any) -> None:
        first = passed[0] if isinstance(passed, tuple) else passed
        into.append(np.asarray(first.detach()))

    return note


def rows(seen: dict[str, list[Any]], steps: int) -> Steps:
    """Return what was noted as (steps, n)."""
    return {n: np.stack(v).reshape(steps, -1) > 0 for n, v in seen.items() if v}

"""What every neuron model gives: its equation, its parameters, and how it takes an event.

A model is one file of this folder. Its class is a frozen description; the running variables of
one neuron live in a ``Cell`` (reference engine) or in the rows of two flat arrays (numba
engines). Potentials are in units of the weights, times in microseconds.
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events.checked import TIME_END
from eventsnn.kernels.decay import FINE as FINE
from eventsnn.neurons.decays import decay as decay
from eventsnn.neurons.decays import decay_table as decay_table
from eventsnn.neurons.decays import decays as decays
from eventsnn.neurons.decays import table_of
from eventsnn.neurons.entry_points import MANY as MANY
from eventsnn.neurons.entry_points import Kernels as Kernels
from eventsnn.neurons.entry_points import entry_points as entry_points
from eventsnn.neurons.entry_points import synapse_dtype as synapse_dtype
from eventsnn.text import shown

Reset = Literal["subtract", "zero"]

TINY = float(np.finfo(np.float64).tiny)
"""The smallest number that float64 holds in full precision."""


@dataclass
class Cell:
    """Running variables of one neuron in the reference engine.

    Attributes
    ----------
    x : list of float
        The model's variables, in the order of ``Neuron.variables``; all start at 0.
    times : list of float
        The model's times in microseconds, in the order of ``Neuron.times``.
    """

    x: list[float]
    times: list[float]


@dataclass(frozen=True)
class Membrane:
    """How a model forgets and fires, in closed form: all that the spike adjoint asks of it.

    Attributes
    ----------
    tau_us : float
        Between deliveries the potential decays by exp(-dt / tau); infinity for no leak.
    threshold : float
        What the potential has to reach; infinity for a model that never fires.
    reset : "subtract" or "zero"
        What a spike does to the potential.
    refractory_us : float
        Whole microseconds after a spike in which deliveries are lost.
    """

    tau_us: float = math.inf
    threshold: float = math.inf
    reset: Reset = "subtract"
    refractory_us: float = 0.0


class Neuron(ABC):
    """A neuron model. Subclasses are frozen dataclasses, named in files by ``kind``.

    Class attributes
    ----------------
    kind : str
        Name in network files.
    spiking : bool
        False for a model that only integrates.
    predicts, rows, whole : bool
        True for a model that may fire between events; whose kernels take whole rows of weights
        (``Kernels.rows``); of whole numbers (``neurons/integer_lif.py``).
    one_clock : bool
        True for a model whose kernels keep one clock for neighbours that are always reached
        together, as many as their table says; else each neuron has its own.
    current : str
        The parameter that is a constant current, where the model integrates one in closed form;
        else "". Current generators set it (``turned``).
    in_state : tuple of str
        Parameters that are compared with or added to potentials: they must be numbers of the
        state's dtype.
    value_is_v : bool
        True where the value recorded with a spike is the first variable just before the reset.
    multiplications : int
        Multiplications by which one update brings a neuron up to now. A search for the
        next spike, of a model that ``predicts``, is not among them.
    variables, times : tuple of str
        Names of a neuron's running variables (state dtype) and times (float64). The
        first time is always the clock: when the neuron was last brought up to now.
    """

    kind: ClassVar[str]
    spiking: ClassVar[bool] = True
    predicts: ClassVar[bool] = False
    rows: ClassVar[bool] = False
    one_clock: ClassVar[bool] = False
    current: ClassVar[str] = ""
    whole: ClassVar[bool] = False
    in_state: ClassVar[tuple[str, ...]] = ()
    value_is_v: ClassVar[bool] = True
    multiplications: ClassVar[int] = 0
    variables: ClassVar[tuple[str, ...]] = ("v",)
    times: ClassVar[tuple[str, ...]] = ("clock", "ready")

    @abstractmethod
    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Bring a neuron up to ``t``, add the weights in their order, and test it once.

        Parameters
        ----------
        cell : Cell
            Changed in place.
        t : float
            Now, in microseconds.
        weights : sequence of float
            What is delivered at this instant, in the order of delivery.
        due : bool
            True if a predicted spike of this neuron falls on this instant.

        Returns
        -------
        float or None
            None without a spike; else the value recorded with it (see the model).
        """

    def turned(
        self, cell: Cell, t: float, weights: Sequence[float], due: bool, after: Neuron
    ) -> float | None:
        """Do as ``receive``; from ``t`` on with ``after``, this model with another ``current``."""
        raise NotImplementedError(f"{self.kind} takes no current")

    def with_current(self, amplitude: float) -> Neuron:
        """Return the model with a current added to its own."""
        value = {self.current: getattr(self, self.current) + amplitude}
        return replace(self, **value)  # type: ignore[type-var]

    @abstractmethod
    def table(self) -> NDArray[np.float64]:
        """Return the parameters as the kernels of the model's file read them."""

    @classmethod
    @abstractmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the model's entry points for a state of float32 or float64."""

    def lateral(self, cells: Sequence[Cell], t: float, fired: Sequence[int]) -> None:
        """Let neurons that fire at ``t`` act on others of their population, without synapses.

        ``fired`` are in order of unit. It is called once at every instant at which something
        arrived; ``settle`` of the kernels does the same.
        """
        return

    def start(self) -> Cell:
        """Return a neuron at rest that has never been touched."""
        return Cell([0.0] * len(self.variables), [-1.0] + [-math.inf] * (len(self.times) - 1))

    @property
    def width(self) -> int | None:
        """For how many neurons parameters are given one by one; None where all share them."""
        return None

    def of(self, unit: int) -> Neuron:
        """Return the model of one neuron: this one where all share their parameters."""
        return self

    def at_rest(self, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (x, times) of neurons that ``start``: (n_variables, size) and (n_times, size)."""
        cells = [self.of(unit).start() for unit in range(1 if self.width is None else size)]
        x, times = np.array([c.x for c in cells]).T, np.array([c.times for c in cells]).T
        return np.repeat(x, size // len(cells), 1), np.repeat(times, size // len(cells), 1)

    def readout(self, cell: Cell, t: float) -> tuple[float, float, float, float] | None:
        """Return (final, maximum, maximum_t, integral) at ``t``, or None if the model has none."""
        return None

    def readouts(
        self, x: NDArray[Any], clocks: NDArray[Any], maximum_t: NDArray[Any], t: float
    ) -> tuple[NDArray[Any], ...]:
        """Return the four of ``readout`` for a population's rows, as the kernels leave them."""
        raise NotImplementedError(f"{self.kind} is no readout")

    def next_spike(self, cell: Cell) -> float:
        """Return when the neuron will fire if nothing more arrives (inf: never)."""
        return math.inf

    def recalled(self, cell: Cell) -> Cell:
        """Return a cell that kernels left as ``receive`` leaves it: with its next spike found."""
        return cell

    @cached_property
    def membrane(self) -> Membrane | None:
        """Return the closed form that the spike adjoint learns by, None for a model without.

        Where a model is more than its membrane (its threshold moves, say), the adjoint learns
        by this part of it.
        """
        return None

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return the variables at ``t`` if nothing arrives until then; the cell stays as it is.

        By the membrane: the first variable decays, others stay. A model of which that is not so
        says how.
        """
        tau = self.membrane.tau_us if self.membrane else math.inf
        first, *rest = cell.x
        return [first * decay(t - cell.times[0], tau, table_of(tau)), *rest]

    def in_whole_numbers(self, threshold: Any, fraction: int, tick_us: int) -> Neuron | None:
        """Return the model in whole numbers, with one or several thresholds; None without."""
        return None

    def lowered(self, share: float) -> Neuron | None:
        """Return the model with that share of its threshold; None for one that has none."""
        return None


def real_number(model: Neuron, name: str) -> float:
    """Make a parameter a float, as kernels take it, and return it; refuse what is no number."""
    value = getattr(model, name)
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        with contextlib.suppress(OverflowError):
            object.__setattr__(model, name, float(value))
            return float(value)
    raise UserError(f"neuron {model.kind}: {name} is {shown(value)}; give a number")


def check_positive(model: Neuron, *names: str, infinite: bool = False) -> None:
    """Refuse parameters that are not positive numbers in full precision, naming the first.

    ``infinite`` allows infinity.
    """
    for name in names:
        value = real_number(model, name)
        if not value > 0 or (math.isinf(value) and not infinite):
            raise UserError(
                f"neuron {model.kind}: {name} is {value}; give a {'' if infinite else 'finite '}"
                "number above 0"
            )
        if value < TINY:
            raise UserError(f"neuron {model.kind}: {name} is {value}; give at least {TINY:.3g}")


def check_refractory(model: Neuron, name: str = "refractory_us") -> None:
    """Refuse a refractory time that is not a whole number of microseconds from 0 to 2**53."""
    value = real_number(model, name)
    if not (0 <= value <= TIME_END and value == math.floor(value)):
        raise UserError(
            f"neuron {model.kind}: {name} is {value}; give whole microseconds, 0 or more, at most "
            "2**53"
        )


def check_reset(value: str, kind: str) -> None:
    """Refuse an unknown reset."""
    if not isinstance(value, str) or value not in ("subtract", "zero"):
        raise UserError(f"neuron {kind}: reset is {shown(value)}; give 'subtract' or 'zero'")


def check_precision(model: Neuron, dtype: type[np.floating[Any]], where: str) -> None:
    """Refuse parameters of population ``where`` that become 0 or infinite in ``dtype``."""
    limits = np.finfo(dtype)
    if model.whole and limits.bits < 64:
        raise UserError(
            f"{where}: whole numbers need float64, dtype is {limits.dtype}; leave it out"
        )
    for name in model.in_state:
        given = np.atleast_1d(np.asarray(getattr(model, name)))
        size = np.abs(given) if given.dtype.kind == "f" else np.zeros(1)  # a word is no number
        lost = (size > 0) & ~((size >= float(limits.tiny)) & (size <= float(limits.max)))
        if lost.any():
            raise UserError(
                f"{where}: {name} of its {model.kind} neurons is {given[lost][0]}, which "
                f"{limits.dtype} does not hold; give {float(limits.tiny):.3g} to "
                f"{float(limits.max):.3g}, or weights of float64"
            )


def parameters(model: Neuron) -> dict[str, Any]:
    """Return a model's parameters by name."""
    return {f.name: getattr(model, f.name) for f in fields(model)}  # type: ignore[arg-type]

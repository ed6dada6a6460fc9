"""What every neuron model gives: its equation, its parameters, and how it takes an event.

A model is one file of this folder. Its class is a frozen description; the running
variables of one neuron live in a ``Cell`` (reference engine) or in the rows of two
flat arrays (numba engines). Potentials are in units of the weights, times in
microseconds.
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numba import float32, float64, from_dtype, int32, int64, types, void
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events.checked import TIME_END
from eventsnn.kernels.compile import entry_point
from eventsnn.text import shown

Reset = Literal["subtract", "zero"]

TINY = float(np.finfo(np.float64).tiny)
"""The smallest number that float64 holds in full precision."""

MANY = 1 << 30
"""Updates after which a train stops, so that their int32 count is read."""

FINE = 1024
"""Steps of the fine decay table, 1 us each; the coarse table has as many steps of FINE us."""

SHIFT = FINE.bit_length() - 1
"""``gap >> SHIFT`` is the step of the coarse table, ``gap & (FINE - 1)`` of the fine one."""


class Kernels(NamedTuple):
    """Compiled entry points of a model. Engines call them through typed pointers.

    All take ``table`` (float64: the population's size, its clock size, the model's
    parameters), ``x`` and ``times`` (the rows of ``variables`` and ``times``, one after
    another) and ``work`` (int32: how many neurons are marked, updates counted, the
    marked neurons, a mark a neuron).

    Attributes
    ----------
    receive : (table, x, times, t, weights, targets, runs, work)
        Deliver one fan-out at ``t``: runs[0] runs of (first target, first weight,
        length); the first target is -1 where ``targets[k]`` names the target of weight k.
        Marks the neurons that may fire.
    train : (table, x, times, at, targets, weights, grouped, span, limit, work) -> head
        Deliver the entries span[0] to span[1] - 1, sorted by their times ``at``, up to
        ``limit`` exclusive; stop after an instant that marked a neuron. Returns the
        first entry not delivered, and adds the synapses delivered to span[2]. An entry
        is a synapse; with a negative target it is ``weight`` synapses of ``grouped``
        (``synapse_dtype``) from ~target on.
    settle : (table, x, times, t, work, fired, values) -> n
        Test the marked neurons once, write the n that fire and their
        values, and reset them. The marked are in order of unit;
        their list stays in ``work`` until the next call.
    rows : (table, x, times, at, units, weights, span, delay, limit, work) -> head
        Of a model with ``rows``, where all neurons share a clock: deliver spikes span[0]
        to span[1] - 1, each with a row of weights for all neurons, a ``delay`` after they
        were sent, up to ``limit`` exclusive; stop after an instant that marked a neuron.
        Spike k stands at place span[2] + (k & span[3]) of ``at`` (when) and ``units``
        (whose row). Returns the first spike not delivered.
    """

    receive: Any
    train: Any
    settle: Any
    rows: Any


def synapse_dtype(dtype: type[np.floating[Any]]) -> np.dtype[np.void]:
    """Return the dtype of a synapse that waits with others of its sender and delay."""
    return np.dtype([("weight", dtype), ("target", np.int32)], align=True)


def signatures(dtype: type[np.floating[Any]]) -> tuple[Any, Any, Any, Any]:
    """Return the numba signatures of ``Kernels`` for a state dtype."""
    real = types.Array(float32 if dtype == np.float32 else float64, 1, "C")
    f8, i4, i8 = (types.Array(kind, 1, "C") for kind in (float64, int32, int64))
    grouped = types.Array(from_dtype(synapse_dtype(dtype)), 1, "C")
    return (
        void(f8, real, f8, float64, real, i4, i8, i4),
        int64(f8, real, f8, f8, i4, real, grouped, i8, float64, i4),
        int64(f8, real, f8, float64, i4, i4, real),
        int64(f8, real, f8, f8, i4, real, i8, float64, float64, i4),
    )


def entry_points(
    receive: Any, train: Any, settle: Any, dtype: type[np.floating[Any]], rows: Any = None
) -> Kernels:
    """Compile a model's kernels for a state dtype."""
    functions = (receive, train, settle, rows or _no_rows)
    return Kernels(
        *(
            entry_point(signature, function)
            for signature, function in zip(signatures(dtype), functions, strict=True)
        )
    )


def _no_rows(
    table: Any,
    x: Any,
    times: Any,
    at: Any,
    units: Any,
    weights: Any,
    span: Any,
    delay: float,
    limit: float,
    work: Any,
) -> Any:
    """Stand in for ``rows`` of a model without; never called."""
    return int64(0)


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


class Neuron(ABC):
    """A neuron model. Subclasses are frozen dataclasses, named in files by ``kind``.

    Class attributes
    ----------------
    kind : str
        Name in network files.
    spiking : bool
        False for a model that only integrates.
    predicts : bool
        True for a model that may fire between events.
    rows : bool
        True for a model whose kernels take whole rows of weights (``Kernels.rows``).
    in_state : tuple of str
        Parameters that are compared with or added to potentials: they must be numbers of the
        state's dtype.
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
    in_state: ClassVar[tuple[str, ...]] = ()
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

    @abstractmethod
    def table(self) -> NDArray[np.float64]:
        """Return the parameters as the kernels of the model's file read them."""

    @classmethod
    @abstractmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the model's entry points for a state of float32 or float64."""

    def start(self) -> Cell:
        """Return a neuron at rest that has never been touched."""
        return Cell([0.0] * len(self.variables), [-1.0] + [-math.inf] * (len(self.times) - 1))

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


def real_number(model: Neuron, name: str) -> float:
    """Make a parameter a float, and return it; refuse what is no real number, naming it.

    A float32 would make a sum of the reference engine float32, too, and kernels are compiled
    anew for whole numbers.
    """
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
    """Refuse parameters that a state of ``dtype`` does not hold: they would become 0 or infinite.

    ``where`` names the population.
    """
    limits = np.finfo(dtype)
    for name in model.in_state:
        value = abs(float(getattr(model, name)))
        if value and not float(limits.tiny) <= value <= float(limits.max):
            raise UserError(
                f"{where}: {name} of its {model.kind} neurons is {getattr(model, name)}, which "
                f"{limits.dtype} does not hold; give {float(limits.tiny):.3g} to "
                f"{float(limits.max):.3g}, or weights of float64"
            )


def decay_table(tau_us: float) -> NDArray[np.float64]:
    """Return exp(-i / tau) for i < FINE, then exp(-i * FINE / tau), float64 (2 * FINE,)."""
    i = range(FINE)
    fine = [math.exp(-k / tau_us) for k in i]
    return np.array(fine + [math.exp(-k * FINE / tau_us) for k in i], np.float64)


def decay(dt: float, tau_us: float, table: NDArray[np.float64]) -> float:
    """Return exp(-dt / tau), by definition a product of two table entries where it can be.

    Whole microseconds below FINE**2 are looked up, so that all engines multiply by
    the same bits at the cost of two loads; any other interval takes ``math.exp``.
    """
    steps = int(dt) if dt < FINE * FINE else -1
    if steps == dt:
        return float(table[FINE + steps // FINE] * table[steps % FINE])
    return math.exp(-float(dt) / tau_us)


def decays(
    dt: NDArray[np.float64], tau_us: float, table: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``decay`` over each interval, float64 (n,)."""
    whole = (dt < FINE * FINE) & (dt == np.floor(dt))
    steps = np.where(whole, dt, 0).astype(np.int64)
    out = table[FINE + steps // FINE] * table[steps % FINE]
    for i in np.flatnonzero(~whole):
        out[i] = math.exp(-float(dt[i]) / tau_us)
    return out


def parameters(model: Neuron) -> dict[str, Any]:
    """Return a model's parameters by name."""
    return {f.name: getattr(model, f.name) for f in fields(model)}  # type: ignore[arg-type]

"""The general leaky integrate-and-fire neuron, of which ``if``, ``lif`` and ``cuba_lif`` are cases.

tau_mem dv/dt = rest + bias - v + i + k,    tau_syn di/dt = -i,    tau_inhibitory dk/dt = -k

Without ``tau_syn_us`` there are no currents, and a delivery adds its weight to v (delta synapses).
With it a delivery adds to i; with ``tau_inhibitory_us``, too, one of a weight below 0 adds to k.
A spike sets v to ``reset``, or takes threshold - rest from it ("subtract"). In the refractory time
nothing is tested; v is held where the reset left it (``hold_v``) or runs on, and so do the currents
(``hold_current``). What would go into v then is lost, as is what would go into a held current.

A neuron with currents, or whose rest + bias is above its threshold, fires between events: when it
first comes to the threshold, found from the closed form. Should a delivery fall on that instant, it
fires all the same. Without either it fires at deliveries alone, and what "subtract" leaves above
the threshold fires at the next one. The value recorded with a spike is v just before the reset; of
a neuron with currents dv/dt, per microsecond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.neurons import general_lif_kernels as kernels
from eventsnn.neurons import neuron as base
from eventsnn.neurons import varied
from eventsnn.neurons.cuba_lif_flow import largest_response
from eventsnn.neurons.general_lif_checked import check_numbers
from eventsnn.neurons.general_lif_flow import (
    Currents,
    LIFConstants,
    brought,
    decay_of,
    predicted,
)
from eventsnn.neurons.neuron import Cell, Kernels, Neuron
from eventsnn.neurons.varied import Values
from eventsnn.text import shown

ResetTo = Literal["rest", "zero", "subtract"] | Values


@dataclass(frozen=True, repr=False)
class GeneralLIF(Neuron):
    """Leaky integrate-and-fire with a rest, a reset, a bias, and no, one or two currents.

    Each number may be given for all neurons, or as a sequence of one a neuron.

    Attributes
    ----------
    tau_mem_us : float
        Membrane time constant in microseconds, > 0; infinity for no leak, without currents.
    threshold : float
    rest : float
        Where v begins, and decays to; below the threshold.
    reset : "rest", "zero", "subtract" or float
        What a spike does to v; a number is where it goes, below the threshold.
    bias : float
        Constant current, in units of v: it leads v to rest + bias.
    refractory_us : float
        Absolute refractory time, whole microseconds.
    tau_syn_us : float or None
        Time constant of the synaptic current; None: deliveries go into v.
    tau_inhibitory_us : float or None
        That of a second current, for weights below 0; None: the first takes all.
    hold_v, hold_current : bool
        Whether v and the currents stand still in the refractory time.

    Examples
    --------
    >>> import eventsnn as es
    >>> cell = es.GeneralLIF(10_000, threshold=-55, rest=-70, bias=20, refractory_us=2_000)
    >>> network = es.Network((es.Population("cell", 1, cell),))
    >>> es.simulate(network, {}, until_us=40_000).spikes["cell"].t.round(1)
    array([13862.9, 29725.9])
    """

    kind: ClassVar[str] = "general_lif"
    current: ClassVar[str] = "bias"
    in_state: ClassVar[tuple[str, ...]] = ("threshold", "rest", "reset", "bias", "target")
    times: ClassVar[tuple[str, ...]] = ("clock", "ready", "next")
    tau_mem_us: Values
    threshold: Values = 1.0
    rest: Values = 0.0
    reset: ResetTo = "rest"
    bias: Values = 0.0
    refractory_us: Values = 0.0
    tau_syn_us: Values | None = None
    tau_inhibitory_us: Values | None = None
    hold_v: bool = True
    hold_current: bool = False

    def __post_init__(self) -> None:
        """Check the parameters."""
        taus = ["tau_mem_us", *(n for n in _SYNAPSES if getattr(self, n) is not None)]
        potentials = ["threshold", "rest", "bias"]
        if not isinstance(self.reset, str):
            potentials.append("reset")
        elif self.reset not in ("rest", "zero", "subtract"):
            raise UserError(
                f"neuron {self.kind}: reset is {shown(self.reset)}; give 'rest', 'zero', "
                "'subtract' or a number"
            )
        varied.take(self, *taus, *potentials, "refractory_us")
        for name in ("hold_v", "hold_current"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                given = shown(getattr(self, name))
                raise UserError(f"neuron {self.kind}: {name} is {given}; give true or false")
            object.__setattr__(self, name, bool(getattr(self, name)))
        check_numbers(self, taus, potentials)

    def __repr__(self) -> str:
        """Return one line of facts."""
        return varied.told(self)

    @property
    def synapses(self) -> int:
        """How many synaptic currents there are."""
        return sum(getattr(self, name) is not None for name in _SYNAPSES)

    @cached_property
    def target(self) -> NDArray[np.float64]:
        """Where v goes if nothing arrives, rest + bias: float64 () or (n_neurons,)."""
        with np.errstate(over="ignore"):
            return np.add(self.rest, self.bias, dtype=np.float64)

    @property
    def predicts(self) -> bool:  # type: ignore[override]
        """True for neurons that may fire between events."""
        return self.synapses > 0 or bool((self.target > np.asarray(self.threshold)).any())

    @property
    def value_is_v(self) -> bool:  # type: ignore[override]
        """True where the value of a spike is v: without currents."""
        return self.synapses == 0

    @property
    def variables(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the running variables: v, the currents, and with these the slope."""
        return (("v",), ("v", "current", "slope"), _OF_TWO)[self.synapses]

    @property
    def multiplications(self) -> int:  # type: ignore[override]
        """Multiplications of an update: the decays, and the responses to the currents."""
        return 1 + 2 * self.synapses

    @cached_property
    def width(self) -> int | None:
        """For how many neurons parameters are given, None where each is one for all."""
        return varied.width_of(self)

    @cached_property
    def _ones(self) -> dict[int, GeneralLIF]:
        return {}

    def of(self, unit: int) -> GeneralLIF:
        """Return the model of one neuron."""
        if self.width is None:
            return self
        if unit not in self._ones:
            self._ones[unit] = replace(self, **varied.one_of(self, unit))
        return self._ones[unit]

    def with_current(self, amplitude: float) -> GeneralLIF:
        """Return the model with a current added to its own."""
        return replace(self, bias=varied.added(self.bias, amplitude))

    @cached_property
    def _constants(self) -> LIFConstants:
        """What one neuron moves by."""
        tau_mem, tau_syn, tau_inhibitory, target, threshold, *_ = map(float, self._rows)
        taus = tau_mem, tau_syn, tau_inhibitory
        held = self.hold_v, self.hold_current
        return LIFConstants(*taus, target, threshold, self.synapses, *held)

    @cached_property
    def _rows(self) -> tuple[Any, ...]:
        """Parameters in the order of the kernels' table; of currents that there are not 1."""
        taus = (1.0 if getattr(self, n) is None else getattr(self, n) for n in _SYNAPSES)
        reset: Any = {"rest": self.rest, "zero": 0.0}.get(str(self.reset), self.reset)
        if self.reset == "subtract":
            reset = np.subtract(self.threshold, self.rest, dtype=np.float64)
        own = self.tau_mem_us, *taus, self.target, self.threshold, reset, self.refractory_us
        return *own, *map(self._most, _SYNAPSES)

    def _most(self, name: str) -> Any:
        """Return the most that v gets of a current of 1: all, where v runs on while it is held."""
        tau_syn = getattr(self, name)
        if tau_syn is None or (self.hold_current and not self.hold_v):
            return 1.0
        return np.vectorize(largest_response, otypes=[float])(self.tau_mem_us, tau_syn)

    def start(self) -> Cell:
        """Return a neuron at its rest at time 0; a bias may already lead it to a spike."""
        x = [float(np.asarray(self.rest)), *[0.0] * (len(self.variables) - 1)]
        cell = Cell(x, [0.0, -math.inf, math.inf])
        cell.times[2] = self._predicted(cell, 0.0, -math.inf)
        return cell

    def next_spike(self, cell: Cell) -> float:
        """Return the predicted crossing."""
        return cell.times[2]

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Bring the neuron up to t, add, fire if due or at threshold, predict again."""
        return self.turned(cell, t, weights, due, self)

    def turned(
        self, cell: Cell, t: float, weights: Sequence[float], due: bool, after: Neuron
    ) -> float | None:
        """Do the same, and predict with the bias that holds from now on."""
        x, ready = self.now(cell, t), cell.times[1]
        lost = t < ready and (self.synapses == 0 or self.hold_current)
        for weight in () if lost else weights:
            x[2 if self.synapses == 2 and weight < 0 else min(self.synapses, 1)] += weight
        v, value, reset = x[0], x[-1], float(self._rows[5])
        fires = due or (t >= ready and v >= self._constants.threshold)
        if fires:
            x[0] = v - reset if self.reset == "subtract" else reset
            cell.times[1] = t + float(np.asarray(self.refractory_us))
        cell.x[:], cell.times[0] = x, t
        last = t if fires else -math.inf
        cell.times[2] = cast(GeneralLIF, after)._predicted(cell, t, last)
        return value if fires else None

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return the variables at ``t``."""
        c, (clock, ready, _) = self._constants, cell.times
        if c.synapses == 0:
            since = max(clock, ready) if c.holds_v else clock
            if t <= since:
                return list(cell.x)
            v, decay = cell.x[0], decay_of(t - since, c.tau_mem)
            return [v if decay == 1.0 else c.target + (v - c.target) * decay]
        v, i, k = brought(self._state(cell), (clock, ready, t), c)
        slope = (i + k + c.target - v) * (1.0 / c.tau_mem)
        return [v, i, slope] if c.synapses == 1 else [v, i, k, slope]

    def _state(self, cell: Cell) -> Currents:
        """Return (v, i, k)."""
        v, i, k, *_ = (*cell.x[: 1 + self.synapses], 0.0, 0.0)
        return v, i, k

    def _predicted(self, cell: Cell, t: float, fired: float) -> float:
        """Return when the neuron fires if nothing arrives; after a spike at ``fired``."""
        return float(predicted(self._state(cell), t, cell.times[1], fired, self._constants))

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read: flags, rows of parameters, the decay table."""
        width = self.width or 1
        shared = isinstance(self.tau_mem_us, float)
        flags = [self.synapses, self.reset == "subtract", self.hold_v, self.hold_current, shared]
        rows = [np.broadcast_to(np.asarray(row, np.float64), width) for row in self._rows]
        assert len(rows) == kernels.ROWS
        decays = [base.decay_table(self.tau_mem_us)] if isinstance(self.tau_mem_us, float) else []
        return np.concatenate([np.array([width, *flags], np.float64), *rows, *decays])

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return kernels.compiled(dtype)


_SYNAPSES = ("tau_syn_us", "tau_inhibitory_us")
_OF_TWO = ("v", "current", "inhibition", "slope")

"""Nodes that are neurons: what NIR says of them, in the terms of this library.

A spike of weight w that reaches tau dx/dt = -x + I moves x by w share(tau), where ``share`` is the
area under a spike divided by tau (see ``convention.py``). So it moves the v of an integrator
(dv/dt = R I) by w R area, that of a leaky one (tau dv/dt = v_leak - v + R I) by w R share(tau), and
the current R I of a current-based one (tau_syn dI/dt = -I + w_in S) by w R w_in share(tau_syn). A
constant current b leads v to v_leak + R b, or R w_in b behind a synapse.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.node import Node, Raw, Shape
from eventsnn.neurons.general_lif import GeneralLIF
from eventsnn.neurons.neuron import Neuron

Numbers = NDArray[np.float64]
Said = Callable[[Any, Convention], dict[str, Any] | None]


@dataclass(frozen=True)
class CellFacts:
    """Neurons of one node; each array float64 (), or one number a neuron by NIR's numbers.

    Attributes
    ----------
    gain : array
        What a spike of weight 1 adds: to v, or to the current where there is one.
    tau_mem_us : array
        Infinity without a leak.
    tau_syn_us : array or None
        None without a current.
    threshold : array or None
        None of neurons that do not fire.
    rest, reset : array
    drive : array
        What a constant current of 1 adds to where v goes.
    """

    gain: Numbers
    tau_mem_us: Numbers
    tau_syn_us: Numbers | None = None
    threshold: Numbers | None = None
    rest: Numbers | float = 0.0
    reset: Numbers | float = 0.0
    drive: Numbers | float = 1.0


class CellNode(Node):
    """A node of neurons.

    Class attributes
    ----------------
    parameters : tuple of str
        One number a neuron each, or one for all.
    usual : dict
        Values of those that a file may leave out.
    equations : str
        What NIR says of neurons that fire, as Brian2 reads it; x is what comes, ``unit`` that of
        time.
    """

    parameters: ClassVar[tuple[str, ...]]
    usual: ClassVar[dict[str, float]] = {}
    spiking: ClassVar[bool] = True
    equations: ClassVar[str] = ""

    def read(self, raw: Raw) -> None:
        """Take all parameters."""
        self.values = {n: self.numbers(raw, n, self.usual.get(n)) for n in self.parameters}
        shapes = {v.shape for v in self.values.values() if v.size > 1}
        if len(shapes) > 1:
            told = ", ".join(f"{n} {v.shape}" for n, v in self.values.items())
            raise self.refuse(f"its parameters have other shapes: {told}; give as many each")
        self.shape: Shape = next(iter(shapes), ())
        for name in ("tau", "tau_mem", "tau_syn"):
            if name in self.values and not (self.values[name] > 0).all():
                raise self.refuse(f"{name} is {self.values[name].min()}; give a number above 0")

    @property
    def own_shape(self) -> Shape | None:
        """That of its parameters, if they are several."""
        return self.shape or None

    def fits(self, given: Shape) -> Shape:
        """Return its shape; parameters of one number are those of as many neurons as come."""
        if self.shape and given != self.shape:
            raise self.refuse(
                f"has {self.shape} neurons, is given {given}; put a Flatten before it, or give "
                "one parameter a neuron"
            )
        return given

    of: ClassVar[dict[type[Neuron], Said]] = {}
    """For each model whose neurons it may be, what gives its parameters; None where it cannot."""

    @abstractmethod
    def facts(self, convention: Convention) -> CellFacts:
        """Return what its parameters say."""

    def begin(self, size: int) -> dict[str, Any]:
        """Return v at first, and the current: of ``steps``, which shares nothing with ``facts``."""
        v = self.get("v_leak").reshape(-1) if "v_leak" in self.values else 0.0
        if "v_threshold" in self.values:
            v = np.where(
                v < self.get("v_threshold").reshape(-1), v, self.get("v_reset").reshape(-1)
            )
        return {"v": np.zeros(size) + v, "i": np.zeros(size)}

    @abstractmethod
    def move(self, state: dict[str, Any], given: Any, dt: float) -> None:
        """Move v by a step of forward Euler; ``given`` is what comes, ``dt`` in units of time."""

    def fire(self, state: dict[str, Any], convention: Convention) -> Any:
        """Return who fires, and reset them."""
        if "v_threshold" not in self.values:
            return np.zeros(len(state["v"]), np.bool_)
        limit, reset = self.get("v_threshold").reshape(-1), self.get("v_reset").reshape(-1)
        fired = reached(state["v"], limit, convention)
        after = state["v"] - limit if convention.reset == "subtract" else reset
        state["v"] = np.where(fired, after, state["v"])
        return fired

    def flat(self, name: str) -> Numbers:
        """Return a parameter as a row."""
        return self.get(name).reshape(-1)

    def get(self, name: str) -> Numbers:
        """Return a parameter, float64."""
        return self.values[name].astype(np.float64)

    def near_one(self, gain: Numbers) -> Numbers:
        """Return gains, those as 1 that are it as far as the file's precision can tell."""
        single = any(v.dtype == np.float32 for v in self.values.values())
        least: Any = np.finfo(np.float32 if single else np.float64).eps
        # R of snnTorch's files is made of a decay in float32, whatever it is kept in.
        near = np.abs(gain - 1.0) <= max(8 * float(least), _ROUNDED)
        return np.where(near, 1.0, gain)

    def where_v_is(self) -> dict[str, Any]:
        """Return rest, reset and threshold."""
        return {
            "rest": self.get("v_leak") if "v_leak" in self.values else 0.0,
            "reset": self.get("v_reset"),
            "threshold": self.get("v_threshold"),
        }


_ROUNDED = 1e-6


def reached(v: Numbers, threshold: Numbers, convention: Convention) -> Any:
    """Tell of each neuron whether v is what it has to be to fire."""
    return v >= threshold if convention.fires == ">=" else v > threshold


def reset_of(model: GeneralLIF) -> Any:
    """Return where a spike sets v, as NIR has it; of "subtract" 0, which other programs take."""
    word = {"rest": model.rest, "zero": 0.0, "subtract": 0.0}
    return word[model.reset] if isinstance(model.reset, str) else model.reset

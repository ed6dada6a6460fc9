"""The neuron model of a node: the simplest that does what the node says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, CellNode
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.general_lif import GeneralLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.neurons.readout import Readout

Order = NDArray[np.int64] | None


@dataclass(frozen=True)
class CellWanted:
    """What neurons of a node are to be.

    Attributes
    ----------
    bias : float64 array
        Constant current in units of v, one number or one a neuron.
    order : int64 array or None
        The number that NIR gives each of our neurons.
    dtype : float32 or float64
        Of the weights, and so of potentials.
    """

    bias: NDArray[np.float64]
    order: Order
    dtype: type[Any]


def neuron_of(
    cell: CellNode, facts: CellFacts, wanted: CellWanted, convention: Convention
) -> Neuron:
    """Return the neurons of a node.

    Raises
    ------
    DataError
        If no model does what the node says: it names the node and the remedy.
    """
    try:
        if facts.threshold is None:
            return _readout(cell, facts, wanted)
        return _spiking(cell, facts, wanted, convention)
    except DataError:
        raise
    except UserError as error:
        raise cell.refuse(str(error)) from error


def _spiking(
    cell: CellNode, facts: CellFacts, wanted: CellWanted, convention: Convention
) -> Neuron:
    assert facts.threshold is not None
    subtract = convention.reset == "subtract"
    current = facts.tau_syn_us is not None
    threshold = facts.threshold
    if not current and convention.fires == ">":
        threshold = _above(threshold, wanted.dtype)
    tau, rest = _number(facts.tau_mem_us, wanted), _number(facts.rest, wanted)
    syn = None if facts.tau_syn_us is None else _number(facts.tau_syn_us, wanted)
    limit, reset = _number(threshold, wanted), _number(facts.reset, wanted)
    bias = _number(wanted.bias, wanted)
    if current and np.any(wanted.bias) and not convention.settled:
        raise cell.refuse(
            "a bias comes through its synapse, with the time constant of it; take it as there from "
            "the beginning (settled), or leave it out"
        )
    if np.any(wanted.bias) and np.isinf(facts.tau_mem_us).any():
        raise cell.refuse("a constant current into neurons without a leak; leave the bias out")
    if subtract and np.any(facts.rest):
        raise cell.refuse(
            "a spike takes v_threshold from v, and with a v_leak neurons here take v_threshold - "
            "v_leak; give v_leak 0, or reset='value'"
        )
    plain = rest == 0.0 and bias == 0.0 and (reset == 0.0 or subtract)
    if plain and all(isinstance(v, float) for v in (tau, limit)) and math.isfinite(_first(limit)):
        if syn is None:
            word: Any = "subtract" if subtract else "zero"
            return _delta(_first(tau), _first(limit), word)
        if isinstance(syn, float) and not subtract:
            return CubaLIF(_first(tau), syn, _first(limit))
    if np.any(np.asarray(rest) >= np.asarray(limit)):
        rest, bias = _led_above(facts, threshold, wanted)
    return GeneralLIF(tau, limit, rest, "subtract" if subtract else reset, bias, tau_syn_us=syn)


def _led_above(facts: CellFacts, threshold: NDArray[np.float64], wanted: CellWanted) -> Any:
    """Return rest and bias: where v is led above the threshold it begins where a spike leaves it.

    The other neurons of the node keep theirs.
    """
    rest, reset = (np.reshape(v, -1) for v in (facts.rest, facts.reset))
    above = rest >= threshold.reshape(-1)
    bias = np.where(above, rest - reset, 0.0) + wanted.bias
    return _number(np.where(above, reset, rest), wanted), _number(bias, wanted)


def _delta(tau_us: float, threshold: float, reset: Any) -> Neuron:
    return IF(threshold, reset) if math.isinf(tau_us) else LIF(tau_us, threshold, reset)


def _readout(cell: CellNode, facts: CellFacts, wanted: CellWanted) -> Neuron:
    """Return a readout, which leaks to 0 by one time constant."""
    if facts.tau_syn_us is not None:
        raise cell.refuse(
            "readouts here take no current; lead its weights into an LI, or use CubaLIF with a "
            "threshold"
        )
    if np.any(facts.rest) or np.any(wanted.bias):
        raise cell.refuse(
            "readouts here leak to 0, without a constant current; give v_leak and biases of 0: add "
            "them to what is read"
        )
    tau = _number(facts.tau_mem_us, wanted)
    if not isinstance(tau, float):
        raise cell.refuse("readouts here have one time constant; give as many nodes")
    return Readout(tau)


def _number(values: Any, wanted: CellWanted) -> float | tuple[float, ...]:
    """Return one number if all are the same, else one a neuron in our order."""
    array = np.asarray(values, np.float64).reshape(-1)
    if (array == array[0]).all():
        return float(array[0])
    return tuple((array if wanted.order is None else array[wanted.order]).tolist())


def _first(value: Any) -> float:
    return float(value)


def _above(threshold: NDArray[np.float64], dtype: type[Any]) -> NDArray[np.float64]:
    """Return the least number above the threshold that potentials may be: v > it is v >= this."""
    with np.errstate(over="ignore"):
        near = threshold.astype(dtype)
    found = np.where(near > threshold, near, np.nextafter(near, dtype(np.inf)))
    return found.astype(np.float64)

"""NIR graphs and files, in and out: the functions of ``eventsnn.nir``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.exchange.nir.convention import Convention as Convention
from eventsnn.exchange.nir.convention import Spike, from_json
from eventsnn.exchange.nir.hdf5 import read_raw
from eventsnn.exchange.nir.own import adopted, own_network, told_in, whole_raw, write_raw
from eventsnn.exchange.nir.programs import MADE_BY as MADE_BY
from eventsnn.exchange.nir.programs import convention_of
from eventsnn.exchange.nir.reading import network_of
from eventsnn.exchange.nir.tree import tree_of
from eventsnn.network import Network, Population, Weights
from eventsnn.text import named

USUAL = Convention("s", 100.0, fires=">=")
"""How ``write`` means what it writes: seconds, and spikes that are held for 0.1 ms, which snnTorch
takes and the paper on NIR took."""


def read(
    source: str | os.PathLike[str] | Any, *, made_by: str | None = None, **how: Any
) -> tuple[Network, dict[str, NDArray[Any]]]:
    """Return the network of a NIR graph, and its weights by connection name.

    Parameters
    ----------
    source : path, or nir.NIRGraph
        What ``eventsnn.nir.write`` or ``nir.write`` wrote, or a graph in memory.
    made_by : str, optional
        "snntorch", "norse", "sinabs" or "nir-paper": what these mean where nothing is said.
    how
        Fields of ``Convention`` by name: ``time_unit="s"``, ``spike="dirac"`` or microseconds,
        ``steps``, ``reset``, ``fires``, ``recurrent_delay_us``, ``settled``. A file of this
        library says them itself; what is given goes before it, and the graph is then read as it
        stands.

    Returns
    -------
    network : Network
        Populations are called as their nodes. Those of three sides are (rows, columns, channels).
    weights : dict from connection name to float32 or float64 array

    Raises
    ------
    DataError
        For a file that is none, or holds what has no form here: it names the node and the remedy.
    UserError
        If it does not say how its numbers are meant, and nothing was given.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("2-2", es.LIF(20_000), es.LIF(20_000))
    >>> path = Path(tempfile.mkdtemp()) / "net.nir"
    >>> es.nir.write(path, network, {"input->output": np.eye(2)})
    >>> network, weights = es.nir.read(path)
    >>> network["output"].neuron, weights["input->output"][0]
    (LIF(tau_us=20000.0, threshold=1.0, reset='subtract', refractory_us=0.0), array([1., 0.]))
    """
    unknown = [name for name in how if name not in Convention.__dataclass_fields__]
    if unknown:
        known = ", ".join(Convention.__dataclass_fields__)
        raise UserError(f"nir: there is no {named(unknown[0])}; give {known}")
    convention = convention_of(made_by, how)
    raw, where = _raw(source)
    if convention is None:
        found = own_network(raw, where)
        if found is not None:
            return found
        told = told_in(raw, where)
        if told is not None:
            convention = from_json(told.get("convention"), where)
    if convention is None:
        raise UserError(
            f"{where}: does not say its unit of time, nor what a spike is; give made_by "
            f"({', '.join(MADE_BY)}), or time_unit and spike (eventsnn exchange adopt writes them "
            "into a copy)"
        )
    return network_of(tree_of(raw, where), convention, where)


def adopt(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    made_by: str | None = None,
    **how: Any,
) -> tuple[Network, dict[str, NDArray[Any]]]:
    """Write a copy of a NIR file of another program that says how its numbers are meant.

    The graph stays as it is; every command takes the copy as a MODEL.

    Parameters
    ----------
    source, out : path
    made_by, how
        As for ``read``; one is needed.

    Returns
    -------
    The network that it is, and its weights.

    Raises
    ------
    UserError
        As ``read``, and where ``out`` cannot be written.
    """
    network, weights = read(source, made_by=made_by, **how)
    convention = convention_of(made_by, how)
    if convention is None:
        raise UserError(f"{source}: says already how its numbers are meant; use it as it is")
    write_raw(Path(out), adopted(read_raw(Path(source)), convention))
    return network, weights


def write(
    path: str | os.PathLike[str],
    network: Network,
    weights: Weights,
    *,
    spike: Spike | None = None,
    time_unit: str | float = "s",
    answer: Mapping[str, Any] | None = None,
) -> None:
    """Write a network as a NIR file, which is read again as the same network, to the bit.

    Parameters
    ----------
    path : str or Path
    network : Network
        Of ``IF``, ``LIF``, ``CubaLIF``, ``GeneralLIF`` with at most one current, and ``Readout``.
    weights : mapping by connection name, or sequence in connection order
    spike : "dirac" or float
        What a spike is to other programs: a pulse of area 1, or 1 for so many microseconds, their
        time step. 100 where it is left out.
    time_unit : "s", "ms", "us", or microseconds
        Of time constants and delays.
    answer : mapping, optional
        How its answer is read where the file is a MODEL: ``loss``, ``reads``, ``gain`` of the
        rule ``given``. Left out: spike counts of an output that fires, else the integral of its
        potential.

    Raises
    ------
    UserError
        For what NIR has no form for: it names the population or the connection and the remedy.
    """
    write_raw(Path(path), _whole(network, weights, spike, time_unit, answer or {}))


def answer_in(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return how a file says that the answer of its network is read; {} where it does not.

    Raises
    ------
    DataError
        For a file that is none.
    """
    raw, where = _raw(path)
    found = (told_in(raw, where) or {}).get("answer", {})
    if not isinstance(found, dict):
        raise DataError(f"{where}: how its answer is read is {named(found)}; write it anew")
    return found


def unseen(network: Network, spike: Spike | None = None) -> list[str]:
    """Return what programs that read the graph of a network do not see, a line each."""
    lines = []
    held = USUAL.spike if spike is None else spike
    if isinstance(held, float):
        lines.append(f"a spike is 1 for {held:g} us: let other programs run in steps of that")
    for population in network.populations:
        model: Any = population.neuron
        if _subtracts(model):
            lines.append(f"{population.name}: spikes subtract the threshold; NIR sets v to 0")
    return lines + lacking(network)


def lacking(network: Network) -> list[str]:
    """Return what a NIR file of a network does not say to any program, a line each."""
    lines, subtract = [], [_subtracts(p.neuron) for p in network.populations if _fires(p)]
    if any(subtract) and not all(subtract):
        lines.append(
            "some neurons subtract the threshold, others do not, and a file says one reset for "
            "all: v is set to v_reset"
        )
    for population in network.populations:
        model: Any = population.neuron
        if np.any(getattr(model, "refractory_us", 0.0)):
            lines.append(f"{population.name}: NIR has no refractory time")
        if population.generator is not None:
            lines.append(f"{population.name}: NIR has no generators; it is an Input")
    return lines


def _fires(population: Population) -> bool:
    return population.neuron is not None and population.spiking


def _subtracts(model: Any) -> bool:
    """Tell whether spikes of neurons take the threshold from v."""
    return getattr(model, "reset", None) == "subtract"


def graph(
    network: Network,
    weights: Weights,
    *,
    spike: Spike | None = None,
    time_unit: str | float = "s",
) -> Any:
    """Return a network as a ``nir.NIRGraph``, as ``write`` writes it.

    Raises
    ------
    UserError
        As ``write``, and where the package nir is not installed or refuses the graph.
    """
    try:
        import nir
    except ImportError as error:
        raise UserError("nir: not installed; pip install 'eventsnn[nir]'") from error
    raw = _whole(network, weights, spike, time_unit)
    try:
        return nir.NIRGraph.from_dict(raw)
    except (AssertionError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"nir: the package nir refuses the graph ({named(str(error))})") from error


def _whole(
    network: Network,
    weights: Weights,
    spike: Spike | None,
    time_unit: str | float,
    answer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    if not isinstance(network, Network):
        raise UserError(f"nir: network is {named(network)}; give a Network")
    subtract = [_subtracts(p.neuron) for p in network.populations if _fires(p)]
    convention = Convention(
        time_unit,
        USUAL.spike if spike is None else spike,
        reset="subtract" if subtract and all(subtract) else "value",
        fires=USUAL.fires,
    )
    return whole_raw(network, network.shaped(weights), convention, answer or {})


def _raw(source: Any) -> tuple[Mapping[str, Any], str]:
    """Return a graph in the form of groups, and where it is from."""
    if isinstance(source, str | os.PathLike):
        return read_raw(Path(source)), str(source)
    if not hasattr(source, "to_dict"):
        raise UserError(f"nir: {named(source)} is neither a file nor a graph; give one")
    try:
        return _plain(source.to_dict()), "graph"
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"graph: cannot be read ({named(str(error))})") from error


def _plain(value: Any) -> Any:
    """Return groups of arrays; tensors become arrays."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if hasattr(value, "detach"):
        return np.asarray(value.detach())
    return value

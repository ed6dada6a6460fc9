"""Estimates of energy: counts of operations times a published price for each.

Nothing here is measured. An estimate names the model that made it, and a model names its
source. Static power, and on the plain 45 nm models memory too, are not in them.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from eventsnn.errors import UserError
from eventsnn.files.unpack import read_text
from eventsnn.text import shown

_HOROWITZ = (
    "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, "
    "doi:10.1109/ISSCC.2014.6757323, 45 nm at 0.9 V"
)

HIGHEST = 1e15
"""Largest price, picojoules, and longest step of a clock: sums of them stay finite."""


@dataclass(frozen=True)
class EnergyModel:
    """Prices in picojoules.

    Attributes
    ----------
    name : str
    title, source : str
        For people: what it is, and where the prices stand.
    addition_pj, multiplication_pj, comparison_pj : float
        Of a synaptic operation, of a decay's multiplication, of a threshold test.
    neuron_update_pj : float
        Of bringing one neuron up to now, whatever it takes.
    spike_pj : float
        Of sending one spike.
    weight_byte_pj : float
        Of reading one byte of weights.
    clock_us : float
        Microseconds a step of a machine with a clock, which updates every neuron at each;
        0 for a machine that updates a neuron when an event reaches it.
    """

    name: str
    title: str
    source: str
    addition_pj: float = 0.0
    multiplication_pj: float = 0.0
    comparison_pj: float = 0.0
    neuron_update_pj: float = 0.0
    spike_pj: float = 0.0
    weight_byte_pj: float = 0.0
    clock_us: float = 0.0

    @property
    def mac_pj(self) -> float:
        """A multiply-accumulate."""
        return self.addition_pj + self.multiplication_pj


def _cmos(name: str, title: str, add: float, multiply: float, byte: float = 0.0) -> EnergyModel:
    """Return arithmetic of 45 nm CMOS; a comparison is a subtraction."""
    return EnergyModel(name, title, _HOROWITZ, add, multiply, add, weight_byte_pj=byte)


MODELS: tuple[EnergyModel, ...] = (
    _cmos("cmos45-float32", "45 nm CMOS, float32 arithmetic", 0.9, 3.7),
    _cmos("cmos45-float16", "45 nm CMOS, float16 arithmetic", 0.4, 1.1),
    _cmos("cmos45-int8", "45 nm CMOS, int8 arithmetic", 0.03, 0.2),
    _cmos(
        "cmos45-float32-sram",
        "45 nm CMOS, float32, each weight read from 1 MB of SRAM (100 pJ for 64 bits)",
        0.9,
        3.7,
        100.0 / 8,
    ),
    _cmos(
        "cmos45-int8-sram",
        "45 nm CMOS, potentials of int32; int8 or fewer bits a weight, read from 1 MB of SRAM",
        0.1,
        3.1,
        100.0 / 8,
    ),
    EnergyModel(
        "truenorth",
        "IBM TrueNorth, 26 pJ a synaptic event",
        "P. A. Merolla et al., A million spiking-neuron integrated circuit, Science 345, 2014, "
        "doi:10.1126/science.1254642",
        addition_pj=26.0,
        clock_us=1000.0,
    ),
    EnergyModel(
        "loihi",
        "Intel Loihi, 23.6 pJ a synaptic operation, 81 pJ a neuron update, 1 ms steps",
        "M. Davies et al., Loihi: a neuromorphic manycore processor with on-chip learning, IEEE "
        "Micro 38, 2018, doi:10.1109/MM.2018.112130359",
        addition_pj=23.6,
        neuron_update_pj=81.0,
        clock_us=1000.0,
    ),
    EnergyModel(
        "spinnaker",
        "SpiNNaker, 43 nJ a postsynaptic potential, 100 nJ a neuron and millisecond",
        "T. Sharp et al., Power-efficient simulation of detailed cortical microcircuits on "
        "SpiNNaker, J. Neurosci. Methods 210, 2012, doi:10.1016/j.jneumeth.2012.03.001",
        addition_pj=43_000.0,
        neuron_update_pj=100_000.0,
        clock_us=1000.0,
    ),
)


class Work(NamedTuple):
    """What is to be paid for: mean counts a recording.

    Attributes
    ----------
    additions, multiply_accumulates : float
        Synaptic operations of either kind.
    multiplications, comparisons, neuron_updates : float
        Of neurons.
    spikes : float
        Input events not included.
    weight_bytes : float
        Of weights, and of decay tables of whole numbers.
    neurons, duration_us : float
        For machines with a clock.
    """

    additions: float
    multiply_accumulates: float
    multiplications: float
    comparisons: float
    neuron_updates: float
    spikes: float
    weight_bytes: float
    neurons: float
    duration_us: float


def estimate(model: EnergyModel, work: Work) -> dict[str, Any]:
    """Return an estimate of the energy of a recording.

    Returns
    -------
    dict
        ``model``, ``source``; nanojoules ``synapses_nj``, ``neurons_nj``, ``memory_nj`` and
        their sum ``total_nj``; of ``neurons_nj`` the parts ``decays_nj``, ``tests_nj``,
        ``updates_nj`` and ``spikes_nj``; and ``without_decays_nj``, the sum on a chip whose
        potentials do not decay.
    """
    updates = work.neuron_updates
    if model.clock_us:
        updates = work.neurons * math.ceil(work.duration_us / model.clock_us)
    synapses = work.additions * model.addition_pj + work.multiply_accumulates * model.mac_pj
    of_neurons = {
        "decays_nj": work.multiplications * model.multiplication_pj / 1e3,
        "tests_nj": work.comparisons * model.comparison_pj / 1e3,
        "updates_nj": updates * model.neuron_update_pj / 1e3,
        "spikes_nj": work.spikes * model.spike_pj / 1e3,
    }
    neurons = sum(of_neurons.values())
    parts = [synapses / 1e3, neurons, work.weight_bytes * model.weight_byte_pj / 1e3]
    names = ("synapses_nj", "neurons_nj", "memory_nj")
    told: dict[str, Any] = {"model": model.name, "title": model.title, "source": model.source}
    told |= dict(zip(names, parts, strict=True)) | {"total_nj": sum(parts)} | of_neurons
    return told | {"without_decays_nj": told["total_nj"] - of_neurons["decays_nj"]}


def read_models(path: Path) -> tuple[EnergyModel, ...]:
    """Read models of your own from a TOML file: a table a model, its name in brackets.

    Raises
    ------
    UserError
        Naming the file, the model, the key and the value.
    """
    text = read_text(path)
    try:
        tables = tomllib.loads(text)
    except RecursionError as error:
        raise UserError(f"{path}: nested too deeply; give tables of prices") from error
    except ValueError as error:  # no TOML, or an int of thousands of digits
        raise UserError(f"{path}: not TOML ({error})") from error
    if not tables:
        raise UserError(f"{path}: holds no model; give a table, such as [my-chip]")
    return tuple(_model(path, name, table) for name, table in tables.items())


def _model(path: Path, name: str, table: Any) -> EnergyModel:
    where = f"{path}: {shown(name)}"
    if not isinstance(table, dict):
        raise UserError(f"{where} is {shown(table)}; give a table of prices, such as [my-chip]")
    known = [f.name for f in fields(EnergyModel) if f.name != "name"]
    for key, value in table.items():
        if key not in known:
            raise UserError(f"{where} has the key {shown(key)}; known are {', '.join(known)}")
        text = key in ("title", "source")
        good = isinstance(value, str) if text else type(value) in (int, float)
        if good and not text:
            # A clock of no step at all would tick without end.
            least = 1e-3 if key == "clock_us" else 0.0
            good = value == 0 or least <= value <= HIGHEST
        if not good:
            remedy = "text" if text else f"a number from 0 to {HIGHEST:g}"
            remedy += ", a clock at least 0.001" if key == "clock_us" else ""
            raise UserError(f"{where}: {key} is {shown(value)}; give {remedy}")
    if not table.get("source", "").strip():
        raise UserError(f"{where} has no source; say where its prices come from")
    values: dict[str, Any] = {"title": name} | table
    return EnergyModel(name, **values)

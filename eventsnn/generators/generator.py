"""What every generator gives: spikes of an input population, or a current into its neurons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.events import EventStream
from eventsnn.events.checked import TIME_END
from eventsnn.memory import check_room
from eventsnn.neurons import models
from eventsnn.neurons.neuron import Neuron
from eventsnn.options import take
from eventsnn.topology.topology import count

_BYTES_AN_EVENT = 40


@dataclass(frozen=True)
class Generator(ABC):
    """A generator. Subclasses are frozen dataclasses, named in files by ``kind``.

    ``arrays`` names parameters that are arrays, which files may name by an ``.npy``.
    """

    kind: ClassVar[str]
    arrays: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        UserError
            For a number out of bounds: it names the generator, the parameter and the value.
        """
        take(self, f"generator {self.kind}")

    def check_window(self, start_us: int, stop_us: int) -> None:
        """Refuse a start that is not before the stop: nothing would ever happen."""
        if start_us >= stop_us:
            raise UserError(
                f"generator {self.kind}: start_us is {start_us}, stop_us {stop_us}; give a start "
                "before the stop"
            )

    @abstractmethod
    def check_drives(self, neuron: Neuron | None, where: str) -> None:
        """Refuse a population of a model that this cannot drive; ``where`` names it."""


@dataclass(frozen=True)
class SpikeGenerator(Generator):
    """Spikes of an input population."""

    @abstractmethod
    def spikes(
        self, size: int, begin: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return (t, unit) of the spikes of ``size`` units in [begin, end), sorted.

        Whatever is asked for piece by piece is what is asked for at once, to the last bit.

        Parameters
        ----------
        size : int
        begin, end : int
            Microseconds.
        """

    @abstractmethod
    def rate(self, size: int) -> float:
        """Return how many spikes a microsecond ``size`` units send at most, in the mean."""

    def check_drives(self, neuron: Neuron | None, where: str) -> None:
        """Refuse a population of neurons."""
        if neuron is not None:
            raise UserError(
                f"{where}: a {self.kind} generator sends spikes of its own, {neuron.kind} neurons "
                "do, too; give it a population without a model, and connect that"
            )

    def stream(self, size: int, end_us: int, begin_us: int = 0) -> EventStream:
        """Return the spikes in [begin_us, end_us) as a stream, which then lasts until ``end_us``.

        Parameters
        ----------
        size : int
            Units.
        end_us, begin_us : int
            Microseconds.

        Raises
        ------
        UserError
            For numbers that cannot be, and for more spikes than fit into memory.

        Examples
        --------
        >>> from eventsnn import Regular
        >>> Regular(interval_us=250).stream(2, 1000)
        <EventStream 8 events, 1x2x1, 1 ms>
        """
        size = count(size, "size", self.kind)
        for name, value in (("begin_us", begin_us), ("end_us", end_us)):
            if not (isinstance(value, int | np.integer) and 0 <= value <= TIME_END):
                raise UserError(
                    f"generator {self.kind}: {name} is {value}; give whole microseconds"
                )
        self.check_room(size, int(begin_us), int(end_us))
        t, unit = self.spikes(size, int(begin_us), int(end_us))
        return EventStream(t, unit, (1, 1, size), duration=int(end_us))

    def check_room(self, size: int, begin: int, end: int) -> None:
        """Refuse more spikes than fit into memory."""
        expected = int(self.rate(size) * max(0, end - begin))
        check_room(
            expected * _BYTES_AN_EVENT, f"generator {self.kind}: {expected} spikes at once: it"
        )


@dataclass(frozen=True)
class CurrentGenerator(Generator):
    """A current into every neuron of a population, constant but where it changes.

    It adds to the current of the model (the ``bias`` of ``CubaLIF``), in units of the potential: a
    constant current of 1 leads the potential to 1. The model integrates it in closed form, so a
    change costs one update of each neuron and nothing in between.
    """

    @abstractmethod
    def changes(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return (t, amplitude): from t on the current is that; before the first it is 0.

        ``t`` is int64 (n,) in microseconds, increasing, from 0; ``amplitude`` float64 (n,).
        """

    def check_drives(self, neuron: Neuron | None, where: str) -> None:
        """Refuse a model that does not integrate a current in closed form."""
        if neuron is None or not neuron.current:
            what = "an input population sends spikes and has no potential"
            if neuron is not None:
                what = f"{neuron.kind} neurons do not integrate a current in closed form"
            able = ", ".join(kind for kind, model in models().items() if model.current)
            raise UserError(f"{where}: {what}; give a {self.kind} generator to neurons of {able}")


def amplitude_before(generator: CurrentGenerator, t: float) -> float:
    """Return the current just before ``t`` (microseconds)."""
    times, amplitudes = generator.changes()
    k = int(np.searchsorted(times, t, "left"))
    return float(amplitudes[k - 1]) if k else 0.0


def sorted_keys(
    keys: NDArray[np.int64], size: int, first: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return (t, unit) of the numbers ``(t - first) * size + unit``, sorted."""
    keys.sort()
    t, unit = np.divmod(keys, size)
    t += first
    return t, unit.astype(np.int32)


def joined(
    parts: Iterable[tuple[NDArray[np.int64], NDArray[np.int32]]],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Put (t, unit) of pieces end to end."""
    t, unit = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    for one, other in parts:
        t.append(one)
        unit.append(other)
    return np.concatenate(t), np.concatenate(unit)

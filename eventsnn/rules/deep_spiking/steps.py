"""The event-driven backprop MLP on a stream: step by step, and no recording has to end.

T steps are a sample, as in a recording: quantizers begin it as their kind says. Where the class is
known, every error spike moves weights when it is sent, or where ``fractional`` is off, the sample's
last step does. The bits are those of ``HerdingMLP.train`` on recordings of T steps each.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError, DivergedError
from eventsnn.events import EventStream
from eventsnn.events.checked import Shape
from eventsnn.kernels.compile import threaded
from eventsnn.rules.deep_spiking import state
from eventsnn.rules.deep_spiking.kernel import begin_sample, finish_sample, read_out, step_events
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.samples import check_inputs
from eventsnn.rules.learned import Arrays

RUNNING = (
    "phi", "phi_start", "phi_back", "phi_target", "sent", "came", "drive", "error", "held",
    "source", "changed", "tally",
)  # fmt: skip
"""What of ``state.Work`` lasts from one step to the next."""


class StepEvents(NamedTuple):
    """Input events of some steps.

    Attributes
    ----------
    unit : int32 array (n,)
    end : int64 array (n_steps + 1,)
        Step k has the events end[k] to end[k + 1] - 1.
    """

    unit: NDArray[np.int32]
    end: NDArray[np.int64]


class StreamPlace(NamedTuple):
    """Where a stream stands: which sample, and how many of its steps are done."""

    sample: int
    step: int


def sensor_of_piece(net: HerdingMLP, stream: EventStream) -> Shape | None:
    """Return the sensor of a piece; UserError for one that the network does not know."""
    check_inputs(math.prod(stream.shape), net.sizes, stream.source)
    return net._sensor(stream)


def present(
    net: HerdingMLP, place: StreamPlace, steps: StepEvents, label: int | None
) -> tuple[NDArray[np.float64], StreamPlace]:
    """Present steps; learn them where their class is known. The network is changed.

    Returns
    -------
    outputs : float64 array (n_samples, n_out)
        S_L / T of each sample that ended.
    place : StreamPlace

    Raises
    ------
    DataError
        For a unit that the network does not have.
    DivergedError
        If the weights, or what they add up to, left the numbers.
    """
    sizes, unit = net.sizes, steps.unit
    if len(unit) and not 0 <= unit.min() <= unit.max() < sizes[0]:
        raise DataError(f"stream: unit {unit.max()}; the network takes 0 to {sizes[0] - 1}")
    learn, one = label is not None, net.options.one
    work, top = net._work, np.zeros(sizes[-1])
    if label is not None:
        top[label] = one
        work.y[: sizes[-1]] = top
    n, t = len(steps.end) - 1, net.options.n_steps
    out = np.zeros(((place.step + n) // t, sizes[-1]))
    rule = state.make_rule(net.options, net.options.forward)
    where = np.array([place.sample, place.step], np.int64)
    status = _run_steps(net._net, work, rule, steps, where, learn, out)
    if status != 0 or not np.isfinite(out).all() or not np.isfinite(work.phi).all():
        raise DivergedError(
            "stream: a layer fired without end, or weights are no longer finite; lower eta (it is "
            f"{net.options.eta})"
        )
    net.n_trained += (int(where[0]) - place.sample) * learn
    return out, StreamPlace(*where.tolist())


def running(net: HerdingMLP) -> Arrays:
    """Return copies of all that a stream changes in a network."""
    return net.snapshot() | {name: getattr(net._work, name).copy() for name in RUNNING}


def restore_running(net: HerdingMLP, arrays: Arrays) -> None:
    """Take back what ``running`` returned.

    Raises
    ------
    UserError, KeyError or ValueError
        Where it does not fit.
    """
    own = {name: arrays[name] for name in net.snapshot()}
    found = {name: arrays[name] for name in RUNNING}
    for name, array in found.items():
        mine: NDArray[Any] = getattr(net._work, name)
        if array.shape != mine.shape or array.dtype != mine.dtype:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, not {mine.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    net.restore(own)
    for name, array in found.items():
        getattr(net._work, name)[...] = array


@threaded
def _run_steps(net, work, rule, steps, where, learn, out):  # type: ignore[no-untyped-def]
    """Present steps one by one; return the layer that exploded, or 0."""
    done = 0
    for k in range(len(steps.end) - 1):
        if where[1] == 0:
            begin_sample(net, work, rule, where[0])
        status = step_events(net, work, rule, learn, steps.unit[steps.end[k] : steps.end[k + 1]])
        if status != 0:
            return status
        where[1] += 1
        if where[1] == rule.n_steps:
            if learn:
                finish_sample(net, work, rule)
            read_out(net, work, rule, out[done])
            done += 1
            where[0] += 1
            where[1] = 0
    return 0

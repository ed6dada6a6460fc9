"""Recordings and real vectors as the kernels of the event-driven backprop MLP take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.data.dataset import Data, inputs_of
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.events.checked import as_array
from eventsnn.rules.deep_spiking.options import HerdingOptions, truncated
from eventsnn.rules.deep_spiking.state import (
    BAD_PLACE,
    BAD_UNIT,
    Events,
    Vectors,
    check_held,
    real_numbers,
)

Source = Vectors | Events


@dataclass(frozen=True)
class Spikes:
    """The spikes of one population during one sample, in order of delivery.

    Attributes
    ----------
    event : int32 array (n,)
        Number of the input event that set the spike off (real vectors: of the step).
    unit : int32 array (n,)
        The neuron.
    sign : int8 array (n,)
        +1 or -1.
    """

    event: NDArray[np.int32]
    unit: NDArray[np.int32]
    sign: NDArray[np.int8]


def checked_order(data: Data, order: ArrayLike) -> NDArray[np.int64]:
    """Return sample numbers as int64 (n,), or refuse one that ``data`` does not have."""
    numbers = as_array(order, "order", data.source)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise UserError(
            f"{data.source}: order has dtype {numbers.dtype!s:.60} and shape {numbers.shape}; "
            "give whole numbers (n,)"
        )
    wrong = np.flatnonzero((numbers < 0) | (numbers >= len(data)))
    if wrong.size:
        raise UserError(
            f"{data.source}: order[{wrong[0]}] is {numbers[wrong[0]]}; "
            f"there are the samples 0 to {len(data) - 1}"
        )
    return numbers.astype(np.int64)


def checked_data(data: Any) -> Data:
    """Return recordings or images, or refuse what is neither."""
    if isinstance(data, EventBatch | Images):
        return data
    raise UserError(
        f"data is a {type(data).__name__}; give an EventBatch or Images, such as "
        "open_data(...).train"
    )


def source_of(data: Data, sizes: tuple[int, ...], options: HerdingOptions) -> Source:
    """Wrap a data set; targets are one-hot."""
    check_inputs(inputs_of(data), sizes, data.source)
    target = np.eye(sizes[-1])
    if isinstance(data, Images):
        pixels = data.images.reshape(len(data), -1)
        return Vectors(pixels, options.one / 255, _scaled(target, options), data.labels)
    return Events(
        data.t,
        data.unit,
        data.start,
        data.duration,
        options.step_by == "time",
        _scaled(target, options),
        data.label,
    )


def source_of_one(
    x: Any,
    target: NDArray[np.float64],
    sizes: tuple[int, ...],
    options: HerdingOptions,
) -> Source:
    """Wrap one sample with a target (n_out,) of its own."""
    label = np.zeros(1, np.int64)
    if isinstance(x, EventStream):
        batch = EventBatch.from_streams([x], x.source)
        source = source_of(batch, sizes, options)
        return source._replace(target=_scaled(target[None], options), label=label)
    if isinstance(x, EventBatch | Images):
        raise UserError(
            f"{x.source}: a {type(x).__name__} of {len(x)} samples, where one is asked for; give "
            "them to train or outputs, with the numbers of samples"
        )
    vector = real_numbers(x, "x")
    if vector.ndim != 1:
        raise UserError(f"x has shape {vector.shape}; give one vector or an EventStream")
    check_inputs(vector.size, sizes, "x")
    check_held(vector, options, "x")
    return Vectors(vector[None], float(options.one), _scaled(target[None], options), label)


def what_is_wrong(events: Events, status: int, i: int, n_in: int) -> str:
    """Say what a run found in recording i, and did not read any further."""
    first, last = int(events.start[i]), int(events.start[i + 1])
    if status == BAD_PLACE:
        there = min(events.unit.size, events.t.size)
        return f"start says events {first} to {last - 1}; there are {there}"
    if status == BAD_UNIT:
        units = events.unit[first:last].astype(np.int64)
        k = int(np.argmax((units < 0) | (units >= n_in)))
        return f"unit of event {k} is {units[k]}; the network takes 0 to {n_in - 1}"
    k = int(np.argmax(np.diff(events.t[first:last]) < 0)) + 1
    return (
        f"event {k} at {events.t[first + k]} us comes after event {k - 1} at "
        f"{events.t[first + k - 1]} us"
    )


def _scaled(target: NDArray[np.float64], options: HerdingOptions) -> NDArray[Any]:
    scaled = target * options.one
    whole: NDArray[Any] = truncated(scaled) if options.integer else scaled
    return whole.astype(options.numpy_dtype)


def check_inputs(n: int, sizes: tuple[int, ...], source: str) -> None:
    """Refuse samples of other than the network's inputs."""
    if n != sizes[0]:
        raise UserError(
            f"{source}: {n} inputs, but the network takes {sizes[0]}; "
            f"give layers {n}-{'-'.join(str(size) for size in sizes[1:])}"
        )

"""Recordings and real vectors as the kernels of the event-driven backprop MLP take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.data.images import Images
from eventsnn.data.source import Data, inputs_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.learn.herding_options import HerdingOptions, truncated
from eventsnn.learn.herding_state import Events, Vectors

Source = Vectors | Events


def checked_order(data: Data, order: ArrayLike) -> NDArray[np.int64]:
    """Return sample numbers as int64 (n,), or refuse one that ``data`` does not have."""
    numbers = np.asarray(order)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise UserError(
            f"order has dtype {numbers.dtype} and shape {numbers.shape}; give whole numbers (n,)"
        )
    wrong = np.flatnonzero((numbers < 0) | (numbers >= len(data)))
    if wrong.size:
        raise UserError(
            f"{data.source}: order[{wrong[0]}] is {numbers[wrong[0]]}; "
            f"there are the samples 0 to {len(data) - 1}"
        )
    return numbers.astype(np.int64)


def source_of(data: Data, sizes: tuple[int, ...], options: HerdingOptions) -> Source:
    """Wrap a data set; targets are one-hot."""
    _check_inputs(inputs_of(data), sizes, data.source)
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
    x: ArrayLike | EventStream,
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
    vector = np.asarray(x, np.float64)
    if vector.ndim != 1:
        raise UserError(f"x has shape {vector.shape}; give one vector or an EventStream")
    _check_inputs(vector.size, sizes, "x")
    wrong = np.flatnonzero(~np.isfinite(vector))
    if wrong.size:
        raise UserError(f"x[{wrong[0]}] is {vector[wrong[0]]}; give finite values")
    return Vectors(vector[None], float(options.one), _scaled(target[None], options), label)


def _scaled(target: NDArray[np.float64], options: HerdingOptions) -> NDArray[Any]:
    scaled = target * options.one
    whole: NDArray[Any] = truncated(scaled) if options.integer else scaled
    return whole.astype(options.numpy_dtype)


def _check_inputs(n: int, sizes: tuple[int, ...], source: str) -> None:
    if n != sizes[0]:
        raise UserError(
            f"{source}: {n} inputs, but the network takes {sizes[0]}; "
            f"give layers {n}-{'-'.join(str(size) for size in sizes[1:])}"
        )

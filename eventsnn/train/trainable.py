"""Whether a network can learn from some data, asked before anything is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventsnn.data.dataset import Data, DataSet, labels_of, sensor_of
from eventsnn.data.view import SensorView
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.train.described import check_described

if TYPE_CHECKING:
    from eventsnn.train.options import TrainOptions


def check_trainable(options: TrainOptions, data: DataSet) -> None:
    """Refuse data that the network of these options cannot learn from.

    Raises
    ------
    UserError
        If inputs or classes do not fit, a half is empty, or a recording has no label.
    """
    check_described(options, data)
    if sensor_of(data.train) != sensor_of(data.test):
        raise UserError(
            f"{data.spec}: the training half has inputs of {times(sensor_of(data.train))}, the "
            f"test half of {times(sensor_of(data.test))}; give both the same"
        )
    for name, half in (("training", data.train), ("test", data.test)):
        if not len(half):
            raise UserError(f"{data.spec}: the {name} half has no recordings; give at least one")
        missing = np.flatnonzero(labels_of(half) < 0)
        if missing.size:
            raise UserError(
                f"{data.spec}: recording {missing[0]} of the {name} half has no label; a network "
                "learns from recordings with one each"
            )


def check_filter(data: DataSet, view: SensorView) -> None:
    """Refuse a data set whose events are not filtered, or timed, as a network learned them."""
    if data.view.event_filter != view.event_filter:
        learned, now = (one.event_filter or "none" for one in (view, data.view))
        raise UserError(
            f"{data.spec}: filter is {now}, the network learned with {learned}; open the data with "
            f"filter={view.event_filter!r}"
        )


def on_the_grid(data: Data, grid_us: int) -> Data:
    """Return recordings, or refuse those on another grid than a network learned from."""
    step = data.grid_us if isinstance(data, EventBatch) else grid_us
    if step != grid_us:
        learned, now = (f"steps of {n} us" if n else "exact times" for n in (grid_us, step))
        remedy = f"recordings.on_grid({grid_us})" if grid_us else "recordings as they are"
        raise UserError(f"{data.source}: has {now}, the network learned {learned}; give {remedy}")
    return data


def times(shape: tuple[int, ...]) -> str:
    """Return sides as people write them."""
    return " x ".join(map(str, shape))

"""Whether a network of some layers can learn from some data, asked before anything is made."""

from __future__ import annotations

import numpy as np

from eventsnn.data.dataset import DataSet, labels_of, sensor_of
from eventsnn.errors import UserError
from eventsnn.network.layer_string import (
    Layers,
    input_grid,
    n_inputs,
    n_outputs,
    text_of,
    with_ends,
)


def check_trainable(layers: Layers, data: DataSet) -> None:
    """Refuse data that a network of these layers cannot learn from.

    Raises
    ------
    UserError
        If inputs or classes do not fit, a half is empty, or a recording has no label.
    """
    first: int | str = data.n_inputs
    sensor = sensor_of(data.train)
    placed = input_grid(layers) is not None and len(sensor) == 3
    if placed:
        channels, height, width = sensor
        first = f"{height}x{width}x{channels}"
    # Rows and columns of grey images are what the layers say: planes may stand below each other.
    unfit = layers[0] != first if placed else n_inputs(layers) != data.n_inputs
    if unfit or n_outputs(layers) < data.n_classes:
        fitting = with_ends(layers, first, data.n_classes)
        raise UserError(
            f"layers {text_of(layers)} do not fit {data.spec}, which has {data.n_inputs} inputs "
            f"and {data.n_classes} classes; give --layers {text_of(fitting)}"
        )
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


def times(shape: tuple[int, ...]) -> str:
    """Return sides as people write them."""
    return " x ".join(map(str, shape))

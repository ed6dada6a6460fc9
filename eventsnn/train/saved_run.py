"""The one door for saved runs: a checkpoint whose every part fits the others, or one error."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eventsnn.data.identity import Identity
from eventsnn.errors import UserError
from eventsnn.options import made
from eventsnn.rules.given.rule import GivenOptions, GivenWeights
from eventsnn.text import shown
from eventsnn.train.checkpoint import Checkpoint, damaged, load_checkpoint
from eventsnn.train.described import inputs, outputs, unpacked
from eventsnn.train.model_file import Described, format_of
from eventsnn.train.options import TrainOptions
from eventsnn.train.shapes import MOST_UNITS, Shape, weight_shapes


@dataclass(frozen=True)
class SavedRun:
    """A checkpoint that was checked.

    Attributes
    ----------
    checkpoint : Checkpoint
    options : TrainOptions
        With layers.
    sensor : tuple of int
        What it learned from: (polarities, height, width), or (height, width) of images.
    data : Identity or None
        What it learned from; None of a version that kept no more than the word.
    recorded : tuple of int
        The sensor of its recordings before a part of it is seen; else the same.
    placed : bool
        False of inputs in a row, which any sensor of as many fits.
    """

    checkpoint: Checkpoint
    options: TrainOptions
    sensor: Shape
    data: Identity | None
    recorded: Shape
    placed: bool = True

    def sees(self, sensor: Shape) -> bool:
        """Tell whether recordings of a sensor fit the input."""
        return sensor == self.sensor or (
            not self.placed and math.prod(sensor) == math.prod(self.sensor)
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each class, by its number; none where they have none."""
        return () if self.data is None else self.data.names

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch."""
        return list(self.checkpoint.info["history"])


def load_run(path: str | os.PathLike[str]) -> SavedRun:
    """Read a checkpoint of ``eventsnn train`` from its folder or file, and check all of it.

    A network in a file of another format is a run that has learned elsewhere.

    Raises
    ------
    UserError
        If there is none, or anything in it is not as training saves it.
    """
    form = format_of(path)
    if form is not None:
        return _elsewhere(form.read(Path(path)))
    checkpoint = load_checkpoint(path)
    try:
        options = _options(checkpoint)
        sensor = _sensor(checkpoint.info, options)
        _check_weights(checkpoint, options)
        _check_history(checkpoint.info, options)
        data = _data(checkpoint.info, sensor)
        recorded = _recorded(checkpoint.info, sensor, options)
    except UserError as error:
        raise damaged(path, str(error)) from error
    placed = checkpoint.info.get("placed") is not False
    return SavedRun(checkpoint, options, sensor, data, recorded, placed)


def _elsewhere(described: Described) -> SavedRun:
    """Return a network that learned elsewhere, of which nothing says from what."""
    network, weights, answer = described
    last, shape = network.populations[-1], network.populations[network.input].shape
    usual = {"reads": "counts" if last.spiking else "integral"}
    own = made(GivenOptions, usual | answer)
    options = TrainOptions(data="", rule=GivenWeights.kind, epochs=1, network=network, own=own)
    flat = enumerate(network.shaped(weights).values())
    arrays = {f"weights.{k}": array for k, array in flat}
    sensor = shape if len(shape) == 3 else (1, 1, math.prod(shape))
    placed = len(shape) == 3
    info: dict[str, Any] = {"history": [], "options": options.to_json()}
    info |= {"input_shape": list(sensor)} | ({} if placed else {"placed": False})
    return SavedRun(Checkpoint(arrays, info), options, sensor, None, sensor, placed)


def _options(checkpoint: Checkpoint) -> TrainOptions:
    info = checkpoint.info
    if not isinstance(info.get("options"), dict):
        raise UserError("it holds no options")
    options = TrainOptions.from_json(info["options"])
    if "network" in info:
        options = replace(options, network=unpacked(info["network"], checkpoint.arrays))
    elif not options.layers:
        raise UserError("it names no layers")
    ends = inputs(options), outputs(options)
    if max(ends) >= MOST_UNITS:
        raise UserError(f"it has {ends[0]} inputs and {ends[1]} outputs")
    return options


def _sensor(info: dict[str, Any], options: TrainOptions) -> Shape:
    """Return the sensor, which has as many units as the network has inputs."""
    shape, units = info.get("input_shape"), inputs(options)
    if not isinstance(shape, list) or len(shape) not in (2, 3):
        raise UserError(f"input_shape is {shown(shape)}")
    if any(type(side) is not int or side < 1 for side in shape) or math.prod(shape) != units:
        raise UserError(f"input_shape is {shown(shape)}, and the network has {units} inputs")
    return tuple(shape)


def _recorded(info: dict[str, Any], sensor: Shape, options: TrainOptions) -> Shape:
    """Return the sensor of the recordings, of which the network sees that of its input."""
    if not options.view:
        return sensor
    shape = info.get("recorded_sensor")
    if (
        not (isinstance(shape, list) and len(shape) == 3)
        or any(type(side) is not int or not 0 < side < MOST_UNITS for side in shape)
        or math.prod(shape) >= MOST_UNITS
        or options.view.shape((shape[0], shape[1], shape[2])) != sensor
    ):
        raise UserError(f"recorded_sensor is {shown(shape)}, its input {sensor}")
    return tuple(shape)


def _check_weights(checkpoint: Checkpoint, options: TrainOptions) -> None:
    """Compare the weights with the layers before a network of that size is made."""
    arrays, expected = checkpoint.arrays, weight_shapes(options)
    described = "layers" if options.network is None else "connections"
    prefix = next(iter(expected)).rstrip("0123456789")
    extra = {n for n in arrays if n.startswith(prefix) and n[len(prefix) :].isdigit()}
    for name in sorted(set(expected) | extra):
        found = arrays[name].shape if name in arrays else "missing"
        if found != expected.get(name):
            raise UserError(f"{name} is {found}, the {described} need {expected.get(name, 'none')}")


def _check_history(info: dict[str, Any], options: TrainOptions) -> None:
    history, rates = info.get("history"), info.get("start_rates", [])
    if not isinstance(history, list) or not isinstance(rates, list):
        raise UserError(f"its history is {shown(history)}, its rates {shown(rates)}")
    validated = getattr(options.own, "validate", 0.0) > 0
    numbers = ["accuracy_while_learning", "test_accuracy", "seconds"]
    numbers += ["validation_accuracy"] if validated else []
    for k, row in enumerate(history):
        if not isinstance(row, dict) or row.get("epoch") != k + 1 or type(row["epoch"]) is not int:
            raise UserError(f"row {k} of its history is {shown(row)}")
        for name in [*numbers, *({"loss", "train_accuracy"} & set(row))]:
            _check_number(row.get(name), f"{name} of epoch {k + 1}")
        if validated and type(row.get("best")) is not bool:
            raise UserError(f"best of epoch {k + 1} is {shown(row.get('best'))}")
        spikes = row.get("spikes_per_recording")
        for value in spikes if isinstance(spikes, list) and spikes else [spikes]:
            _check_number(value, f"spikes_per_recording of epoch {k + 1}")
    for row in rates:
        if not isinstance(row, dict) or set(row) != {"population", "before", "after"}:
            raise UserError(f"a row of start_rates is {shown(row)}")
        for name in ("before", "after"):
            _check_number(row[name], name)
        if not isinstance(row["population"], str):
            raise UserError(f"a population of start_rates is {shown(row['population'])}")


def _check_number(value: Any, name: str) -> None:
    if type(value) not in (int, float) or not np.isfinite(float(_bounded(value))):
        raise UserError(f"{name} is {shown(value)}")


def _bounded(value: float) -> float:
    """Return a number as one that fits a float."""
    return value if abs(value) < 1e300 else math.inf


def _data(info: dict[str, Any], sensor: Shape) -> Identity | None:
    if "data" not in info:
        return None
    data = Identity.from_json(info["data"], "its data")
    if data.sensor != sensor:
        raise UserError(f"its data have the sensor {data.sensor}, input_shape is {sensor}")
    return data

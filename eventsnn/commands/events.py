"""``simulate`` and ``film``: options in, plain results out; nothing is printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.data import source as sources
from eventsnn.data.dataset import sensor_of
from eventsnn.data.images import Images
from eventsnn.data.inputs import Inputs, open_inputs
from eventsnn.data.source import checked_split
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.losses.answers import said as said_answer
from eventsnn.losses.answers import told as told_answer
from eventsnn.losses.loss import Loss
from eventsnn.network import Network, Weights
from eventsnn.report.files import check_figure_path
from eventsnn.report.style import DARK, LIGHT, Theme
from eventsnn.rules.evaluation import scores_of
from eventsnn.train.model import open_model
from eventsnn.train.own_data import open_own, own_word
from eventsnn.train.trainable import times
from eventsnn.train.trainer import machine


def simulate(
    model: Path,
    source: str | None,
    index: list[int] | None,
    split: str,
    figure: Path | None,
    console: Console,
    dark: bool = False,
) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Run inputs through a saved network; yield the traffic of each and its picture."""
    from eventsnn.network.file import load_network
    from eventsnn.report.traffic_figure import plot_traffic

    theme = DARK if dark else LIGHT
    if figure is not None:
        check_figure_path(figure)
    if model.suffix == ".toml":
        if source is None:
            raise UserError(f"{model}: a network of your own needs an INPUT; give one, e.g. digits")
        network, weights = load_network(model)
        inputs = _opened(source, network.populations[network.input].shape, index, split, console)
        yield from _simulate_network(network, weights, inputs, (figure, theme))
        return
    learner, run = open_model(model)
    shape = run.sensor
    if source is None:
        open_own(model, run, None, give="INPUT")  # refuses what has changed
        source = own_word(model, run, "INPUT")
    inputs = _opened(source, shape, index, split, console)
    if sensor_of(inputs.data) != shape:
        raise UserError(
            f"{source}: inputs of {times(sensor_of(inputs.data))}, {model} learned from "
            f"{times(shape)}; give another INPUT"
        )
    if learner.reading is not None:
        read, drawn = learner.reading, (figure, theme)
        yield from _simulate_network(read.network, read.weights, inputs, drawn, read.loss)
        return
    for i, name in zip(inputs.chosen, inputs.names, strict=True):
        found = learner.rule.traffic(learner.state, inputs.data, i, name)
        picture = _picture(figure, inputs, i)
        if picture is not None:
            plot_traffic(found, picture, shape, theme)
        yield found.to_json(), None if picture is None else str(picture)


def _opened(
    source: str, shape: tuple[int, ...], index: list[int] | None, split: str, console: Console
) -> Inputs:
    with progress_bars(console) as bars:
        progress = Bar(bars, "preparing data")
        return open_inputs(
            source, shape, index=index, split=checked_split(split), progress=progress
        )


def _picture(figure: Path | None, inputs: Inputs, i: int) -> Path | None:
    """Return where the figure of recording ``i`` goes: each has its own."""
    if figure is None or len(inputs.chosen) == 1:
        return figure
    return figure.with_stem(f"{figure.stem}-{i}")


def _simulate_network(
    network: Network,
    weights: Weights,
    inputs: Inputs,
    drawn: tuple[Path | None, Theme],
    loss: Loss | None = None,
) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Run inputs through a network of neurons, and draw each where ``drawn`` says and how.

    A ``loss`` reads its answer: the output of a trained network.
    """
    from eventsnn.engines import simulate as run
    from eventsnn.measure.traffic import traffic
    from eventsnn.report.traffic_figure import plot_network_traffic

    if not isinstance(inputs.data, EventBatch):
        raise UserError(f"input {inputs.word!r}: real vectors; a network of neurons takes events")
    for i, name in zip(inputs.chosen, inputs.names, strict=True):
        stream = inputs.data[i]
        record = run(network, weights, stream)
        found = traffic(record, stream)
        last = network.outputs or (len(network.populations) - 1,)
        latency = min(found.first_spike_us[p] for p in last)
        told = found.to_json() | {
            "input": name,
            "label": stream.label,
            "events": int(found.spikes[network.input]),
            "latency_to_first_output_spike": float(latency) if np.isfinite(latency) else None,
            "duration": stream.duration,
        }
        if loss is not None:
            unlabelled = EventBatch.from_streams([replace(stream, label=0)])
            scores = scores_of(record, len(network.populations) - 1, loss, unlabelled)[0]
            told |= {"prediction": told_answer(int(answers(scores))), "output": scores.tolist()}
        picture = _picture(drawn[0], inputs, i)
        if picture is not None:
            label = "" if stream.label is None else f", label {stream.label}"
            said = f", prediction {said_answer(told['prediction'])}" if loss is not None else ""
            title = f"{name}{label}{said}"
            plot_network_traffic(found, picture, title, told.get("output"), drawn[1])
        yield told, None if picture is None else str(picture)


def film(
    images: str,
    split: str,
    seed: int,
    limit: int | None,
    files: tuple[Path | None, Path | None],
    threads: int,
    console: Console,
) -> dict[str, Any]:
    """Film images into two files, recordings and a picture; return what they are like."""
    from eventsnn.data.camera.compare import describe
    from eventsnn.data.camera.saccade import film as film_images
    from eventsnn.data.readers.film_file import check_film_place, write_film
    from eventsnn.report.film_figure import plot_film

    out, figure = files
    if out is not None:
        check_film_place(out)
    if figure is not None:
        check_figure_path(figure)
    stack = sources.open_images(images, checked_split(split))
    stack = Images(stack.images[:limit], stack.labels[:limit], stack.source)
    film_images(stack.images[:1], seed=seed)  # compiles, so that the rate is the camera's own
    started = time.perf_counter()
    with progress_bars(console) as bars:
        bar = Bar(bars, "filming")
        batch = film_images(
            stack.images, seed=seed, labels=stack.labels, threads=threads, progress=bar
        )
    seconds = time.perf_counter() - started
    if out is not None:
        write_film(out, [batch], emulated=True)
    if figure is not None:
        plot_film(batch, figure, f"emulated recordings: {stack.source} filmed")
    return {
        "images": images,
        "recordings": len(batch),
        "recordings_per_second": len(batch) / seconds,
        "threads": threads,
        "seed": seed,
        "version": eventsnn.__version__,
        "machine": machine(),
        "filmed": describe(batch),
        "out": None if out is None else str(out),
        "figure": None if figure is None else str(figure),
    }


def compare_films(
    images: str, real: str, seed: int, figure: Path | None, threads: int, console: Console
) -> dict[str, Any]:
    """Film the MNIST images behind real N-MNIST recordings and compare the two."""
    from eventsnn.data.camera.compare import compare
    from eventsnn.data.camera.figure import plot_comparison
    from eventsnn.data.camera.saccade import film as film_images
    from eventsnn.data.readers import mnist
    from eventsnn.data.readers.nmnist import recordings as nmnist

    if figure is not None:
        check_figure_path(figure)
    kind, _, path = real.partition(":")
    picture_kind, _, picture_path = images.partition(":")
    if kind != "nmnist" or picture_kind != "mnist" or not path or not picture_path:
        raise UserError("comparing needs both: eventsnn film mnist:PATH --compare nmnist:PATH")
    batches, stacks = [], []
    for split in ("train", "test"):
        batches.append(nmnist.load(path, split))
        stacks.append(nmnist.images_behind(mnist.load(picture_path, split), path, split))
    with progress_bars(console) as bars:
        bar, images_of_real = Bar(bars, "filming"), np.concatenate(stacks)
        filmed = film_images(images_of_real, seed=seed, threads=threads, progress=bar)
    recordings = EventBatch.from_streams([stream for batch in batches for stream in batch], real)
    if figure is not None:
        plot_comparison(recordings, filmed, figure)
    result = {"seed": seed, "version": eventsnn.__version__, "machine": machine()}
    return compare(recordings, filmed) | result | {"figure": figure and str(figure)}

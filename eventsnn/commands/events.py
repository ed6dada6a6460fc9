"""``film``: options in, plain results out; nothing is printed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.data import source as sources
from eventsnn.data.images import Images
from eventsnn.data.source import checked_split
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.report.files import check_figure_path
from eventsnn.train.trainer import machine


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

"""What each command does, without a word of printing: options in, plain results out."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import eventsnn
from eventsnn.data import source as sources
from eventsnn.data.images import Images
from eventsnn.data.inputs import open_inputs
from eventsnn.data.source import DataSet, open_data
from eventsnn.errors import Interrupted, UserError
from eventsnn.events import EventBatch
from eventsnn.learn.losses import Loss
from eventsnn.network import Network, Weights
from eventsnn.progress import Bar, RowBars, TrainingBars, progress_bars
from eventsnn.report.files import check_figure_path
from eventsnn.train import options as train_options
from eventsnn.train.checkpoint import FILE, load_checkpoint
from eventsnn.train.evaluation import scores_of
from eventsnn.train.gradient_learner import GradientLearner
from eventsnn.train.herding_learner import HerdingLearner
from eventsnn.train.layers import parse_layers
from eventsnn.train.model import open_model, options_of
from eventsnn.train.options import TrainOptions, completed, make_options
from eventsnn.train.trainer import Trainer, machine

Result = dict[str, Any]

TRAIN_OPTIONS = train_options.FIELDS | train_options.HERDING_FIELDS | train_options.GRADIENT_FIELDS


def train(
    given: dict[str, Any],
    out: Path | None,
    resume: bool,
    threads: int,
    tensorboard: bool,
    console: Console,
) -> dict[str, Any]:
    """Train, or go on with a run; return its summary."""
    if given.get("epochs", 1) < 1:
        raise UserError(f"epochs is {given['epochs']}; give at least 1")
    if "layers" in given:
        layers = given["layers"]
        given["layers"] = parse_layers(
            layers if isinstance(layers, str) else "-".join(map(str, layers))
        )
    checkpoint = None
    if resume:
        if out is None:
            raise UserError("--resume needs --out FOLDER, the run to go on with")
        checkpoint = load_checkpoint(out)
        options = _merged(options_of(checkpoint, out), given, out)
    else:
        options = make_options(given)
        if out is not None and (out / FILE).exists():
            raise UserError(f"{out}: holds a run already; add --resume, or give another --out")
    with progress_bars(console) as bars:
        data = open_data(options.data, limit=options.limit, progress=Bar(bars, "preparing data"))
        options = completed(options, data)
        folder = _new_folder(options.data) if out is None else out
        trainer = Trainer(options, data, folder, threads, tensorboard)
        if checkpoint is not None:
            try:
                trainer.resume(checkpoint)
            except (UserError, KeyError) as error:
                raise UserError(
                    f"{out}: the checkpoint is damaged ({error}); train anew"
                ) from error
        try:
            return trainer.run(TrainingBars(bars))
        except KeyboardInterrupt:
            done = len(trainer.history)
            raise Interrupted(
                f"stopped; {done} of {options.epochs} epochs are saved in {folder}, go on with: "
                f"eventsnn train --out {folder} --resume"
            ) from None


def read_config(path: Path) -> dict[str, Any]:
    """Read options of a run from a TOML file: ``name = value`` lines, as on the command line."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not TOML ({error})") from error
    unknown = sorted(set(values) - TRAIN_OPTIONS)
    if unknown:
        raise UserError(f"{path}: unknown option {unknown[0]!r}; known are {sorted(TRAIN_OPTIONS)}")
    for name, value in values.items():
        kinds, remedy = train_options.kinds_of(name)
        if type(value) not in kinds:
            raise UserError(f"{path}: {name} is {value!r}; give {remedy}")
    return values


def _merged(saved: TrainOptions, given: dict[str, Any], out: Path) -> TrainOptions:
    """Return the saved options; only the number of epochs may change on the way."""
    known = saved.to_json()
    known |= known["herding"] | known["gradient"]
    for name, value in given.items():
        same = list(value) if name == "layers" else value
        if name != "epochs" and known[name] != same:
            raise UserError(
                f"{out}: was trained with {name} {known[name]}, not {same}; leave it out to go "
                "on, or give another --out"
            )
    return replace(saved, epochs=int(given.get("epochs", saved.epochs)))


def _new_folder(data: str) -> Path:
    """Make the next free folder under runs/."""
    kind = data.replace(":", "-").split("/")[0].strip("-.") or "run"
    for number in range(1, 10_000):
        folder = Path("runs") / f"{kind}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UserError("runs/ is full; give --out FOLDER")


def evaluate(
    model: Path, data: str | None, split: str, limit: int | None, threads: int, console: Console
) -> dict[str, Any]:
    """Evaluate a saved network on a data set: one half, or both."""
    learner, options = open_model(model)
    with progress_bars(console) as bars:
        spec = options.data if data is None else data
        halves = open_data(spec, limit=limit, progress=Bar(bars, "preparing data"))
    parts = [halves.train, halves.test] if split == "all" else [_half(halves, split)]
    found = [learner.evaluate(part, threads) for part in parts]
    result = pooled(found)
    return result | {"model": str(model), "data": spec, "split": split, "note": halves.note}


def pooled(parts: list[Result]) -> Result:
    """Join evaluations of several sets of recordings, weighted by their sizes."""
    n = sum(part["recordings"] for part in parts)

    def mean(values: list[Any]) -> Any:
        shares = [part["recordings"] / n for part in parts]
        return sum(np.multiply(v, share) for v, share in zip(values, shares, strict=True))

    first = parts[0]
    if len(parts) == 1:
        return first
    return {
        "accuracy": float(mean([part["accuracy"] for part in parts])),
        "recordings": n,
        "spikes_per_recording": mean([p["spikes_per_recording"] for p in parts]).tolist(),
        "operations_per_recording": mean([p["operations_per_recording"] for p in parts]).tolist(),
    }


def simulate(
    model: Path,
    source: str,
    index: list[int] | None,
    split: str,
    figure: Path | None,
    console: Console,
) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Run inputs through a saved network; yield the traffic of each and its picture."""
    from eventsnn.measure.herding_traffic import traffic
    from eventsnn.network_file import load_network
    from eventsnn.report.traffic_figure import plot_traffic

    if figure is not None:
        check_figure_path(figure)
    if model.suffix == ".toml":
        network, weights = load_network(model)
        shape = network.populations[network.input].shape
        yield from _simulate_network(
            network, weights, (source, shape, index, split), figure, console
        )
        return
    learner, _ = open_model(model)
    shape = tuple(load_checkpoint(model).info["input_shape"])
    if isinstance(learner, GradientLearner):
        yield from _simulate_network(
            learner.network,
            learner.weights,
            (source, shape, index, split),
            figure,
            console,
            learner.loss,
        )
        return
    if not isinstance(learner, HerdingLearner):
        raise UserError(f"{model}: simulate cannot run a network of this rule")
    with progress_bars(console) as bars:
        inputs = open_inputs(
            source, shape, index=index, split=_checked(split), progress=Bar(bars, "preparing data")
        )
    for i, name in zip(inputs.chosen, inputs.names, strict=True):
        found = traffic(learner.net, inputs.data, i, name)
        picture = None
        if figure is not None:
            several = len(inputs.chosen) > 1
            picture = figure.with_stem(f"{figure.stem}-{i}") if several else figure
            plot_traffic(found, picture, shape)
        yield found.to_json(), None if picture is None else str(picture)


def _simulate_network(
    network: Network,
    weights: Weights,
    chosen: tuple[str, tuple[int, ...], list[int] | None, str],
    figure: Path | None,
    console: Console,
    loss: Loss | None = None,
) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Run inputs (source, shape, index, split) through a network of neurons.

    A ``loss`` reads its answer: the output of a trained network.
    """
    from eventsnn.measure.traffic import traffic
    from eventsnn.simulate import simulate as run

    source, shape, index, split = chosen
    with progress_bars(console) as bars:
        inputs = open_inputs(
            source, shape, index=index, split=_checked(split), progress=Bar(bars, "preparing data")
        )
    if not isinstance(inputs.data, EventBatch):
        raise UserError(f"input {source!r}: real vectors; a network of neurons takes events")
    for i, name in zip(inputs.chosen, inputs.names, strict=True):
        stream = inputs.data[i]
        record = run(network, weights, stream)
        found = traffic(record, stream)
        picture = None
        if figure is not None:
            several = len(inputs.chosen) > 1
            picture = figure.with_stem(f"{figure.stem}-{i}") if several else figure
            found.save_figure(picture)
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
            told |= {"prediction": int(scores.argmax()), "output": scores.tolist()}
        yield told, None if picture is None else str(picture)


def bench(data: str, limit: int | None, rounds: int, threads: int, console: Console) -> Result:
    """Measure every engine as a multiple of this machine's bare loop."""
    from eventsnn.bench import bench as run

    with progress_bars(console) as bars:
        halves = open_data(data, limit=limit, progress=Bar(bars, "preparing data"))
        if not isinstance(halves.train, EventBatch):
            raise UserError(f"data {data!r}: real vectors; give recordings, e.g. digits")
    with console.status("measuring (the first round compiles)"):
        result = run(halves.train, rounds=rounds, threads=threads)
    return result | {"data": data, "data_note": halves.note, "version": eventsnn.__version__}


def papers() -> list[Result]:
    """Return the papers that can be reproduced."""
    from eventsnn.reproduce import papers as every

    return [
        {"paper": name, "title": p.title, "source": p.source, "rows": [r.name for r in p.rows]}
        for name, p in every().items()
    ]


def reproduce(
    paper: str,
    data: list[str],
    quick: bool,
    only: list[str],
    threads: int,
    out: Path | None,
    console: Console,
) -> Result:
    """Run a paper's rows, or go on with them; return them beside the published figures."""
    from eventsnn.reproduce import find_paper
    from eventsnn.reproduce.command import reproduce as run
    from eventsnn.reproduce.data import Shelf

    chosen = find_paper(paper)
    folder = out or Path("runs") / f"{paper}{'-quick' * quick}"
    with progress_bars(console) as bars:
        shelf = Shelf(data, quick, Bar(bars, "preparing data"))
        listener = RowBars(bars)
        try:
            return run(chosen, shelf, only, folder, threads, listener)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped; {listener.finished} finished rows, and every finished epoch of the "
                f"others, are saved in {folder}; the same command goes on from there"
            ) from None


def film(
    images: str,
    split: str,
    seed: int,
    limit: int | None,
    out: Path | None,
    figure: Path | None,
    console: Console,
) -> dict[str, Any]:
    """Film images; return what the recordings are like."""
    from eventsnn.data.film_file import write_film
    from eventsnn.data.saccade import film as film_images
    from eventsnn.data.saccade_compare import describe
    from eventsnn.report.film_figure import plot_film

    if figure is not None:
        check_figure_path(figure)
    stack = sources.open_images(images, _checked(split))
    stack = Images(stack.images[:limit], stack.labels[:limit], stack.source)
    film_images(stack.images[:1], seed=seed)  # compiles, so that the rate is the camera's own
    started = time.perf_counter()
    with progress_bars(console) as bars:
        batch = film_images(
            stack.images, seed=seed, labels=stack.labels, progress=Bar(bars, "filming")
        )
    seconds = time.perf_counter() - started
    if out is not None:
        write_film(out, [batch])
    if figure is not None:
        plot_film(batch, figure, f"emulated recordings: {stack.source} filmed")
    return {
        "images": images,
        "recordings": len(batch),
        "recordings_per_second": len(batch) / seconds,
        "seed": seed,
        "version": eventsnn.__version__,
        "machine": machine(),
        "filmed": describe(batch),
        "out": None if out is None else str(out),
        "figure": None if figure is None else str(figure),
    }


def compare_films(
    images: str, real: str, seed: int, figure: Path | None, console: Console
) -> dict[str, Any]:
    """Film the MNIST images behind real N-MNIST recordings and compare the two."""
    from eventsnn.data import mnist, nmnist
    from eventsnn.data.saccade import film as film_images
    from eventsnn.data.saccade_compare import compare, plot_comparison

    if figure is not None:
        check_figure_path(figure)
    kind, _, path = real.partition(":")
    picture_kind, _, picture_path = images.partition(":")
    if kind != "nmnist" or picture_kind != "mnist" or not path or not picture_path:
        raise UserError("comparing needs both: eventsnn film mnist:PATH --compare nmnist:PATH")
    batches, stacks = [], []
    for split in ("train", "test"):
        batches.append(nmnist.load(path, split))
        stacks.append(mnist.load(picture_path, split).images[nmnist.indices(path, split) - 1])
    with progress_bars(console) as bars:
        filmed = film_images(np.concatenate(stacks), seed=seed, progress=Bar(bars, "filming"))
    recordings = EventBatch.from_streams([stream for batch in batches for stream in batch], real)
    if figure is not None:
        plot_comparison(recordings, filmed, figure)
    result = {"seed": seed, "version": eventsnn.__version__, "machine": machine()}
    return compare(recordings, filmed) | result | {"figure": figure and str(figure)}


def _checked(split: str) -> str:
    if split not in ("train", "test"):
        raise UserError(f"split {split!r}; give train or test")
    return split


def _half(data: DataSet, split: str) -> sources.Data:
    return data.train if _checked(split) == "train" else data.test

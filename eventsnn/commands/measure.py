"""``measure`` and ``compare``: options in, plain results and files out; nothing is printed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.commands.stopping import AskedStop, check_judged, stop_of
from eventsnn.data.dataset import Data, DataSet
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.files.outputs import check_output_folder
from eventsnn.files.unpack import read_text
from eventsnn.filters.event_filter import FilterCost
from eventsnn.measure.energy import MODELS, EnergyModel, read_models
from eventsnn.measure.measurement import Measured, Request
from eventsnn.measure.measurement import measure as measure_network
from eventsnn.measure.own import measure_own
from eventsnn.measure.policies import POLICIES
from eventsnn.measure.shuffled import shuffled_times
from eventsnn.ranks.ranks import Ranks
from eventsnn.report.files import check_figure_path, save_figure
from eventsnn.report.gallery import Scene, choose_recordings, gallery, save_gallery
from eventsnn.report.html import save_page
from eventsnn.report.page_parts import check_page_path
from eventsnn.report.plots import plot_compared
from eventsnn.rules.rule import Reading
from eventsnn.text import shown
from eventsnn.train.learning import Learner
from eventsnn.train.model import open_model
from eventsnn.train.own_data import open_own
from eventsnn.train.same import agree
from eventsnn.train.saved_run import SavedRun
from eventsnn.train.trainer import machine

Result = dict[str, Any]

_HIGHEST_LEVEL = 1e15
"""Of a policy: scores, nats or microseconds."""

_WARM = 20
"""Recordings that kernels are compiled or loaded with."""


class What(NamedTuple):
    """What to measure on: ``data`` None for the model's own; half "test", "train" or "all".

    ``stop`` says when nothing more is delivered, if that is to be told, too.
    """

    data: str | None
    split: str
    limit: int | None
    stop: AskedStop | None = None


class Drawn(NamedTuple):
    """What is drawn: ``recordings`` by number, a folder of figures, a page."""

    recordings: list[int] | None = None
    figures: Path | None = None
    html: Path | None = None


def measure(
    model: Path, what: What, request: Request, drawn: Drawn, threads: int, console: Console
) -> Result:
    """Measure a trained network."""
    index, figures, html = drawn
    ranks = request.ranks
    if index and figures is None and html is None:
        raise UserError("--index: names recordings to draw; give --html or --figures, too")
    if html is not None:
        check_page_path(html)
    if figures is not None:
        check_output_folder("figures", figures)
    check_judged(what.stop, what.split)
    learner, run = open_model(model)
    options, learner.ranks = run.options, ranks
    data, told = _open(model, run, what, console, ranks)
    found = _measured(learner, data, request, threads, console)
    result = {"model": str(model), "rule": options.rule} | told | found.result
    if what.stop is not None:
        stop = stop_of(what.stop, 100 * request.tolerance, model, (learner, run), console)
        result["stopped"] = _stopped(learner, data, stop, threads)
    if request.shuffle:
        result["shuffled_times"] = _without_time(learner, data, threads)
    result |= {
        "options": options.to_json(),
        "version": eventsnn.__version__,
        "machine": machine(),
    }
    if ranks.first and (figures is not None or html is not None):
        scene = _scene(learner.reading, data, found, index, run.sensor)
        with console.working("drawing"):
            pictures = gallery(result, scene, run.history)
            if html is not None:
                save_page(html, result, pictures)
            if figures is not None:
                save_gallery(pictures, figures)
    return result | {
        "figures": None if figures is None else str(figures),
        "html": None if html is None else str(html),
    }


def energy_models(file: Path | None) -> tuple[EnergyModel, ...]:
    """Return the built-in models, and those of a file; its models replace ones of their name."""
    own = read_models(file) if file is not None else ()
    names = {model.name for model in own}
    return (*(model for model in MODELS if model.name not in names), *own)


def levels_of(file: Path | None) -> dict[str, float | None] | None:
    """Read the levels that another measurement chose from the JSON it printed, its best first."""
    if file is None:
        return None
    remedy = "give what eventsnn measure --json printed"
    text = read_text(file)
    try:
        anytime = json.loads(text)["anytime"]
        stops = [*([anytime["best"]] if anytime["best"] else []), *anytime["stops"]]
        levels = {stop["policy"]: stop["level"] for stop in stops}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{file}: holds no levels ({shown(str(error))}); {remedy}") from error
    if not levels:
        raise UserError(f"{file}: holds no levels: nothing was measured in time; {remedy}")
    for name, value in levels.items():
        if name not in POLICIES or not _is_level(value):
            raise UserError(f"{file}: {shown(name)} has the level {shown(value)}; {remedy}")
    return {name: None if value is None else float(value) for name, value in levels.items()}


def _is_level(value: Any) -> bool:
    """Tell whether a level is a number that JSON has, or none."""
    return value is None or (type(value) in (int, float) and abs(value) <= _HIGHEST_LEVEL)


def compare(
    models: list[Path], what: What, figure: Path | None, threads: int, console: Console
) -> Result:
    """Measure several networks on the same recordings."""
    if figure is not None:
        check_figure_path(figure)
    if len({str(model) for model in models}) < max(len(models), 2):
        raise UserError("compare: give two models or more, each once")
    rows = [measure(model, what, Request(), Drawn(), threads, console) for model in models]
    if figure is not None:
        save_figure(plot_compared([(row["model"], row) for row in rows]), figure)
    return {"models": rows, "figure": None if figure is None else str(figure)}


def _open(
    model: Path, run: SavedRun, what: What, console: Console, ranks: Ranks
) -> tuple[Data, dict[str, Any]]:
    """Return the recordings, and what they are."""
    if what.split not in ("test", "train", "all"):
        raise UserError(f"split {what.split!r}; give test, train or all")
    spec = run.options.data if what.data is None else what.data
    with progress_bars(console) as bars, ranks.in_turn():
        bar = Bar(bars, "preparing data")
        halves = open_own(model, run, what.data, limit=what.limit, progress=bar)
    agree(ranks, halves)
    told = {"data": spec, "split": what.split, "limit": what.limit, "note": halves.note}
    told |= _seen(halves, what.split)
    if what.split != "all":
        return (halves.train if what.split == "train" else halves.test), told
    if not isinstance(halves.train, EventBatch) or not isinstance(halves.test, EventBatch):
        raise UserError(f"{model}: split all takes recordings; give test or train for real vectors")
    return _joined(halves.train, halves.test), told


def _seen(data: DataSet, split: str) -> Result:
    """Return what the network sees of recordings: how many, and their events, before and after."""
    if data.recorded is None:
        return {}
    chosen = [split == "train" or split == "all", split == "test" or split == "all"]
    halves = [half for half in data if isinstance(half, EventBatch)]

    def of(both: Iterable[int]) -> int:
        return sum(count for count, wanted in zip(both, chosen, strict=True) if wanted)

    seen = {
        "recordings_before": of(data.recorded.recordings),
        "events_before": of(data.recorded.events),
        "recordings": of(len(half) for half in halves),
        "events": of(int(half.start[-1] - half.start[0]) for half in halves),
        "sensor_before": list(data.recorded.sensor),
        "sensor": list(halves[0].shape),
    }
    if data.view.event_filter:
        pairs = zip(data.recorded.halves, chosen, strict=True)
        seen["filters"] = _filtering(data, [half for half, wanted in pairs if wanted])
    return {"view": data.view.keywords | seen}


def _filtering(data: DataSet, halves: list[EventBatch]) -> list[Result]:
    """Return what each filter took a recording, counted over recordings as they were before."""
    every = [data.view.costs(half) for half in halves]
    n, rows = sum(len(half) for half in halves), []
    for row in zip(*every, strict=True):
        totals = zip(*(cost for _, cost in row), strict=True)
        means = (sum(total) / n for total in totals)
        rows.append({"filter": row[0][0]} | dict(zip(FilterCost._fields, means, strict=True)))
    return rows


def _joined(first: EventBatch, second: EventBatch) -> EventBatch:
    """Return two batches of one sensor as one."""
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("t", "unit", "label", "duration")
    }
    start = np.concatenate([first.start, first.start[-1] + second.start[1:]])
    return replace(first, start=start, **arrays)


def _measured(
    learner: Learner, data: Data, request: Request, threads: int, console: Console
) -> Measured:
    reading, rule = learner.reading, learner.rule
    rule.check_data(data)
    if reading is None or not isinstance(data, EventBatch):
        return measure_own(rule, learner.state, data, request.models, threads, request.ranks)
    walk = rule.reverse_walk
    batch, near = (0, 0.0) if walk is None else walk
    with progress_bars(console) as bars:
        return measure_network(
            *reading,
            data,
            replace(request, batch=batch, near=near),
            threads=threads,
            progress=Bar(bars, "measuring"),
        )


def _stopped(
    learner: Learner, data: Data, stop: tuple[Stop, dict[str, Any]], threads: int
) -> Result:
    """Return what recordings cost that are stopped when they are clear, and the time it takes."""
    few = data.part(0, min(len(data), _WARM)) if isinstance(data, EventBatch) else data
    learner.until_clear(few, stop[0], threads)  # compiled, before time is taken
    took, found = [], {}
    for one in (None, stop[0]):
        began = time.perf_counter()
        found = learner.evaluate(data, threads, one)
        took.append(time.perf_counter() - began)
    found.pop("predictions")
    rates = {"to_the_end": len(data) / took[0], "stopped": len(data) / took[1]}
    return found | {"stop": stop[1], "recordings_per_second": rates, "threads": threads}


def _without_time(learner: Learner, data: Data, threads: int) -> Result:
    """Return what is right of recordings whose times are shuffled, and of each class."""
    if not isinstance(data, EventBatch):
        raise UserError("--shuffle-times: real vectors have no times; leave it out")
    found = learner.evaluate(shuffled_times(data), threads)
    right = np.array(found["predictions"]) == data.label
    classes = np.unique(data.label)
    return {
        "accuracy": found["accuracy"],
        "accuracy_of_class": {int(c): float(right[data.label == c].mean()) for c in classes},
    }


def _scene(
    reading: Reading | None,
    data: Data,
    found: Measured,
    index: list[int] | None,
    sensor: tuple[int, ...],
) -> Scene | None:
    if reading is None or not isinstance(data, EventBatch):
        return None
    for i in index or []:
        if not 0 <= i < len(data):
            raise UserError(f"index {i}: there are the recordings 0 to {len(data) - 1}")
    chosen = choose_recordings(found.predictions, data.label) if index is None else index
    if math.prod(sensor) != data.n_units:
        sensor = data.shape
    return Scene(reading.network, reading.weights, data, found.predictions, chosen, sensor)

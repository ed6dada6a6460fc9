"""``front``: trained networks, or some that it trains, on one meter; nothing is printed."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.commands.stopping import held_out
from eventsnn.commands.train import train
from eventsnn.data.dataset import Data, DataSet, first_of, labels_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.files.outputs import check_output_folder
from eventsnn.files.unpack import read_text
from eventsnn.measure.backward import backward
from eventsnn.measure.energy import EnergyModel, Work, estimate
from eventsnn.measure.front import beside, cost_of
from eventsnn.measure.front import front as front_of
from eventsnn.measure.meter import Meter
from eventsnn.measure.mistakes import check_labelled
from eventsnn.report.files import check_figure_path, save_figure
from eventsnn.report.front_page import costs, save_front
from eventsnn.report.page_parts import check_page_path
from eventsnn.report.plots_front import SIDES, plot_front, points_of
from eventsnn.rules.learned import ReverseWalk
from eventsnn.rules.rule import Reading
from eventsnn.text import shown
from eventsnn.train.apart import parted
from eventsnn.train.checkpoint import FILE
from eventsnn.train.learning import Learner
from eventsnn.train.model import open_model
from eventsnn.train.own_data import changes, open_own
from eventsnn.train.saved_run import SavedRun, load_run
from eventsnn.train.trainer import machine

Result = dict[str, Any]

_WALKED = 100
"""Recordings of whose way back the operations are counted, where learning did not count them."""

SHARED = "all"
"""The table of a file of runs that holds options of every run."""


class FrontData(NamedTuple):
    """What networks are measured on: ``data`` None for each one's own; at most ``limit``."""

    data: str | None
    limit: int | None
    lose: tuple[float, ...]
    models: tuple[EnergyModel, ...]


class FrontFiles(NamedTuple):
    """Where the page and the figure go, or None."""

    html: Path | None
    figure: Path | None


def front(
    folders: Sequence[Path], asked: FrontData, written: FrontFiles, threads: int, console: Console
) -> Result:
    """Measure networks on the same recordings; return their points, and those nothing beats."""
    if not folders or len({str(folder) for folder in folders}) < len(folders):
        raise UserError("front: give folders of trained networks, each once, or --train FILE")
    if written.html is not None:
        check_page_path(written.html)
    if written.figure is not None:
        check_figure_path(written.figure)
    names = _names(folders)
    rows = [
        _row(folder, name, asked, threads, console)
        for folder, name in zip(folders, names, strict=True)
    ]
    result = _result(rows, asked)
    with console.working("drawing"):
        if written.html is not None:
            save_front(written.html, result)
        if written.figure is not None:
            save_figure(plot_front(result), written.figure)
    return result | {key: None if p is None else str(p) for key, p in written._asdict().items()}


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the last part of each folder's name, or all of it where others have that, too."""
    short = [folder.resolve().name for folder in folders]
    return [
        name if short.count(name) == 1 else str(folder)
        for name, folder in zip(short, folders, strict=True)
    ]


def _row(folder: Path, name: str, asked: FrontData, threads: int, console: Console) -> Result:
    learner, run = open_model(folder)
    with progress_bars(console) as bars:
        data = open_own(folder, run, asked.data, progress=Bar(bars, "preparing data"))
        test = first_of(data.test, asked.limit)
        check_labelled(labels_of(test), data.spec)
        learner.rule.check_data(test)
        rest = _held_out(learner, run, data)
        meter = Meter(name, asked.models, asked.lose, Bar(bars, f"measuring {name}"))
        points = meter.points(learner.rule, learner.state, test, rest)
    if points[0].get("no_stops"):
        console.print(f"{name}: no early stops: {points[0]['no_stops']}", soft_wrap=True)
    learning = _learning(learner, run, data, asked.models, threads)
    if learning["not_counted"]:
        console.print(f"{name}: backward not counted: {learning['not_counted']}", soft_wrap=True)
    options = run.options
    return {
        "name": name,
        "model": str(folder),
        "rule": options.rule,
        "spiking": learner.rule.spiking,
        "layers": "-".join(map(str, learner.sizes)),
        "data": options.data if asked.data is None else asked.data,
        "recordings": len(test),
        "held_out": 0 if rest is None else len(rest),
        "epochs": len(run.history),
        "learned": _learned(run, data),
        "points": points,
        "learning": learning,
        "learned_from": None if run.data is None else run.data.to_json(paths=False)["spec"],
        "options": {k: v for k, v in options.to_json().items() if k != "data"},
    }


def _held_out(learner: Learner, run: SavedRun, data: DataSet) -> EventBatch | None:
    """Return the training recordings that the run did not learn; None: there are none.

    Others than those that it learned from hold out nothing: who knows which it has seen.
    """
    if run.data is None or len(data.train) < run.data.recordings[0] or changes(run, data):
        return None
    return held_out(learner, run, data)


def _learned(run: SavedRun, data: DataSet) -> int:
    """Return how many recordings an epoch of the run had."""
    kept = len(data.train) if run.data is None else run.data.recordings[0]
    kept = len(parted(kept, run.options.skip, run.options.hold_out)[0])
    return kept - round(getattr(run.options.own, "validate", 0.0) * kept)


def _learning(
    learner: Learner,
    run: SavedRun,
    data: DataSet,
    models: tuple[EnergyModel, ...],
    threads: int,
) -> Result:
    """Return what learning a recording cost, as far as it is counted."""
    costs, walk, why = learner.costs(), learner.rule.reverse_walk, ""
    keys = ("operations", "backward_operations", "weight_updates")
    found: dict[str, float | None] = dict.fromkeys(("forward", "backward", "updates"))
    if all(f"{key}_per_recording" in costs for key in keys):
        totals = (float(sum(costs[f"{key}_per_recording"])) for key in keys)
        found = dict(zip(found, totals, strict=True))
    elif walk is not None and learner.reading is not None:
        few = first_of(data.train, _WALKED)
        walked, why = _walked(learner.reading, walk, few, threads)
        found |= walked
    seconds = sum(row["seconds"] for row in run.history)
    learned = max(len(run.history) * _learned(run, data), 1)
    kept = sum(array.nbytes for array in learner.snapshot().values())
    energy = _synapses_nj(found, learner.rule.spiking, models)
    rest = {"seconds": seconds / learned, "bytes": kept, "synapses_nj": energy}
    return found | rest | {"not_counted": why}


def _synapses_nj(
    found: dict[str, float | None], spiking: bool, models: tuple[EnergyModel, ...]
) -> dict[str, float]:
    """Estimate the energy of the synapses alone: no decays, no tests, no part of an optimizer.

    What is not an addition for certain is priced as a multiply-accumulate: so is an update.
    """
    forward, back, updates = (found[key] for key in ("forward", "backward", "updates"))
    if forward is None or back is None or updates is None:
        return {}
    adds = forward if spiking else 0.0
    work = Work(adds, forward + back + updates - adds, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return {m.name: estimate(m, work)["total_nj"] for m in models if not m.clock_us}


def _walked(
    reading: Reading, walk: ReverseWalk, few: Data, threads: int
) -> tuple[dict[str, float | None], str]:
    """Count both ways over a few recordings, with the weights that were learned.

    With it, why the way back is not counted; "" where it is.
    """
    assert isinstance(few, EventBatch)
    network, weights = reading.network, reading.weights
    record = eventsnn.simulate(network, weights, few, record="counts")
    size = sum(int(np.prod(c.topology.weight_shape)) for c in network.connections)
    forward = float(record.counts.synaptic_adds.sum()) / len(few)
    found: dict[str, float | None] = {"forward": forward, "updates": size / walk.batch}
    try:
        back = backward(network, weights, few, walk.near, threads)
    except UserError as error:
        return found, str(error)
    return found | {"backward": float(back.total.mean())}, ""


def _result(rows: list[Result], asked: FrontData) -> Result:
    counts = {row["recordings"] for row in rows}
    words = {row["data"] for row in rows}
    if len(counts) > 1 or len(words) > 1:
        raise UserError(
            "front: networks learned from other data, and points of other recordings do not "
            "compare; give --data, and --limit where fewer are wanted"
        )
    result: Result = {
        "data": rows[0]["data"],
        "split": "test",
        "recordings": rows[0]["recordings"],
        "energy_models": [model.name for model in asked.models],
        "lose": list(asked.lose),
        "models": rows,
    }
    sides = [points_of(result, side) for side in SIDES]
    every = [point for side in sides for point in side]
    keys = list(costs(result))
    result["front"] = {
        key: [f"{p['name']}, {p['how']}" for p in front_of(every, cost_of(key))] for key in keys
    }
    result["beside"] = [row for key in keys for row in beside(sides[0], sides[1], key)]
    return result | {"version": eventsnn.__version__, "machine": machine()}


def train_all(
    file: Path, out: Path, data: str | None, threads: int, console: Console
) -> list[Path]:
    """Train the runs of a TOML file that are not done, each in its folder of ``out``.

    Returns
    -------
    list of Path
        The folders.
    """
    check_output_folder("--out", out)
    folders = []
    for name, options in read_runs(file).items():
        given = options | ({} if data is None else {"data": data})
        folder = out / name
        if not (folder / FILE).exists():
            console.print(f"{name}:", soft_wrap=True)
            train(given, folder, False, threads, False, console)
        elif (run := load_run(folder)).options.epochs > len(run.history):
            console.print(f"{name} goes on:", soft_wrap=True)
            train({}, folder, True, threads, False, console)
        folders.append(folder)
    return folders


def read_runs(file: Path) -> dict[str, dict[str, Any]]:
    """Read runs from a TOML file: a table each, and one named ``all`` for options of every run.

    Raises
    ------
    UserError
        Naming the file, the run and the value.
    """
    try:
        tables = tomllib.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: not TOML ({error})") from error
    for name, one in tables.items():
        if not isinstance(one, dict):
            raise UserError(f"{file}: {shown(name)} is {shown(one)}; give tables, such as [a-100]")
        if name in ("", ".", "..") or set(name) & set("/\\\0"):
            raise UserError(f"{file}: {shown(name)} is no name of a folder; give another")
    shared = tables.pop(SHARED, {})
    if not tables:
        raise UserError(f"{file}: holds no run; give a table of options, such as [a-100]")
    return {name: shared | one for name, one in tables.items()}

"""``evaluate``, ``bench`` and ``reproduce``: options in, plain results out; nothing is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.evaluate_options import EvaluateOptions
from eventsnn.commands.measure import What
from eventsnn.commands.progress import Bar, RowBars, progress_bars
from eventsnn.commands.stopping import USUAL_LOSE, check_judged, stop_of
from eventsnn.data.dataset import Data, DataSet, labels_of
from eventsnn.data.source import open_data
from eventsnn.errors import Interrupted, UserError
from eventsnn.events import EventBatch
from eventsnn.files.outputs import check_output_folder
from eventsnn.measure.mistakes import confusion, mistakes
from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.train.model import open_model
from eventsnn.train.own_data import open_own
from eventsnn.train.same import agree

Result = dict[str, Any]


def evaluate(
    model: Path,
    what: What,
    options: EvaluateOptions,
    threads: int,
    console: Console,
    ranks: Ranks = ONE,
) -> dict[str, Any]:
    """Evaluate a saved network on a data set: one half, or both."""
    data, split, limit, _ = what
    if split not in ("train", "test", "all"):
        raise UserError(f"split {split!r}; give test, train or all")
    check_judged(options.stop, split)
    learner, run = open_model(model)
    learner.ranks = ranks
    with progress_bars(console) as bars, ranks.in_turn():
        bar = Bar(bars, "preparing data")
        halves = open_own(model, run, data, limit=limit, progress=bar)
    spec = run.options.data if data is None else data
    names = ("train", "test") if split == "all" else (split,)
    parts = {name: _half(halves, name) for name in names}
    labels = [labels_of(part) for part in parts.values()]
    for name, label in zip(names, labels, strict=True):
        if (label < 0).any():
            raise UserError(
                f"data {spec!r}: recording {int((label < 0).argmax())} of the {name} half has no "
                "label; evaluate needs one a recording"
            )
    agree(ranks, halves)
    stop, told = None, {}
    if options.stop is not None:
        lose = USUAL_LOSE if options.lose is None else options.lose
        stop, chosen = stop_of(options.stop, lose, model, (learner, run), console)
        told = {"stop": chosen}
    found = [learner.evaluate(part, threads, stop) for part in parts.values()]
    said = [np.array(part.pop("predictions"), np.int64) for part in found]
    wrong = [mistakes(*row) for row in zip(labels, said, names, strict=True)]
    every = np.concatenate(labels), np.concatenate(said)
    return pooled(found) | {
        "confusion": confusion(*every, classes=learner.sizes[-1]),
        "mistakes": [row for part in wrong for row in part],
        "model": str(model),
        "data": spec,
        "split": split,
        "note": halves.note,
        "class_names": list(halves.classes),
        **told,
    }


def pooled(parts: list[Result]) -> Result:
    """Join evaluations of several sets of recordings, weighted by their sizes."""
    n = sum(part["recordings"] for part in parts)

    def mean(values: list[Any]) -> Any:
        shares = [part["recordings"] / n for part in parts]
        return sum(np.multiply(v, share) for v, share in zip(values, shares, strict=True))

    first = parts[0]
    if len(parts) == 1:
        return first
    early = ("stopped_early", "stopped_us")
    return {
        **{name: float(mean([p[name] for p in parts])) for name in early if name in first},
        "accuracy": float(mean([part["accuracy"] for part in parts])),
        "recordings": n,
        "no_answer": sum(part["no_answer"] for part in parts),
        "spikes_per_recording": mean([p["spikes_per_recording"] for p in parts]).tolist(),
        "operations_per_recording": mean([p["operations_per_recording"] for p in parts]).tolist(),
    }


def bench(
    data: str, limit: int | None, rounds: int, threads: int | None, console: Console
) -> Result:
    """Measure every engine as a multiple of this machine's bare loop; threads None: sessions."""
    from eventsnn.bench import bench as run
    from eventsnn.bench.live import bench_live

    with progress_bars(console) as bars:
        halves = open_data(data, limit=limit, progress=Bar(bars, "preparing data"))
        if not isinstance(halves.train, EventBatch):
            raise UserError(f"data {data!r}: real vectors; give recordings, e.g. digits")
    with console.working("measuring (the first round compiles)"):
        if threads is None:
            result = bench_live(halves.train, rounds=rounds)
        else:
            result = run(halves.train, rounds=rounds, threads=threads)
    return result | {"data": data, "data_note": halves.note, "version": eventsnn.__version__}


def bench_ranks(ranks: int, rounds: int, console: Console) -> Result:
    """Measure how much faster ranks learn."""
    from eventsnn.bench.ranks import bench_ranks as run

    with console.working("measuring ranks"):
        return run(ranks, rounds=rounds) | {"version": eventsnn.__version__}


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
    full: bool | None,
    only: list[str],
    threads: int,
    out: Path | None,
    console: Console,
) -> Result:
    """Run a paper's rows, or go on with them; return them beside the published figures."""
    from eventsnn.reproduce import find_paper
    from eventsnn.reproduce.command import reproduce as run
    from eventsnn.reproduce.command import tier_of
    from eventsnn.reproduce.data import PaperData

    tier = tier_of(full)
    chosen = find_paper(paper)
    folder = out or Path("runs") / f"{paper}{'-quick' * (tier == 'quick')}"
    check_output_folder("--out", folder)
    with progress_bars(console) as bars:
        opened = PaperData(chosen, data, tier, Bar(bars, "preparing data"))
        listener = RowBars(bars)
        try:
            return run(chosen, opened, only, folder, threads, listener)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped; {listener.finished} finished rows, and every finished epoch of the "
                f"others, are saved in {folder}; the same command goes on from there"
            ) from None


def _half(data: DataSet, split: str) -> Data:
    return data.train if split == "train" else data.test

"""``quantize``: a trained network in whole numbers; nothing is printed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, progress_bars
from eventsnn.data.dataset import Data, DataSet, labels_of
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.exchange.integers.precision import Precision
from eventsnn.exchange.integers.quantize import CALIBRATED_BY, QuantizedModel, quantize_with
from eventsnn.files.outputs import check_output_folder
from eventsnn.network.whole.scales import bits_of
from eventsnn.options import flat
from eventsnn.train.apart import parted
from eventsnn.train.checkpoint import FILE
from eventsnn.train.learning import Learner
from eventsnn.train.load import load
from eventsnn.train.own_data import open_own
from eventsnn.train.saved_run import SavedRun, load_run

OWN = "own"
"""The word for what a model learned from."""


def quantize(
    model: Path,
    out: Path,
    precision: Precision,
    source: tuple[str | None, int | None],
    threads: int,
    console: Console,
) -> dict[str, Any]:
    """Write a network in whole numbers into a folder; return what became of it.

    Parameters
    ----------
    model, out : Path
    precision : Precision
    source : (str or None, int or None)
        Data and a limit of each half. The first training recordings calibrate, the test half is
        evaluated before and after; without data nothing is run.
    threads : int
        Changes no bit.
    console : Console

    Raises
    ------
    UserError
        If the folder holds a network, or the network has no form in whole numbers.
    """
    data, limit = source
    check_output_folder("--out", out)
    if (out / FILE).exists():
        raise UserError(f"--out {out}: holds a network already; give another folder")
    if limit is not None and data is None:
        raise UserError("--limit: no data are looked at; give --data too, or leave it out")
    run = load_run(model)
    float_model = load(model)
    halves = None
    if data is not None:
        with progress_bars(console) as bars:
            bar, given = Bar(bars, "preparing data"), None if data == OWN else data
            halves = open_own(model, run, given, limit=limit, progress=bar)
    with console.working("rounding"):
        made = quantize_with(float_model, precision, _calibrating(halves, run))
    made.model.save(out)
    result = {"model": str(model), "out": str(out), "version": eventsnn.__version__}
    result |= flat(precision) | told(made)
    if halves is not None:
        with console.working("evaluating before and after"):
            pair = float_model.learner, made.model.learner
            result |= _beside(*pair, halves.test, threads) | {
                "data": run.options.data if data == OWN else data
            }
    return result


def _calibrating(halves: DataSet | None, run: SavedRun) -> Data | None:
    """Return training recordings, without those that the run left out for others to be judged."""
    if halves is None or not isinstance(halves.train, EventBatch):
        return None if halves is None else halves.train  # refused where they are counted
    first = run.options.skip if run.options.skip < len(halves.train) else 0
    if run.options.hold_out:
        had = len(halves.train) if run.data is None else run.data.recordings[0]
        rest, _ = parted(had, first, run.options.hold_out)
        rest = rest[rest < len(halves.train)]
        if not len(rest):
            raise UserError("--limit: the recordings that it leaves were held out; give more")
        return halves.train.select(rest[:CALIBRATED_BY])
    return halves.train.part(first, min(first + CALIBRATED_BY, len(halves.train)))


def told(made: QuantizedModel) -> dict[str, Any]:
    """Return what became of each population, and the memory of a machine."""
    quantized, network = made.told, made.told.network
    neurons = sum(p.size for p in network.populations if p.neuron is not None)
    bits = {c.name: bits_of(w) for c, w in zip(network.connections, quantized.weights, strict=True)}
    sizes = zip(network.connections, quantized.weights, strict=True)
    return {
        "calibrated": made.model.saved.info["quantized"]["calibrated"],
        "most_events": quantized.answer.most_events,
        "layers": [layer.to_json() for layer in quantized.layers],
        "weight_bits": bits,
        "bytes": {
            "weights": sum(math.ceil(w.size * bits[c.name] / 8) for c, w in sizes),
            "thresholds": 4 * sum(layer.scales for layer in quantized.layers),
            "decay_tables": 4 * sum(layer.table for layer in quantized.layers),
            "potentials": 4 * neurons,
        },
    }


def _beside(before: Learner, after: Learner, half: Data, threads: int) -> dict[str, Any]:
    """Return the accuracy of both networks on a test half, and how many answers changed."""
    if (labels_of(half) < 0).any():
        raise UserError("quantize: a test recording has no label; give others, or no --data")
    found = [learner.evaluate(half, threads) for learner in (before, after)]
    said = [np.array(one["predictions"]) for one in found]
    names = ("accuracy", "recordings", "no_answer")
    rows = [{name: one[name] for name in names} for one in found]
    return {"before": rows[0], "after": rows[1], "changed": int((said[0] != said[1]).sum())}

"""Networks in whole numbers beside their floats: what is lost, on which recordings? JSON for docs.

    python docs/quantized_results.py "2312-100-10=runs/small" ... --bits 8 4
        --data film:mnist:../shared/data/mnist --real nmnist:../shared/data/nmnist
        --out docs/results/integers.json

Each model is quantized by ``eventsnn quantize``, calibrated by training recordings of ``--data``,
and evaluated on its whole test half and on both halves of ``--real``, before and after. Rows of
other networks, or bits, that ``--out`` holds are kept; one that is measured again is replaced.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import warnings
from pathlib import Path
from typing import Any

import eventsnn
from eventsnn.commands.console import Console
from eventsnn.commands.quantize import quantize
from eventsnn.events import EventBatch
from eventsnn.exchange.integers.precision import Precision
from eventsnn.train.trainer import machine

LEFT_OUT = ("model", "out", "version", "data")
"""Of what ``quantize`` returns: folders of this machine, and what stands beside."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("models", nargs="+", help="NAME=FOLDER")
    words.add_argument("--bits", type=int, nargs="+", default=[8])
    words.add_argument("--data", required=True)
    words.add_argument("--real", required=True)
    words.add_argument("--trained", default="", help="The command that made the models.")
    words.add_argument("--limit", type=int, help="Of each half of --data.")
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--out", type=Path, required=True)
    given = words.parse_args()
    real = both_halves(given.real)
    for word in given.models:
        name, _, folder = word.partition("=")
        for bits in given.bits:
            row = measured(name, Path(folder), bits, real, given)
            write(given.out, row)
            print(json.dumps({k: row[k] for k in ("name", "bits", "emulated", "real")}), flush=True)


def both_halves(word: str) -> EventBatch:
    """Return every recording of a data set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a half may lack a class
        data = eventsnn.open_data(word)
    halves = (data.train, data.test)
    return EventBatch.from_streams([half[k] for half in halves for k in range(len(half))])


def measured(
    name: str, folder: Path, bits: int, real: EventBatch, given: argparse.Namespace
) -> dict[str, Any]:
    """Return what became of a network, and how both answer."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "whole"
        source = given.data, given.limit
        told = quantize(folder, out, Precision(bits=bits), source, given.threads, Console())
        pair = [eventsnn.load(model) for model in (folder, out)]
        said = [model.predict(real) for model in pair]
    right = [float((one == real.label).mean()) for one in said]
    changed = int((said[0] != said[1]).sum())
    emulated = {key: told.pop(key) for key in ("before", "after", "changed")}
    info, options = pair[0].saved.info, pair[0].learner.options
    learned = min(options.limit or math.inf, info["data"]["recordings"][0]) - options.skip
    return {
        "name": name,
        "bits": bits,
        "trained": given.trained,
        "epochs": len(info["history"]),
        "recordings_learned": learned,
        "data": given.data,
        "real_data": given.real,
        "emulated": told_of(emulated),
        "real": {
            "recordings": len(real), "before": right[0], "after": right[1], "changed": changed
        },
        "quantized": {key: told[key] for key in told if key not in LEFT_OUT},
        "version": eventsnn.__version__,
        "machine": machine(),
    }  # fmt: skip


def told_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return the accuracies that ``quantize`` returns, in the form of ``real``."""
    before, after = found["before"], found["after"]
    accuracies = {"before": before["accuracy"], "after": after["accuracy"]}
    return {"recordings": after["recordings"]} | accuracies | {"changed": found["changed"]}


def write(path: Path, row: dict[str, Any]) -> None:
    """Put a row among those that are there."""
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    others = [old for old in rows if (old["name"], old["bits"]) != (row["name"], row["bits"])]
    rows = sorted([*others, row], key=lambda one: (one["name"], -one["bits"]))
    new = path.with_suffix(".tmp")
    new.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    new.replace(path)


if __name__ == "__main__":
    main()

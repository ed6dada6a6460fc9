"""Networks in C beside the library: are all bits the same, how large, how fast? JSON for the docs.

    python docs/compare_with_c.py "int8=runs/int8" "float32=runs/small" [--sensor HxWxC]
        --data nmnist:../shared/data/nmnist --out docs/results/c.json

Each model is exported, compiled by gcc, and replays every recording of both halves. Spikes, answers
and what is read of the output are compared with the engine's, recording by recording. A time is
the least of ``--rounds`` runs, in the processor's seconds: of the program, without reading the
file; of the library, one thread, all recordings at once.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import eventsnn
from eventsnn.bench.control import machine
from eventsnn.commands.exchange import network_in
from eventsnn.events import EventBatch
from eventsnn.exchange.c.answer import answer_in
from eventsnn.exchange.c.vector import engine_says
from eventsnn.exchange.formats.c import CFile, COptions

FLAGS = {
    "-Os": ("-Os",),
    "-O2": ("-O2",),
    "-O3": ("-O3",),
    "-O3 -march=native": ("-O3", "-march=native"),
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("models", nargs="+", help="NAME=FOLDER")
    words.add_argument("--data", required=True)
    words.add_argument("--sensor", default="")
    words.add_argument("--trained", default="", help="The commands that made the models.")
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--out", type=Path, required=True)
    given = words.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a half may lack a class
        data = eventsnn.open_data(given.data)
    batch = EventBatch.from_streams(
        [half[k] for half in (data.train, data.test) for k in range(len(half))]
    )
    gcc = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True)
    result = {
        "version": eventsnn.__version__,
        "machine": machine(),
        "compiler": gcc.stdout.splitlines()[0],
        "data": given.data,
        "trained": given.trained,
        "recordings": len(batch),
        "events": len(batch.t),
        "rounds": given.rounds,
        "networks": [],
    }
    for word in given.models:
        name, _, folder = word.partition("=")
        with tempfile.TemporaryDirectory() as place:
            row = {"name": name} | compared(Path(folder), batch, given, Path(place))
        result["networks"].append(row)
        print(json.dumps(row))
    given.out.write_text(json.dumps(result, indent=1) + "\n")


def compared(model: Path, batch: EventBatch, given: Any, place: Path) -> dict[str, Any]:
    """Return how a network does in C and here."""
    described = network_in(model)
    network, weights, how = described
    polarities, height, width = batch.shape
    flat = len(network.populations[network.input].shape) != 3
    sensor = (given.sensor or f"{height}x{width}x{polarities}") if flat else ""
    CFile().write(place, described, COptions(sensor=sensor))
    (place / "events.txt").write_text(lines(batch))
    answer = answer_in(how, network.populations[-1], "")
    said = [engine_says(network, weights, answer, batch[k]) for k in range(len(batch))]
    compiled = {flags: built(place, words, said, given.rounds) for flags, words in FLAGS.items()}
    right = sum(one.answer == label for one, label in zip(said, batch.label.tolist(), strict=True))
    return {
        "network": repr(network),
        "weight_type": re.search(r"typedef (\w+) snn_weight", (place / "snn.c").read_text())[1],
        "accuracy": right / len(said),
        "spikes": sum(one.spikes for one in said),
        "ours_ns_an_event": ours(network, weights, batch, given.rounds),
        "compiled": compiled,
    }


def lines(batch: EventBatch) -> str:
    """Return recordings as the main program reads them."""
    out = []
    for k in range(len(batch)):
        s = batch[k]
        rows = zip(s.x.tolist(), s.y.tolist(), s.polarity.tolist(), s.t.tolist(), strict=True)
        out += [*(f"{x} {y} {p} {t}" for x, y, p, t in rows), f"end {s.duration}"]
    return "\n".join(out) + "\n"


def built(place: Path, flags: tuple[str, ...], said: list[Any], rounds: int) -> dict[str, Any]:
    """Return the size of a program, how many recordings have the engine's bits, and its time."""

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=place, check=True, capture_output=True, text=True)
        return done.stdout

    run("gcc", "-std=c99", *flags, "-c", "snn.c", "-o", "snn.o")
    run("gcc", "-std=c99", *flags, "snn.o", "snn_main.c", "-o", "snn", "-lm")
    text, data, bss = (int(n) for n in run("size", "snn.o").splitlines()[1].split()[:3])
    (place / "size.c").write_text('#include "snn.h"\nchar net[sizeof(snn_net)];\n')
    run("gcc", "-std=c99", "-c", "size.c", "-o", "size.o")
    net = int(run("size", "size.o").splitlines()[1].split()[2])
    found = [line.split() for line in run("./snn", "events.txt").splitlines()]
    same = sum(
        row[1:5] == [str(one.answer), str(one.t_us), str(one.spikes), f"{one.digest:016x}"]
        and [float(v) for v in row[5:]] == one.scores.tolist()
        for row, one in zip(found, said, strict=True)
    )
    times = [run("./snn", "events.txt", "time").splitlines()[-1].split() for _ in range(rounds)]
    return {
        "code_and_constants_bytes": text + data + bss,
        "memory_bytes": net,
        "the_engines_bits": same,
        "ns_an_event": min(float(words[1]) for words in times),
    }


def ours(network: Any, weights: Any, batch: EventBatch, rounds: int) -> float:
    """Return the nanoseconds an event of the simulator: all recordings in one call, one thread."""
    best = float("inf")
    for _ in range(rounds + 1):  # the first one compiles
        begin = time.process_time()
        eventsnn.simulate(network, weights, batch, record="counts", threads=1)
        best = min(best, time.process_time() - begin)
    return 1e9 * best / len(batch.t)


if __name__ == "__main__":
    main()

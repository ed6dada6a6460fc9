"""A network as a C program: written, compiled where there is gcc, and held against the engine."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import eventsnn as es

network = es.layers("34x34x2-50-10", hidden=es.LIF(20_000), output=es.Readout(30_000))
data = es.open_data("digits", limit=40)
weights = es.start(network, data.train, spikes=1.0, seed=0)
digit = data.test[0]
record = es.simulate(network, weights, digit)
print(f"engine: {record.counts.spikes[0, 1]} spikes")

with tempfile.TemporaryDirectory() as folder:
    net, out = Path(folder) / "net.toml", Path(folder) / "chip"
    network.save(net, {name: np.float32(array) for name, array in weights.items()})
    words = [
        sys.executable,
        "-m",
        "eventsnn",
        "export",
        str(net),
        "--to",
        "c",
        "--out",
        str(out),
        "--json",
    ]
    subprocess.run(words, check=True, capture_output=True)
    rows = zip(digit.x, digit.y, digit.polarity, digit.t, strict=True)
    lines = [*(f"{x} {y} {p} {t}" for x, y, p, t in rows), f"end {digit.duration}"]
    (out / "events.txt").write_text("\n".join(lines) + "\n")
    if shutil.which("gcc"):
        subprocess.run(
            ["gcc", "-std=c99", "-O2", "snn.c", "snn_main.c", "-o", "snn", "-lm"],
            cwd=out,
            check=True,
        )
        found = subprocess.run(["./snn", "events.txt"], cwd=out, capture_output=True, text=True)
        print(f"C: {found.stdout.split()[3]} spikes")
    else:
        print("no gcc here: the C is not compiled")

"""Read the graphs that nir_foreign_make.py made, and run them beside forward Euler.

python docs/nir_foreign.py FOLDER [PAPER]     # then docs/results/tables.py writes the page

PAPER is the folder paper/01_lif of the repository of NIR: a neuron, its input and what each program
made of it.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

import eventsnn as es
from eventsnn.exchange.check import compared, told

HERE = Path(__file__).parent
KEPT = HERE / "results" / "nir-foreign.json"
HAND = {"time_unit": "s", "spike": 1_000, "steps": "euler"}
HOW = {  # no subtraction: the files say v_reset
    "snntorch": {"made_by": "snntorch", "reset": "value"},
    # Norse 1.1 writes each time constant times its dt, here 1 ms.
    "norse": {"time_unit": 1e9, "spike": 1_000, "steps": "euler"},
    "sinabs": {"made_by": "sinabs", "steps": "euler", "reset": "value", "fires": ">"},
}


def row(file: Path, made: dict) -> dict:
    """Return what became of a graph."""
    how = HOW.get(made["made_by"], HAND)
    found = dict(made, how=how)
    if "not_made" in made:
        return found
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.nir"
            network, _ = es.nir.adopt(file, copy, **how)
            found["read"] = [p.neuron.kind for p in network.populations if p.neuron is not None]
            found["by"] = [c.topology.kind for c in network.connections]
            shape = network.populations[network.input].shape
            _, ways = compared(copy, drawn(shape, how), None)
            parts = told(0.0, ways)["ways"]
            steps = next(way for way in parts if way["program"] == "steps")
            found |= {"steps": steps["nodes"], "failed": steps["failed"]}
    except es.UserError as error:
        found["refused"] = str(error).replace(f"{file}: ", "").replace(str(file), "FILE")
    return found


def drawn(shape: tuple, how: dict) -> es.EventStream:
    """Return events at the begin of steps, a tenth of the units in each of 300."""
    step = how.get("spike", 100.0 if how.get("made_by") == "snntorch" else 1_000.0)
    rng, size = np.random.default_rng(0), int(np.prod(shape))
    k, unit = np.nonzero(rng.random((300, size)) < 0.1)
    sensor = shape if len(shape) == 3 else (1, 1, size)
    return es.EventStream((k * step).astype(np.int64), unit, sensor)


def paper(folder: Path) -> list[dict]:
    """Return spikes of the paper's neuron here and in each of its programs."""
    network, weights = es.nir.read(folder / "lif_norse.nir", made_by="nir-paper")
    rows, ours = [], None
    for file in sorted(folder.glob("lif_*.csv")):
        table = np.loadtxt(file, delimiter=",")
        if ours is None:  # the input is the same in all of them
            at = np.flatnonzero(table[:, 0] > 0) * 100
            record = es.simulate(network, weights, es.EventStream(at, 0 * at, (1, 1, 1)))
            ours = np.rint(record.spikes["1"].t / 100).astype(int)
        theirs = np.flatnonzero(table[:, 2] > 0)
        near = [min(abs(theirs - k), default=999) for k in ours]
        same = {f"within_{n}": int(sum(d <= n for d in near)) for n in (0, 1)}
        rows.append({"program": file.stem, "spikes": len(theirs), "here": len(ours)} | same)
    return rows


def main(folder: Path, published: Path | None = None) -> None:
    """Read the graphs and keep what was found; ``results/tables.py`` writes the page."""
    made = json.loads((folder / "made.json").read_text())
    rows = [row(folder / f"{one['graph']}.nir", one) for one in made["graphs"]]
    kept = {"versions": made["versions"], "version": es.__version__, "graphs": rows}
    if published is not None:
        kept["paper"] = paper(published)
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))

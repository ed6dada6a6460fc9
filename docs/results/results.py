"""The JSON of the commands whose results stand here, and tables of runs.

A run that a headline cites is a file; the others are rows of ``runs.jsonl``, an object a line with
``run`` (its name) and ``result`` (what the command wrote). To add some, each named as its file:

python docs/results/results.py RUN.json ...
"""

import json
import sys
from functools import cache
from pathlib import Path

from eventsnn.train.options import TrainOptions, make_options

HERE = Path(__file__).resolve().parent
RUNS = HERE / "runs.jsonl"


@cache
def _runs() -> dict[str, dict]:
    """Return every result by its name: the rows and the files."""
    rows = map(json.loads, RUNS.read_text("utf-8").splitlines())
    found = {row["run"]: row["result"] for row in rows}
    files = {path.stem: json.loads(path.read_text("utf-8")) for path in HERE.glob("*.json")}
    twice = sorted(found.keys() & files.keys())
    if twice:
        raise ValueError(f"{RUNS.name} and a file of its own both have {', '.join(twice)}")
    return found | files


def every_name() -> list[str]:
    """Return the names of all results, in order."""
    return sorted(_runs())


def read(name: str) -> dict:
    """Return a result by its name."""
    return _runs()[name]


def runs_named(kind: str) -> list[str]:
    """Return the training runs whose names begin so."""
    others = ("-real", "-filmed")
    return [n for n in every_name() if n.startswith(f"{kind}-") and not n.endswith(others)]


def add(path: Path) -> None:
    """Make a file of JSON a row of ``runs.jsonl``; a name that is there already is refused."""
    if path.stem in _runs():
        raise ValueError(f"{path.stem} is there already")
    row = {"run": path.stem, "result": json.loads(path.read_text("utf-8"))}
    with RUNS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def table_of_runs(names: list[str]) -> list[str]:
    """Return a table, a row a run."""
    rows = [
        "| run | emulated test | real | hidden neurons | hidden spikes | additions a recording | "
        "epochs | ms a recording learned | options |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        run, real = read(name), read(f"{name}-real")
        learned = run["epochs"] * run["training_recordings"]
        neurons = " / ".join(f"{size:,}" for size in run["layers"][1:-1])
        hidden = " / ".join(f"{spikes:,.0f}" for spikes in run["spikes_per_recording"][1:-1])
        rows.append(
            f"| {name} | {run['test_accuracy']:.2%} | {real['accuracy']:.2%} "
            f"| {neurons} | {hidden} | {sum(run['operations_per_recording']):,.0f} "
            f"| {run['epochs']} | {1000 * run['seconds'] / learned:.2f} | {_told(run)} |"
        )
    return rows


def _told(run: dict) -> str:
    """Return the seed, and what differs from today's recipe."""
    options = TrainOptions.from_json(run["options"])
    given = {name: getattr(options, name) for name in ("data", "rule", "layers", "epochs")}
    usual = make_options(given | {"skip": options.skip, "seed": options.seed}).to_json()
    mine = options.to_json()
    pairs = [(mine, usual), (mine["gradient"], usual["gradient"])]
    told = [
        f"{name} {_value(value)}"
        for some, other in pairs
        for name, value in some.items()
        if name not in ("gradient", "herding", "eta_decay") and value != other[name]
    ]
    return ", ".join([f"seed {run['seed']}", *told])


def _value(value: object) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for word in sys.argv[1:]:
        add(Path(word))

"""The JSON of the commands whose results stand here, and tables of runs."""

import json
from pathlib import Path

from eventsnn.train.options import TrainOptions, make_options

HERE = Path(__file__).resolve().parent


def read(name: str) -> dict:
    """Return a result by the name of its file."""
    return json.loads((HERE / f"{name}.json").read_text())


def runs_named(kind: str) -> list[str]:
    """Return the training runs whose files begin so."""
    return sorted(
        p.stem for p in HERE.glob(f"{kind}-*.json") if not p.stem.endswith(("-real", "-filmed"))
    )


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

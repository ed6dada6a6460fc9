"""The JSON of the commands whose results stand here, and tables of runs."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent


def read(name: str) -> dict:
    """Return a result by the name of its file."""
    return json.loads((HERE / f"{name}.json").read_text())


def runs_named(kind: str) -> list[str]:
    """Return the training runs whose files begin so."""
    return sorted(p.stem for p in HERE.glob(f"{kind}-*.json") if "-real" not in p.stem)


def table_of_runs(names: list[str]) -> list[str]:
    """Return a table, a row a run."""
    rows = [
        "| run | emulated test | real | hidden spikes | additions a recording | epochs | "
        "ms a recording learned | options |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        run, real = read(name), read(f"{name}-real")
        learned = run["epochs"] * run["training_recordings"]
        gradient = run["options"]["gradient"]
        told = [f"seed {run['seed']}", f"rate {gradient['rate']:g}"]
        told += [f"near {gradient['near']:g}"] if gradient.get("near") else []
        told += [f"spike_cost {gradient['spike_cost']:g}"] if gradient["spike_cost"] else []
        told += [f"dropout {gradient['dropout']:g}"] if gradient["dropout"] != 0.2 else []
        hidden = " / ".join(f"{spikes:,.0f}" for spikes in run["spikes_per_recording"][1:-1])
        rows.append(
            f"| {name} | {run['test_accuracy']:.2%} | {real['accuracy']:.2%} "
            f"| {hidden} | {sum(run['operations_per_recording']):,.0f} "
            f"| {run['epochs']} | {1000 * run['seconds'] / learned:.2f} | {', '.join(told)} |"
        )
    return rows

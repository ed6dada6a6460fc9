"""Tables and figures: gains against alpha, depth against alpha and normalisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsnn.report.files import save_figure
from eventsnn.reproduce.paper import Result, Table
from eventsnn.reproduce.tables import plain_tables

_GAINS = ("gain-plain", "gain-plain-50", "gain-soft", "gain-residual")
_MARKS = "osd^v<>x+*"


def tables(result: Result) -> list[Table]:
    """Return the gains and accuracies by alpha, and the plain tables of all that is left."""
    rows = result["rows"]
    grids = [name for name in rows if name in _GAINS or name.startswith("depth-")]
    left = [found for found in result["comparison"] if found["row"] not in grids]
    others = {name: row for name, row in rows.items() if name not in grids}
    found = [_grid(rows[name], _verdicts(result, name)) for name in grids]
    found += [_runs(rows[name]) for name in grids if "runs" in rows[name]]
    return found + plain_tables(result | {"comparison": left, "rows": others})


def _cells(row: Result) -> dict[str, dict[str, float]]:
    """Return what was found, by case and alpha."""
    found: dict[str, dict[str, float]] = {}
    for key, value in row.items():
        case, comma, alpha = key.rpartition(", alpha ")
        if comma:
            found.setdefault(case, {})[alpha] = value
    return found


def _verdicts(result: Result, name: str) -> str:
    mine = [one for one in result["comparison"] if one["row"] == name]
    met = sum(one.get("verdict") == "met" for one in mine)
    if not mine:
        return ""
    near = [one for one in mine if "tolerance" in one]
    worst = max((abs(one["difference"] / one["published"]) for one in near), default=0.0)
    return (
        f"{met} of {len(mine)} entries are met: within a tenth of those of an independent "
        f"program, the largest difference {worst:.1%}; above 5 where that left single precision."
    )


def _grid(row: Result, note: str) -> Table:
    cells = _cells(row)
    alphas = list(dict.fromkeys(alpha for case in cells.values() for alpha in case))
    told = {key: _told(tests) for key, tests in _tests(row).items()}
    lines = [
        [case, *(told.get((case, alpha), _number(values.get(alpha))) for alpha in alphas)]
        for case, values in cells.items()
    ]
    return Table(str(row["title"]), ["", *(f"alpha {a}" for a in alphas)], lines, note)


def _tests(row: Result) -> dict[tuple[str, str], list[float | None]]:
    """Return the accuracies of every seed, by case and alpha; None where training stopped."""
    found: dict[tuple[str, str], list[float | None]] = {}
    for run in row.get("runs", ()):
        case = f"{run['shortcut']}, {run['norm']}", f"{run['alpha']:g}"
        found.setdefault(case, []).append(run["test"])
    return found


def _told(tests: list[float | None]) -> str:
    """Return the mean, lowest and highest of some seeds, and how many stopped."""
    ended = [test for test in tests if test is not None]
    lost = len(tests) - len(ended)
    stopped = f"stops ({lost} of {len(tests)})" if lost else ""
    if not ended:
        return stopped
    mean = _number(sum(ended) / len(ended))
    most = f" ({_number(min(ended))} to {_number(max(ended))})" if len(ended) > 1 else ""
    return f"{mean}{most}{', ' * bool(lost)}{stopped}"


def _runs(row: Result) -> Table:
    lines = [
        [run["shortcut"], run["norm"], f"{run['alpha']:g}", str(run["seed"])]
        + [_number(run.get(key)) for key in ("held", "test", "first_loss", "last_loss")]
        for run in row["runs"]
    ]
    head = ["shortcut", "norm", "alpha", "seed", "held %", "test %", "first loss", "last loss"]
    return Table(f"{row['title']}, every run", head, lines)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}"


def draw(result: Result, folder: Path) -> list[str]:
    """Draw gains against alpha, and accuracies of depths, as SVG; return the files' names."""
    import matplotlib as mpl

    rows, names = result["rows"], []
    gains = [name for name in _GAINS if name in rows]
    depths = [name for name in rows if name.startswith("depth-") and "-seed" not in name]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "eventsnn", "font.size": 9}):
        for word, wanted, scale in (("gains", gains, "log"), ("depth", depths, "linear")):
            if wanted:
                file = f"{result['paper']}-{word}.svg"
                save_figure(_panels([rows[name] for name in wanted], scale), folder / file)
                names.append(file)
    return names


def _panels(rows: list[Result], scale: str) -> Any:
    """Draw a panel a row: a line a case, against alpha."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(rows), 3.8), layout="constrained")
    for axes, row in zip(figure.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
        for k, (case, values) in enumerate(_cells(row).items()):
            x = [float(alpha) for alpha in values]
            axes.plot(x, list(values.values()), f"{_MARKS[k % 10]}-", label=case, markersize=4)
        if scale == "log":
            axes.axhline(1.0, color="grey", linewidth=0.8, linestyle=":")
        axes.set(xscale="log", yscale=scale, xlabel="alpha", title=str(row["title"]))
        axes.set_ylabel("gain of the gradient" if scale == "log" else "test accuracy (%)")
        axes.minorticks_off()
        axes.grid(alpha=0.3, linewidth=0.5)
        axes.legend(fontsize=6)
    return figure

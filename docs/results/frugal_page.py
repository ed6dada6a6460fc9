"""The part of the learning page that asks how few spikes a digit needs."""

from matplotlib.ticker import LogLocator, NullFormatter
from results import HERE, every_name, read, runs_named, table_of_runs

from eventsnn.report.files import save_figure
from eventsnn.report.style import LIGHT, dress, new_figure

FIGURE = "learning-frugal.svg"
AIM, MOST = 0.991, 50
"""Accuracy on emulated recordings, and hidden spikes of one."""

KINDS = {
    "dense": "spikes are free",
    "narrow": "spikes are free",
    "frugal": "{:,} neurons, spikes cost",
    "taught": "taught, spikes cost",
    "pruned": "learned, then pruned and taught",
}
"""By how the files begin: what they are, where that depends on it with the neurons."""


def frugal_lines() -> list[str]:
    """Return the section: runs from the most hidden spikes to the fewest."""
    names = [name for kind in KINDS for name in runs_named(kind)]
    return [
        "",
        "## How few spikes does a digit need?",
        "",
        "2312-N-10 where a hidden spike costs something (`--spike-cost`), and with fewer neurons.",
        f"Aim: at least {AIM:.1%} emulated with at most {MOST} hidden spikes. Those *taught* aim",
        "at the probabilities of other networks, too "
        "([how](../howto/few-spikes.md#a-teacher)); *pruned*",
        "ones begin as a trained network and are taught besides",
        "([how](../howto/few-spikes.md#a-frugal-network-in-two-runs)).",
        "",
        *table_of_runs(sorted(names, key=lambda name: -_spikes(read(name)))),
        "",
        f"![Accuracy against hidden spikes and against additions]({FIGURE})",
        *_stopped(names),
    ]


def _stopped(names: list[str]) -> list[str]:
    """Return what those runs that were measured spend if they stop as soon as they are sure."""
    found, levelled = (_best(names, kind) for kind in ("measure", "levelled"))
    if not found:
        return []
    measure = "eventsnn measure DIR --data film:mnist:../shared/data/mnist"
    told = found[0][1]["reported"]
    lines = [
        "",
        "The same networks where a recording is left as soon as the answer is clear, by "
        f"`{measure} --json` "
        f"([how](../reference/measure.md#anytime)); levels chosen on 5,000 test recordings, what "
        f"they give on the other {told['recordings']:,}:",
        "",
        *_table(found),
    ]
    if not levelled:
        return lines
    told = levelled[0][1]["reported"]
    return [
        *lines,
        "",
        "With a level that costs at most one in 10,000 of the training recordings, by "
        f"`{measure} --split train --lose 0.01 --json > LEVELS`, on all {told['recordings']:,} "
        f"test recordings, by `{measure} --levels LEVELS --json` (one in 10,000 was settled on "
        "when the test curve had been seen: [the lab](../lab/few-spikes.md)):",
        "",
        *_table(levelled),
        "",
        _verdict(names, levelled),
    ]


def _verdict(names: list[str], levelled: list[tuple[str, dict]]) -> str:
    """Return which runs meet the aim, at the end of each recording and when they are sure."""
    runs = [(name, read(name)) for name in names]
    whole = [n for n, run in runs if run["test_accuracy"] >= AIM and _spikes(run) <= MOST]
    told = [(name, best["reported"]) for name, best in levelled]
    stopped = [n for n, part in told if part["accuracy"] >= AIM and part["spikes"] <= MOST]
    return (
        f"The aim is met by {', '.join(stopped) or 'none'} where recordings are left once the "
        f"answer is clear, by {', '.join(whole) or 'none'} where each is seen to its end."
    )


def _best(runs: list[str], kind: str) -> list[tuple[str, dict]]:
    """Return the best policy of those runs that were measured so."""
    measured = [run for run in runs if f"{kind}-{run}" in every_name()]
    found = [(name, read(f"{kind}-{name}")["anytime"]["best"]) for name in measured]
    return [(name, best) for name, best in found if "spikes" in best["reported"]]


def _table(found: list[tuple[str, dict]]) -> list[str]:
    """Return a table, a row a run: at the end, and stopped."""
    rows = [
        "| run | policy | accuracy at the end | stopped | hidden spikes at the end | stopped "
        "| time |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, best in found:
        told = best["reported"]
        rows.append(
            f"| {name} | {best['policy']} {best['level']:.4g} | {told['accuracy_at_end']:.2%} "
            f"| {told['accuracy']:.2%} | {told['spikes_at_end']:.1f} | {told['spikes']:.1f} "
            f"| {told['t_us'] / 1e3:.0f} ms |"
        )
    return rows


def draw_frugal() -> None:
    """Draw accuracy against the hidden spikes and the additions of a recording."""
    figure = new_figure(8.0, 3.8, LIGHT)
    panels = figure.subplots(1, 2, sharey=True)
    lines = _by_label()
    colours = (*LIGHT.series, LIGHT.muted, LIGHT.ink)[: len(lines)]
    for colour, (label, found) in zip(colours, lines.items(), strict=True):
        runs = sorted(found, key=_spikes)
        accuracy = [100 * run["test_accuracy"] for run in runs]
        costs = [_spikes(run) for run in runs], [_additions(run) for run in runs]
        for axes, cost in zip(panels, costs, strict=True):
            axes.plot(cost, accuracy, "o-", ms=5, lw=1, color=colour, label=label)
    for axes, label in zip(panels, ("hidden spikes", "synaptic additions"), strict=True):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"{label} a recording")
        dress(axes, LIGHT, grid="both")
    panels[0].set_ylabel("emulated test accuracy (%)")
    keys = panels[0].get_legend_handles_labels()
    below = {"loc": "outside lower center", "ncols": 3, "frameon": False}
    figure.legend(*keys, fontsize=8, labelcolor=LIGHT.ink, **below)
    save_figure(figure, HERE / FIGURE)


def _by_label() -> dict[str, list[dict]]:
    """Return the runs that one line joins."""
    out: dict[str, list[dict]] = {}
    for kind, label in KINDS.items():
        for run in map(read, runs_named(kind)):
            out.setdefault(label.format(run["layers"][1]), []).append(run)
    return out


def _spikes(run: dict) -> float:
    return run["spikes_per_recording"][1]


def _additions(run: dict) -> float:
    return sum(run["operations_per_recording"])

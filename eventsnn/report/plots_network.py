"""Pictures of a network: its traffic as a graph, its weights as receptive fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.report.style import LIGHT, OFF, ON, Theme, new_figure, short
from eventsnn.text import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Result = dict[str, Any]


def plot_traffic_graph(result: Result, theme: Theme = LIGHT) -> Figure:
    """Draw populations as nodes and connections as arrows, as wide as their deliveries a second.

    Parameters
    ----------
    result : dict
        As ``eventsnn measure --json`` prints it.
    """
    populations = result["network"]["populations"]
    connections = result["network"]["connections"]
    seconds = max(result["duration_us"], 1.0) / 1e6
    rates = {k: v / seconds for k, v in result["operations"]["deliveries"].items()}
    place = {p["name"]: k for k, p in enumerate(populations)}
    figure = new_figure(5.0, 2.2, theme)
    axes = figure.add_subplot()
    busiest = max([*rates.values(), 1e-9])
    for connection in connections:
        a, b = place[connection["source"]], place[connection["target"]]
        rate = rates[connection["name"]]
        _arrow(axes, (a, b), 0.6 + 7.0 * float(np.sqrt(rate / busiest)), theme)
        height = 0.16 if b == a + 1 else 0.62
        axes.text((a + b) / 2, height, f"{short(rate)}/s", ha="center", fontsize=8, color=theme.ink)
    for k, population in enumerate(populations):
        axes.plot([k], [0], "o", ms=16, color=theme.surface, mec=theme.series[0], mew=1.6, zorder=3)
        spikes = result["operations"]["spikes"][population["name"]]
        told = f"{drawn(population['name'], 40)}\n{population['neurons']:,} {_what(population, k)}"
        told += f"\n{short(spikes)} {'events' if k == 0 else 'spikes'}" if spikes else "\n"
        axes.text(k, -0.34, told, ha="center", va="top", fontsize=8, color=theme.muted)
    loops = any(place[c["target"]] != place[c["source"]] + 1 for c in connections)
    axes.set(xlim=(-0.5, len(populations) - 0.5), ylim=(-0.95, 0.8 if loops else 0.3))
    axes.set_axis_off()
    return figure


def _what(population: Result, k: int) -> str:
    return "units" if k == 0 else drawn(population["model"], 40)


def _arrow(axes: Any, ends: tuple[int, int], width: float, theme: Theme) -> None:
    from matplotlib.patches import FancyArrowPatch

    a, b = ends
    bend = "arc3,rad=0" if b == a + 1 else "arc3,rad=-0.4"
    start, stop = ((a - 0.08, 0.1), (a + 0.08, 0.1)) if a == b else ((a, 0.0), (b, 0.0))
    if a == b:
        bend = "arc3,rad=-2.5"
    arrow = FancyArrowPatch(
        start, stop, connectionstyle=bend, arrowstyle="-", lw=width, alpha=0.55, shrinkA=10,
        shrinkB=10, capstyle="butt",
    )  # fmt: skip
    arrow.set_color(theme.series[0])
    axes.add_patch(arrow)
    if a != b:
        tip = stop[0] - 0.2 * np.sign(b - a)
        axes.plot([tip], [0.0], ">" if b > a else "<", ms=5 + width / 2, mew=0, zorder=2,
                  color=theme.series[0])  # fmt: skip


def plot_receptive_fields(
    weights: NDArray[Any],
    shape: tuple[int, ...],
    units: NDArray[np.int64],
    theme: Theme = LIGHT,
) -> Figure:
    """Draw the weights into chosen neurons as pictures: blue excites, orange inhibits.

    Parameters
    ----------
    weights : float array (n_in, n_out)
    shape : tuple of int
        Of the senders, (polarities, height, width) or (height, width); polarities stand
        side by side.
    units : int array
        Which neurons.
    """
    planes = shape if len(shape) == 3 else (1, *shape)
    if len(planes) != 3 or int(np.prod(planes)) != len(weights):
        raise UserError(
            f"receptive fields: {len(weights)} senders are no sensor of {shape}; give (polarities, "
            "height, width)"
        )
    columns = 4
    rows = -(-len(units) // columns)
    figure = new_figure(5.0, 0.25 + rows * (0.85 if planes[0] > 1 else 1.25), theme)
    panels = np.atleast_1d(figure.subplots(rows, columns)).reshape(-1)
    for axes in panels:
        axes.set_axis_off()
    for axes, unit in zip(panels, units.tolist(), strict=False):
        field = np.hstack(list(weights[:, unit].reshape(planes)))
        size = field / max(float(np.abs(field).max()), 1e-30)
        picture = np.empty((*size.shape, 4))
        picture[..., :3] = np.where(size[..., None] >= 0, ON, OFF)
        picture[..., 3] = np.abs(size)
        axes.imshow(picture)
        axes.set_title(f"neuron {unit}", fontsize=8, color=theme.muted, pad=2)
    return figure

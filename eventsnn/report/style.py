"""How every figure looks: one palette, light, dark, or in the colours of the page it stands in.

The series are Okabe & Ito's (2008), told apart by colour-blind readers. A figure drawn in
``PAGE`` has colours that stand for CSS variables, so that a browser paints it anew when
the page turns dark.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Theme:
    """Colours.

    Attributes
    ----------
    ink, muted, grid, surface : str
        Of text, of what stands back, of lines behind, of the ground.
    series : tuple of str
    """

    ink: str
    muted: str
    grid: str
    surface: str
    series: tuple[str, ...]


LIGHT = Theme(
    "#1b1f24", "#5c6570", "#dfe3e8", "#ffffff", ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
)
DARK = Theme(
    "#e8eaed", "#9aa4af", "#363d45", "#14171a", ("#58A9DE", "#F0883E", "#2FC49A", "#DD9BC3")
)
PAGE = Theme(
    "#010203", "#010204", "#010205", "#010206", ("#010207", "#010208", "#010209", "#01020a")
)

_VARIABLES = {
    "#010203": "ink",
    "#010204": "muted",
    "#010205": "grid",
    "#010206": "surface",
    **{colour: f"series-{k}" for k, colour in enumerate(PAGE.series)},
}

ON, OFF = (0.0, 0.447, 0.698), (0.835, 0.369, 0.0)
"""Red, green and blue of pictures, which are the same on light and dark: their ground is clear."""


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """Return an empty figure of so many inches."""
    figure: Figure = _shown_figure()(
        figsize=(width, height), layout="constrained", facecolor=theme.surface
    )
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.07, h_pad=0.07)
    return figure


@cache
def _shown_figure() -> Any:
    """Return figures that a notebook shows, whatever its backend."""
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        def _repr_png_(self) -> bytes:
            data = io.BytesIO()
            self.savefig(data, format="png", dpi=144)
            return data.getvalue()

    return ShownFigure


def dress(axes: Axes, theme: Theme, *, grid: str = "") -> Axes:
    """Give axes the theme's colours; ``grid`` is "x", "y", "both" or nothing."""
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(theme.grid)
    axes.tick_params(colors=theme.muted, labelsize=8, length=3, which="both")
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(theme.ink)
        text.set_fontsize(9)
    if grid:
        axes.grid(True, axis=grid, color=theme.grid, linewidth=0.6)  # type: ignore[arg-type]
        axes.set_axisbelow(True)
    return axes


def legend(axes: Axes, theme: Theme, **options: Any) -> None:
    """Add a legend in the theme's colours."""
    axes.legend(fontsize=8, frameon=False, labelcolor=theme.ink, **options)


def svg_of(figure: Figure, name: str) -> str:
    """Return a figure drawn in ``PAGE`` as an SVG element whose colours are CSS variables.

    The same figure and name give the same text.
    """
    import matplotlib as mpl

    figure.set_facecolor("none")
    data = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(data, format="svg", metadata={"Date": None}, dpi=200)
    text = data.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # A style for every element of the page, and a size in points.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font: ([0-9.]+px)[^;\"]*", r"font-size: \1", text)
    # In elements, not in the text between them: names of neurons are shown as they are.
    text = re.sub(r"<[^>]*>", lambda element: _of_page(element[0], name), text)
    return text.replace("<svg", f'<svg role="img" id="{name}" class="figure"', 1)


def _of_page(element: str, name: str) -> str:
    """Return an element of figure ``name`` as one of a page with several."""
    for colour, variable in _VARIABLES.items():
        element = element.replace(colour, f"var(--{variable})")
    element = re.sub(r'id="([^"]*)"', rf'id="{name}-\1"', element)
    element = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', element)
    return re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", element)


def short(value: float) -> str:
    """Return a number as a label has it: 3.4 M, 12 k."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def number(value: float) -> str:
    """Return a number as a table has it: 594,432,000 or 0.811."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"

"""Every row, and what its figures are judged by."""

from __future__ import annotations

from typing import Any

from eventsnn.reproduce.ledinauskas2020.gains import one_step, plain, residual
from eventsnn.reproduce.ledinauskas2020.published import ALPHAS, CASES, figures
from eventsnn.reproduce.ledinauskas2020.report import draw, tables
from eventsnn.reproduce.ledinauskas2020.training import by_steps, depth, learned
from eventsnn.reproduce.ledinauskas2020.twin import relu
from eventsnn.reproduce.need import Need
from eventsnn.reproduce.originals import MNIST
from eventsnn.reproduce.paper import Paper, Row

# Gains are those of networks that see noise: any images do.
ANY = Need("any", events=False, example="digits", word="digits")
IMAGES = Need(
    "images", events=False, example="mnist:PATH", inputs=784, classes=10, word="digits",
    original=MNIST,
)  # fmt: skip
COLOURS = Need(
    "colours", events=False, example="cifar10:PATH", sensor=(3, 32, 32), classes=10, quick=1
)

_GAIN: dict[str, Any] = {"alphas": list(ALPHAS), "width": 200, "networks": 3}
_SOFT = [[10, 0.5, False, True], [10, 0.9, False, True], [10, 0.9, True, True],
         [30, 0.9, False, True]]  # fmt: skip

_DEPTH: dict[str, Any] = {
    "width": 64, "shortcuts": ["plain", "before"], "norms": ["pooled", "none"],
    "alphas": [0.2, 2, 20], "seeds": 1, "images": 4000, "held": 2000, "test": 2000, "epochs": 3,
    "rate": 0.02,
}  # fmt: skip

_DEEPEST: dict[str, Any] = {"seeds": 3, "images": 2000, "held": 1000, "test": 1000}

_IMAGES: dict[str, Any] = {
    "layers": "784-200-[200-200]-[200-200]-10", "images": 10_000, "test": 10_000, "epochs": 5,
    "n_steps": 10, "rate": 0.004,
}  # fmt: skip

BLOCKS = "32x32x3-16c3p1-[16c1-16c3p1-64c1]-[32c1-32c3s2p1-128c1]-[64c1-64c3s2p1-256c1]-8avg-10"
"""A stem, three bottlenecks and a readout: eleven layers that learn, a quarter as wide."""

_COLOURS: dict[str, Any] = {
    "layers": BLOCKS, "images": 10_000, "test": 10_000, "epochs": 10, "n_steps": 10,
    "rate": 0.004, "batch": 50,
}  # fmt: skip


def _depth(n: int, title: str, **changed: Any) -> Row:
    few = {"images": 1000, "alphas": [2], "seeds": 1, "epochs": 1}
    return Row(f"depth-{n}", title, depth, IMAGES, _DEPTH | {"depth": n} | changed, few,
               tier="quick" if n == 4 else "default")  # fmt: skip


ROWS = (
    Row("one-step", "gain of one step, integrated", one_step, ANY, {"alphas": list(ALPHAS)}),
    Row("gain-plain", "gain a layer, 20 plain layers", plain, ANY,
        _GAIN | {"depth": 20, "cases": [list(case) for case in CASES]}),
    Row("gain-plain-50", "gain a layer, 50 plain layers", plain, ANY,
        _GAIN | {"depth": 50, "cases": [[10, 0.9, False]]}, tier="default"),
    Row("gain-soft", "gain a layer, 20 plain layers, soft reset", plain, ANY,
        _GAIN | {"depth": 20, "cases": _SOFT}, tier="default"),
    Row("gain-residual", "gain a block, 10 blocks of two layers", residual, ANY,
        _GAIN | {"depth": 10, "shortcuts": ["none", "before", "after"]}),
    _depth(4, "4 layers"),
    _depth(12, "12 layers"),
    _depth(24, "24 layers"),
    _depth(50, "50 layers", **_DEEPEST),
    _depth(51, "51 layers, shortcuts behind neurons", **_DEEPEST
           | {"shortcuts": ["after"], "alphas": [0.2, 10, 100]}),
    Row("images", "residual network of 6 layers", learned, IMAGES, _IMAGES,
        {"images": 2000, "epochs": 2}),
    Row("images-soft", "the same, soft reset", learned, IMAGES, _IMAGES | {"reset": "soft"},
        {"images": 2000, "epochs": 2}, tier="default"),
    Row("steps", "that network at other T", by_steps, IMAGES,
        {"network": "images", "steps": [1, 2, 5, 10, 20, 30], "test": 10_000},
        needs=("images",)),
    Row("ann", "the same with ReLUs", relu, IMAGES,
        {"network": "images", "images": 10_000, "test": 10_000}, {"images": 2000},
        needs=("images",)),
    Row("cifar10", "JPEG-coded CIFAR-10, ResNet-11 at width 16", learned, COLOURS, _COLOURS,
        {"images": 1000, "test": 1000, "epochs": 2}, tier="default"),
    Row("cifar10-steps", "that network at other T", by_steps, COLOURS,
        {"network": "cifar10", "steps": [1, 2, 5, 10, 20, 30], "test": 1000},
        tier="default", needs=("cifar10",)),
)  # fmt: skip

PAPER = Paper(
    name="ledinauskas2020",
    title="Training Deep Spiking Neural Networks",
    source="E. Ledinauskas, J. Ruseckas, A. Jursenas, G. Buracas, arXiv 2006.04436 (2020)",
    rows=ROWS,
    published=figures(),
    tables=tables,
    figures=draw,
)

"""Wu et al., "Spatio-temporal backpropagation ..." (2018): every row that can be had.

The two-class pedestrian set of their Tables 3, 6 and 7 is not public. What is published stands in
``published.py``.
"""

from __future__ import annotations

from typing import Any

from eventsnn.reproduce.need import Need
from eventsnn.reproduce.originals import MNIST, N_MNIST
from eventsnn.reproduce.paper import Paper, Row
from eventsnn.reproduce.stbp.checkpoint import LAYERS, RELEASED, released_network
from eventsnn.reproduce.stbp.published import FIGURES, ORDER, SHAPES, WIDTHS
from eventsnn.reproduce.stbp.training import on_real, order_of_widths, temporal_path, train

IMAGES = Need(
    "images", events=False, example="mnist:PATH", inputs=784, classes=10, word="digits",
    original=MNIST,
)  # fmt: skip
RECORDINGS = Need(
    "recordings", events=True, example="nmnist:PATH", inputs=2312, classes=10, film_of=IMAGES,
    original=N_MNIST,
)  # fmt: skip
REAL = Need(
    "real", events=True, example="nmnist:PATH", inputs=2312, classes=10, emulated=False, quick=1,
)  # fmt: skip
COLOURS = Need(
    "colours", events=False, example="cifar10:PATH", sensor=(3, 32, 32), classes=10, quick=50,
)  # fmt: skip

# Threshold and step size of the authors' programs: with the printed threshold of 1.5 nothing fires.
_RULE: dict[str, Any] = {
    "rule": "stbp",
    "n_steps": 30,
    "decay": 0.2,
    "threshold": 0.5,
    "form": "linear",
    "temporal": "true",
    "surrogate": "rectangle",
    "width": 1.0,
    "init": "rows",
    "batch": 100,
    "rate": 0.001,
    "rate_every": 40,
    "seed": 0,
}
_FULLY = {"epochs": 200}
_QUICK = {"epochs": 5}


def _mlp(name: str, title: str, hidden: int, epochs: int, **changed: Any) -> Row:
    options = _RULE | {"layers": [784, hidden, 10], "epochs": epochs} | changed
    return Row(name, title, train, IMAGES, options, _QUICK, _FULLY if epochs > 30 else {})


def _seed(row: Row, name: str, number: int, epochs: int) -> Row:
    """Return a row with another seed, which is no part of ``--quick``."""
    title, options = f"{row.title}, seed {number}", {**row.options}
    options |= {"seed": number, "epochs": epochs}
    return Row(f"{row.name}-{name}", title, train, row.data, options, tier="default")


_WIDE = _mlp("mlp-800", "784-800-10", 800, 100)
_WITH = _mlp("mlp-400", "784-400-10", 400, 100)
_WITHOUT = _mlp("mlp-400-spatial", "784-400-10 without the temporal path", 400, 100,
                temporal="false")  # fmt: skip
_SEEDS = (("second", 1), ("third", 2))


def _curve(name: str, title: str, **changed: Any) -> Row:
    return _mlp(name, title, 400, 20, **{"rate_every": 0} | changed)


_SCNN = _RULE | {"layers": list(LAYERS), "n_steps": 20, "init": "uniform", "epochs": 3}

_ON_IMAGES = (
    Row("cnn-checkpoint", "the authors' trained network, 20 steps", released_network, IMAGES,
        {"n_steps": 20, "decay": 0.2, "threshold": 0.5}, released=RELEASED),
    Row("cnn-checkpoint-5", "the authors' trained network, 5 steps", released_network, IMAGES,
        {"n_steps": 5, "decay": 0.2, "threshold": 0.5}, released=RELEASED),
    _WIDE,
    *(_seed(_WIDE, name, number, 30) for name, number in _SEEDS),
    _WITH,
    _WITHOUT,
    *(_seed(row, name, number, 40) for name, number in _SEEDS for row in (_WITH, _WITHOUT)),
    Row("temporal-path", "with the temporal path beside without", temporal_path, IMAGES,
        {"pairs": [[f"mlp-400{end}", f"mlp-400-spatial{end}"]
                   for end in ("", "-second", "-third")]},
        tier="default",
        needs=tuple(row + end for end in ("", "-second", "-third")
                    for row in ("mlp-400", "mlp-400-spatial"))),
    *(_curve(f"width-{w}", f"rectangle of width {w}", width=float(w)) for w in WIDTHS),
    Row("widths", "widths in the published order", order_of_widths, IMAGES,
        {"rows": [f"width-{w}" for w in ORDER]}, needs=tuple(f"width-{w}" for w in ORDER)),
    *(_curve(f"shape-{name}", f"{name} of width 1", surrogate=name) for name in SHAPES),
    Row("scnn-curve", "the authors' convolution network from scratch", train, IMAGES, _SCNN,
        {"epochs": 1}, {"epochs": 100}),
    Row("scnn-paper", "15C5-P2-40C5-P2-300-10, elastic distortion", train, IMAGES,
        _RULE | {"layers": ["28x28x1", "15c5p2", "2avg", "40c5p2", "2avg", 300, 10],
                 "epochs": 100, "elastic": 1.0}, {"epochs": 1}, tier="full"),
)  # fmt: skip

_EVENTS = _RULE | {"step_us": 10_000, "epochs": 20, "rate_every": 8}


def _on_events(name: str, layers: list[int]) -> list[Row]:
    title = "-".join(map(str, layers))
    learned = Row(name, title, train, RECORDINGS, _EVENTS | {"layers": layers}, {"epochs": 2},
                  {"epochs": 100, "rate_every": 40}, tier="default")  # fmt: skip
    real = Row(f"{name}-real", f"{title}, on the real recordings", on_real, REAL,
               {"trained": name}, tier="default", needs=(name,))  # fmt: skip
    return [learned, real]


PAPER = Paper(
    name="stbp",
    title="Spatio-temporal backpropagation for training high-performance spiking neural networks",
    source="Y. Wu, L. Deng, G. Li, J. Zhu, L. Shi, Frontiers in Neuroscience 12:331 (2018)",
    rows=(
        *_ON_IMAGES,
        *_on_events("nmnist-800", [2312, 800, 10]),
        *_on_events("nmnist-400-400", [2312, 400, 400, 10]),
        Row("cifar10", "20C5-AP2-30C5-AP2-256-10 on colour images", train, COLOURS,
            _RULE | {"layers": ["32x32x3", "20c5", "2avg", "30c5", "2avg", 256, 10],
                     "n_steps": 15, "epochs": 10}, {"epochs": 2}, {"epochs": 100},
            tier="default"),
    ),
    published=FIGURES,
)  # fmt: skip

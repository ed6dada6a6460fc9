"""O'Connor & Welling, "Deep Spiking Networks" (arXiv 1602.08323, 2016): every row, and its claims.

What is published stands in ``published.py``; everything else is measured.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eventsnn.reproduce.deep_spiking.convergence import gradients, predictions
from eventsnn.reproduce.deep_spiking.early_guesses import early_guesses
from eventsnn.reproduce.deep_spiking.figures import draw
from eventsnn.reproduce.deep_spiking.integers import integer_on_a_grid
from eventsnn.reproduce.deep_spiking.operations import operations
from eventsnn.reproduce.deep_spiking.published import FEW, MANY, figures_of
from eventsnn.reproduce.deep_spiking.tables import tables
from eventsnn.reproduce.deep_spiking.training import (
    swap_into_relu,
    swap_into_spiking,
    train_relu,
    train_spiking,
)
from eventsnn.reproduce.need import Need
from eventsnn.reproduce.originals import MNIST
from eventsnn.reproduce.paper import Paper, Row

QUICK = {"epochs": 5}  # of the networks, with --quick

# Published figures are compared on MNIST and on nothing else.
IMAGES = Need(
    "images", events=False, example="mnist:PATH", inputs=784, classes=10, word="digits",
    original=MNIST,
)  # fmt: skip
FILM = Need(
    "film", events=True, example="film:mnist:PATH", inputs=2312, classes=10, emulated=True,
    film_of=IMAGES,
)  # fmt: skip
RECORDINGS = Need(
    "recordings", events=True, example="nmnist:PATH", inputs=2312, classes=10, emulated=False,
    quick=1,
)  # fmt: skip

_RECIPE: dict[str, Any] = {
    "layers": [784, 200, 200, 10],
    "n_steps": 10,
    "eta": 0.01,
    "eta_decay": 1.0,
    "init_scale": 0.01,
    "upper_scale": 0.0,
    "fractional": False,
    "smooth_grads": False,
    "forward_quantizer": "rect-herding",
    "back_quantizer": "noreset-herding",
    "test_quantizer": "rect-herding",
    "depth_first": False,
    "hold_error": True,
    "dtype": "float64",  # as the authors
    **dict.fromkeys(("shift", "rotate", "scale", "drop"), 0.0),
}
_STEPS = (1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1000)


def _network(name: str, title: str, **changed: Any) -> list[Row]:
    """Return a network of 20 epochs and what the ReLU network does with its weights.

    As the paper states it, and with half of its eta.
    """
    half, halved = f"{name}-half", f"{title}, half eta"
    options = _RECIPE | {"epochs": MANY, "watch": True} | changed
    return [
        Row(name, title, train_spiking, IMAGES, options, QUICK),
        _swap(name, title),
        Row(half, halved, train_spiking, IMAGES, options | {"eta": _RECIPE["eta"] / 2}, QUICK),
        _swap(half, halved),
    ]


def _swap(name: str, title: str) -> Row:
    return Row(
        f"{name}-swap",
        f"{title}: swapped",
        swap_into_relu,
        IMAGES,
        {"spiking": name},
        needs=(name,),
    )


def _ablation(name: str, title: str, **changed: Any) -> Row:
    return Row(name, title, train_spiking, IMAGES, _RECIPE | {"epochs": FEW} | changed)


_ON_IMAGES = (
    Row("relu", "ReLU network", train_relu, IMAGES,
        {k: _RECIPE[k] for k in ("layers", "eta", "init_scale")} | {"epochs": MANY}, QUICK),
    Row("relu-swap", "ReLU network: swapped", swap_into_spiking, IMAGES,
        {"networks": ("standard", "fractional", "noreset"), "n_steps": 10,
         "test_quantizer": "rect-herding", "dtype": "float64"}, needs=("relu",)),
    *_network("standard", "standard (SGD)"),
    *_network("fractional", "fractional (FSGD)", fractional=True),
    *_network("noreset", "noreset forward in training",
              forward_quantizer="clipped-noreset-rect-herding"),
    # The quantizer to the letter, which diverges.
    Row("noreset-unclipped", "noreset, never clipped from below", train_spiking, IMAGES,
        _RECIPE | {"epochs": MANY, "forward_quantizer": "noreset-rect-herding"}, QUICK),
    *_network("rand-shift", "rand-shift backward", back_quantizer="rand-shift-herding"),
    _ablation("baseline", "baseline"),
    _ablation("baseline-fractional", "fractional", fractional=True),
    _ablation("smooth", "smooth", smooth_grads=True),
    _ablation("smooth-fractional", "smooth + fractional", smooth_grads=True, fractional=True),
    _ablation("depth-first", "depth-first with hold", depth_first=True),
    _ablation("depth-first-no-hold", "depth-first without hold", depth_first=True,
              hold_error=False),
    _ablation("zero-reset", "zero-reset backward", back_quantizer="herding"),
    _ablation("rand-reset", "rand-reset backward", back_quantizer="rand-shift-herding"),
    _ablation("T-5", "T = 5", n_steps=5),
    _ablation("T-5-half", "T = 5, half eta", n_steps=5, eta=_RECIPE["eta"] / 2),
    _ablation("T-20", "T = 20", n_steps=20),
    _ablation("float32", "baseline in single precision", dtype="float32", watch=True),
    replace(_ablation("integer", "baseline in integers", dtype="integer", watch=True), revision=1),
    Row("integer-grid", "integers against floating point, number for number",
        integer_on_a_grid, IMAGES,
        {"layers": _RECIPE["layers"], "n_steps": 10, "init_scale": 0.01, "bits": 13,
         "samples": 10_000}, {"samples": 1000}, revision=1),
    Row("predictions", "predictions as T grows", predictions, IMAGES,
        {"images": 1000, "steps": _STEPS}, {"images": 100}, needs=("relu",)),
    Row("gradients", "gradients as T grows", gradients, IMAGES,
        {"images": 100, "steps": _STEPS}, {"images": 10}, needs=("relu",)),
    Row("operations", "operations", operations, IMAGES,
        {"steps": _STEPS[:11], "learned": 1000, "parts": 10, "n_steps": 10, "eta": 0.01,
         "dtype": "float64"},
        needs=("standard",)),
)  # fmt: skip

_EVENTS = _RECIPE | {
    "fractional": True,
    "eta_decay": 0.0,
    "step_by": "count",
    "dtype": "float32",  # as eventsnn train
}
# Chosen on films of training digits 50,001 to 52,000, after learning 40,000 others; skipped
# are the digits behind the real recordings.
_FILM = {
    "layers": [2312, 200, 200, 10],
    "epochs": 12,
    "n_steps": 20,
    "eta": 0.04,
    "skip_mnist": 1000,
}
# The recipe of ``eventsnn train`` for event streams, with the 300 units of docs/results.
_REAL = {
    "layers": [2312, 300, 10],
    "epochs": 100,
    "eta": 0.02,
    "upper_scale": 0.03,
    "shift": 1.0,
    "rotate": 8.0,
    "scale": 0.08,
    "drop": 0.1,
}
_GUESSES = {
    "dtype": "float32",
    "events": [25, 50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 4000, 6000],
}

_ON_EVENTS = (
    Row("film", "filmed MNIST", train_spiking, FILM,
        _EVENTS | _FILM, {"epochs": 4}),
    Row("film-guesses", "filmed MNIST", early_guesses, FILM,
        _GUESSES | {"trained": "film", "halves": "test"}, needs=("film",)),
    Row("film-on-real", "the same network on real N-MNIST, 600", early_guesses, RECORDINGS,
        _GUESSES | {"trained": "film", "halves": "all"}, needs=("film",)),
    Row("real", "real N-MNIST, 550 recordings learned", train_spiking, RECORDINGS,
        _EVENTS | _REAL, {"epochs": 10}),
    Row("real-guesses", "real N-MNIST, 550 learned, on 50 others", early_guesses, RECORDINGS,
        _GUESSES | {"trained": "real", "halves": "test"}, needs=("real",)),
)  # fmt: skip


PAPER = Paper(
    name="deep-spiking-networks",
    title="Deep Spiking Networks",
    source="P. O'Connor, M. Welling, arXiv 1602.08323 (2016)",
    rows=_ON_IMAGES + _ON_EVENTS,
    published=figures_of(_ON_IMAGES),
    seeds=(0, 1, 2),
    tables=tables,
    figures=draw,
)

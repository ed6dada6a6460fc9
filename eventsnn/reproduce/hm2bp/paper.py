"""Jin, Zhang & Li, "Hybrid Macro/Micro Level Backpropagation ..." (NeurIPS 2018): every row.

What is published stands in ``published.py``; the settings are those of the authors' program.
"""

from __future__ import annotations

from typing import Any

from eventsnn.reproduce.hm2bp.alpha import alpha_of_a_synapse
from eventsnn.reproduce.hm2bp.drawn import draw, tables
from eventsnn.reproduce.hm2bp.published import figures
from eventsnn.reproduce.hm2bp.released import LAYERS, NETWORK, evaluate_released
from eventsnn.reproduce.hm2bp.training import train_row
from eventsnn.reproduce.need import Need
from eventsnn.reproduce.originals import MNIST, N_MNIST
from eventsnn.reproduce.paper import Paper, Row

IMAGES = Need(
    "images", events=False, example="mnist:PATH", inputs=784, classes=10, word="digits",
    original=MNIST,
)  # fmt: skip
RECORDINGS = Need(
    "recordings", events=True, example="nmnist:PATH", sensor=(2, 34, 34), classes=10,
    emulated=False, quick=1, original=N_MNIST,
)  # fmt: skip
FILM = Need(
    "film", events=True, example="film:mnist:PATH", sensor=(2, 34, 34), classes=10,
    emulated=True, film_of=IMAGES,
)  # fmt: skip
SPEECH = Need(
    "speech", events=True, example="speech:PATH", sensor=(1, 1, 78), classes=10, emulated=False,
    quick=4,
)  # fmt: skip

_MNIST: dict[str, Any] = {
    "layers": [784, 800, 10],
    "epochs": 20,
    "grid_steps": 400,
    "step_us": 1000,
    "stabilize": False,
    "threshold": 20.0,
    "output_threshold": 8.0,
    "decay_strength": 10.0,
    "decay_beta": 0.04,
    "rate": 0.001,
    "rate_fall": "sqrt",
    "init_conv_range": 0.5,
}
_EVENTS = _MNIST | {
    "layers": [2312, 800, 10],
    "epochs": 10,
    "grid_steps": 540,
    "step_us": 600,
    "stabilize": True,
    "threshold": 15.0,
    "output_threshold": 15.0,
    "decay_beta": 0.01,
}
_CNN = _MNIST | {
    "layers": LAYERS.split("-"),
    "decay_strength": 0.0,
    "decay_beta": 0.0,
    "rate_fall": "sqrt-at-once",
    "distort": True,
}
_SPEECH: dict[str, Any] = {"epochs": 20}
"""All else is what the rule's recipe takes from the recordings: TI46's settings are not known."""
_QUICK = {"epochs": 2}
_SPOKEN = {"400": "78-400-10", "400-400": "78-400-400-10", "reservoir": "78-135rf-64-10"}
_FEW = 5
"""Epochs of the rows that leave a part out."""


def _without(name: str, title: str, option: str) -> Row:
    options = _MNIST | {"epochs": _FEW, option: False}
    return Row(f"mnist-800-no-{name}", f"without {title}", train_row, IMAGES, options, _QUICK,
               tier="default")  # fmt: skip


PAPER = Paper(
    name="hm2bp",
    title="Hybrid Macro/Micro Level Backpropagation",
    source="Y. Jin, W. Zhang, P. Li, NeurIPS 2018",
    rows=(
        Row("cnn-checkpoint", "the authors' released CNN", evaluate_released, IMAGES,
            released=NETWORK),
        Row("mnist-800", "MNIST, 784-800-10", train_row, IMAGES, _MNIST, _QUICK, {"epochs": 100}),
        Row("mnist-800-unregularised", "MNIST, 784-800-10, without the weight regulariser",
            train_row, IMAGES, _MNIST | {"decay_strength": 0.0}, _QUICK, tier="default"),
        _without("sample-weights", "sample weights", "sample_weights"),
        _without("effect-ratio", "effect ratio", "effect_ratio"),
        _without("side-effect", "side effect", "side_effect"),
        _without("lateral-factor", "lateral factor", "lateral_factor"),
        Row("alpha", "alpha of one synapse", alpha_of_a_synapse, IMAGES,
            {"inputs": 10, "samples": 20, "epochs": 25, "threshold": 5.0, "rate": 0.01}),
        Row("nmnist-800", "N-MNIST, 2312-800-10", train_row, RECORDINGS, _EVENTS, _QUICK,
            tier="default"),
        Row("film-800", "filmed MNIST, 2312-800-10", train_row, FILM, _EVENTS, _QUICK,
            tier="default"),
        *(Row(f"speech-{name}", f"spoken digits (FSDD), {layers}", train_row, SPEECH,
              _SPEECH | {"layers": layers.split("-")}, _QUICK, tier="default")
          for name, layers in _SPOKEN.items()),
        Row("mnist-cnn", "MNIST, the CNN, distorted images", train_row, IMAGES, _CNN, _QUICK,
            tier="full"),
        Row("mnist-cnn-plain", "MNIST, the CNN", train_row, IMAGES, _CNN | {"distort": False},
            _QUICK, tier="full"),
    ),
    published=figures(),
    tables=tables,
    figures=draw,
)  # fmt: skip

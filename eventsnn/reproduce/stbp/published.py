"""What Wu et al. (2018) and their programs published, in percent, and how ours is judged."""

from __future__ import annotations

from eventsnn.reproduce.judges import AtLeast, Shown, Within
from eventsnn.reproduce.paper import Figure

_READ = "read off a figure; the order is judged"
_SHORT = "fewer epochs than the row that is judged"
_JPEG = "CIFAR-10 as JPEG files has other pixels, and the paper learned for 100 epochs"
_REAL = "600 real recordings, and a network that learned from films"

WIDTHS = {"0.1": 97.8, "1": 97.8, "2.5": 98.1, "5": 97.6, "7.5": 96.4, "10": 95.1}
"""Fig. 6B, epoch 20, to 0.1; width 1 is the rectangle of Fig. 6A."""

SHAPES = {"triangle": 97.8, "logistic": 97.5, "gaussian": 96.9}
"""Fig. 6A, epoch 20, to 0.1."""

ORDER = ("2.5", "1", "5", "7.5", "10")
"""Widths from good to bad at epoch 20; 0.1 stands with 1 there."""

FIGURES = (
    # The program's own record, ``acc`` beside the weights.
    Figure("cnn-checkpoint", "accuracy", 99.43, AtLeast(99.28)),
    Figure("cnn-checkpoint-5", "accuracy", 99.43, Shown("published for 20 steps")),
    Figure("mlp-800", "last_ten", 98.89, Within(0.25)),
    Figure("mlp-800-second", "last_ten", 98.89, Shown(_SHORT)),
    Figure("mlp-800-third", "last_ten", 98.89, Shown(_SHORT)),
    Figure("mlp-400", "last_ten", 98.48, Within(0.25)),
    Figure("mlp-400-spatial", "last_ten", 98.29, Within(0.25)),
    Figure("temporal-path", "ahead", 3, AtLeast(3)),
    Figure("temporal-path", "gain", 0.19, Shown("the order over the seeds is judged")),
    *(
        Figure(f"width-{w}", "at_20", value, Within(0.5) if w == "1" else Shown(_READ))
        for w, value in WIDTHS.items()
    ),
    Figure("widths", "in_order", len(ORDER) - 1, AtLeast(len(ORDER) - 1)),
    *(Figure(f"shape-{name}", "at_20", value, Within(0.5)) for name, value in SHAPES.items()),
    *(
        Figure("scnn-curve", f"epoch_{k}", value, Within(0.3))
        for k, value in enumerate((98.27, 98.66, 99.09), 1)
    ),
    Figure("nmnist-800", "accuracy", 98.78, Within(0.25)),
    Figure("nmnist-400-400", "accuracy", 98.78, Within(0.25)),
    Figure("nmnist-800-real", "accuracy", 98.78, Shown(_REAL)),
    Figure("nmnist-400-400-real", "accuracy", 98.78, Shown(_REAL)),
    Figure("cifar10", "accuracy", 50.7, Shown(_JPEG)),
    Figure("scnn-paper", "last_ten", 99.42, Within(0.2), full=True),
)

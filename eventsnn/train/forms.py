"""How data and layers of a run are written: their help, and from text to layers."""

from __future__ import annotations

from typing import Any

from eventsnn.errors import UserError
from eventsnn.network.layer_string import Layers, parse_layers
from eventsnn.options import LARGEST, Form
from eventsnn.text import shown

DATA_HELP = (
    "What to learn from: [b]digits[/b] (scikit-learn's digits, filmed by the virtual event "
    "camera; nothing is downloaded), [b]nmnist:PATH[/b] (folder or zips of N-MNIST), "
    "[b]mnist:PATH[/b] (IDX files, as real vectors), [b]cifar10:PATH[/b] (the same, in colours), "
    "[b]film:mnist:PATH[/b] (MNIST, filmed), [b]events:FILE[/b] (what eventsnn film wrote), "
    "[b]folder:PATH[/b] (recordings of your own), [b]speech:PATH[/b] (spoken words, .wav), "
    "[b]motion[/b] (synthetic shapes that move), "
    "[b]camera:PATH[/b] and [b]hdf5:PATH[/b] (the same, files of cameras, HDF5), "
    "[b]tonic:NAME:PATH[/b]."
)


def _layers(value: Any) -> Layers:
    """Return layers from their text or their parts; none at all are the default ones."""
    if isinstance(value, str):
        return parse_layers(value)
    for part in value:
        if not isinstance(part, int | str) or (isinstance(part, int) and abs(part) > LARGEST):
            raise UserError(f"layers is {shown(value)}; give {LAYERS.remedy}")
    return parse_layers("-".join(map(str, value))) if value else ()


LAYERS = Form((str, list, tuple), 'sizes, such as "2312-200-10"', _layers)

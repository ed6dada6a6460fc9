"""What the commands share: streams, and options that several of them have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eventsnn.commands.console import ERR as ERR
from eventsnn.commands.console import OUT as OUT

TRAIN_HELP = (
    "Train an event-driven network and save it.\n\nWith no options at all: the event-driven "
    "backprop MLP of O'Connor & Welling (2016) on digits filmed by the virtual event camera, in "
    "about a minute."
)

Model = Annotated[Path, typer.Argument(help="Folder that train wrote, its checkpoint, or a .nir.")]
OwnData = Annotated[
    str | None, typer.Option(help="Data set as for train; default: the model's own.")
]
Split = Annotated[str, typer.Option(help="Which half: test, train or all.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=65_536, help="Threads; no number changes a result.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Use only so many samples of each half.")]

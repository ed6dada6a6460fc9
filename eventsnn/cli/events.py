"""Parsing of the command that makes events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eventsnn.cli import show
from eventsnn.cli.options import ERR, OUT, Json, Threads
from eventsnn.threads import cores


def film(
    images: Annotated[
        str, typer.Argument(help="[b]digits[/b], [b]mnist:PATH[/b], or a .npy stack (n, h, w).")
    ] = "digits",
    out: Annotated[
        Path | None, typer.Option(help="Write the recordings here (safetensors).")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw recordings, or the comparison, to this file.")
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(help="nmnist:PATH: compare films of mnist:PATH with its real recordings."),
    ] = None,
    split: Annotated[str, typer.Option(help="Half to film: test or train.")] = "train",
    seed: Annotated[int, typer.Option(min=0, help="Of the camera's noise and jitter.")] = 34,
    limit: Annotated[int | None, typer.Option(min=1, help="Film only the first images.")] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Film grey images with the virtual event camera, the way N-MNIST was filmed."""
    from eventsnn.commands import events as commands

    many = threads or cores()
    if compare is not None:
        result = commands.compare_films(images, compare, seed, figure, many, ERR)
    else:
        result = commands.film(images, split, seed, limit, (out, figure), many, ERR)
    if as_json:
        print(json.dumps(result))
    else:
        show.film(result, OUT)

"""Parsing of the commands that make spikes, and events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eventsnn.cli import show
from eventsnn.cli.options import ERR, OUT, Json, Threads
from eventsnn.threads import cores


def simulate(
    model: Annotated[
        Path,
        typer.Argument(help="Folder that train wrote, its checkpoint, or a network as .toml."),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[INPUT]",
            help="A recording (.bin as N-MNIST, .npy as structured array), or a data set; "
            "default: what the network learned from.",
        ),
    ] = None,
    index: Annotated[
        list[int] | None, typer.Option(help="Which recordings; may be given again.")
    ] = None,
    split: Annotated[str, typer.Option(help="Half of a data set: test or train.")] = "test",
    figure: Annotated[
        Path | None, typer.Option(help="Draw raster and rates to this .png, .svg or .pdf.")
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Draw it for a dark ground.")] = False,
    as_json: Json = False,
) -> None:
    """Show the spike traffic that each input causes."""
    from eventsnn.commands import events as commands

    for traffic, picture in commands.simulate(model, source, index, split, figure, ERR, dark):
        if as_json:
            print(json.dumps(traffic | {"figure": picture}))
        else:
            show.traffic(traffic, OUT)
            if picture:
                OUT.print(f"picture: {picture}")
                OUT.print()


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

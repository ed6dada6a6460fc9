"""Parsing of ``eventsnn simulate``: its flags are its declared options."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from eventsnn.cli import show
from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json
from eventsnn.commands.simulate_options import SimulateOptions
from eventsnn.options import declared, made


def _simulate(
    model: Annotated[
        Path,
        typer.Argument(
            help="Folder that train wrote, its checkpoint, or a network as .toml or .nir."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[INPUT]",
            help="A recording (.bin as N-MNIST; .npy, .npz or .csv with t, x, y, p), or a data "
            "set; default: what the network learned from, or its generators.",
        ),
    ] = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Simulate with the options that were given."""
    from eventsnn.commands import simulate as commands

    options = made(SimulateOptions, {name: v for name, v in given.items() if v is not None})
    for traffic, picture in commands.simulate(model, source, options, ERR):
        if as_json:
            print(json.dumps(traffic | {"figure": picture}))
        else:
            show.traffic(traffic, OUT)
            for key, what in (("spikes_file", "spikes"), ("state_file", "state")):
                if key in traffic:
                    OUT.print(f"{what}: {traffic[key]}")
            if picture:
                OUT.print(f"picture: {picture}")
                OUT.print()


def add_simulate(app: typer.Typer) -> None:
    """Add the command to a program."""

    def simulate(**given: Any) -> None:
        _simulate(**given)

    made = [p for p in signature(_simulate, eval_str=True).parameters.values() if p.name != "given"]
    made[2:2] = parameters(declared(SimulateOptions).values())
    made = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in made]
    simulate.__signature__ = Signature(made)  # type: ignore[attr-defined]
    simulate.__annotations__ = {p.name: p.annotation for p in made}
    app.command("simulate", help="Show the spike traffic that each input causes.")(simulate)

"""Parsing of the commands for streams: ``live`` and ``send``."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json, Model
from eventsnn.cli.show_live import live_line
from eventsnn.commands.live_options import LiveCommandOptions
from eventsnn.options import declared, made


def _live(
    source: Annotated[
        str,
        typer.Argument(
            help="udp://HOST:PORT, - (packets on standard input), or replay:FILE, a recording, a "
            "log or a data set."
        ),
    ],
    model: Model,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Run with the options that were given."""
    from eventsnn.commands import live as commands

    options = made(LiveCommandOptions, {name: v for name, v in given.items() if v is not None})
    told = False
    for row in commands.live(source, model, options, ERR):
        if as_json:
            print(json.dumps(row), flush=True)
            continue
        if "address" in row and not told:
            told = True
            ERR.print(f"page: {row['address']}")
        OUT.print(live_line(row))
    if options.state is not None:
        ERR.print(f"saved in {options.state}; --resume goes on from there")


def send(
    recording: Annotated[
        str, typer.Argument(help="A recording as simulate takes it, or a data set.")
    ],
    to: Annotated[str, typer.Argument(help="udp://HOST:PORT, where eventsnn live listens.")],
    index: Annotated[int, typer.Option(min=0, help="Which recording of a data set.")] = 0,
    speed: Annotated[
        float, typer.Option(min=0, help="1 at its own pace, 2 twice as fast, 0 without a pause.")
    ] = 1.0,
    height: Annotated[int, typer.Option(min=1, help="Of the sensor, for files without it.")] = 34,
    width: Annotated[int, typer.Option(min=1, help="Of the sensor, for files without it.")] = 34,
    as_json: Json = False,
) -> None:
    """Send a recording to a live network, datagram by datagram."""
    from eventsnn.commands import live as commands

    result = commands.send(recording, to, index, speed, (2, height, width))
    if as_json:
        print(json.dumps(result))
    else:
        OUT.print(
            f"{result['events']:,} events in {result['datagrams']:,} datagrams to {to}, "
            f"{result['seconds']:.1f} s"
        )


def add_live(app: typer.Typer) -> None:
    """Add the commands to a program."""

    def live(**given: Any) -> None:
        _live(**given)

    made_of = signature(_live, eval_str=True).parameters.values()
    every = [p for p in made_of if p.name != "given"]
    every[2:2] = parameters(declared(LiveCommandOptions).values())
    every = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in every]
    live.__signature__ = Signature(every)  # type: ignore[attr-defined]
    live.__annotations__ = {p.name: p.annotation for p in every}
    app.command("live", help="Run a trained network on a stream, and answer every second.")(live)
    app.command()(send)

"""Parsing of ``eventsnn quantize``: its flags are the declared precision."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json, Limit, Model, Threads
from eventsnn.cli.show_quantized import quantized
from eventsnn.exchange.integers.precision import Precision
from eventsnn.options import declared, made
from eventsnn.threads import cores


def _quantize(
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder of the new network.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="Data set as for train, or own: what the model learned from. Training recordings "
            "calibrate, the test half is evaluated before and after; default: nothing is run."
        ),
    ] = None,
    limit: Limit = None,
    threads: Threads = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Quantize with the precision that was given."""
    from eventsnn.commands import quantize as commands

    precision = made(Precision, {name: v for name, v in given.items() if v is not None})
    source = data, limit
    result = commands.quantize(model, out, precision, source, threads or cores(), ERR)
    if as_json:
        print(json.dumps(result))
    else:
        quantized(result, OUT)


def add_quantize(app: typer.Typer) -> None:
    """Add the command to a program."""

    def quantize(**given: Any) -> None:
        _quantize(**given)

    own = [p for p in signature(_quantize, eval_str=True).parameters.values() if p.name != "given"]
    own[1:1] = parameters(declared(Precision).values())
    own = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in own]
    quantize.__signature__ = Signature(own)  # type: ignore[attr-defined]
    quantize.__annotations__ = {p.name: p.annotation for p in own}
    text = "Write a trained network in whole numbers: int8 weights or fewer bits, no floats."
    app.command("quantize", help=text)(quantize)

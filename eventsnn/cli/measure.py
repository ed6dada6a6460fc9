"""Parsing of ``eventsnn measure``: its flags are its declared options."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from eventsnn.cli import show_measured, stopped
from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json, Limit, Model, OwnData, Split, Threads
from eventsnn.commands.measure_options import MeasureOptions
from eventsnn.options import declared
from eventsnn.ranks.launch import world


def _measure(
    model: Model,
    data: OwnData = None,
    split: Split = "test",
    limit: Limit = None,
    index: Annotated[
        list[int] | None,
        typer.Option(help="Recordings to draw; default: the first, and the first wrong one."),
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Measure with the options that were given."""
    from eventsnn.commands import measure as commands
    from eventsnn.measure.measurement import Request

    asked = MeasureOptions(**{name: v for name, v in given.items() if v is not None})
    ranks = world()
    request = Request(
        ranks=ranks,
        tolerance=asked.lose / 100,
        models=commands.energy_models(asked.energy),
        levels=commands.levels_of(asked.levels),
        shuffle=asked.shuffle_times,
    )
    what = commands.What(data, split, limit, asked.stop)
    drawn, threads = commands.Drawn(index, asked.figures, asked.html), threads or ranks.threads()
    result = commands.measure(model, what, request, drawn, threads, ERR)
    if as_json:
        print(json.dumps(result))
    else:
        show_measured.measurement(result, OUT)
        stopped.measurement(result, OUT)


def add_measure(app: typer.Typer) -> None:
    """Add the command to a program."""

    def measure(**given: Any) -> None:
        _measure(**given)

    made = [p for p in signature(_measure, eval_str=True).parameters.values() if p.name != "given"]
    made[5:5] = parameters(declared(MeasureOptions).values())
    made = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in made]
    measure.__signature__ = Signature(made)  # type: ignore[attr-defined]
    measure.__annotations__ = {p.name: p.annotation for p in made}
    text = "Measure what a spike, an answer, an early stop and learning cost."
    app.command("measure", help=text)(measure)

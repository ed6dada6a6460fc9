"""Parsing of ``eventsnn front``: its flags are its declared options."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from eventsnn.cli import show_front
from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json, Limit, Threads
from eventsnn.commands.front_options import FrontOptions
from eventsnn.options import declared
from eventsnn.threads import cores

_DATA = "Data set as for train, for the runs and the meter; default: their own."


def _front(
    models: Annotated[list[Path] | None, typer.Argument(help="Folders that train wrote.")] = None,
    data: Annotated[str | None, typer.Option(help=_DATA)] = None,
    limit: Limit = None,
    threads: Threads = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Put networks on one meter with the options that were given."""
    from eventsnn.commands import front as commands
    from eventsnn.commands.measure import energy_models

    asked = FrontOptions(**{name: v for name, v in given.items() if v not in (None, [])})
    folders, count = list(models or []), threads or cores()
    if asked.train is not None:
        out = asked.out or Path("runs") / "front"
        folders += commands.train_all(asked.train, out, data, count, ERR)
    shares = tuple(points / 100 for points in asked.lose)
    what = commands.FrontData(data, limit, shares, energy_models(asked.energy))
    files = commands.FrontFiles(asked.html, asked.figure)
    result = commands.front(folders, what, files, count, ERR)
    if as_json:
        print(json.dumps(result))
    else:
        show_front.front(result, OUT)


def add_front(app: typer.Typer) -> None:
    """Add the command to a program."""

    def front(**given: Any) -> None:
        _front(**given)

    made = [p for p in signature(_front, eval_str=True).parameters.values() if p.name != "given"]
    made[1:1] = parameters(declared(FrontOptions).values())
    made = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in made]
    front.__signature__ = Signature(made)  # type: ignore[attr-defined]
    front.__annotations__ = {p.name: p.annotation for p in made}
    text = "Accuracy against what an answer costs, and which networks nothing beats."
    app.command("front", help=text)(front)

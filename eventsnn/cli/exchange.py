"""Parsing of ``eventsnn export`` and ``eventsnn exchange``."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json
from eventsnn.cli.show_exchange import checked, exchanged
from eventsnn.options import Declared, declared

Out = Annotated[Path, typer.Option(help="The file to write; of c the folder.")]


def _export(
    model: Annotated[
        Path, typer.Argument(help="Folder that train wrote, its checkpoint, a .toml or a .nir.")
    ],
    to: Annotated[str, typer.Option(help="Format: nir, or c.")],
    out: Out,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Write a network with the options that were given."""
    from eventsnn.commands import exchange as commands

    chosen = {name: value for name, value in given.items() if value is not None}
    result = commands.export(model, to, out, chosen)
    if as_json:
        print(json.dumps(result))
    else:
        exchanged(result, OUT)


def _adopt(
    source: Annotated[Path, typer.Argument(help="A NIR file of another program.")],
    out: Out,
    made_by: Annotated[
        str | None,
        typer.Option(help="What wrote it, in its usual way: snntorch, norse, sinabs, nir-paper."),
    ] = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Write a copy of a NIR file that says how its numbers are meant."""
    from eventsnn.commands import exchange as commands

    how = {name: value for name, value in given.items() if value is not None}
    result = commands.adopt(source, out, made_by, how)
    if as_json:
        print(json.dumps(result))
    else:
        exchanged(result, OUT)


def _check(
    file: Annotated[Path, typer.Argument(help="A NIR file that says how it is meant.")],
    data: Annotated[str, typer.Option(help="Data set as for train.")],
    index: Annotated[int, typer.Option(min=0, help="Which recording of the test half.")] = 0,
    until_ms: Annotated[float | None, typer.Option(min=1, help="Cut the recording there.")] = None,
    step_us: Annotated[
        float | None, typer.Option(min=1, help="Their step; default: how long a spike is held.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the last neurons' spikes here.")] = None,
    as_json: Json = False,
) -> None:
    """Run a NIR file here and in other programs, spike for spike."""
    from eventsnn.commands import exchange as commands

    until = None if until_ms is None else until_ms * 1000
    result = commands.check(file, (data, index, until), step_us, figure, ERR)
    if as_json:
        print(json.dumps(result))
    else:
        checked(result, OUT)


def _options_of_formats() -> list[Declared]:
    from eventsnn.train.model_file import formats

    found: dict[str, Declared] = {}
    for one in formats().values():
        found |= declared(one.Options)
    return list(found.values())


def _how() -> list[Parameter]:
    """Return how numbers are meant as parameters."""
    from eventsnn.commands.nir_options import NirConvention

    return parameters(declared(NirConvention).values())


def _made(function: Any, more: list[Parameter], name: str) -> Any:
    """Return a command with further options."""

    def command(**given: Any) -> None:
        function(**given)

    own = [p for p in signature(function, eval_str=True).parameters.values() if p.name != "given"]
    own[-1:-1] = more
    own = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in own]
    command.__signature__ = Signature(own)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in own}
    command.__name__ = name
    return command


def add_exchange(app: typer.Typer) -> None:
    """Add the commands to a program."""
    text = "Write a network as a file of another program."
    app.command("export", help=text)(_made(_export, parameters(_options_of_formats()), "export"))
    below = typer.Typer(
        help="Networks of other programs: take them in, check them.", no_args_is_help=True
    )
    text = "Write a copy of a NIR file that says how its numbers are meant."
    below.command("adopt", help=text)(_made(_adopt, _how(), "adopt"))
    below.command("check")(_check)
    app.add_typer(below, name="exchange")

"""Parsing of ``eventsnn sweep``: its flags are its declared options."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from eventsnn.cli import show_sweep
from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json, Threads
from eventsnn.commands.sweep_options import SweepOptions
from eventsnn.errors import UserError
from eventsnn.options import declared
from eventsnn.threads import cores

_HELP = (
    "Try many options of train, judged on training recordings that are held out.\n\nThe same "
    "command in several processes shares the trials. With no study at all: a small one on filmed "
    "digits, in less than a minute."
)


def _sweep(
    study: Annotated[Path | None, typer.Argument(help="TOML file of the study.")] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Print the small study as a file, and run nothing.")
    ] = False,
    threads: Threads = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Work on a study with the options that were given."""
    from eventsnn.sweep.needed import check_installed

    if example:
        from eventsnn.sweep.example import TEXT

        for line in TEXT.splitlines():
            OUT.print(line)
        return
    asked = SweepOptions(**{name: value for name, value in given.items() if value is not None})
    check_installed()
    from eventsnn.commands import sweep as commands

    result = commands.sweep(study, asked, threads or cores(), ERR)
    if as_json:
        print(json.dumps(result))
    else:
        show_sweep.sweep(result, OUT)
    if result["best"] is None and not result["left"]:
        why = next((f": {row['why']}" for row in result["trials"] if row["why"]), "")
        raise UserError(f"{result['out']}: no trial came to its end{why}")


def add_sweep(app: typer.Typer) -> None:
    """Add the command to a program."""

    def sweep(**given: Any) -> None:
        _sweep(**given)

    made = [p for p in signature(_sweep, eval_str=True).parameters.values() if p.name != "given"]
    made[1:1] = parameters(declared(SweepOptions).values())
    made = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in made]
    sweep.__signature__ = Signature(made)  # type: ignore[attr-defined]
    sweep.__annotations__ = {p.name: p.annotation for p in made}
    app.command("sweep", help=_HELP)(sweep)

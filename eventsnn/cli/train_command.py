"""Parsing of ``eventsnn train`` with a rule: its flags are the options of a run and of the rule."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from eventsnn.cli import show
from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, TRAIN_HELP, Json, Threads
from eventsnn.commands import train as commands
from eventsnn.errors import UserError
from eventsnn.files.unpack import read_text
from eventsnn.options import renamed
from eventsnn.ranks.launch import world
from eventsnn.rules import find_rule, rules, words
from eventsnn.train.options import KNOWN, former_names, known, options_of, recipe, usual_rule


def _folder(text: str) -> Path:
    if not text:  # Path("") is the current folder
        raise UserError("--out is ''; give a folder, or leave it out for a new one under runs/")
    return Path(text)


Out = Annotated[
    Path | None,
    typer.Option(
        parser=_folder,
        metavar="PATH",
        help="Folder for the checkpoint; default: a new one under runs/.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
Config = Annotated[
    Path | None, typer.Option(help="TOML file of options, name = value; the command line wins.")
]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Also write TensorBoard scalars into --out.")
]


def _train(
    out: Out = None,
    resume: Resume = False,
    config: Config = None,
    tensorboard: TensorBoard = False,
    threads: Threads = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Train with the options that were given."""
    given = {name: value for name, value in given.items() if value is not None}
    rule = str(given.get("rule", usual_rule(given.get("data"))))
    for name, one in former_names(rule).items():
        if name in given:
            old, new = (f"--{word.replace('_', '-')}" for word in (name, one.name))
            ERR.print(f"{old} is called {new} now", soft_wrap=True)
    given = renamed(known(rule), given)
    if config is not None:
        given = commands.read_config(config, given.get("rule")) | given
    ranks = world()
    threads = threads or ranks.threads()
    summary = commands.train(given, out, resume, threads, tensorboard, ERR, ranks)
    if as_json:
        print(json.dumps(summary))
    else:
        show.training(summary, OUT)


def parameters_of(rule: str) -> list[Parameter]:
    """Return the parameters of ``train`` with a rule.

    Those of the other rules are there, too, so that one line can say whose they are, but no help
    shows them.
    """
    defaults, own = recipe(rule), options_of(rule)
    made = parameters(KNOWN.values(), defaults=defaults | {"rule": rule})
    made += [p for p in signature(_train, eval_str=True).parameters.values() if p.name != "given"]
    made += parameters(own.values(), f"Options of rule {rule}", defaults)
    others = {name: one for name, one in known(rule).items() if name not in KNOWN | own}
    made += parameters(others.values(), hidden=True)
    for old, one in former_names(rule).items():
        by_old = replace(one, name=old, said=replace(one.said, flag=""))
        made += parameters([by_old], hidden=True)
    return [p.replace(kind=Parameter.KEYWORD_ONLY) for p in made]


def command_of(rule: str) -> Any:
    """Return the command ``train`` with the options of a rule."""
    return _command(rule, tuple(kind for kind, one in rules().items() if one.learns))


@cache
def _command(rule: str, every: tuple[str, ...]) -> Any:
    """Return the same as long as the rules that there are stay the same."""

    def train_with(**given: Any) -> None:
        _train(**given)

    made = parameters_of(rule)
    train_with.__signature__ = Signature(made)  # type: ignore[attr-defined]
    train_with.__annotations__ = {p.name: p.annotation for p in made}
    others = " or ".join(word for word in every if word != rule)
    text = (
        f"{TRAIN_HELP}\n\n"
        f"The options of another rule: eventsnn train --rule NAME --help (NAME: {others})."
    )
    app = typer.Typer(add_completion=False)
    app.command("train", help=text)(train_with)
    return typer.main.get_command(app)


def rule_of(args: Sequence[str]) -> str:
    """Return the rule that words of the command line, or their ``--config``, name.

    That of the data where none is named, or none that there is in the file, which is read again.

    Raises
    ------
    UserError
        If there is no such rule.
    """
    rule, config = value_of(args, "--rule"), value_of(args, "--config")
    if rule is not None:
        return find_rule(KNOWN["rule"].taken(rule)).kind
    told = {} if config is None else _told_in(Path(config))
    found, data = told.get("rule"), value_of(args, "--data") or told.get("data")
    return find_rule(found if found in words() else usual_rule(data)).kind


def value_of(args: Sequence[str], flag: str) -> str | None:
    """Return the last value of a flag; None where it has none."""
    found = None
    for k, word in enumerate(args):
        if word == "--":
            break
        if word == flag and k + 1 < len(args):
            found = args[k + 1]
        elif word.startswith(f"{flag}="):
            found = word[len(flag) + 1 :]
    return found


def _told_in(config: Path) -> dict[str, Any]:
    """Return the options in a file, none where it cannot be read."""
    try:
        return tomllib.loads(read_text(config))
    except (UserError, ValueError, RecursionError):
        return {}  # read again where it is used, with an error

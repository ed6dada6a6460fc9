"""Parsing of ``eventsnn evaluate``: its flags are its declared options."""

from __future__ import annotations

import json
from inspect import Parameter, Signature, signature
from typing import Any

import typer

from eventsnn.cli import show, stopped
from eventsnn.cli.flags import parameters
from eventsnn.cli.options import ERR, OUT, Json, Limit, Model, OwnData, Split, Threads
from eventsnn.commands.evaluate_options import EvaluateOptions
from eventsnn.options import declared
from eventsnn.ranks.launch import world


def _evaluate(
    model: Model,
    data: OwnData = None,
    split: Split = "test",
    limit: Limit = None,
    threads: Threads = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Evaluate with the options that were given."""
    from eventsnn.commands import results as commands
    from eventsnn.commands.measure import What

    options = EvaluateOptions(**{name: v for name, v in given.items() if v is not None})
    ranks, what = world(), What(data, split, limit)
    threads = threads or ranks.threads()
    result = commands.evaluate(model, what, options, threads, ERR, ranks)
    if as_json:
        print(json.dumps(result))
        return
    OUT.print(f"accuracy {result['accuracy']:.2%} on {result['recordings']} recordings")
    show.no_answer(result["no_answer"], result["recordings"], OUT)
    stopped.evaluation(result, OUT)
    OUT.print(show.cost_table(result))
    if options.mistakes:
        show.mistakes(result, OUT)


def add_evaluate(app: typer.Typer) -> None:
    """Add the command to a program."""

    def evaluate(**given: Any) -> None:
        _evaluate(**given)

    made = [p for p in signature(_evaluate, eval_str=True).parameters.values() if p.name != "given"]
    made[4:4] = parameters(declared(EvaluateOptions).values())
    made = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in made]
    evaluate.__signature__ = Signature(made)  # type: ignore[attr-defined]
    evaluate.__annotations__ = {p.name: p.annotation for p in made}
    text = "Measure a trained network: accuracy, spikes and operations per recording."
    app.command("evaluate", help=text)(evaluate)

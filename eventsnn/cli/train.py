"""``eventsnn train``: once its rule is known, its flags are the options of that rule."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

from eventsnn.cli.options import TRAIN_HELP


class TrainCommand(TyperCommand):
    """The word ``train``; what follows is parsed by the command of the rule that it names."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Parse the words of the command by the options of the rule that they name."""
        from eventsnn.cli.train_command import command_of, rule_of

        return command_of(rule_of(args)).make_context(info_name, args, parent, **extra)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters of the command with its default rule."""
        # Options are declared where numba is, which the help of other commands does not need.
        from eventsnn.cli.train_command import command_of, rule_of

        params: list[Any] = command_of(rule_of([])).get_params(ctx)
        return params


def add_train(app: typer.Typer) -> None:
    """Add the command to a program."""
    app.command("train", cls=TrainCommand, help=TRAIN_HELP)(lambda: None)

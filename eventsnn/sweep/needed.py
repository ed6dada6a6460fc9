"""Whether Optuna is installed: an extra."""

from __future__ import annotations

from importlib.util import find_spec

from eventsnn.errors import UserError


def check_installed() -> None:
    """Refuse to begin without it, in one line."""
    if find_spec("optuna") is None:
        raise UserError(
            "sweep needs the package optuna; install it with pip install 'eventsnn[sweep]'"
        )

"""What the names of classes are asked."""

from __future__ import annotations

from collections.abc import Sequence

from eventsnn.errors import UserError
from eventsnn.text import shown


def check_names(spec: str, names: Sequence[str], n_classes: int) -> None:
    """Refuse names of classes that are none, twice the same, or too few.

    Raises
    ------
    UserError
    """
    wrong = [name for name in names if not isinstance(name, str) or not name]
    if wrong or len(set(names)) < len(names):
        told = shown(wrong[0]) if wrong else "twice the same"
        raise UserError(f"data {spec!r}: a name of classes is {told}; give a text each")
    if names and n_classes > len(names):
        raise UserError(
            f"data {spec!r}: {len(names)} names of classes, and labels up to {n_classes - 1}; give "
            "one a class"
        )

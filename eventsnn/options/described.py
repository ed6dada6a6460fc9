"""What options are, in the words of their declarations: for the help of a class."""

from __future__ import annotations

import textwrap
from typing import Any

from eventsnn.options.door import declared


def described(options: type[Any]) -> str:
    """Return a paragraph an option of a dataclass: type, default, unit, bounds and help."""
    lines = []
    for name, one in declared(options).items():
        kind = one.kind.__name__
        facts = [f"{kind}, default {one.default!r}", one.said.unit, one.said.bounds]
        lines.append(f"{name} : {', '.join(fact for fact in facts if fact)}")
        lines.append(textwrap.fill(one.said.help, 92, initial_indent=" " * 4,
                                   subsequent_indent=" " * 4))  # fmt: skip
    return "\n".join(lines)


def with_options(text: str, name: str, options: type[Any]) -> str:
    """Return the help of the class ``name`` of a rule, with its options."""
    head = (
        f"Options\n-------\nOf ``{name}(name=value, ...)``. What is not given is as declared, and "
        "in a\n``Classifier`` of layers the recipe for the data.\n"
    )
    return f"{text}\n\n{head}\n{described(options)}\n"

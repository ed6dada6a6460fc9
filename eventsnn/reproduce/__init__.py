"""Papers that one command reproduces: a file of this folder that defines PAPER is one.

``eventsnn reproduce`` lists them; a new paper is one new file, and nothing else to edit.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from eventsnn.errors import UserError
from eventsnn.reproduce.paper import Paper


def papers() -> dict[str, Paper]:
    """Return every paper by name, in alphabetical order."""
    modules = [import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    found = [module.PAPER for module in modules if hasattr(module, "PAPER")]
    return {paper.name: paper for paper in sorted(found, key=lambda paper: paper.name)}


def find_paper(name: str) -> Paper:
    """Return the paper of that name."""
    known = papers()
    if name not in known:
        raise UserError(f"paper {name!r}: there are {', '.join(known)}")
    return known[name]

"""Papers that one command reproduces: a folder here that defines a ``Paper`` is one.

``eventsnn reproduce`` lists them, and those that ``eventsnn.register`` joined. A new paper is one
new folder, and nothing else to edit.
"""

from __future__ import annotations

from eventsnn.registry import Registry
from eventsnn.reproduce.paper import Paper

PAPERS: Registry[Paper] = Registry(Paper, "eventsnn.reproduce", objects=True, key="name")


def papers() -> dict[str, Paper]:
    """Return every paper by name, in alphabetical order."""
    return PAPERS.all()


def find_paper(name: str) -> Paper:
    """Return the paper of that name; UserError that lists those there are."""
    paper: Paper = PAPERS[name]
    return paper

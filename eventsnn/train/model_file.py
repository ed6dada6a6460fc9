"""Networks as files of other programs: one format a file in ``exchange/formats``, found by name."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.losses.loss import Loss
from eventsnn.network import Network
from eventsnn.options import declared
from eventsnn.registry import Registry
from eventsnn.rules.given.rule import GivenOptions

Weights = dict[str, NDArray[Any]]


class Described(NamedTuple):
    """A network that such a file holds.

    Attributes
    ----------
    network : Network
    weights : dict from connection name to array
    answer : dict
        How its answer is read: options of the rule ``given`` by name; those that nobody gave are
        left out.
    """

    network: Network
    weights: Weights
    answer: dict[str, Any]


def answer_of(loss: Loss | None) -> dict[str, Any]:
    """Return how an answer is read as options of the rule ``given``; {} where it has no such."""
    if loss is None:
        return {}
    names = [name for name in loss.options if name in declared(GivenOptions)]
    found = {"loss": loss.kind} | {name: getattr(loss, name) for name in names}
    try:
        GivenOptions(**found)
    except UserError:
        return {}
    return found


class FileFormat(ABC):
    """A format of files that hold networks with their weights.

    Class attributes
    ----------------
    kind : str
        Its word: ``eventsnn export --to WORD``.
    suffix : str
        How names of such files end; "" for a format that is only written.
    Options : class
        A dataclass of declared options of ``write``.
    """

    kind: ClassVar[str]
    suffix: ClassVar[str] = ""
    Options: ClassVar[type[Any]]

    @abstractmethod
    def write(self, path: Path, described: Described, options: Any) -> list[str]:
        """Write a network; return what a reader should know, a line each.

        Raises
        ------
        UserError
            For what the format has no form for: it names the population or the connection.
        """

    def read(self, path: Path) -> Described:
        """Return the network of a file; DataError for none."""
        raise UserError(f"{path}: {self.kind} is only written; give another file")


_REGISTRY = Registry(FileFormat, "eventsnn.exchange.formats")  # type: ignore[type-abstract]


def formats() -> dict[str, type[FileFormat]]:
    """Return every format by its ``kind``."""
    return _REGISTRY.all()


def format_of(path: str | os.PathLike[str]) -> FileFormat | None:
    """Return the format of a file by the end of its name; None of a checkpoint or a folder."""
    suffix = Path(path).suffix
    for one in formats().values():
        if suffix and one.suffix == suffix and not Path(path).is_dir():
            return one()
    return None

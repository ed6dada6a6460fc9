"""The two consoles, standard output and standard error: what is printed is never interpreted.

Every print goes through one of them, or through ``print`` with plain numbers or JSON. Neither
knows markup (``[red]``), emoji (``:boom:``) or escape sequences: names are shown as they are.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleDimensions
from rich.progress import ProgressColumn, Task
from rich.status import Status
from rich.text import Text

from eventsnn.text import plain

_WIDE = 10_000


class Console(RichConsole):
    """A console that shows every string letter by letter; styles come as ``Text``."""

    @property
    def size(self) -> ConsoleDimensions:
        """Width and height: in a file or a pipe a line is as long as it is, no name is folded."""
        own = super().size
        return own if self.is_terminal or self._width else ConsoleDimensions(_WIDE, own.height)

    @size.setter
    def size(self, new: tuple[int, int]) -> None:
        self._width, self._height = new

    def render_str(self, text: str, **how: Any) -> Text:
        """Return a string to print, a cell or a title: nothing in it is interpreted."""
        return super().render_str(
            plain(text), **how | {"markup": False, "emoji": False, "highlight": False}
        )

    def on_broken_pipe(self) -> None:
        """Let the command line end, which says how; rich would end it with code 1."""
        raise BrokenPipeError

    def working(self, text: str) -> Status:
        """Return a wheel that turns while something is done; in letters that the stream has."""
        spinner = "dots" if self.encoding.startswith("utf") else "line"
        return self.status(Text(plain(text)), spinner=spinner)


class PlainColumn(ProgressColumn):
    """A column of bars: the description, or a field of the bar."""

    def __init__(self, field: str = "") -> None:
        super().__init__()
        self.field = field

    def render(self, task: Task) -> Text:
        """Return the text of one bar."""
        return Text(plain(task.fields[self.field] if self.field else task.description))


ERR = Console(stderr=True)
OUT = Console(soft_wrap=True)


def escape_what_streams_lack() -> None:
    r"""Let letters that the output's encoding has not be printed as ``\xb5``, not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

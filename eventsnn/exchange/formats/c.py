"""``c``: one C99 file, its header, and a main program that checks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.files.outputs import check_output_folder
from eventsnn.options import Form, option, take
from eventsnn.text import shown
from eventsnn.train.model_file import Described, FileFormat

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)
_HEADERS = re.compile(
    "assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdarg|"
    "stdbool|stddef|stdint|stdio|stdlib|string|tgmath|time|wchar|wctype"
)
"""Headers of C: a file of such a name would be found in their place."""

_SENSOR = re.compile(r"(\d{1,10})x(\d{1,10})(?:x(\d{1,10}))?", re.ASCII)


def _sensor(text: Any) -> str:
    if not _SENSOR.fullmatch(str(text)):
        raise UserError(f"sensor is {shown(text)}; give HEIGHTxWIDTHxPOLARITIES, such as 34x34x2")
    return str(text)


def _stop(text: Any) -> str:
    return str(Stop.of(str(text), "stop")) if text else ""


@dataclass(frozen=True)
class COptions:
    """What a C program is called, what sensor it sees, and when it stops."""

    name: str = option("snn", "What the files and every name in them begin with.")
    sensor: str = option(
        "",
        "Sensor of an input that is a row: height x width x polarities, such as 34x34x2.",
        form=Form((str,), "such as 34x34x2", _sensor),
    )
    stop: str = option(
        "",
        "When it stops looking: margin:LEVEL, such as margin:2.0,check_us=1000.",
        form=Form((str,), "margin:LEVEL", _stop),
    )
    seed: int = option(0, "Of the events of its test vector.", least=0)

    def __post_init__(self) -> None:
        """Check the options."""
        take(self)
        if not _NAME.fullmatch(self.name):
            raise UserError(
                f"name is {shown(self.name)}; give a small letter, then at most 30 small letters, "
                "digits or _"
            )
        if _HEADERS.fullmatch(self.name):
            raise UserError(f"name is {shown(self.name)}; <{self.name}.h> is C's, give another")


class CFile(FileFormat):
    """A program in C99."""

    kind = "c"
    Options: ClassVar[type[Any]] = COptions

    def write(self, path: Path, described: Described, options: Any) -> list[str]:
        """Write the files into a folder; return what to know of them."""
        from eventsnn.exchange.c.answer import answer_in
        from eventsnn.exchange.c.files import program_files, written

        network, weights, given = described
        check_output_folder("--out", path)
        answer = answer_in(given, network.populations[-1], options.stop)
        return written(path, program_files(network, weights, answer, options))

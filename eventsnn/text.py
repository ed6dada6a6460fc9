"""Text for people: names and values from outside are shown as they are, never interpreted.

A name may hold anything: markup, mathematics, escape sequences, bytes that are no text. Each
way out has one function here: ``plain`` for terminals and files, ``drawn`` for figures,
``marked`` for HTML, ``quoted`` for a command to copy, ``shown`` for a value in a message.
"""

from __future__ import annotations

import html
import os
import reprlib
import shlex
from functools import lru_cache

import numpy as np

LONGEST = 1500
"""Letters of an error message."""

_VALUE = 80
"""Letters of a value in a message."""

_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxlist, _REPR.maxtuple, _REPR.maxdict = 3, 8, 8, 8
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = _VALUE


def plain(text: object) -> str:
    r"""Return text of printable letters only: anything else is escaped as Python would write it.

    A control character becomes ``\x1b`` and a turn of direction ``\u202e``; a byte that is no text
    in the names of this machine becomes ``\xff``.
    """
    text = str(text)
    return text if text.isprintable() else "".join(map(_letter, text))


def _letter(letter: str) -> str:
    if letter.isprintable():
        return letter
    # How Python keeps a byte of a file name that it could not decode.
    byte = ord(letter) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else repr(letter)[1:-1]


def cut(text: str, most: int = LONGEST) -> str:
    """Return text of at most about ``most`` letters: what lies between begin and end is left out.

    Messages begin with the place and end with the remedy; both stay.
    """
    if len(text) <= most:
        return text
    head = most * 2 // 3
    tail = most - head
    return f"{text[:head]}... ({len(text) - most:,} letters left out) ...{text[-tail:]}"


def shown(value: object) -> str:
    """Return a value as a message shows it: like ``repr``, on one line, cut where it is long.

    An array is told by its dtype, its shape and its first values.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        first = ", ".join(shown(v) for v in value.reshape(-1)[:3])
        more = ", ..." if value.size > 3 else ""
        return cut(f"{value.dtype} array {value.shape} [{first}{more}]", 2 * _VALUE)
    try:
        text = _REPR.repr(value)
    except ValueError:  # an int of more digits than Python prints
        text = "a number of thousands of digits"
    return cut(plain(text), 2 * _VALUE)


def named(value: object, most: int = _VALUE) -> str:
    """Return a name or a value for the middle of a message: as ``shown``, a name without quotes."""
    text = plain(value) if isinstance(value, str) else shown(value)
    return text if len(text) <= 2 * most else text[: most - 3] + "..."


def drawn(text: object, most: int = 200) -> str:
    r"""Return text for a figure: without mathematics between ``$``, and never left out of a legend.

    matplotlib draws ``\$`` as ``$``, and leaves names out of legends that begin with ``_``. Letters
    that its font has not (``font.family`` in its settings) are escaped, not drawn as boxes.
    """
    text = cut(plain(text), most).replace("$", r"\$")
    if not text.isascii():
        import matplotlib as mpl

        known = _letters_of(tuple(mpl.rcParams["font.family"]))
        text = "".join(c if ord(c) in known else ascii(c)[1:-1] for c in text)
    return f" {text}" if text.startswith("_") else text


@lru_cache
def _letters_of(families: tuple[str, ...]) -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    fonts = (get_font(findfont(FontProperties(family=[family]))) for family in families)
    return frozenset(code for font in fonts for code in font.get_charmap())


def marked(text: object) -> str:
    """Return text for an HTML page, in an element or an attribute."""
    return html.escape(plain(text), quote=True)


def quoted(word: str | os.PathLike[str]) -> str:
    """Return a word as one can type it in a shell (bash, zsh)."""
    text = os.fspath(word)
    text = f"./{text}" if text.startswith("-") else text  # else it is read as an option
    if text.isprintable():
        return shlex.quote(text)
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file is called so
        data = text.encode("utf-8", "surrogatepass")
    letters = (chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\x{b:02x}" for b in data)
    return f"$'{''.join(letters)}'"


def level_of(policy: str, level: float) -> str:
    """Return the level of an early stop as a table has it: scores, nats, or for patience ms."""
    if policy == "patience":
        return f"{level / 1e3:,.1f}".removesuffix(".0") + " ms"
    return f"{level:.4g}"


def epochs_of(number: int) -> str:
    """Return a number of epochs as people say it."""
    return f"{number} epoch" + "s" * (number != 1)

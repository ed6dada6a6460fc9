"""The word that opens a data set, taken apart: ``digits``, ``nmnist:PATH``, ``tonic:SHD:PATH``."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import NamedTuple

from eventsnn.data.places import kind_of, place
from eventsnn.errors import UserError


class Word(NamedTuple):
    """What a user typed, taken apart.

    Attributes
    ----------
    spec : str
        All of it.
    prefix : str
        What stands before the path, its colons too: ``nmnist:``, ``tonic:SHD:``.
    rest : str
        The path as it was given; empty where there is none.
    is_path : bool
        Whether ``rest`` is a path at all.
    """

    spec: str
    prefix: str
    rest: str
    is_path: bool = True

    @property
    def names(self) -> list[str]:
        """The words before the path: ``["tonic", "SHD"]``."""
        return self.prefix.rstrip(":").split(":")

    @property
    def path(self) -> str:
        """The path, with ``~`` filled in.

        Raises
        ------
        UserError
            If there is none, or none that this machine can have.
        """
        if not self.rest:
            raise UserError(
                f"data {self.spec!r}: the path is missing; give {self.spec.rstrip(':')}:PATH"
            )
        return str(place(self.rest))

    @property
    def absolute(self) -> str:
        """The same word with an absolute path."""
        if not self.rest or not self.is_path:
            return self.spec
        return self.prefix + str(place(self.rest).absolute())


def word_of(spec: str, names: int, is_path: bool = True) -> Word:
    """Take a word apart that has so many names before its path; a path may hold colons."""
    parts = spec.split(":", names)
    rest = parts[names] if len(parts) > names else ""
    return Word(spec, spec.removesuffix(rest) if rest else spec, rest, is_path)


def meant(spec: str, kinds: Collection[str], forms: Collection[str]) -> str:
    """Say what a word of an unknown kind probably means, or what may be given."""
    kind, colon, rest = spec.partition(":")
    if spec and kind_of(place(spec)):
        stems = [form.removesuffix("PATH").removesuffix("FILE") for form in forms]
        words = [f"{stem}{spec}" for stem in stems if stem.endswith(":") and stem.count(":") == 1]
        return f"say what is there: {' or '.join(words)}"
    close = difflib.get_close_matches(kind.strip().lower(), kinds, n=1, cutoff=0.7)
    if close:
        return f"did you mean {close[0]}{colon}{rest}?"
    return f"give one of {', '.join(forms)}"

"""The word that opens a data set, taken apart: ``digits``, ``nmnist:PATH``, ``tonic:SHD:PATH``."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from eventsnn.data.places import kind_of, place
from eventsnn.errors import UserError

FORMS = (
    "digits",
    "nmnist:PATH",
    "mnist:PATH",
    "film:mnist:PATH",
    "film:digits",
    "events:FILE",
    "tonic:NAME:PATH",
)
"""What a word may look like."""


def kind_and_rest(spec: object, kinds: Collection[str]) -> tuple[str, str]:
    """Return the kind of a data set and what follows its colon.

    Raises
    ------
    UserError
        If the kind is none of ``kinds``: it says what was probably meant.
    """
    if not isinstance(spec, str):
        raise UserError(f"data {spec!r:.60}: give a word, one of {', '.join(FORMS)}")
    kind, _, rest = spec.partition(":")
    if kind in kinds:
        return kind, rest
    raise UserError(f"data {spec!r}: unknown kind {kind!r}; {meant(spec, kinds, FORMS)}")


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


def path_of(spec: str, rest: str) -> str:
    """Return the path of a data set's word, with ``~`` filled in.

    Raises
    ------
    UserError
        If there is none, or none that this machine can have.
    """
    if not rest:
        raise UserError(f"data {spec!r}: the path is missing; give {spec.rstrip(':')}:PATH")
    return str(place(rest))

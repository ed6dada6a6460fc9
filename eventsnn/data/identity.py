"""What a data set was: enough to find it again, and to say that it has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eventsnn.errors import DataError
from eventsnn.text import named


@dataclass(frozen=True)
class Identity:
    """What a data set is; ``DataSet.identity`` makes it.

    A checkpoint keeps ``to_json()``. A result that others will read (committed files) keeps
    ``to_json(paths=False)``, which names no folder of this machine.

    Attributes
    ----------
    spec : str
        The word that opened it, as it was given.
    absolute : str
        The same word with an absolute path: ``open_data(absolute)`` finds the data from any
        folder. Empty where no word opens them: a ``DataSet`` that was made by hand.
    digest : str
        Of every event (or pixel), label, duration and the sensor, of both halves.
    sensor : tuple of int
        (polarities, height, width) of recordings; (height, width) of images.
    classes : int
        As ``DataSet.n_classes``; 0 where nothing is labelled.
    recordings : (int, int)
        Samples of the training and the test half.
    emulated : bool
        Whether the virtual event camera made them.
    names : tuple of str
        Of the classes, by number; empty where they have none.

    Examples
    --------
    ::

        saved = open_data("nmnist:data").identity.to_json()   # plain JSON
        was = Identity.from_json(saved, "runs/a/model.safetensors")
        now = open_data(was.absolute).identity
        changed = was.changes(now)      # "" where the data are the same
        if changed:
            raise UserError(f"runs/a: {changed}")
    """

    spec: str
    absolute: str
    digest: str
    sensor: tuple[int, ...]
    classes: int
    recordings: tuple[int, int]
    emulated: bool
    names: tuple[str, ...] = ()

    def to_json(self, *, paths: bool = True) -> dict[str, Any]:
        """Return the fields as plain JSON.

        Parameters
        ----------
        paths : bool
            False leaves out ``absolute``, and of ``spec`` all but the last name of the path.
        """
        told = asdict(self) | {"sensor": list(self.sensor), "recordings": list(self.recordings)}
        told["names"] = list(self.names)
        if not paths:
            told |= {"spec": without_folder(self.spec, self.absolute), "absolute": ""}
        return told

    @classmethod
    def from_json(cls, told: object, source: str) -> Identity:
        """Take back what ``to_json`` gave.

        Parameters
        ----------
        source : str
            Where it stood, for messages.

        Raises
        ------
        DataError
            If it is anything else: it names the field.
        """
        if not isinstance(told, Mapping):
            raise DataError(f"{source}: data is {told!r:.60}, not the description of a data set")
        for name, fits in _FITS.items():
            if name not in told or not fits(told[name]):
                value = repr(told.get(name, "missing"))[:60]
                raise DataError(f"{source}: {name} of the data is {value}, which is no {name}")
        fields = {name: told[name] for name in _FITS}
        fields["sensor"], fields["recordings"] = tuple(told["sensor"]), tuple(told["recordings"])
        names = told.get("names", ())  # none in files of versions before 0.2
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise DataError(f"{source}: names of the data is {names!r:.60}, which are no names")
        return cls(**fields, names=tuple(names))

    def changes(self, now: Identity) -> str:
        """Say in one line what has changed from these data to those of ``now``; "" if nothing.

        Where they lie and how they are called is no change.
        """
        found = [
            f"{name} {_text(before)}, now {_text(after)}"
            for name, before, after in (
                ("sensor", self.sensor, now.sensor),
                ("classes", self.classes, now.classes),
                ("names of classes", _listed(self.names), _listed(now.names)),
                ("recordings to train and test", self.recordings, now.recordings),
            )
            if before != after
        ]
        if not found and self.digest != now.digest:
            found = [f"other events or labels (digest {self.digest:.8}, now {now.digest:.8})"]
        return f"the data {now.spec!r} have changed: {'; '.join(found)}" if found else ""


def without_folder(spec: str, absolute: str) -> str:
    """Return a data set's word with only the last name of its path.

    What stands before the path is known from the word with an absolute one.
    """
    prefix, slash, _ = absolute.partition("/")
    if not slash:
        prefix = absolute or "".join(spec.partition(":")[:2])
    path = spec.removeprefix(prefix)
    return prefix + Path(path).name if prefix and path else spec


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(named, names)) or "none"


def _text(value: object) -> str:
    return " + ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _sizes(value: object, lengths: tuple[int, ...], least: int) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) in lengths
        and all(_whole(size, least) for size in value)
    )


_FITS: dict[str, Callable[[Any], bool]] = {
    "spec": lambda value: isinstance(value, str),
    "absolute": lambda value: isinstance(value, str),
    "digest": lambda value: isinstance(value, str) and value != "",
    "sensor": lambda value: _sizes(value, (2, 3), 1),
    "classes": lambda value: _whole(value, 0),
    "recordings": lambda value: _sizes(value, (2,), 0),
    "emulated": lambda value: isinstance(value, bool),
}

"""What a row asks of its data, and which data the published figures are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eventsnn.data.dataset import DataSet, inputs_of, labels_of, sensor_of
from eventsnn.data.images import Images


@dataclass(frozen=True)
class Original:
    """The data set of the published figures.

    Attributes
    ----------
    name : str
        As people call it: "MNIST".
    same : callable
        Takes a DataSet and returns whether it is this one, all of it.
    shown : bool
        On other data a figure is shown beside ours and judged by nothing; False: left out.
    """

    name: str
    same: Callable[[DataSet], bool]
    shown: bool = False


@dataclass(frozen=True)
class Need:
    """What a row asks of its data. Any reader's word that fits is taken.

    Attributes
    ----------
    name : str
        Under which the word stands in the JSON's ``data``; once in a paper.
    events : bool
        Recordings; False: images as real vectors.
    example : str
        A word that brings them, for messages: ``mnist:PATH``.
    sensor : tuple of int, optional
        (polarities, height, width) of recordings, (height, width) of images.
    inputs : int, optional
        Of the network, where the sensor's shape does not matter.
    classes : int, optional
        At most so many; every sample must have one.
    emulated : bool, optional
        Only recordings that the virtual event camera made, or only others. None: both.
    word : str
        Opened where no word that fits is given; empty: rows are left out.
    film_of : Need, optional
        Images that the virtual event camera films where no recordings are given.
    quick : int
        With ``--quick`` the first sample of so many is kept.
    original : Original, optional
        What the published figures are about.
    """

    name: str
    events: bool
    example: str
    sensor: tuple[int, ...] | None = None
    inputs: int | None = None
    classes: int | None = None
    emulated: bool | None = None
    word: str = ""
    film_of: Need | None = None
    quick: int = 10
    original: Original | None = None

    def fits(self, data: DataSet) -> bool:
        """Return whether a row can be run on these data."""
        halves = data.train, data.test
        return (
            all(isinstance(half, Images) != self.events for half in halves)
            and (self.sensor is None or all(sensor_of(half) == self.sensor for half in halves))
            and (self.inputs is None or data.n_inputs == inputs_of(data.test) == self.inputs)
            and all(len(half) and labels_of(half).min() >= 0 for half in halves)
            and (self.classes is None or data.n_classes <= self.classes)
            and self.emulated in (None, data.emulated)
        )

    def described(self) -> str:
        """Say what fits: ``images of 784 inputs and at most 10 classes (mnist:PATH)``."""
        kind = {None: "", True: "emulated ", False: "real "}[self.emulated]
        kind += "recordings" if self.events else "images"
        limits = [_size(self.sensor)] if self.sensor else []
        limits += [f"{self.inputs} inputs"] if self.inputs else []
        limits += [f"at most {self.classes} classes"] if self.classes else []
        of = f" of {' and '.join(limits)}" if limits else ""
        return f"{kind}{of} ({self.example})"


def described(data: DataSet) -> str:
    """Say what data are, in the words of ``Need.described``."""
    kind = "emulated " * data.emulated
    kind += "images" if isinstance(data.train, Images) else "recordings"
    classes = f"{data.n_classes} classes"
    if any((labels_of(half) < 0).any() for half in (data.train, data.test)):
        classes = "samples without a class"
    return f"{kind} of {_size(sensor_of(data.train))}, {data.n_inputs} inputs and {classes}"


def _size(sensor: tuple[int, ...]) -> str:
    return "x".join(map(str, sensor))

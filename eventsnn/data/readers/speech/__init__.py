"""Spoken words: ``speech:PATH``, and ``speaker:NAME:PATH``, which holds one speaker out.

A folder of files ``{label}_{speaker}_{index}.wav``, as the Free Spoken Digit Dataset has it; the
files may lie in a folder ``recordings`` of it. Sound goes through a filter bank (``cochlea.py``)
and becomes spikes (``bsa.py``) of 78 channels.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.cache import Progress, cached_batch
from eventsnn.data.dataset import Data, DataSet
from eventsnn.data.places import entries, kind_of, looked_for
from eventsnn.data.readers.folder import names_of, numbers_of
from eventsnn.data.readers.reader import Reader
from eventsnn.data.readers.speech.bsa import HOLD, spikes_of
from eventsnn.data.readers.speech.cochlea import CHANNELS, FRAME, RATE_HZ, frames_of
from eventsnn.data.readers.speech.wav import sound_of
from eventsnn.data.word import Word
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream, Shape
from eventsnn.text import named
from eventsnn.threads import cores, in_threads

SHAPE: Shape = (1, 1, CHANNELS)
"""One polarity, one row, a column a channel; the lowest frequency comes first."""
STEP_US = FRAME * 1_000_000 // (RATE_HZ * HOLD)
"""Between two spikes of a channel at least: 1,600 us, a tenth of a frame."""
TEST_INDICES = 5
"""Recordings 0 to 4 of each speaker and word test: the data set's own split."""

_VERSION = 1
_NAME = re.compile(r"([^_]+)_([^_]+)_(\d{1,9})\.wav", re.IGNORECASE)
_AT_ONCE = 100


class Spoken(NamedTuple):
    """One file: its word, who speaks it, and which of these it is."""

    path: Path
    word: str
    speaker: str
    number: int
    state: str


class Speech(Reader):
    """``speech:PATH``: recordings 0 to 4 of each speaker and word test, the others train."""

    kind: ClassVar[str] = "speech"
    forms: ClassVar[tuple[str, ...]] = ("speech:PATH",)
    suffixes: ClassVar[tuple[str, ...]] = (".wav",)

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        spoken = _files(Path(word.path), word)
        return _halves(word, spoken, [one.number < TEST_INDICES for one in spoken], progress)

    def file(self, path: Path, shape: tuple[int, ...]) -> Data:
        """See ``Reader``."""
        if shape != SHAPE:
            raise UserError(
                f"{path}: is sound of {CHANNELS} channels, but the model takes {tuple(shape)}"
            )
        return EventBatch.from_streams([_spikes(sound_of(path), path, None)], str(path))


class Speaker(Reader):
    """``speaker:NAME:PATH``: all recordings of one speaker test, those of the others train."""

    kind: ClassVar[str] = "speaker"
    forms: ClassVar[tuple[str, ...]] = ("speaker:NAME:PATH",)
    names: ClassVar[int] = 2

    def open(self, word: Word, limit: int | None, progress: Progress | None) -> DataSet:
        """See ``Reader``."""
        spoken, name = _files(Path(word.path), word), word.names[1]
        speakers = sorted({one.speaker for one in spoken})
        if name not in speakers:
            raise UserError(
                f"data {word.spec!r}: no speaker {name!r}; give one of "
                f"{', '.join(named(speaker) for speaker in speakers)}"
            )
        return _halves(word, spoken, [one.speaker == name for one in spoken], progress)


def _files(root: Path, word: Word) -> list[Spoken]:
    """Return every file, by word, speaker and index."""
    if kind_of(root) != "folder":
        raise UserError(f"data {word.spec!r}: no such folder{looked_for(root)}")
    inner = root / "recordings"
    folder = inner if kind_of(inner) == "folder" else root
    found, others = [], []
    for entry in entries(folder):
        match = _NAME.fullmatch(entry.name)
        if match:
            about = entry.stat()
            state = f"{entry.name} {about.st_size} {about.st_mtime_ns}"
            found.append(Spoken(Path(entry.path), match[1], match[2].lower(), int(match[3]), state))
        elif entry.name.lower().endswith(".wav"):
            others.append(entry.name)
    if others or not found:
        wrong = f"{named(others[0])} in it is called otherwise" if others else "it has none"
        raise UserError(f"{folder}: needs files LABEL_SPEAKER_INDEX.wav; {wrong}")
    numbers = numbers_of({one.word for one in found}, folder)
    return sorted(found, key=lambda one: (one.number, numbers[one.word], one.speaker))


def _halves(
    word: Word, spoken: list[Spoken], tests: list[bool], progress: Progress | None
) -> DataSet:
    numbers = numbers_of({one.word for one in spoken}, Path(word.path))
    halves = []
    for split, wanted in (("train", False), ("test", True)):
        mine = [one for one, test in zip(spoken, tests, strict=True) if test == wanted]
        if not mine:
            raise UserError(
                f"data {word.spec!r}: no recording for the {split} half; recordings 0 to "
                f"{TEST_INDICES - 1} of a speaker test, the others train"
            )
        digest = hashlib.sha256("\n".join(one.state for one in mine).encode())
        identity: dict[str, str | int] = {"kind": word.names[0], "split": split}
        identity |= {"path": str(Path(word.path).resolve()), "of": word.names[-1]}
        batch = cached_batch(
            identity,
            {"files": digest.hexdigest(), "version": _VERSION},
            partial(_batches, mine, numbers, progress),
            source=f"{word.path}: {split}",
        )
        halves.append(batch)
    names = ", ".join(f"{number} {named(name)}" for name, number in numbers.items())
    note = f"sound in {CHANNELS} channels; classes: {names if len(names) < 200 else len(numbers)}"
    return DataSet(word.spec, halves[0], halves[1], note, classes=names_of(numbers))


def _batches(
    spoken: list[Spoken], numbers: dict[str, int], progress: Progress | None
) -> Iterator[EventBatch]:
    for start in range(0, len(spoken), _AT_ONCE):
        part = spoken[start : start + _AT_ONCE]
        sounds = [sound_of(one.path) for one in part]  # warnings belong to one thread
        streams = in_threads(
            lambda pair: _spikes(pair[1], pair[0].path, numbers[pair[0].word]),
            list(zip(part, sounds, strict=True)),
            cores(),
        )
        yield EventBatch.from_streams(streams, str(part[0].path.parent))
        if progress is not None:
            progress(start + len(part), len(spoken))


def _spikes(sound: NDArray[np.float64], path: Path, label: int | None) -> EventStream:
    """Return what is heard; a spike of step n stands at n * 1,600 us."""
    frames = frames_of(sound)
    if not frames.any():
        raise DataError(f"{path}: is silent; remove it")
    step, channel = np.nonzero(spikes_of(frames).T)
    t = step.astype(np.int64) * STEP_US
    duration = frames.shape[1] * HOLD * STEP_US
    return EventStream(
        t, channel.astype(np.int32), SHAPE, label=label, duration=duration, source=str(path)
    )

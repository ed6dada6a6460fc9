"""Stand-ins for data sets of the library tonic, in their file formats, from synthetic recordings.

They are none of those data sets: they hold the same kind of arrays in the same folders, so that
reading, recipes and layers can be tried before the real files are there.

    python examples/tonic_formats.py FOLDER [--many 9] [--size 128] [--speech FOLDER_OF_WAVS]
"""

import argparse
import struct
import wave
from pathlib import Path

import numpy as np

import eventsnn as es
from eventsnn.data.source import open_data

CARDS = {0: "cl", 2: "he", 4: "di", 6: "sp"}
"""Directions of ``motion`` that stand for POKERDVS's four suits."""


def gestures(root: Path, users: int, size: int) -> int:
    """Write DVSGesture: 11 classes of ``motion`` in the middle of 128 x 128, in milliseconds."""
    data, rim = open_data(f"motion:{size}x{size}", limit=12 * users), (128 - size) // 2
    halves = (("ibmGestureTrain", data.train), ("ibmGestureTest", data.test))
    for name, half in halves:
        for k, one in enumerate(half):
            folder = root / "DVSGesture" / name / f"user{k // 12:02}_led"
            folder.mkdir(parents=True, exist_ok=True)
            if one.label < 11:
                columns = (one.x + rim, one.y + rim, one.polarity, one.t // 1000)
                np.save(folder / f"{one.label}.npy", np.stack(columns, 1))
        (root / "DVSGesture" / f"{name}.tar.gz").touch()  # tonic looks for what it fetched
    return len(data.train) + len(data.test)


def cards(root: Path, many: int) -> int:
    """Write POKERDVS: four directions of ``motion`` at 35 x 35."""
    data, written = open_data("motion:35x35", limit=60 * many), 0
    for name, half in (("pips_train", data.train), ("pips_test", data.test)):
        for k, one in enumerate(half):
            if one.label in CARDS:
                folder = root / "POKERDVS" / name / CARDS[one.label]
                folder.mkdir(parents=True, exist_ok=True)
                columns = (one.t, one.x, one.y, one.polarity)
                np.save(folder / f"{k}.npy", np.stack(columns, 1))
                written += 1
        (root / "POKERDVS" / f"{name}.tar.gz").touch()
    return written


def words(root: Path, speech: Path) -> int:
    """Write SHD: the 78 channels of ``speech`` spread over 700, times in seconds."""
    import h5py

    data = open_data(f"speech:{speech}")
    (root / "SHD").mkdir(parents=True, exist_ok=True)
    text = h5py.string_dtype()
    for name, half in (("train", data.train), ("test", data.test)):
        with h5py.File(root / "SHD" / f"shd_{name}.h5", "w") as file:
            for field, values, kind in (
                ("times", [one.t * 1e-6 for one in half], np.float32),
                ("units", [one.x * 699 // 77 for one in half], np.uint16),
            ):
                made = file.create_dataset(f"spikes/{field}", len(half), h5py.vlen_dtype(kind))
                for k, value in enumerate(values):
                    made[k] = value.astype(kind)
            file["labels"] = half.label
            file.create_dataset("extra/keys", data=[str(k) for k in range(10)], dtype=text)
            file["extra/speaker"] = np.zeros(len(half), np.int64)
        (root / "SHD" / f"shd_{name}.h5.zip").touch()
    return len(data.train) + len(data.test)


PICTURES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
EVENT = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("on", "?"), ("padding", "V3")])


def pictures(root: Path) -> int:
    """Write CIFAR10DVS: 10 classes of ``motion`` at 32 x 32, in the middle of 128 x 128."""
    data, folder, written = open_data("motion:32x32"), root / "CIFAR10DVS", 0
    for half in data:
        for one in half:
            if one.label < 10:
                place = folder / PICTURES[one.label] / f"{written:05}.aedat4"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(aedat4(one, 128, 48))
                written += 1
    (folder / "CIFAR10DVS.zip").touch()
    return written


def aedat4(one: es.EventStream, side: int, rim: int) -> bytes:
    """Return a recording as an AEDAT 4 file: a header and one packet, both FlatBuffers."""
    at = "/mainloop/Recorder/outInfo/"
    sizes = "".join(f'<attr key="size{a}" type="int">{side}</attr>' for a in "XY")
    told = f'<node name="info" path="{at}0/info/">{sizes}</node>'
    for key, value in (("compression", "NONE"), ("typeIdentifier", "EVTS")):
        told += f'<attr key="{key}" type="string">{value}</attr>'
    told = f'<node name="0" path="{at}0/">{told}</node>'
    told = f'<dv version="2.0"><node name="outInfo" path="{at}">{told}</node></dv>'
    # Root, name, table of fields; then the fields: the text's place, no table of data, no codec.
    header = struct.pack("<I4s5H6x", 24, b"IOHE", 10, 20, 16, 8, 4)
    header += struct.pack("<iIqiI", 16, 16, -1, 0, len(told)) + told.encode() + b"\0"
    events = np.zeros(len(one), EVENT)
    events["t"], events["on"] = one.t + 10**15, one.polarity  # a camera's clock
    events["x"], events["y"] = one.x + rim, one.y + rim
    packet = struct.pack("<I4s3H2x", 16, b"EVTS", 6, 8, 4)
    packet += struct.pack("<iI4xI", 8, 8, len(one)) + events.tobytes()
    sized = [struct.pack("<I", len(part)) + part for part in (header, packet)]
    return b"#!AER-DAT4.0\r\n" + sized[0] + struct.pack("<ii", 0, len(sized[1])) + sized[1]


def tones(folder: Path) -> Path:
    """Write sounds where nobody has spoken: ten pairs of tones, eight times each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, seconds = np.random.default_rng(3), np.arange(3200) / 8000
    for word in range(10):
        for index in range(8):
            first, last = (200 * 1.35 ** (word + step) for step in (0, 1))
            pitch = np.where(seconds < rng.uniform(0.15, 0.25), first, last)
            pitch = pitch * rng.uniform(0.97, 1.03)
            sound = np.sin(2 * np.pi * np.cumsum(pitch) / 8000) + rng.normal(0, 0.02, len(pitch))
            with wave.open(str(folder / f"{word}_nobody_{index}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes((8000 * sound).astype("<i2").tobytes())
    return folder


def write(folder: str | Path, many: int = 1, size: int = 48, speech: Path | None = None) -> None:
    """Write DVSGesture, POKERDVS and SHD, and say so."""
    root = Path(folder)
    written = {
        "DVSGesture": gestures(root, 10 * many, size),
        "POKERDVS": cards(root, many),
        "SHD": words(root, speech or tones(root / "tones")),
    }
    for name, n in written.items():
        print(f"tonic:{name}:{root} has {n} recordings, stand-ins")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="tonic", type=Path)
    parser.add_argument("--many", default=1, type=int, help="times as many recordings, up to 9")
    parser.add_argument("--size", default=48, type=int, help="pixels of the gestures, up to 128")
    parser.add_argument("--speech", type=Path, help="a folder that speech: reads; default: tones")
    parser.add_argument("--pictures", action="store_true", help="CIFAR10DVS, too: 1,170 files")
    asked = parser.parse_args()
    write(asked.folder, asked.many, asked.size, asked.speech)
    if asked.pictures:
        print(f"tonic:CIFAR10DVS:{asked.folder} has {pictures(asked.folder)} recordings, stand-ins")


if __name__ == "__main__":
    main()

"""Each block of Python and shell of the tutorials and how-tos runs, page by page, in order.

A page has a folder of its own, with a small ``mnist``, ``nmnist`` and ``fsdd`` in it. Commands see
fewer recordings and one epoch. A block that does not run says so in its title.
"""

import re
import shlex
import shutil
import struct
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

import eventsnn

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    page for part in ("tutorials", "howto") for page in sorted((ROOT / "docs" / part).glob("*.md"))
]
BLOCK = re.compile(r'^```(\w*)(?: title="([^"]*)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
LIMITS = {
    "train": "--limit 40 --epochs 1 --skip 0",
    "resumed": "--epochs 2",
    "classes": "--limit 40 --skip 0",
    "evaluate": "--limit 40",
    "measure": "--limit 20",
    "compare": "--limit 20",
    "film": "--limit 20",
    "sweep": "--threads 1 --trials 2",
}
FEW = {"limit": 40, "epochs": 1}
LABELS = np.arange(40) % 10


def blocks(page):
    return [match.groups() for match in BLOCK.finditer(page.read_text())]


def idx(array):
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """MNIST of 40 and 20 pictures, a bright square a class, recordings of them, and tones."""
    folder = tmp_path_factory.mktemp("data")
    pictures = np.zeros((40, 28, 28), np.uint8)
    for k, label in enumerate(LABELS):
        y, x = 5 * (label % 5) + 1, 14 * (label // 5) + 2
        pictures[k, y : y + 6, x : x + 6] = 255
    (folder / "mnist").mkdir()
    for half, n, name in (("Train", 40, "train"), ("Test", 20, "t10k")):
        (folder / f"mnist/{name}-images-idx3-ubyte").write_bytes(idx(pictures[:n]))
        (folder / f"mnist/{name}-labels-idx1-ubyte").write_bytes(idx(LABELS[:n].astype(np.uint8)))
        for k in range(n):
            place = folder / "nmnist" / half / str(LABELS[k])
            place.mkdir(parents=True, exist_ok=True)
            events = eventsnn.film(pictures[k : k + 1], seed=k)[0]
            words = events.x << 32 | events.y << 24 | events.polarity.astype(np.int64) << 23
            raw = b"".join(
                int(word | t).to_bytes(5, "big") for word, t in zip(words, events.t, strict=True)
            )
            (place / f"{k + 1:05}.bin").write_bytes(raw)
    speak(folder / "fsdd" / "recordings")
    return folder


def speak(folder):
    """Tones, one a digit, a little higher for the other speaker."""
    folder.mkdir(parents=True)
    t = np.arange(1600) / 8000
    for digit in range(10):
        for speaker, pitch in (("theo", 200), ("lucas", 230)):
            for index in (0, 5, 6):
                tone = 0.5 * np.sin(2 * np.pi * (pitch + 300 * digit + index) * t)
                with wave.open(str(folder / f"{digit}_{speaker}_{index}.wav"), "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(8000)
                    file.writeframes((tone * 32767).astype("<i2").tobytes())


@pytest.fixture
def here(data, tmp_path, monkeypatch):
    """The folder in which a page is typed."""
    for name in ("mnist", "nmnist", "fsdd"):
        (tmp_path / name).symlink_to(data / name)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    whole = eventsnn.open_data
    few = lambda word, limit=60, **more: whole(word, limit=min(limit, 60), **more)  # noqa: E731
    monkeypatch.setattr(eventsnn, "open_data", few, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fewer(text):
    """Return a study of a sweep with fewer recordings and one epoch; any other text as it is."""
    if "[space]" not in text:
        return text
    return re.sub(
        r"^(limit|epochs) = \d+", lambda found: f"{found[1]} = {FEW[found[1]]}", text, flags=re.M
    )


def type_shell(text, call):
    """Run what a reader types, a command a line; a line that ends in a backslash goes on."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        target = words[words.index(">") + 1] if ">" in words else None
        words = words[: words.index(">")] if target else words
        if words[:1] == ["eventsnn"]:
            kind = "resumed" if "--resume" in words else words[1]
            kind = "classes" if "classes" in words else kind
            code, out, err = call(*words[1:], *LIMITS.get(kind, "").split())
            assert code == 0, f"{line}\n{err}"
            if target:
                Path(target).write_text(fewer(out))
        elif words[:1] == ["gcc"] and shutil.which("gcc") is None:
            pytest.skip("needs gcc, which is not on this machine")
        elif words:
            subprocess.run(["bash", "-ec", line], check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_what_a_page_tells_to_type_runs(page, here, call):
    names = {"__name__": page.stem}
    for language, title, text in blocks(page):
        name = title or ""
        if name.startswith("examples/"):
            assert text.strip() in (ROOT / name).read_text(), f"{name} has other lines"
        elif name.startswith("Not tested: "):
            continue
        elif language == "python":
            exec(compile(text, str(page), "exec"), names)
        elif language == "bash":
            type_shell(text, call)
        elif name:
            Path(name).write_text(fewer(text))


def test_nearly_every_block_runs_and_the_others_say_why():
    every = [(page.name, *block) for page in PAGES for block in blocks(page)]
    left = [
        (page, title) for page, _, title, _ in every if (title or "").startswith("Not tested: ")
    ]
    assert len(every) > 60 and len(left) <= 5, left
    for page in PAGES:
        text = BLOCK.sub("", page.read_text())
        assert "```" not in text, f"{page.name} has a block that no test finds"
        assert not re.search(r"\n\n    \S", text), f"{page.name} has an indented block"

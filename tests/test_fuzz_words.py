"""Random words on the command line: whatever they are, an answer or one line, never a traceback."""

import os
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import typer
from doors import NASTY_TEXT, fuzz, knock_command, replace_everywhere
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from eventsnn.cli import show
from eventsnn.cli.app import app
from eventsnn.commands import events as commands_events
from eventsnn.commands import train as commands_train
from eventsnn.data import source as sources
from eventsnn.data.readers import digits
from eventsnn.train.trainer import Trainer

COMMANDS = get_command(app).commands
HARMLESS = [
    "1",
    "2",
    "0",
    "0.5",
    "1e-3",
    "digits",
    "test",
    "train",
    "all",
    "adam",
    "a.png",
    "b.svg",
    "c.html",
    "new",
    "2312-4-10",
    "34x34x2-2c5s2-10",
    "adjoint",
    "eventprop",
    "net.toml",
    "options.toml",
    "runs/small",
    "runs/small/model.safetensors",
    "film.events",
    "events.npy",
    "events:film.events",
    "film:digits",
    "nmnist:.",
    "mnist:.",
    "tonic:NMNIST:.",
    "cosine",
    "integral",
    "cross-entropy",
    "float64",
    "integer",
    "result.json",
]
HUGE = [
    "9" * 25,
    "100000",
    "-9" * 9,
    "1" + "0" * 400,
    "inf",
    "-inf",
    "0x10",
    "1_000",
    "1e400",
    "--",
    "-",
]
VALUES = st.sampled_from(HARMLESS) | st.sampled_from(NASTY_TEXT + HUGE) | st.text(max_size=12)

# Words with which a command works, in a moment.
BASES = {
    "train": ["--limit", "6", "--epochs", "1", "--layers", "2312-4-10", "--out", "new"],
    "evaluate": ["runs/small", "--limit", "6"],
    "simulate": ["runs/small", "digits", "--index", "0"],
    "measure": ["runs/small", "--limit", "6"],
    "compare": ["runs/small", "runs/other", "--limit", "6"],
    "film": ["digits", "--limit", "2"],
    "bench": ["--limit", "2", "--rounds", "1"],
    "reproduce": [],
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with all that the harmless words name."""
    from eventsnn.commands.console import ERR

    root = tmp_path_factory.mktemp("prepared")
    for k, name in enumerate(("small", "other")):
        given = {"limit": 6, "layers": "2312-4-10", "epochs": 1, "seed": k}
        commands_train.train(given, root / "runs" / name, False, 1, False, ERR)
    commands_events.film("digits", "train", 0, 12, (root / "film.events", None), 1, ERR)
    (root / "options.toml").write_text("epochs = 1\nlimit = 6\n")
    shutil.copy(Path(__file__).parents[1] / "examples" / "network.toml", root / "net.toml")
    (root / "events.npy").write_bytes(b"\x93NUMPY")
    (root / "result.json").write_text("{}")
    return root


@pytest.fixture
def little(monkeypatch):
    """Data sets are tiny and runs are short, whatever the words say; the bench is not run."""
    opened, learn = sources.open_data, Trainer.learn
    halves = digits.digit_halves()
    few = [replace(half, images=half.images[:12], labels=half.labels[:12]) for half in halves[:2]]
    monkeypatch.setattr(digits, "digit_halves", lambda: (*few, *halves[2:]))

    def short(self, listener):
        self.options = replace(self.options, epochs=min(self.options.epochs, 1))
        learn(self, listener)

    def tiny(word, *, limit=None, **more):
        return opened(word, limit=6 if limit is None else min(limit, 6), **more)

    monkeypatch.setattr(Trainer, "learn", short)
    for module in ("train", "measure", "results", "events"):
        import_module(f"eventsnn.commands.{module}")  # else it would keep what is put here
    replace_everywhere(monkeypatch, opened, tiny)
    monkeypatch.setattr("eventsnn.bench.bench", lambda *_, **__: {"value": 1.0})
    monkeypatch.setattr("eventsnn.reproduce.command.reproduce", lambda *_: {"rows": {}})
    monkeypatch.setattr(show, "reproduction", lambda *_: None)


def options_of(name):
    """Each option of a command, and whether it takes a value."""
    return [
        (word, not option.is_flag)
        for option in COMMANDS[name].get_params(typer.Context(COMMANDS[name]))
        for word in (*option.opts, *option.secondary_opts)
        if word.startswith("--")
    ]


@st.composite
def changed(draw, name):
    """Words of a command that works, with one or two changes."""
    words = list(BASES[name])
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(words)))
        match draw(st.sampled_from(["option", "option", "option", "value", "drop", "add"])):
            case "option":
                option, takes = draw(st.sampled_from(options_of(name)))
                words += [option, draw(VALUES)] if takes else [option]
            case "value" if at < len(words):
                words[at] = draw(VALUES)
            case "drop" if at < len(words):
                del words[at]
            case _:
                words.insert(at, draw(VALUES))
    return [name, *words]


def workplace(prepared, folder):
    """Make an empty folder, some way down, beside which all that is prepared can be found."""
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / "a" / "b" / "c"
    work.mkdir(parents=True)
    for path in prepared.iterdir():
        (work / path.name).symlink_to(path)
    os.chdir(work)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(BASES))
@fuzz(slowest_s=240, part=8)  # rules and options of all kinds, compiled at first
@given(data=st.data())
def test_a_command_answers_or_refuses_whatever_its_words(
    name, data, call, prepared, little, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    workplace(prepared, tmp_path / "work")
    words = data.draw(changed(name))
    _, out, err = knock_command(f"command line: {name}", call, *words)
    for text in (out, err):
        assert "\x1b" not in text and "\u202e" not in text


@pytest.mark.filterwarnings("ignore")
@fuzz
@given(data=st.data())
def test_words_without_sense_are_refused_in_one_line(
    data, call, prepared, little, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    workplace(prepared, tmp_path / "work")
    options = [word for name in COMMANDS for word, _ in options_of(name)]
    word = VALUES | st.sampled_from(options) | st.sampled_from(sorted(COMMANDS))
    words = data.draw(st.lists(word, max_size=6))
    code, out, err = knock_command("command line: words", call, *words)
    assert code == 0 or err.count("\n") == 1
    for text in (out, err):
        assert "\x1b" not in text and "\u202e" not in text

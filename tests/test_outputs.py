"""Where results go is asked before the work: one line, and nothing is made or changed."""

import io
import os
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from doors import replace_everywhere

from eventsnn.cli import app as cli
from eventsnn.data.readers.film_file import open_film, write_film
from eventsnn.data.source import open_data
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.files.outputs import check_output_file, check_output_folder, write_whole

FILES = [
    ("simulate", "nowhere", "digits", "--figure", "{}.png"),
    ("film", "digits", "--out", "{}"),
    ("film", "digits", "--figure", "{}.svg"),
    ("film", "mnist:a", "--compare", "nmnist:b", "--figure", "{}.png"),
    ("measure", "nowhere", "--html", "{}.html"),
    ("compare", "a", "b", "--figure", "{}.pdf"),
]
FOLDERS = [
    ("train", "--out", "{}"),
    ("measure", "nowhere", "--figures", "{}"),
    ("reproduce", "deep-spiking-networks", "--out", "{}"),
]


@pytest.fixture
def refused(call, monkeypatch, tmp_path):
    """The command refuses a place with one line, before it opens data."""
    monkeypatch.chdir(tmp_path)

    def no_work(*_, **__):
        raise AssertionError("work began")

    for module in ("train", "measure", "results"):
        import_module(f"eventsnn.commands.{module}")
    replace_everywhere(monkeypatch, open_data, no_work)
    monkeypatch.setattr("eventsnn.data.camera.saccade.film", no_work)

    def run(words, place):
        code, out, err = call(*(word.format(place) for word in words))
        assert (code, out) == (2, "") and err.startswith("error: ") and err.count("\n") == 1
        return err

    return run


def names(words):
    return "-".join(w.strip("-") for w in words if "{" not in w and w.islower())


@pytest.mark.parametrize("words", FILES, ids=names)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(refused, tmp_path, words):
    assert "there is no folder missing; make it first" in refused(words, "missing/a")
    (tmp_path / "file").write_text("here")
    assert "there is no folder file; make it first" in refused(words, "file/a")
    for suffix in ("", ".png", ".svg", ".pdf", ".html"):
        (tmp_path / f"folder{suffix}").mkdir()
    assert "is a folder; give the name of a file" in refused(words, "folder")
    assert "cannot be written: No such file" in refused(words, "/proc/a")
    assert "cannot be written: File name too long" in refused(words, "x" * 250)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["file"]


@pytest.mark.parametrize("words", FOLDERS, ids=names)
def test_a_folder_that_cannot_be_made_is_refused_before_the_work(refused, tmp_path, words):
    (tmp_path / "file").write_text("here")
    assert "file: file is a file; give a folder" in refused(words, "file")
    assert "file/a/b: file is a file; give a folder" in refused(words, "file/a/b")
    assert "/proc/a/b: cannot be written: No such file" in refused(words, "/proc/a/b")
    assert "File name too long" in refused(words, "x" * 300)
    assert (tmp_path / "file").read_text() == "here" and len(list(tmp_path.iterdir())) == 1


def test_a_place_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    monkeypatch.setattr("tempfile.TemporaryFile", forbidden)
    with pytest.raises(UserError, match=r"figure .*a.png: cannot be written: Permission denied"):
        check_output_file("figure", tmp_path / "a.png", (".png",))
    with pytest.raises(UserError, match=r"--out .*a/b: cannot be written: Permission denied"):
        check_output_folder("--out", tmp_path / "a" / "b")


def test_asking_changes_nothing(tmp_path):
    (tmp_path / "a.png").write_text("old")
    check_output_file("figure", tmp_path / "a.png", (".png",))
    check_output_file("figure", tmp_path / "b.png", (".png",))
    check_output_folder("--out", tmp_path / "c" / "d")
    check_output_folder("--out", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_text() == "old"
    with pytest.raises(UserError, match=r"ends in \.png"):
        check_output_file("figure", tmp_path / "a.gif", (".png",))


def test_a_full_disk_is_told_with_the_file_that_was_to_be_written(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as stop:
        write_whole(tmp_path / "a.json", b"{}")
    assert stop.value.filename == str(tmp_path / "a.json") and not list(tmp_path.iterdir())


ROOM = "; make room there and give the command again (train goes on with --resume)"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "a/b"), "error: a/b: Permission denied\n"),
        (OSError(28, "No space left on device"), f"error: output: No space left on device{ROOM}\n"),
        (OSError("torn"), "error: output: torn\n"),
    ],
)
def test_what_the_machine_refuses_is_one_line_and_code_2(call, monkeypatch, error, line):
    def torn(*_, **__):
        raise error

    monkeypatch.setattr(cli, "app", torn)
    assert call("evaluate", "x") == (2, "", line)


def test_a_word_with_a_zero_byte_is_refused(call):
    assert call("evaluate", "a\0b") == (
        2, "", "error: 'a\\x00b': holds a zero byte; leave it out\n"
    )  # fmt: skip


def test_a_message_is_cut_escaped_and_on_one_line(call):
    code, out, err = call("evaluate", "[x]\x1b\n" + "y" * 90 + "/" + "z" * 3000)
    assert (code, out) == (2, "") and err.startswith("error: [x]\\x1b\\nyyy")
    assert len(err) < 1700 and err.count("\n") == 1
    code, _, err = call("x" * 5000)
    assert code == 2 and len(err) < 1700 and "letters left out" in err


def test_a_warning_is_one_line_and_shows_names_as_they_are(call):
    call("--version")
    told = warnings.formatwarning(UserWarning("a[red]\x1b\nb"), UserWarning, "x.py", 7)
    assert told == "warning: a[red]\\x1b\\nb\n"


def shell(line, **env):
    env = {**os.environ, "EVENTSNN": f"{sys.executable} -m eventsnn", "PYTHONUNBUFFERED": "", **env}
    return subprocess.run(["bash", "-c", line], capture_output=True, env=env, check=False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
def test_a_full_disk_behind_standard_output_is_one_line():
    done = shell("$EVENTSNN reproduce --json > /dev/full")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: output: No space left on device{ROOM}\n".encode(),
    )
    done = shell("$EVENTSNN > /dev/full")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: output: No space left on device{ROOM}\n".encode(),
    )
    done = shell("$EVENTSNN evaluate nowhere 2> /dev/full")
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_closed_pipe_ends_the_command_without_a_word():
    done = shell("$EVENTSNN reproduce --json | true; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) in ((b"141\n", b""), (b"0\n", b""))  # 0: written in time
    done = shell("(sleep 0.2; $EVENTSNN; echo $? >&2) | true")
    assert done.stderr == b"141\n"


def test_letters_that_the_output_has_not_are_escaped():
    line = "$EVENTSNN evaluate ä$'\\xff'; $EVENTSNN reproduce"
    done = shell(line, PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8")
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"error: \\xe4\\xff: there is no checkpoint")
    assert done.stdout.isascii() and b"O'Connor" in done.stdout


def test_an_ascii_stream_takes_every_letter(monkeypatch):
    from eventsnn.commands.console import Console, escape_what_streams_lack

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    escape_what_streams_lack()
    Console().print("3 µJ 日")
    sys.stdout.flush()
    assert raw.getvalue() == b"3 \\xb5J \\u65e5\n"


def test_a_network_that_is_only_described_is_no_trained_one(call, tmp_path):
    (tmp_path / "net.toml").write_text("")
    told = "give a trained one, the folder that eventsnn train --out wrote (eventsnn simulate runs"
    for word in [("measure",), ("evaluate",), ("train", "--start-from"), ("compare",)]:
        more = ["x"] if word == ("compare",) else []
        code, _, err = call(*word, tmp_path / "net.toml", *more)
        assert code == 2 and f"net.toml: describes a network; {told}" in err, word


def test_eventsnn_alone_says_where_to_begin(call):
    code, out, err = call()
    assert (code, err) == (0, "")
    assert "  eventsnn train  " in out and "eventsnn --help" in out and len(out.splitlines()) < 20


def test_a_film_is_written_over_nothing_but_a_film_of_the_camera(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("pictures.npy", np.full((1, 4, 5), 9, np.uint8))
    write_film("own.events", [EventBatch.from_streams([EventStream([1], [0], (1, 2, 2), 0)])])
    for file in ("pictures.npy", "own.events"):
        before = Path(file).read_bytes()
        code, out, err = call("film", "pictures.npy", "--out", file)
        assert (code, out) == (2, "")
        assert f"film {file}: what stands there was not written by eventsnn film" in err
        assert Path(file).read_bytes() == before
    os.mkfifo("pipe")  # is not opened, which would wait for ever
    assert call("film", "pictures.npy", "--out", "pipe")[0] == 2
    for seed in (1, 2):
        words = ("--out", "new.events", "--seed", seed)
        assert call("film", "pictures.npy", *words)[0] == 0
    assert open_film("new.events").emulated

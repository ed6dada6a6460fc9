"""What people see of a result, and the page: facts as they are, names as they are, commands that
can be copied."""

import io
import json
import re
import subprocess
from html.parser import HTMLParser

import pytest
from hand_case import made

from eventsnn.cli import show, show_measured
from eventsnn.commands.console import Console
from eventsnn.commands.progress import Bar, RowBars, TrainingBars, progress_bars
from eventsnn.report.gallery import Picture
from eventsnn.report.html import page
from eventsnn.text import level_of, plain

NASTY = "[red]a[/x] <i>&amp; '\"$x$\x1b[31m\udcff"


def printed(shower, *results):
    out = Console(file=io.StringIO(), width=400)
    shower(*results, out)
    return out.file.getvalue()


def words_of(line):
    """The words that a shell makes of what stands behind ``eventsnn``."""
    script = "printf '%s\\0' " + line[line.index("eventsnn ") + len("eventsnn ") :].strip()
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


SUMMARY = {
    "data_note": "emulated", "test_accuracy": 0.8125, "train_accuracy": 0.9, "epochs": 3,
    "seconds": 12.34, "no_answer": {"train": 1, "test": 3}, "test_recordings": 1040,
    "operations_per_recording": [1234.6, 20.0],
    "spikes_per_recording": [4073.1, 64.6, 10.2], "out": NASTY,
    "options": {"data": f"events:{NASTY}"},
    "training_operations_per_recording": {
        "operations_per_recording": [1000.0, 11.0],
        "backward_operations_per_recording": [70.0, 7.0], "weight_updates_per_recording": [500.0],
    },
}  # fmt: skip


def test_a_run_is_told_with_its_numbers_and_a_command_that_can_be_copied():
    text = printed(show.training, SUMMARY)
    assert f"data: events:{plain(NASTY)} (emulated)\n" in text
    told = "test accuracy 81.25%, training accuracy 90.00%, after 3 epochs, 12.3 s of learning\n"
    assert told in text
    assert "no answer at 3 of 1,040 test recordings: the output stayed silent" in text
    assert re.search(r"input +4,073\.1 *\n", text) and re.search(r"layer 1 +64\.6 +1,235 *\n", text)
    assert re.search(r"layer 2 +10\.2 +20 *\n", text)
    assert "while learning: 1,011 additions forward and 577 backward and in updates" in text
    assert f"saved in {plain(NASTY)}\n" in text
    words = words_of(text.splitlines()[-1])
    assert words == [
        "simulate", NASTY, f"events:{NASTY}", "--index", "0", "--figure", "traffic.png"
    ]  # fmt: skip
    assert "saved in" not in printed(show.training, SUMMARY | {"out": None})


def test_mistakes_are_counted_listed_and_the_first_can_be_looked_at():
    wrong = [{"half": "train", "index": k, "label": 1, "prediction": 0} for k in range(3, 26)]
    result = {"confusion": [[4, 0], [23, 7]], "mistakes": wrong, "model": NASTY, "data": "digits"}
    lines = printed(show.mistakes, result).splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["label", "0", "1"],
        ["0", "4"],
        ["1", "23", "7"],
    ]
    assert sum("a 1, taken for a 0" in line for line in lines) == 20
    assert lines[4] == "train 3: a 1, taken for a 0" and lines[-2] == "and 3 more: --json has all"
    assert words_of(lines[-1])[1:7] == [NASTY, "digits", "--split", "train", "--index", "3"]
    none = printed(show.mistakes, result | {"mistakes": []})
    assert "taken for a" not in none and "look at one" not in none


LAYER = {"spikes": 4100, "active_units": 7, "first_spike": 1234.6, "synaptic_adds": 82000,
         "busiest_units": [[5, 2], [6, 1]]}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({}, "4,100 events in 320,000 us, label 4, prediction 2, first output spike at 60,279 us"),
        ({"label": None, "latency_to_first_output_spike": None},
         "4,100 events in 320,000 us, prediction 2, no output spike"),
        ({"time_unit": "step", "duration": 10.0, "latency_to_first_output_spike": 3.0},
         "4,100 events in 10 steps, label 4, prediction 2, first output spike at 3 (step)"),
    ],
)  # fmt: skip
def test_the_traffic_of_an_input_is_told(change, first):
    result = {
        "input": NASTY, "time_unit": "us", "latency_to_first_output_spike": 60_279.0, "label": 4,
        "prediction": 2, "events": 4100, "duration": 320_000.0,
        "layers": [LAYER | {"population": NASTY},
                   LAYER | {"population": "b", "first_spike": None, "synaptic_adds": 0}],
    }  # fmt: skip
    lines = printed(show.traffic, result | change).splitlines()
    assert lines[0] == f"{plain(NASTY)}: {first}"
    rows = [re.split("  +", line.strip()) for line in lines[2:]]
    assert rows[0] == [plain(NASTY), "4,100", "7", "1,235", "82,000", "5 (2x) 6 (1x)"]
    assert rows[1] == ["b", "4,100", "7", "-", "5 (2x) 6 (1x)"]


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))

    def handle_data(self, data):
        self.texts.append(data)


def renamed(value, name):
    """A result with a name in the place of every text of its own."""
    told = {"model": name, "data": name, "rule": name, "split": name, "note": name}
    text = json.dumps(value)
    for population in ("input", "hidden", "output"):
        text = text.replace(f'"{population}', f'"{json.dumps(name)[1:-1]}{population}')
    result = json.loads(text)
    for model in result["energy"]:
        model |= {"model": name, "title": name, "source": name, "note": name}
    return told | result | {"version": name, "machine": name, "options": {"data": name}}


def test_names_on_a_page_are_text_and_never_html():
    from eventsnn.report.style import new_figure

    def pages(name):
        pictures = [Picture("p", name, name, lambda theme: new_figure(1, 1, theme))]
        return Page(page(renamed(made(True).result, name), pictures))

    nasty, tame = pages(NASTY), pages("tame")
    assert nasty.tags == tame.tags and "i" not in {tag for tag, _ in nasty.tags}
    seen, places = plain(NASTY), 0
    for told, wanted in zip(nasty.texts, tame.texts, strict=True):
        if "tame" in wanted and "{" not in wanted:  # the options are JSON
            assert told == wanted.replace("tame", seen)
            places += 1
    # Title, heading, data, note, half, rule; figure; connections, populations; models, sources.
    assert places >= 15
    options = json.loads(next(text for text in nasty.texts if text.startswith("{")))
    assert options["model"] == options["options"]["data"] == NASTY


def test_several_networks_are_compared_a_row_each():
    row = {
        "model": NASTY, "accuracy": 0.5, "anytime": {}, "training": {},
        "recordings": 1234, "data": NASTY, "split": "test",
        "operations": {"operations_per_recording": 1234.0,
                       "spikes": {"a": 9.0, "b": 2.0, "c": 1.5}},
        "energy": [{"total_nj": 1500.0}],
    }  # fmt: skip
    best = {"reported": {"saved": 0.25, "lost": 0.0125}}
    other = row | {"anytime": {"best": best}, "training": {"passes_of_inference": 2.345}}
    text = printed(show_measured.comparison, {"models": [row, other], "figure": NASTY})
    rows = [re.split("  +", line.strip()) for line in text.splitlines()[1:3]]
    assert rows[0] == [plain(NASTY), "50.00%", "1,234", "-", "-", "3.5", "-", "1.5 µJ"]
    assert rows[1][3:7] == ["25.0%", "1.25", "3.5", "2.35x"]
    assert f"picture: {plain(NASTY)}\n" in text
    assert f"on 1,234 recordings of {plain(NASTY)}, half: test\n" in text
    text = printed(
        show_measured.comparison,
        {"models": [row, row | {"model": "b", "data": "x"}], "figure": None},
    )
    assert "not on the same recordings" in text
    assert f"\n  {plain(NASTY)}: 1,234 recordings of {plain(NASTY)}, half: test\n" in text
    assert "\n  b: 1,234 recordings of x, half: test\n" in text


def test_the_level_of_patience_is_told_in_milliseconds_and_others_in_their_own_unit():
    told = {"saved": 0.5, "lost": 0.0, "spikes": 1.0, "t_us": 4000.0}
    levels = {"patience": 188_000.0, "margin": 0.13149, "entropy": None}
    stops = [{"policy": p, "level": level, "reported": told} for p, level in levels.items()]
    text = printed(show_measured._early, {"stops": stops})
    rows = [re.split("  +", line.strip())[:2] for line in text.splitlines()[1:]]
    assert rows == [["patience", "188 ms"], ["margin", "0.1315"], ["entropy", "never"]]
    assert level_of("patience", 1_500_500.0) == "1,500.5 ms"


def test_another_total_begins_another_bar():
    out = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    with progress_bars(out) as bars:
        bar = Bar(bars, "reading")
        for done, total in ((1, 5), (5, 5), (0, 3), (2, 3)):
            bar(done, total)
        assert [(task.completed, task.total) for task in bars.tasks] == [(5, 5), (2, 3)]


def test_a_log_file_gets_a_line_an_epoch_and_a_row():
    out = Console(file=io.StringIO())
    with progress_bars(out) as bars:
        listener = TrainingBars(bars)
        listener.compiling()
        listener.epoch_begins(2, 7, 100)
        listener.progress(50, 0.5)
        listener.epoch_ends(
            {"epoch": 2, "seconds": 3.21, "accuracy_while_learning": 0.5, "test_accuracy": 0.25}
        )
        rows = RowBars(bars)
        row = type("Row", (), {"id": NASTY})()
        rows.row_begins(row)
        rows.row_moves(row, 1, 2, "half")
        rows.row_ends(row, {"test_error": 1.234, "wall_seconds": 9.6}, False)
        rows.row_ends(row, {"wall_seconds": 9.6}, True)
        assert rows.finished == 2
    assert out.file.getvalue().splitlines() == [
        "epoch 2/7 3.2 s learning 50.00%  test 25.00%",
        f"{plain(NASTY)}: 10 s, error 1.23 %",
        f"{plain(NASTY)}: found finished",
    ]

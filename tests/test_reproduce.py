"""``eventsnn reproduce``: rows are kept and resumed, figures compared, papers found."""

import json
import re
import runpy
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import eventsnn
from eventsnn import registry, reproduce
from eventsnn.errors import UserError
from eventsnn.reproduce.command import chosen_rows
from eventsnn.reproduce.comparison import again, compare
from eventsnn.reproduce.data import PaperData
from eventsnn.reproduce.deep_spiking.paper import IMAGES, PAPER
from eventsnn.reproduce.deep_spiking.published import PUBLISHED
from eventsnn.reproduce.paper import Row
from eventsnn.reproduce.runner import FILE, Runner, read_result
from eventsnn.train.checkpoint import load_checkpoint

NAME = "deep-spiking-networks"
QUICK = ("reproduce", NAME, "--quick", "--json")


def without_times(value):
    """Strip times and the folder: what two equal runs may differ in."""
    if isinstance(value, dict):
        timed = ("seconds", "wall_seconds", "out")
        return {k: without_times(v) for k, v in value.items() if k not in timed}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def rows_of(*names):
    return [word for name in names for word in ("--only", name)]


def test_the_papers_are_listed_and_a_new_folder_is_a_new_paper(call, monkeypatch, tmp_path):
    code, out, _ = call("reproduce", "--json")
    assert code == 0 and NAME in [found["paper"] for found in json.loads(out)]
    folder = tmp_path / "a_new_paper"
    folder.mkdir()
    (folder / "__init__.py").write_text("from eventsnn.reproduce.a_new_paper.paper import PAPER\n")
    (folder / "paper.py").write_text(
        "from dataclasses import replace\n"
        "from eventsnn.reproduce.deep_spiking.paper import PAPER as OTHER\n"
        "PAPER = replace(OTHER, name='a-new-paper')\n"
    )
    monkeypatch.setattr(reproduce, "__path__", [*reproduce.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "_modules", registry._modules.__wrapped__)
    code, out, _ = call("reproduce")
    assert code == 0 and "a-new-paper" in out and NAME in out
    for name in ("a_new_paper.paper", "a_new_paper"):
        monkeypatch.delitem(sys.modules, f"eventsnn.reproduce.{name}")


def on_mnist(row):
    """Say that a row's data are those of the published figures."""
    return ""


def test_every_figure_of_the_papers_page_is_compared_once(shared):
    text = (shared / "papers" / "deep_spiking_networks.md").read_text()
    line = {m[1]: m[2] for m in re.finditer(r"^\| ([a-z][^|]*) \| (.*) \|$", text, re.MULTILINE)}
    rows = ["standard (SGD)", "fractional (FSGD)", "noreset forward in training"]
    expected = []
    for row in [*rows, "rand-shift backward"]:
        cells = line[row].split(" | ")
        expected += [float(n) for cell in cells[1:] for n in re.findall(r"[\d.]+", cell)]
    expected += [float(n) for n in re.findall(r"[\d.]+", line[rows[0]].split(" | ")[0])]
    ablations = text[text.index("Ablations, percent") : text.index("The authors' program (Java")]
    expected += [float(n) for n in re.findall(r"\d+\.\d+", ablations)]
    assert len(expected) == 22 + 2 + 10
    stated = {key: value for key, value in PUBLISHED.items() if "-half" not in key[0]}
    assert sorted(stated.values()) == sorted(expected)
    for (row, figure), value in PUBLISHED.items():
        assert value == stated[row.replace("-half", ""), figure]
    named = {row.name for row in PAPER.rows}
    assert len(named) == len(PAPER.rows)
    assert {row for row, _ in PUBLISHED} <= named


def test_ours_is_judged_by_the_tolerance_of_its_epochs_and_by_failing():
    rows = {
        "standard": {"test_error": 2.93, "train_error": 9.0},
        "fractional": {"test_error": 2.08, "train_error": 0.9},
        "baseline": {"test_error": 3.77},
        "T-5": {"test_error": 4.82},
        "zero-reset": {"test_error": 50.5},
        "depth-first-no-hold": {"test_error": 12.0},
    }
    compared = compare(PAPER, rows, on_mnist)
    found = {(c.figure.row, c.figure.key): c.to_json for c in compared}
    verdicts = {row: c.get("verdict") for (row, figure), c in found.items() if "test" in figure}
    assert verdicts == {
        "standard": "within",
        "fractional": "outside",
        "baseline": "within",
        "T-5": "outside",
        "zero-reset": "fails too",
        "depth-first-no-hold": "does not fail",
    }
    assert "verdict" not in found["standard", "train_error"]
    assert found["fractional", "test_error"]["difference"] == pytest.approx(-0.26)
    assert compare(PAPER, rows, lambda row: None) == []
    more = [row.id for row in again(PAPER, compared)]
    assert more == [
        f"{name}-seed{seed}"
        for seed in (1, 2)
        for name in ("fractional", "depth-first-no-hold", "T-5")
    ]
    rows |= {"fractional-seed1": {"test_error": 2.3}, "fractional-seed2": {"test_error": 2.25}}
    rows["fractional-seed1"]["train_error"] = rows["fractional-seed2"]["train_error"] = 1.0
    every = [c.to_json for c in compare(PAPER, rows, on_mnist)]
    seeds = next(c for c in every if c["row"] == "fractional")
    assert seeds["seeds"] == [2.08, 2.3, 2.25]
    assert seeds["mean"] == pytest.approx(2.21) and seeds["spread"] == pytest.approx(0.11532563)


def test_a_swap_that_ends_outside_is_repeated_with_the_networks_that_it_needs():
    swap = {"relu_test_error": 50.0, "relu_train_error": 50.0}
    ids = [row.id for row in again(PAPER, compare(PAPER, {"standard-swap": swap}, on_mnist))]
    first = ["standard-seed1", "standard-swap-seed1"]
    assert ids == first + [name.replace("1", "2") for name in first]
    swap = {figure.key: 50.0 for figure in PAPER.published if figure.row == "relu-swap"}
    ids = [row.id for row in again(PAPER, compare(PAPER, {"relu-swap": swap}, on_mnist))]
    assert ids == ["relu-seed1", "relu-swap-seed1", "relu-seed2", "relu-swap-seed2"]


@pytest.fixture(scope="module")
def digits():
    return PaperData(PAPER, ["digits"], "quick")


class Silent:
    """A listener that notes which rows were run, and which were found finished."""

    def __init__(self):
        self.run, self.kept = [], []

    def row_begins(self, row):
        pass

    def row_moves(self, row, done, total, note):
        pass

    def row_ends(self, row, result, kept):
        (self.kept if kept else self.run).append(row.id)


def ran(rows, data, out, threads=1):
    listener = Silent()
    return Runner(data, out, threads, listener).run(rows), listener


def test_a_finished_row_is_kept_and_a_stale_one_is_run_again(digits, tmp_path, monkeypatch):
    row = Row("one", "one", lambda context, options: {"value": options["x"]}, IMAGES, {"x": 1})
    leaning = Row("two", "two", lambda context, _: context.found["one"], IMAGES, needs=("one",))
    assert ran([row, leaning], digits, tmp_path)[1].run == ["one", "two"]
    result, listener = ran([row, leaning], digits, tmp_path)
    assert listener.kept == ["one", "two"] and result["two"]["value"] == 1
    changed = replace(row, options={"x": 2})
    result, listener = ran([changed, leaning], digits, tmp_path)
    assert listener.run == ["one", "two"] and result["two"]["value"] == 2
    assert ran([row.again(1)], digits, tmp_path)[1].run == ["one-seed1"]
    assert ran([row], PaperData(PAPER, ["digits"]), tmp_path)[1].run == ["one"]
    shorter = replace(row, quick={"x": 3})
    result, listener = ran([shorter], digits, tmp_path)
    assert listener.run == ["one"] and result["one"]["value"] == 3
    assert ran([shorter], PaperData(PAPER, ["digits"]), tmp_path)[1].kept == ["one"]
    monkeypatch.setattr(eventsnn, "__version__", "0.0.0")
    assert ran([row], digits, tmp_path)[1].run == ["one"]


def test_an_error_in_one_row_keeps_the_others_and_stops_the_rest(digits, tmp_path):
    def fail(context, options):
        raise UserError("no such thing")

    rows = [Row("good", "", lambda context, _: {}, IMAGES)]
    rows += [Row(name, "", fail, IMAGES) for name in ("bad", "next")]
    with pytest.raises(UserError, match="no such thing"):
        ran(rows, digits, tmp_path)
    assert ran(rows[:1], digits, tmp_path)[1].kept == ["good"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder and the JSON of a run on two threads, without a break."""
    out = tmp_path_factory.mktemp("whole")
    words = [*QUICK, *rows_of("standard-swap", "relu-swap", "smooth", "T-5"), "--threads", "2"]
    words = [sys.executable, "-m", "eventsnn", *words, "--out", str(out)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return out, json.loads(done.stdout)


def test_one_thread_gives_the_numbers_of_two(whole, call, tmp_path):
    words = (*QUICK, *rows_of("smooth", "T-5", "relu"), "--threads", 1, "--out", tmp_path)
    code, out, _ = call(*words)
    rows = json.loads(out)["rows"]
    assert code == 0 and set(rows) == {"relu", "smooth", "T-5"}
    swaps = {"relu-swap", "standard-swap"}
    assert set(whole[1]["rows"]) == swaps | {"relu", "standard", "smooth", "T-5"}
    for name, row in rows.items():
        assert without_times(row) == without_times(whole[1]["rows"][name])
    assert whole[1]["comparison"] == [] and "do not apply" in whole[1]["note"]


def test_swapped_weights_give_the_errors_of_einsum_and_of_the_plain_python_network(whole):
    check_swaps(whole[0], whole[1]["rows"])


def check_swaps(out, rows):
    """Repeat both swaps with einsum and with the plain Python network."""
    from eventsnn.data.source import open_images
    from eventsnn.rules.deep_spiking.options import HerdingOptions
    from eventsnn.rules.deep_spiking.reference import ReferenceMLP

    images = open_images("digits", "test")
    x = images.images[:35].reshape(35, -1) * (1 / 255)
    folder = {name: next((out / "rows").glob(f"{name}-????????????")) for name in rows}
    weights = {}
    for name in ("relu", "standard"):
        arrays = load_checkpoint(folder[name]).arrays
        weights[name] = [arrays[f"weight{n}"].astype(float) for n in range(3)]
    u = x
    for k, weight in enumerate(weights["standard"]):
        u = np.einsum("ni,ij->nj", np.clip(u, 0, None) if k else u, weight)
    wrong = (u.argmax(1) != images.labels[:35]).mean()
    assert rows["standard-swap"]["relu_test_error"] == pytest.approx(100 * wrong, abs=1e-3)
    network = ReferenceMLP(weights["relu"], HerdingOptions(n_steps=10))
    steps = [[row] * 10 for row in x]
    wrong = np.mean([network.predict(s).argmax() for s in steps] != images.labels[:35])
    assert rows["relu-swap"]["standard_test_error"] == pytest.approx(100 * wrong, abs=1e-3)


def test_after_ctrl_c_the_same_command_goes_on_to_the_same_numbers(call, tmp_path, monkeypatch):
    words = (*QUICK, *rows_of("rand-reset", "T-5"), "--threads", 1)
    code, whole, _ = call(*words, "--out", tmp_path / "whole")
    assert code == 0
    original = Runner._report

    def interrupted(self, row, done, total, note):
        if row.name == "T-5" and done > 0.6 * total:
            raise KeyboardInterrupt
        original(self, row, done, total, note)

    monkeypatch.setattr(Runner, "_report", interrupted)
    out = tmp_path / "cut"
    code, _, err = call(*words, "--out", out)
    assert (
        code == 130
        and f"1 finished rows, and every finished epoch of the others, are saved in {out}" in err
    )
    folder = next((out / "rows").glob("T-5-*"))
    assert len(load_checkpoint(folder).info["history"]) == 2
    monkeypatch.setattr(Runner, "_report", original)
    code, resumed, err = call(*words, "--out", out)
    assert code == 0 and "rand-reset: found finished" in err
    assert without_times(json.loads(resumed)) == without_times(json.loads(whole))


def test_after_a_kill_the_same_command_goes_on_to_the_same_numbers(call, tmp_path):
    words = ["reproduce", NAME, "--json", *rows_of("relu"), "--threads", "1", "--out"]
    code, whole, _ = call(*words, tmp_path / "whole")
    assert code == 0
    words.append(str(tmp_path / "cut"))
    process = subprocess.Popen(
        [sys.executable, "-m", "eventsnn", *words], stdout=subprocess.DEVNULL
    )
    while process.poll() is None:
        if list(tmp_path.glob("cut/rows/relu-*/model.safetensors")):
            process.send_signal(signal.SIGKILL)
        time.sleep(0.002)
    assert not list(tmp_path.glob("cut/rows/relu-*/result.json"))
    code, resumed, err = call(*words)
    assert code == 0 and "found finished" not in err
    assert without_times(json.loads(resumed)) == without_times(json.loads(whole))


def test_a_row_brings_the_rows_that_it_needs_and_its_data_must_be_there(digits):
    rows, *others = chosen_rows(PAPER, ["noreset-swap"], digits)
    assert [row.name for row in rows] == ["noreset", "noreset-swap"] and others == [[], []]
    rows, skipped, beyond = chosen_rows(PAPER, [], digits)
    assert skipped == ["film-on-real", "real", "real-guesses"] and beyond == []
    assert len(rows) + len(skipped) == len(PAPER.rows)
    for k, row in enumerate(rows):
        assert set(row.needs) <= {before.name for before in rows[:k]}


def idx(path, array):
    shape = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    path.write_bytes(shape + array.astype(np.uint8).tobytes())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "paper 'nonsense': there are deep-spiking-networks"),
        ([NAME, "--only", "standart"], "row 'standart': deep-spiking-networks has relu, relu-swap"),
        ([NAME, "--only", "real"], "row real: its data are missing; add --data nmnist:PATH"),
        (
            [NAME, "--data", "cifar:x"],
            "data 'cifar:x': unknown kind 'cifar'; did you mean cifar10:x?",
        ),
        ([NAME, "--data", "mnist:nowhere"], "nowhere"),
        ([NAME, "--data", "mnist:small"], "takes images of 784 inputs and at most 10 classes"),
    ],
)
def test_wrong_words_are_one_line_with_the_remedy(call, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").mkdir()
    for half in ("train", "t10k"):
        idx(tmp_path / "small" / f"{half}-images-idx3-ubyte", np.ones((3, 5, 5)))
        idx(tmp_path / "small" / f"{half}-labels-idx1-ubyte", np.arange(3))
    code, out, err = call("reproduce", *words)
    assert code == 2 and out == ""
    assert message in err and err.count("\n") == 1 and "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_the_command_shows_tables_and_draws_small_figures_with_text(call, tmp_path):
    words = rows_of("noreset", "baseline", "film-guesses")
    code, out, err = call("reproduce", NAME, "--quick", *words, "--out", tmp_path, "--threads", 1)
    assert code == 0 and "Ablations, 4 epochs" in out and "Networks, 5 epochs" in out
    assert "not MNIST" not in out and "do not apply" in out and "published" in out
    assert "film: " in err
    result = json.loads((tmp_path / "result.json").read_text())
    assert len(result["figures"]) == 2
    for name in result["figures"]:
        svg = (tmp_path / name).read_text()
        assert len(svg) < 100_000 and re.search(r"<text[^>]*>(epoch|accuracy)", svg)
    last = result["rows"]["noreset"]["history"][-1]
    assert last["forward_spikes"] > last["backward_spikes"] > 0
    guesses = result["rows"]["film-guesses"]["guesses"]
    assert guesses[-1]["error"] == result["rows"]["film"]["test_error"]
    assert guesses[0]["additions"] < guesses[-1]["additions"]


def test_a_tenth_of_mnist_runs_two_rows_from_the_command_line(shared, call, tmp_path):
    words = (*QUICK, "--data", f"mnist:{shared / 'data' / 'mnist'}", *rows_of("baseline", "T-5"))
    code, out, _ = call(*words, "--out", tmp_path)
    result = json.loads(out)
    assert code == 0 and result["quick"] and not result["published_figures_apply"]
    assert result["rows"]["baseline"]["training_recordings"] == 6000
    assert result["rows"]["baseline"]["test_error"] < 20
    assert result["rows"]["T-5"]["test_error"] < 50


def test_published_figures_are_compared_with_mnist_only(shared):
    word = f"mnist:{shared / 'data' / 'mnist'}"
    mnist, digits = PaperData(PAPER, [word]), PaperData(PAPER, ["digits"])
    assert mnist.figures_apply and mnist.note == ""
    assert "a tenth of the images" in PaperData(PAPER, [word], "quick").note
    assert not digits.figures_apply and "digits is not MNIST" in digits.note


def test_the_page_is_what_its_json_says():
    folder = Path(__file__).resolve().parents[1] / "docs" / "results"
    result = json.loads((folder / f"{NAME}.json").read_text())
    pages = runpy.run_path(str(folder / "paper_page.py"))["paper_pages"](result)
    assert len(pages) == 3
    for name, page in pages.items():
        assert (folder / f"{name}.md").read_text() == "\n".join(page) + "\n"
    lines = [line for page in pages.values() for line in page]
    # An older version may have written it: its rows and options are compared below.
    assert result["published_figures_apply"] and result["version"]
    for name in result["figures"]:
        assert f"]({name})" in "\n".join(lines) and (folder / name).stat().st_size < 100_000
    # What stands in the JSON is what these rows and options are today.
    seeds = {row.name: row for row in PAPER.rows}
    assert set(seeds) == {name for name in result["rows"] if "-seed" not in name}
    compared = compare(PAPER, result["rows"], on_mnist)
    assert [one.to_json for one in compared] == result["comparison"]


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "9" * 5000, "\x00"], ids=lambda t: t[:4])
def test_a_kept_result_that_cannot_be_read_is_one_line(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=r"cannot be read .*; delete it"):
        read_result(tmp_path)

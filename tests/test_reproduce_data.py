"""Rows on any reader's data, weights that others released, tiers, and figures that are shown."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from eventsnn import register
from eventsnn.data.dataset import DataSet
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.reproduce import PAPERS
from eventsnn.reproduce import data as opened
from eventsnn.reproduce.command import reproduce
from eventsnn.reproduce.data import PaperData
from eventsnn.reproduce.deep_spiking.paper import PAPER as DEEP
from eventsnn.reproduce.judges import AtLeast, AtMost, Beside, Shown, Within
from eventsnn.reproduce.need import Need
from eventsnn.reproduce.originals import MNIST, N_MNIST, is_n_mnist
from eventsnn.reproduce.paper import Figure, Paper, Row
from eventsnn.reproduce.released import Released

IMAGES = Need("images", events=False, example="mnist:PATH", inputs=784, classes=10, word="digits",
              original=MNIST)  # fmt: skip
EVENTS = Need("recordings", events=True, example="nmnist:PATH", sensor=(2, 34, 34), classes=10,
              film_of=IMAGES, original=N_MNIST)  # fmt: skip
NETWORK = Released("network", {"w": (2, 3), "b": (3,)})
TRAIN = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
TEST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)


class Silent:
    def row_begins(self, row):
        pass

    row_moves = row_ends = lambda *_: None


def count(context, options):
    return {"accuracy": 98.7, "samples": len(context.data.train), "options": dict(options)}


def add(context, options):
    return {"accuracy": float(context.released["w"].sum()), "names": list(context.released)}


def paper(*rows, published=(), **more):
    return Paper("made-up", "Made up", "nowhere", rows, published, **more)


def on_events(**more):
    row = Row("nmnist-800", "800 neurons", count, EVENTS, **more)
    return paper(row, published=(Figure("nmnist-800", "accuracy", 98.66, Within(0.2)),))


def run(made, words, out, tier="default", only=()):
    return reproduce(made, PaperData(made, words, tier), only, out, 1, Silent())


def batch(counts, rng, shape=(2, 34, 34)):
    label = rng.permutation(np.repeat(np.arange(10), counts))
    n = len(label)
    t, unit = np.zeros(n, np.int32), rng.integers(0, 2312, n).astype(np.uint16)
    duration = np.full(n, 300_000)
    return EventBatch(t, unit, np.arange(n + 1), label, duration, shape, "drawn")


@pytest.fixture(scope="module")
def all_recordings():
    """As many recordings a class as N-MNIST has, of one event each."""
    rng = np.random.default_rng(0)
    return DataSet("nmnist:all", batch(TRAIN, rng), batch(TEST, rng))


@pytest.fixture
def opens(monkeypatch):
    """Make a word open a given data set."""

    def use(data):
        known = opened.open_data
        monkeypatch.setattr(
            opened, "open_data", lambda word, **_: data if word == data.spec else known(word)
        )
        return data.spec

    return use


def test_a_figure_of_n_mnist_is_judged_on_all_its_recordings(opens, all_recordings, tmp_path):
    result = run(on_events(), [opens(all_recordings)], tmp_path)
    (found,) = result["comparison"]
    assert found["verdict"] == "met" and found["tolerance"] == 0.2
    assert result["rows"]["nmnist-800"]["samples"] == 60_000
    assert result["outcomes"] == {"met": 1, "missed": 0, "shown": 0}
    assert run(on_events(), ["nmnist:all"], tmp_path, "quick")["comparison"] == []


@pytest.mark.parametrize("change", ["emulated", "one fewer", "other labels"])
def test_a_figure_of_n_mnist_is_shown_on_anything_else(opens, all_recordings, tmp_path, change):
    data = replace(all_recordings, spec="mine:some")
    if change == "emulated":
        data = replace(data, emulated=True)
    elif change == "one fewer":
        data = replace(data, test=data.test.part(0, len(data.test) - 1))
    else:
        data = replace(data, train=batch((6000,) * 10, np.random.default_rng(1)))
    assert is_n_mnist(all_recordings) and not is_n_mnist(data)
    result = run(on_events(), [opens(data)], tmp_path)
    (found,) = result["comparison"]
    assert found["verdict"] == "shown" and found["published"] == 98.66
    assert "recordings of mine:some, not all of N-MNIST" in found["reason"]
    assert ("emulated" in found["reason"]) == (change == "emulated")
    assert result["outcomes"]["shown"] == 1


def test_without_recordings_the_images_are_filmed_and_nothing_calls_them_n_mnist(tmp_path):
    data = PaperData(on_events(), [])
    reason = data.standing(on_events().rows[0])
    assert data.words == {"images": "digits"} and data.open(EVENTS).emulated
    assert reason == "1,797 emulated recordings of digits, not all of N-MNIST"
    # The film of a test image is the same, however many were filmed.
    few = PaperData(on_events(), [], "quick").open(EVENTS).test
    many = data.open(EVENTS).test
    assert 0 < len(few) < len(many)
    np.testing.assert_array_equal(few.t, many.part(0, len(few)).t)


def test_shown_figures_are_printed_with_their_reason(call, tmp_path):
    register(on_events())
    try:
        code, out, _ = call("reproduce", "made-up", "--threads", 1, "--out", tmp_path)
    finally:
        PAPERS.joined = []
    assert code == 0 and "shown" in out and "98.66" in out
    assert "800 neurons is shown: 1,797 emulated recordings of digits" in " ".join(out.split())


def test_the_words_of_any_reader_go_to_the_rows_that_they_fit(opens, tmp_path, call):
    film = tmp_path / "film.npz"
    code, _, _ = call("film", "digits", "--limit", 40, "--out", film)
    assert code == 0
    data = PaperData(DEEP, [f"events:{film}"])
    assert data.words == {"images": "digits", "film": f"events:{film}"}
    rng = np.random.default_rng(2)
    mine = DataSet("mine:real", batch((3,) * 10, rng), batch((1,) * 10, rng))
    data = PaperData(DEEP, [opens(mine), "digits"])
    assert data.words == {"recordings": "mine:real", "images": "digits"}
    assert len(data.open(DEEP.row("real").data).train) == 30


OUTSIDE = """
from typing import ClassVar
import numpy as np
import eventsnn
from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.data.readers.reader import Reader
from eventsnn.reproduce.data import PaperData
from eventsnn.reproduce.deep_spiking.paper import PAPER

@eventsnn.register
class Drawn(Reader):
    kind: ClassVar[str] = "drawn"
    forms: ClassVar[tuple[str, ...]] = ("drawn:NAME",)

    def open(self, word, limit, progress):
        ten = Images(np.ones((10, 28, 28), np.uint8), np.arange(10))
        return DataSet(word.spec, ten, ten)

print(PaperData(PAPER, ["drawn:ones"]).words)
"""


def test_a_reader_from_outside_brings_data_to_a_paper():
    words = [sys.executable, "-c", OUTSIDE]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert out == "{'images': 'drawn:ones'}\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train": (3,) * 10 + (1,)}, "recordings of 2x34x34, 2312 inputs and 11 classes"),
        ({"shape": (2, 40, 34)}, "recordings of 2x40x34, 2720 inputs and 10 classes"),
        ({"unlabelled": True}, "samples without a class"),
    ],
)
def test_data_that_no_row_takes_are_refused_with_what_fits(opens, change, said):
    rng, shape = np.random.default_rng(3), change.get("shape", (2, 34, 34))
    counts = change.get("train", (3,) * 10)
    label = np.repeat(np.arange(len(counts)), counts)
    label[0] = -1 if "unlabelled" in change else label[0]
    n = len(label)
    train = EventBatch(
        np.zeros(n, np.int32), rng.integers(0, 2312, n).astype(np.uint16), np.arange(n + 1),
        label, np.full(n, 1000), shape, "drawn",
    )  # fmt: skip
    word = opens(DataSet("mine:odd", train, train))
    with pytest.raises(UserError) as error:
        PaperData(on_events(), [word])
    text = str(error.value)
    assert text.startswith("data 'mine:odd': ") and said in text and "\n" not in text
    assert (
        "made-up takes recordings of 2x34x34 and at most 10 classes (nmnist:PATH), or images"
        in (text)
    )


def test_two_words_for_the_same_rows_are_refused(opens):
    rng = np.random.default_rng(4)
    mine = DataSet("mine:real", batch((3,) * 10, rng), batch((1,) * 10, rng))
    words = [opens(mine), "film:digits"]
    with pytest.raises(UserError, match="'mine:real' was given for the same rows; give one"):
        PaperData(on_events(), words)
    # Where some rows take one and some the other, both are right.
    assert PaperData(DEEP, words).words["film"] == "film:digits"


def with_weights(**more):
    return paper(
        Row("forward", "their network", add, IMAGES, released=NETWORK),
        Row("own", "ours", count, IMAGES),
        published=(Figure("forward", "accuracy", 15.0, AtLeast(14.9)),),
        **more,
    )


WEIGHTS = {"w": np.arange(6, dtype="f").reshape(2, 3), "b": np.zeros(3), "record": np.ones(9)}


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_row_reads_the_released_weights_that_are_given(tmp_path, suffix):
    file = tmp_path / f"theirs.{suffix}"
    save_file(WEIGHTS, file) if suffix == "safetensors" else np.savez(file, **WEIGHTS)
    word = f"checkpoint:{file}"
    result = run(with_weights(), [word], tmp_path / "out")
    assert result["rows"]["forward"]["accuracy"] == 15.0 and result["data"]["network"] == word
    assert result["rows"]["forward"]["names"] == ["w", "b"] and result["skipped"] == []
    # Other weights are another run; the row that reads none is found finished.
    other = tmp_path / "other.npz"
    np.savez(other, **WEIGHTS | {"w": np.ones((2, 3))})
    result = run(with_weights(), [f"checkpoint:{other}"], tmp_path / "out")
    assert result["rows"]["forward"]["accuracy"] == 6.0
    folders = [path.name.split("-")[0] for path in (tmp_path / "out" / "rows").iterdir()]
    assert sorted(folders) == ["forward", "forward", "own"]


def test_without_released_weights_their_row_is_left_out(tmp_path):
    result = run(with_weights(), [], tmp_path)
    assert result["skipped"] == ["forward"] and list(result["rows"]) == ["own"]
    with pytest.raises(UserError, match="row forward: its weights are missing; add --data check"):
        run(with_weights(), [], tmp_path, only=["forward"])


def test_a_row_whose_needed_row_has_no_data_is_left_out_with_it(tmp_path):
    made = paper(
        Row("forward", "", add, IMAGES, released=NETWORK),
        Row("after", "", count, IMAGES, needs=("forward",)),
        Row("own", "", count, IMAGES),
    )
    result = run(made, [], tmp_path)
    assert result["skipped"] == ["forward", "after"] and list(result["rows"]) == ["own"]


class Evil:
    """What a pickle would run."""

    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"b": None}, "row forward: holds no array 'b'"),
        ({"w": np.zeros((3, 2))}, "w is float64 of shape (3, 2), not numbers of (2, 3)"),
        ({"w": np.zeros((2, 3), complex)}, "w is complex128 of shape (2, 3), not numbers"),
        ({"b": np.array([0, np.nan, 1])}, "b[1] is nan, not finite"),
        ({"b": np.array([Evil()] * 3, object)}, "pickled Python objects, which are never loaded"),
    ],
)
def test_weights_that_no_row_takes_are_refused_in_one_line(tmp_path, capsys, change, said):
    file = tmp_path / "theirs.npz"
    arrays = {name: array for name, array in (WEIGHTS | change).items() if array is not None}
    np.savez(file, **arrays)
    with pytest.raises(UserError) as error:
        PaperData(with_weights(), [f"checkpoint:{file}"])
    assert said in str(error.value) and "theirs.npz" in str(error.value)
    assert "\n" not in str(error.value) and capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("checkpoint:", "the path is missing; give checkpoint:FILE"),
        ("checkpoint:nowhere.npz", "nowhere.npz"),
        ("checkpoint:theirs.pt", "give weights as an .npz or .safetensors file"),
    ],
)
def test_a_word_of_weights_says_what_is_wrong_with_it(word, said):
    with pytest.raises(UserError, match=said):
        PaperData(with_weights(), [word])


def test_a_paper_without_released_weights_says_so(tmp_path, call):
    np.savez(tmp_path / "w.npz", **WEIGHTS)
    code, out, err = call("reproduce", DEEP.name, "--data", f"checkpoint:{tmp_path / 'w.npz'}")
    assert code == 2 and out == "" and err.count("\n") == 1
    assert "no row of this paper reads released weights; leave it out" in err


def tiers():
    return paper(
        Row("always", "", count, IMAGES, {"epochs": 20}, {"epochs": 5}, {"epochs": 100}),
        Row("usual", "", count, IMAGES, tier="default", needs=("always",)),
        Row("long", "", count, IMAGES, tier="full", needs=("usual",)),
        published=(
            Figure("always", "accuracy", 98.7, Within(0.1), full=True),
            Figure("usual", "accuracy", 99.7, Within(0.1)),
            Figure("long", "accuracy", 98.7, Beside()),
        ),
        seeds=(0, 1),
    )


@pytest.mark.parametrize(
    ("tier", "ran", "epochs"),
    [
        ("quick", ["always"], 5),
        ("default", ["always", "usual"], 20),
        ("full", ["always", "usual", "long"], 100),
    ],
)
def test_a_run_takes_the_rows_and_options_of_its_tier(tmp_path, tier, ran, epochs):
    result = run(tiers(), [], tmp_path, tier)
    assert list(result["rows"]) == ran and result["tier"] == tier
    assert result["rows"]["always"]["options"] == {"epochs": epochs}
    assert result["beyond_tier"] == [name for name in ("usual", "long") if name not in ran]
    # A row that is named is run in any tier, and with it what it needs.
    named = run(tiers(), [], tmp_path, tier, ["long"])
    assert list(named["rows"]) == ["always", "usual", "long"] and named["beyond_tier"] == []


@pytest.mark.parametrize(
    ("words", "tier"),
    [
        ([], "default"),
        (["--quick"], "quick"),
        (["--full"], "full"),
        (["--quick", "--full"], "full"),
    ],
)
def test_the_command_runs_the_tier_that_it_is_given_and_the_last_word_counts(
    call, tmp_path, words, tier
):
    register(tiers())
    try:
        code, out, _ = call("reproduce", "made-up", *words, "--json", "--out", tmp_path)
    finally:
        PAPERS.joined = []
    result = json.loads(out)
    assert code == 0 and result["tier"] == tier and result["quick"] == (tier == "quick")


def test_a_longer_run_judges_what_a_shorter_one_shows(monkeypatch, tmp_path):
    made = tiers()
    monkeypatch.setattr(PaperData, "standing", lambda self, row: "")
    short, long = (run(made, [], tmp_path, tier) for tier in ("default", "full"))
    verdicts = [[c.get("verdict") for c in r["comparison"]] for r in (short, long)]
    assert verdicts == [["shown", "missed"], ["met", "missed", None]]
    assert "--full runs all of it" in short["comparison"][0]["reason"]
    # What missed was run again with the other seed, and what it needs.
    assert [name for name in short["rows"] if "-seed" in name] == ["always-seed1", "usual-seed1"]
    assert short["comparison"][1]["seeds"] == [98.7, 98.7] and "spread" in short["comparison"][1]


@pytest.mark.parametrize(
    ("judge", "ours", "verdict"),
    [
        (Within(0.5), 9.5, "met"),
        (Within(0.5), 9.4, "missed"),
        (Within(0.5), 10.6, "missed"),
        (Within(0.5), None, "missed"),
        (AtLeast(9.0), 9.0, "met"),
        (AtLeast(9.0), 8.9, "missed"),
        (AtMost(9.0), 9.0, "met"),
        (AtMost(9.0), 9.1, "missed"),
        (AtMost(9.0), None, "missed"),
        (Shown("why"), 9.0, "shown"),
    ],
)
def test_judges_say_met_missed_or_shown(judge, ours, verdict):
    figure = Figure("row", "key", 10.0, judge)
    assert judge.judge(figure, {"row": {"key": ours}}).to_json()["verdict"] == verdict


@pytest.mark.parametrize(
    ("rows", "published", "said"),
    [
        (("a", "a"), (), "row a: two rows have this name"),
        (("a",), ("b",), "figure key of row 'b': there are a"),
    ],
)
def test_a_paper_that_contradicts_itself_is_refused(rows, published, said):
    with pytest.raises(UserError, match=said):
        paper(
            *(Row(name, "", count, IMAGES) for name in rows),
            published=tuple(Figure(row, "key", 1.0, Shown("why")) for row in published),
        )


def test_rows_that_need_what_comes_later_or_runs_seldom_are_refused():
    one, two = Row("one", "", count, IMAGES, tier="full"), Row("two", "", count, IMAGES)
    with pytest.raises(UserError, match="row two: needs 'one', which does not stand before it"):
        paper(replace(two, needs=("one",)), one)
    with pytest.raises(UserError, match="row two: has tier quick and needs one, of tier full"):
        paper(one, replace(two, needs=("one",)))
    with pytest.raises(UserError, match="row one: tier 'slow'; give one of quick, default, full"):
        paper(replace(one, tier="slow"))
    with pytest.raises(UserError, match="another need is called 'images'; rename one"):
        PaperData(paper(one, replace(two, data=replace(IMAGES, inputs=5))), [])
    with pytest.raises(UserError, match="another need is called 'images'; rename one"):
        PaperData(paper(one, replace(two, released=Released("images", {}))), [])


def test_the_result_is_plain_json(tmp_path):
    result = run(tiers(), [], tmp_path)
    assert json.loads((tmp_path / "result.json").read_text()) == result

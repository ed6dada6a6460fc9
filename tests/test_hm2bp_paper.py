"""The rows of HM2-BP's paper: the released network, what judges them, alpha, the page's tables."""

import numpy as np
import pytest

from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.events import EventBatch, EventStream
from eventsnn.reproduce import papers
from eventsnn.reproduce.hm2bp.alpha import alpha_of_a_synapse
from eventsnn.reproduce.hm2bp.drawn import draw, tables
from eventsnn.reproduce.hm2bp.paper import SPEECH
from eventsnn.reproduce.hm2bp.published import BEST, LOGGED, NOT_RUN
from eventsnn.reproduce.hm2bp.released import NETWORK, evaluate_released, weights_of
from eventsnn.reproduce.hm2bp.training import train_row
from eventsnn.reproduce.judges import Shown
from eventsnn.reproduce.paper import RowContext
from eventsnn.reproduce.released import read_released

PAPER = papers()["hm2bp"]


def context(data, folder, released=None, seed=0, stop=None):
    folder.mkdir(exist_ok=True)
    calls = []

    def report(done, total, note):
        calls.append(done)
        if stop is not None and len(calls) > stop:
            raise KeyboardInterrupt

    return RowContext(data, seed, folder, {}, {}, report, released or {})


def mnist(shared, n):
    from eventsnn.data.readers import readers
    from eventsnn.data.word import word_of

    word = f"mnist:{shared / 'data' / 'mnist'}"
    reader = readers()["mnist"]()
    train, test = reader.images(word_of(word, reader.names))
    chosen = np.arange(0, len(test), len(test) // n)[:n]
    return DataSet(word, train, Images(test.images[chosen], test.labels[chosen], "mnist"))


@pytest.fixture
def released(shared):
    found = read_released(f"checkpoint:{shared / 'golden' / 'hm2bp' / 'cnn_checkpoint.npz'}")
    assert not NETWORK.misfit(found)
    assert not any(found[name].any() for name in found if name.startswith("b_"))
    assert (found["lat_out"] == np.eye(10) - 1).all()
    return NETWORK.taken(found)


def test_the_released_network_reads_mnist_and_goes_on_where_it_was_stopped(
    shared, released, tmp_path
):
    data = mnist(shared, 500)
    whole = evaluate_released(context(data, tmp_path / "whole", released), {})
    assert whole["accuracy"] >= 98.4 and whole["images"] == 500
    # A fifth of them is a small sample: the spikes of an image vary by a fifth.
    for name, expected in {"conv1": 21357, "conv2": 20817, "hidden1": 2516, "output": 39.7}.items():
        assert whole[f"spikes_{name}"] == pytest.approx(expected, rel=0.08)
    with pytest.raises(KeyboardInterrupt):
        evaluate_released(context(data, tmp_path / "cut", released, stop=1), {})
    assert evaluate_released(context(data, tmp_path / "cut", released), {}) == whole


def test_released_weights_keep_their_places(released):
    first, one, second, _, hidden, out = weights_of(released)
    assert first[3 * 5 + 1, 7] == released["w_conv1"][7, 0, 3, 1] and one == 1
    assert second[(2 * 5 + 4) * 15 + 6, 33] == released["w_conv2"][33, 6, 2, 4]
    channel, row, column = 11, 2, 3
    theirs = channel * 16 + row * 4 + column
    assert hidden[(row * 4 + column) * 40 + channel, 5] == released["w_hid"][5, theirs]
    assert out[17, 9] == released["w_out"][9, 17]


def test_every_logged_point_and_published_row_has_its_figure():
    keys = {(figure.row, figure.key): figure for figure in PAPER.published}
    for row, points in LOGGED.items():
        assert {f"epoch_{e}" for e in points} <= {key for name, key in keys if name == row}
    assert {(row, "best") for row in BEST} <= set(keys)
    assert keys["mnist-800", "best"].full
    rows = {"mnist-800": {"epoch_0": 97.05, "epoch_9": 98.78}}
    for key, outcome in (("epoch_0", "met"), ("epoch_9", "missed")):
        figure = keys["mnist-800", key]
        assert figure.judge.judge(figure, rows).outcome == outcome


def test_rows_that_need_hours_are_full_and_ablations_leave_one_part_out():
    tiers = {row.name: row.tier for row in PAPER.rows}
    assert [n for n, tier in tiers.items() if tier == "full"] == ["mnist-cnn", "mnist-cnn-plain"]
    base = PAPER.row("mnist-800").options
    for row in PAPER.rows:
        if row.name.startswith("mnist-800-no-"):
            changed = {k: v for k, v in row.options.items() if base.get(k, True) != v}
            assert len(changed) == 2 and changed.pop("epochs") == 5
            assert list(changed.values()) == [False]
    assert PAPER.row("mnist-800").options_of("full")["epochs"] == 100


def words(n, seed):
    """Words of 78 channels: each digit speaks in its own 39 of them."""
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        unit = 7 * (k % 2) % 2 * 39 + rng.integers(0, 39, 900)
        t = np.sort(rng.integers(0, 300_000, 900))
        streams.append(EventStream(t, unit, (1, 1, 78), k % 2, 300_000))
    return EventBatch.from_streams(streams)


def test_spoken_digits_are_learned_beside_a_neighbour_that_judges_nothing(tmp_path):
    data = DataSet("speech:words", words(100, 0), words(20, 1))
    assert SPEECH.fits(data)
    for name in ("speech-400", "speech-reservoir"):
        row = PAPER.row(name)
        few = {"epochs": 8, "layers": [*row.options["layers"][:-1], 2]}
        found = train_row(context(data, tmp_path / name), row.options | few)
        assert found["accuracy"] >= 80 and found["options"]["rule"] == "hm2bp"
    judges = [f.judge for f in PAPER.published if f.row.startswith("speech-")]
    assert len(judges) == 4 and all(isinstance(judge, Shown) for judge in judges)


def test_alpha_hardly_moves_while_a_small_network_learns(tmp_path):
    nothing = Images(np.zeros((1, 2, 2), np.uint8), np.zeros(1, int), "none")
    row = PAPER.row("alpha")
    found = alpha_of_a_synapse(context(DataSet("none", nothing, nothing), tmp_path), row.options)
    assert len(found["alpha"]) == 25 and found["counts"][0] != found["counts"][-1]
    assert 0.005 < found["alpha_last"] < 0.05 and found["alpha_spread"] < 15


def test_the_page_names_the_rows_that_cannot_be_run_and_draws_what_was(tmp_path):
    rows = {
        "mnist-800": {"title": "MNIST", "accuracies": [97.0, 97.9]},
        "alpha": {"title": "alpha", "alpha": [0.02, 0.019]},
    }
    result = {"paper": "hm2bp", "rows": rows, "comparison": []}
    last = tables(result)[-1]
    assert [tuple(line) for line in last.rows] == list(NOT_RUN) and "EMNIST and TI46" in last.note
    assert draw(result, tmp_path) == ["hm2bp-learning-curves.svg", "hm2bp-alpha.svg"]
    assert all((tmp_path / name).read_text().startswith("<?xml") for name in draw(result, tmp_path))

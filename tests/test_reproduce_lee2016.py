"""Rows of Lee et al.: frames and their network, distortions, answers over operations."""

import numpy as np
import pytest

from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.events import EventBatch, EventStream
from eventsnn.reproduce.lee2016 import PAPER
from eventsnn.reproduce.lee2016 import frames as frames_file
from eventsnn.reproduce.lee2016.anytime import curve, on_frames
from eventsnn.reproduce.lee2016.frames import FrameJob, frame_network, frame_probabilities
from eventsnn.reproduce.lee2016.training import learn, trained
from eventsnn.reproduce.paper import RowContext


def recordings(n, seed, units=12):
    """A class lights its own third of the units; events of 100 ms."""
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        unit = rng.integers(0, 4, 60) + 4 * (k % 3)
        streams.append(EventStream(np.sort(rng.integers(0, 100_000, 60)), unit, (1, 1, units),
                                   k % 3, 100_000))  # fmt: skip
    return EventBatch.from_streams(streams)


def frame_of(stream, begin, end, units=12):
    x = np.zeros(units)
    x[stream.unit[(stream.t >= begin) & (stream.t < end)]] = 1
    return x


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def test_a_frame_network_is_that_of_matrices():
    data, net = recordings(9, 0), frame_network((12, 7, 3), np.random.default_rng(1))
    first, second = net.first.astype(float), net.second.astype(float)
    found = frame_probabilities(net, data, 5, 20_000.0)
    for k in range(9):
        for j in range(5):
            x = frame_of(data[k], 20_000 * j, 20_000 * (j + 1))
            said = softmax(np.maximum(x @ first, 0) @ second)
            np.testing.assert_allclose(found[k, j], said, rtol=1e-5, atol=1e-6)
    assert net.operations == 12 * 7 + 7 * 3


def test_a_step_of_a_frame_network_goes_down_the_gradient():
    data, net = recordings(3, 2), frame_network((12, 7, 3), np.random.default_rng(3))
    before = net.first.astype(float), net.second.astype(float)
    x, y = frame_of(data[1], 40_000, 60_000), np.eye(3)[data.label[1]]
    job = FrameJob(np.array([1]), np.array([2]), 20_000.0, 0.1)
    frames_file.learn_frames(net, data, job)

    def loss(first, second):
        return -np.log(softmax(np.maximum(x @ first, 0) @ second) @ y)

    for k, array in enumerate((net.first, net.second)):
        moved = (array.astype(float) - before[k]) / -0.1
        assert np.abs(moved).max() > 1e-3
        for at in list(np.ndindex(array.shape))[::5]:
            sides = []
            for sign in (1, -1):
                both = [w.copy() for w in before]
                both[k][at] += sign * 1e-5
                sides.append(loss(*both))
            assert moved[at] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-4)


OPTIONS = {
    **next(row for row in PAPER.rows if row.name == "film-200").options,
    "layers": "12-20-3", "epochs": 5, "last": 2, "every": 2, "alpha": 1.5, "output_alpha": 1.5,
    "crop": 40, "rate": 0.01,
}  # fmt: skip


def context(folder, found=None, data=None):
    data = data or DataSet("rows", recordings(60, 0), recordings(12, 1))
    folder.mkdir(exist_ok=True)
    return RowContext(data, 0, folder, found or {}, {"net": folder.parent / "net"}, lambda *_: None)


def test_a_row_counts_its_last_epochs_and_the_network_that_it_saved_answers_over_operations(
    tmp_path,
):
    here = context(tmp_path / "net")
    result = learn(here, OPTIONS)
    tested = {row["epoch"]: row["accuracy"] for row in result["history"] if "accuracy" in row}
    assert list(tested) == [2, 4, 5] and result["accuracy"] == (tested[4] + tested[5]) / 2
    assert result["lowest"] <= result["accuracy"] <= result["highest"] and result["accuracy"] > 60
    state = trained(context(tmp_path / "again"), "net", OPTIONS)
    points = curve(state, here.data.test, [30, 60])
    assert points[-1]["accuracy"] == tested[5]
    adds = [p["operations"] for p in points]
    assert adds == sorted(adds) and adds[-1] == pytest.approx(result["operations"])
    options = {"trained": "net", "network": OPTIONS, "marks_ms": [30, 60], "sizes": [12, 20, 3],
               "frames": 5, "frame_ms": 20, "epochs": 4, "rate": 0.05}  # fmt: skip
    found = on_frames(context(tmp_path / "frames", {"net": result}), options)
    assert found["frames_operations"] == 5 * (12 * 20 + 20 * 3)
    assert found["ratio"] == found["frames_operations"] / found["operations"]
    assert found["all_frames"] >= found["one_frame"] > 60
    again = on_frames(context(tmp_path / "frames", {"net": result}), options)
    assert again == found


def test_the_epoch_is_chosen_by_the_last_training_samples_where_a_row_says_so(tmp_path):
    pixels = np.zeros((60, 3, 4), np.uint8)
    pixels[np.arange(60), np.arange(60) % 3] = 255
    data = DataSet("rows", Images(pixels, np.arange(60) % 3), Images(pixels[:9], np.arange(9) % 3))
    options = OPTIONS | {"chosen": 12, "elastic": 0.2, "epochs": 4, "every": 1, "test_us": 50_000}
    result = learn(context(tmp_path / "net", data=data), options)
    best = max(row["chosen_by"] for row in result["history"])
    chosen = result["history"][result["chosen_epoch"] - 1]
    assert chosen["chosen_by"] == best and result["accuracy"] == chosen["accuracy"]
    assert result["learning_spikes_per_recording"][0] > 100


def test_a_network_without_a_right_answer_in_an_epoch_learns_no_further(tmp_path):
    options = OPTIONS | {"alpha": 200.0, "output_alpha": 200.0}
    result = learn(context(tmp_path), options)
    assert result["silent"] == len(result["history"]) == 1
    assert result["accuracy"] == result["highest"] == 0.0
    again = learn(context(tmp_path), options)  # stopped before the result was written
    assert again["history"] == result["history"]
    assert "silent" not in learn(context(tmp_path / "alive"), OPTIONS)

"""Answers of outputs: the highest score, and none where the output was silent."""

import json

import numpy as np
import pytest

from eventsnn.commands.results import pooled
from eventsnn.data.dataset import DataSet
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CountTarget, CrossEntropy, FirstSpike
from eventsnn.losses.answers import NO_ANSWER, answers, told, unanswered
from eventsnn.measure.measurement import measure
from eventsnn.measure.mistakes import confusion, mistakes
from eventsnn.measure.own import measure_own
from eventsnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from eventsnn.train.listener import Listener
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Trainer

INF = np.inf


@pytest.mark.parametrize(
    ("loss", "outputs", "expected"),
    [
        (CountTarget(), [[0, 0, 0], [0, 2, 1], [3, 1, 3], [0, 0, 1]], [-1, 1, 0, 2]),
        (CrossEntropy("counts", 0.3), [[0, 0, 0], [2, 2, 2]], [-1, 0]),
        (CrossEntropy("maximum"), [[0, 0, 0], [-1, -2, -0.5], [0, -1, 0]], [-1, 2, 0]),
        (FirstSpike(100.0), [[INF, INF, INF], [INF, 70, 90], [50, INF, 50]], [-1, 1, 0]),
    ],
)
def test_a_silent_output_is_no_answer_and_of_equal_classes_the_lowest_is_one(
    loss, outputs, expected
):
    scores = loss(np.array(outputs, float), np.zeros(len(outputs), int)).scores
    assert answers(scores).tolist() == expected
    assert unanswered(answers(scores)) == expected.count(-1)


def test_no_answer_is_a_mistake_that_is_taken_for_nothing():
    labels, said = np.array([0, 1, 0]), np.array([NO_ANSWER, 1, 1])
    assert confusion(labels, said, 2) == [[0, 1], [0, 1]]
    assert [row["prediction"] for row in mistakes(labels, said, "test")] == [None, 1]
    assert told(2) == 2


def one_class_after_another(n=8, units=6):
    """Recordings of class 0 and 1 whose events are in the left and the right half."""
    streams = []
    for k in range(n):
        unit = np.arange(20) % (units // 2) + (k % 2) * units // 2
        streams.append(EventStream(np.arange(20) * 10, unit, (1, 1, units), k % 2, duration=400))
    return EventBatch.from_streams(streams, "halves")


GRADIENT = {"rule": "adjoint", "layers": (6, 2), "init_spikes": 2.0, "dropout": 0.0, "batch": 4}


@pytest.mark.parametrize("reads", ["counts", "integral", "first-spike", "herding"])
def test_recordings_without_an_answer_are_wrong_everywhere_and_counted(reads, tmp_path, call):
    batch = one_class_after_another()
    data = DataSet("halves", batch, batch)
    given = {"rule": "herding", "layers": (6, 2), "n_steps": 2}
    if reads == "first-spike":
        given = GRADIENT | {"rule": "eventprop", "loss": "first-spike", "threshold": 0.01}
        given |= {"init_spikes": 0.1}
        del given["dropout"]
    elif reads != "herding":
        given = GRADIENT | {"reads": reads}
    trainer = Trainer(completed(make_options(given | {"epochs": 1}), data), data, tmp_path)
    summary = trainer.run(Listener())
    assert set(summary["no_answer"]) == {"test", "train"}
    assert "no_answer" in summary["history"][0]
    # The right half says class 1; of the left half nothing is heard.
    array = np.zeros((6, 2), np.float32)
    array[3:, 1] = 2.0
    checkpoint = load_checkpoint(tmp_path)
    name = "weight0" if reads == "herding" else "weights.0"
    array = array.astype(checkpoint.arrays[name].dtype)
    save_checkpoint(tmp_path, Checkpoint(checkpoint.arrays | {name: array}, checkpoint.info))
    learner, _ = _opened(tmp_path)
    found = learner.evaluate(batch, 1)
    assert found["predictions"] == [-1, 1] * 4
    assert (found["accuracy"], found["no_answer"]) == (0.5, 4)
    if reads == "herding":
        measured = measure_own(learner.rule, learner.state, batch, (), 1)
    else:
        measured = measure(*learner.reading, batch)
        assert measured.result["anytime"]["at_end"]["accuracy"] == 0.5
    assert (measured.result["accuracy"], measured.result["no_answer"]) == (0.5, 4)
    np.save(tmp_path / "left.npy", _structured(batch[0]))
    code, out, _ = call("simulate", tmp_path, tmp_path / "left.npy", "--json")
    assert code == 0 and json.loads(out)["prediction"] is None
    code, out, _ = call("simulate", tmp_path, tmp_path / "left.npy")
    assert code == 0 and "prediction no answer" in out


def _opened(folder):
    from eventsnn.train.model import open_model

    return open_model(folder)


def _structured(stream):
    out = np.zeros(len(stream.t), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "<i1")])
    out["t"], out["x"] = stream.t, stream.x
    return out


def test_halves_of_unequal_sizes_weigh_as_much_as_they_have_recordings():
    train = {"accuracy": 1.0, "recordings": 30, "no_answer": 0}
    train |= {"spikes_per_recording": [4.0, 8.0], "operations_per_recording": [40.0]}
    test = {"accuracy": 0.5, "recordings": 10, "no_answer": 3}
    test |= {"spikes_per_recording": [0.0, 4.0], "operations_per_recording": [80.0]}
    assert pooled([train, test]) == {
        "accuracy": 0.875,
        "recordings": 40,
        "no_answer": 3,
        "spikes_per_recording": [3.0, 7.0],
        "operations_per_recording": [50.0],
    }


def test_evaluate_says_how_many_got_no_answer(tmp_path, call):
    from eventsnn.data.readers.film_file import write_film

    film = tmp_path / "halves.events"
    write_film(film, [one_class_after_another(20)])
    words = ("--rule", "adjoint", "--reads", "counts", "--layers", "6-2", "--epochs", 1)
    code, _, err = call("train", "--data", f"events:{film}", *words, "--out", tmp_path / "run")
    assert code == 0, err
    checkpoint = load_checkpoint(tmp_path / "run")
    silent = {"weights.0": np.zeros((6, 2), np.float32)}
    save_checkpoint(tmp_path / "run", Checkpoint(checkpoint.arrays | silent, checkpoint.info))
    code, out, err = call("evaluate", tmp_path / "run", "--split", "all", "--mistakes")
    assert code == 0, err
    assert "accuracy 0.00% on 20 recordings" in out
    assert "no answer at 20 of 20 recordings" in out and "a 0, no answer" in out
    code, out, _ = call("evaluate", tmp_path / "run", "--split", "all", "--json")
    found = json.loads(out)
    assert found["no_answer"] == 20 and found["confusion"] == [[0, 0], [0, 0]]
    assert {row["prediction"] for row in found["mistakes"]} == {None}

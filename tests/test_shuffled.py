"""What a network knows of recordings whose times are shuffled."""

import json

import numpy as np
import pytest

import eventsnn as es
from eventsnn.measure.shuffled import shuffled_times


def batch():
    rng = np.random.default_rng(0)
    return es.EventBatch.from_streams(
        [
            es.EventStream(np.arange(n) * 7, rng.integers(0, 18, n), (2, 3, 3), label=n % 2)
            for n in (40, 1, 25)
        ]
    )


def test_pixels_keep_their_counts_and_recordings_their_times():
    events = batch()
    mixed = shuffled_times(events)
    assert np.array_equal(mixed.t, events.t) and np.array_equal(mixed.start, events.start)
    for k in range(3):
        ours, theirs = mixed[k].unit, events[k].unit
        assert np.array_equal(np.sort(ours), np.sort(theirs))
    assert not np.array_equal(mixed[0].unit, events[0].unit)
    assert np.array_equal(shuffled_times(events).unit, mixed.unit)
    assert not np.array_equal(shuffled_times(events, 1).unit, mixed.unit)
    # What comes before a recording changes nothing of it but its number.
    alone = shuffled_times(events.part(0, 1))
    assert np.array_equal(alone.unit, mixed[0].unit)
    with pytest.raises(es.UserError, match="seed is -1"):
        shuffled_times(events, -1)


def test_order_alone_tells_two_classes_apart_until_times_are_shuffled(tmp_path, call):
    # Pixel 0 and then 1, or 1 and then 0: counts say nothing.
    def stream(k):
        first = k % 2
        t = np.sort(np.random.default_rng(k).integers(0, 60_000, 20))
        unit = np.where(np.arange(20) < 10, first, 1 - first)
        return es.EventStream(t, unit, (1, 1, 2), label=first, duration=60_000)

    streams = [stream(k) for k in range(180)]
    data = es.DataSet.from_streams("order", streams[:140], streams[140:])
    rule = es.rules.Adjoint(batch=8, rate=0.01, dropout=0.0, tau_us=15_000.0)
    model = es.Classifier("2-20-2", rule=rule, epochs=25, seed=0).fit(data)
    mixed = shuffled_times(data.test)
    assert model.score(data.test) > 0.9 > 0.75 > model.score(mixed)
    from eventsnn.data.readers.film_file import write_film

    model.save(tmp_path / "order")
    write_film(tmp_path / "o.events", [data.test])
    words = ("measure", tmp_path / "order", "--data", f"events:{tmp_path / 'o.events'}")
    code, out, _ = call(*words, "--split", "all", "--shuffle-times", "--json")
    found = json.loads(out)["shuffled_times"]
    assert code == 0 and found["accuracy"] < 0.75
    assert set(found["accuracy_of_class"]) == {"0", "1"}
    code, out, _ = call(*words, "--split", "all", "--shuffle-times")
    assert "with the times of events shuffled: " in out

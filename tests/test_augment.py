"""Event augmentation against plain geometry."""

import numpy as np
import pytest

from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.train.augment import NODE, Augmentation, _drawn, _places, _spline, augment


def some_recordings(n=6, shape=(2, 9, 11), events=200, seed=0):
    rng = np.random.default_rng(seed)
    return EventBatch.from_streams(
        [
            EventStream(
                np.sort(rng.integers(0, 999, events)),
                rng.integers(0, np.prod(shape), events),
                shape,
                label=k,
                duration=1000,
            )
            for k in range(n)
        ]
    )


class Fixed:
    """A generator whose uniform draws are all one number."""

    def __init__(self, value):
        self.value = value

    def uniform(self, low, high, size):
        return np.full(size, self.value)

    def integers(self, low, high, size, dtype):
        return np.zeros(size, dtype)


def test_nothing_to_change_gives_the_same_events():
    batch = some_recordings()
    order = np.array([4, 0, 2])
    out = augment(batch, order, Augmentation(), np.random.default_rng(0))
    expected = batch.select(order)
    for name in ("t", "unit", "start", "label", "duration"):
        np.testing.assert_array_equal(getattr(out, name), getattr(expected, name))
    assert not Augmentation() and Augmentation(drop=0.1)


def test_a_whole_shift_equals_the_shift_of_the_stream():
    batch = some_recordings()
    out = augment(batch, np.arange(6), Augmentation(shift=2), Fixed(1.0))
    for mine, stream in zip(out, batch, strict=True):
        moved = stream.shift(2, 2)
        np.testing.assert_array_equal(mine.unit, moved.unit)
        np.testing.assert_array_equal(mine.t, moved.t)


def test_a_quarter_turn_moves_x_onto_y():
    shape, size = (2, 7, 7), 7
    batch = some_recordings(2, shape)
    out = augment(batch, np.arange(2), Augmentation(rotate=90), Fixed(1.0))
    for mine, stream in zip(out, batch, strict=True):
        np.testing.assert_array_equal(mine.x, size - 1 - stream.y)
        np.testing.assert_array_equal(mine.y, stream.x)
        np.testing.assert_array_equal(mine.polarity, stream.polarity)


def test_scaling_spreads_events_about_the_middle():
    events = EventStream(np.arange(3), np.array([5, 15, 21]), (1, 1, 31))
    batch = EventBatch.from_streams([events])
    out = augment(batch, np.arange(1), Augmentation(scale=0.5), Fixed(1.0))
    assert out[0].x.tolist() == [0, 15, 24]


def test_the_dropped_share_is_what_was_asked():
    batch = some_recordings(40, events=1000)
    out = augment(batch, np.arange(40), Augmentation(drop=0.3), np.random.default_rng(1))
    kept = len(out.t) / len(batch.t)
    assert abs(kept - 0.7) < 4 * np.sqrt(0.21 / len(batch.t))
    assert len({tuple(np.isin(s.t, o.t)) for s, o in zip(batch, out, strict=True)}) == 40


def test_the_same_generator_gives_the_same_recordings():
    batch, change = some_recordings(), Augmentation(1.5, 10, 0.1, 0.2)
    a, b = (augment(batch, np.arange(6), change, np.random.default_rng(3)) for _ in range(2))
    c = augment(batch, np.arange(6), change, np.random.default_rng(4))
    np.testing.assert_array_equal(a.unit, b.unit)
    assert len(a.unit) != len(c.unit) or (a.unit != c.unit).any()


@pytest.mark.parametrize("name", ["shift", "rotate", "scale", "drop"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_impossible_amounts_are_refused(name, value):
    with pytest.raises(UserError, match=f"{name} is"):
        Augmentation(**{name: value})


def test_an_elastic_field_has_the_asked_spread_and_is_smooth():
    shape = 1, 34, 34
    places = _places(shape, _drawn(shape, Augmentation(elastic=1.5), 400, np.random.default_rng(0)))
    y, x = np.indices((34, 34))
    moved = places - np.stack([x, y], -1)
    assert abs(moved.std() - 1.5) < 0.1 and abs(moved.mean()) < 0.1
    # Neighbours move alike, pixels a few nodes apart do not.
    near = (moved[:, :, 1:] - moved[:, :, :-1]).std()
    far = (moved[:, :, 30] - moved[:, :, 2]).std()
    assert near < 0.35 and abs(far - 1.5 * np.sqrt(2)) < 0.15


def test_an_elastic_field_is_the_spline_through_its_nodes():
    from scipy.interpolate import BSpline

    rows = _spline(34)
    for k in range(rows.shape[1]):
        # The cubic B-spline that rises at node k - 3 and falls at node k + 1.
        basis = BSpline.basis_element(np.arange(k - 3, k + 2), extrapolate=False)
        expected = np.nan_to_num(basis(np.arange(34) / NODE))
        np.testing.assert_allclose(rows[:, k], expected, atol=1e-12)


def test_scatter_moves_each_event_by_itself():
    events = EventStream(np.arange(6000), np.full(6000, 17 * 35 + 17), (1, 35, 35))
    batch = EventBatch.from_streams([events])
    out = augment(batch, np.arange(1), Augmentation(scatter=1.5), np.random.default_rng(0))
    for place in (out[0].x, out[0].y):
        values, counts = np.unique(place, return_counts=True)
        assert values.tolist() == [16, 17, 18]
        assert np.abs(counts - 2000).max() < 4 * np.sqrt(6000 * 2 / 9)


def test_jitter_moves_times_within_the_recording_and_sorts_them():
    batch = some_recordings(20)
    out = augment(batch, np.arange(20), Augmentation(jitter_us=50), np.random.default_rng(0))
    assert len(out.t) == len(batch.t)
    for mine, stream in zip(out, batch, strict=True):
        assert (np.diff(mine.t) >= 0).all() and mine.t[0] >= 0 and mine.t[-1] < 1000
        assert sorted(mine.unit) == sorted(stream.unit)
        assert np.abs(np.sort(mine.t) - np.sort(stream.t)).max() <= 50
        assert (mine.t != stream.t).mean() > 0.5


def test_the_same_generator_gives_the_same_bent_recordings():
    batch = some_recordings()
    change = Augmentation(1, 8, 0.1, 0.5, 0.5, 20, 0.1)
    one, two = (augment(batch, np.arange(6), change, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.t, two.t)
    np.testing.assert_array_equal(one.unit, two.unit)


def test_threads_change_no_bit_of_augmented_recordings():
    rng = np.random.default_rng(3)
    streams = []
    for _ in range(7):
        n = int(rng.integers(0, 200))
        t = np.sort(rng.integers(0, 9_000, n))
        streams.append(EventStream(t, rng.integers(0, 200, n), (2, 10, 10), 0, 9_000))
    batch = EventBatch.from_streams(streams)
    change = Augmentation(2.0, 10.0, 0.1, 1.0, 0.5, 300.0, 0.2)
    order = np.array([6, 2, 2, 0, 5])
    one, many = (
        augment(batch, order, change, np.random.default_rng(4), threads) for threads in (1, 8)
    )
    assert len(one.t) > 50
    for field in ("t", "unit", "start", "label", "duration"):
        np.testing.assert_array_equal(getattr(one, field), getattr(many, field))

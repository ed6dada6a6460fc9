"""Shapes in motion: events where light changes, classes that only time tells apart."""

import numpy as np
import pytest

import eventsnn as es
from eventsnn.data.camera.moving import Motion, Retina, Seen, film_motion
from eventsnn.data.readers import motion
from eventsnn.data.readers.motion import CLASSES, OPPOSITE, outlines, recording

SIDES = (24, 32)


def even(on=0.25, off=0.2, sides=SIDES):
    """Return a sensor whose pixels are all alike."""
    return Retina(np.full(sides, on, np.float32), np.full(sides, off, np.float32), off, 0.13)


def filmed(moved, retina):
    """Return (t, polarity, row, column) of a film."""
    sides = retina.on.shape
    seen = Seen(np.empty(sides), np.empty(sides), np.empty(1 << 18, np.int64),
                np.empty(1 << 18, np.int32))  # fmt: skip
    n = film_motion(moved, retina, seen)
    assert n > 0
    return (seen.t[:n], *np.unravel_index(seen.unit[:n].astype(np.int64), (2, *sides)))


def disc(x, y, size=5.0, ink=0.7, step_us=1000.0):
    zeros = np.zeros(len(x))
    return Motion(np.ones(256), np.asarray(x, float), np.asarray(y, float), zeros, zeros, size,
                  size, ink, False, step_us)  # fmt: skip


def test_a_pixel_sends_the_events_that_its_light_asks_for():
    # The plain definition, for a disc that crosses the sensor: one pixel after the other.
    x = np.linspace(-10, 42, 105)
    t, polarity, row, column = filmed(disc(x, np.full(105, 11.0)), even())
    for place in ((11, 16), (8, 9), (15, 20)):
        r = np.hypot(place[1] - x, place[0] - 11.0)
        light = np.log(1 - 0.7 * np.clip(0.5 * (1 + 5.0 - r), 0, 1) + 0.13)
        memory, wanted = light[0], []
        for step in range(1, 105):
            threshold = 0.25 if light[step] > light[step - 1] else 0.2
            sign = 1 if light[step] > light[step - 1] else -1
            while sign * (light[step] - memory) >= threshold - 1e-6:
                memory += sign * threshold
                share = (memory - light[step - 1]) / (light[step] - light[step - 1])
                wanted.append((1000 * (step - 1 + share), (sign + 1) // 2))
        mine = (row == place[0]) & (column == place[1])
        assert len(wanted) >= 7 and mine.sum() == len(wanted)
        np.testing.assert_allclose(t[mine], [at for at, _ in wanted], atol=1.5)
        assert polarity[mine].tolist() == [which for _, which in wanted]


def test_the_front_darkens_and_the_back_grows_light():
    t, polarity, _, column = filmed(disc(np.linspace(-10, 42, 105), np.full(105, 11.0)), even())
    where = -10 + 52 * t / 104_000
    assert (column - where)[polarity == 0].mean() == pytest.approx(4.3, abs=0.8)
    assert (column - where)[polarity == 1].mean() == pytest.approx(-4.3, abs=0.8)


def movement(label, seed, sides=(64, 64)):
    rng = np.random.default_rng(seed)
    shapes = outlines("train")
    return motion._motion(label, shapes[int(rng.integers(len(shapes)))], sides, rng)


@pytest.mark.parametrize("label", range(12))
def test_a_movement_run_backwards_is_one_of_the_opposite_and_counts_the_same(label):
    moved = movement(label, 7 + label)
    back = moved._replace(**{name: getattr(moved, name)[::-1].copy()
                             for name in ("x", "y", "angle", "phase")})  # fmt: skip
    other = movement(OPPOSITE[label], 7 + label)
    assert OPPOSITE[OPPOSITE[label]] == label != OPPOSITE[label]
    assert other.step_us == moved.step_us and len(other.x) == len(moved.x)
    for name in ("x", "y", "angle", "phase"):
        ways = [np.diff(getattr(one, name))[:40] for one in (back, other)]
        np.testing.assert_allclose(ways[0], ways[1], atol=1e-9)
    maps = []
    for one in (moved, back):
        _, polarity, row, column = filmed(one, even(sides=(64, 64)))
        maps.append(np.zeros((2, 64, 64)))
        np.add.at(maps[-1], (polarity, row, column), 1)
    # What a pixel remembers of its last event differs, so that single counts may.
    assert maps[0].sum() > 1000
    assert abs(maps[0].sum((1, 2)) / maps[1].sum((1, 2)) - 1).max() < 0.1
    assert np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1] > 0.95


def test_recordings_depend_on_their_number_alone_and_the_halves_share_no_shape():
    retina = motion._retina((24, 32))
    one, again = (recording("train", 17, retina=retina) for _ in range(2))
    assert np.array_equal(one.t, again.t) and np.array_equal(one.unit, again.unit)
    assert one.label == 17 % 12 and one.shape == (2, 24, 32)
    assert not np.array_equal(recording("test", 17, retina=retina).t, one.t)
    assert all(radius.max() == 1 and radius.min() > 0.1 and len(radius) == 256
               for half in ("train", "test") for radius in outlines(half))  # fmt: skip
    for mine in outlines("train"):
        assert all(np.abs(mine - other).max() > 0.05 for other in outlines("test"))


def test_the_word_opens_both_halves_at_any_size(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    data = es.open_data("motion:24x32", limit=14)
    assert data.train.shape == (2, 24, 32) and len(data.train) == len(data.test) == 14
    assert data.train.label.tolist() == [*range(12), 0, 1]
    assert data.emulated and "synthetic" in data.note and "8 turns right" in data.note
    assert data.identity.absolute == "motion:24x32"
    assert es.open_data("motion:24x32", limit=14).identity.digest == data.identity.digest


@pytest.mark.parametrize(
    "word", ["motion:", "motion:9x9", "motion:24", "motion:24x9999", "motion:0x0"]
)
def test_other_sizes_are_refused(word):
    with pytest.raises(es.UserError, match="give motion, or motion:HEIGHTxWIDTH"):
        es.open_data(word)


def test_classes_are_named_once():
    assert len(set(CLASSES)) == len(CLASSES) == len(OPPOSITE) == 12

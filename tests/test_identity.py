"""What a data set was: noticed when it changes, found again from another folder."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from doors import fuzz, knock, spoiled_tree
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.data.dataset import DataSet
from eventsnn.data.digest import BLOCK_BYTES, digest_of
from eventsnn.data.identity import Identity
from eventsnn.data.images import Images
from eventsnn.data.source import absolute_of, open_data
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.train.own_data import changes

SHAPE = (2, 3, 4)


def batch(label=1, t=5, unit=2, duration=100, shape=SHAPE):
    first = EventStream([0, t], [1, unit], shape, label, duration)
    return EventBatch.from_streams([first, EventStream([7], [3], shape, 0, 100)])


def data(**changed):
    return DataSet("mine", batch(), batch(**changed))


def test_the_digest_is_the_sha_256_of_names_dtypes_shapes_and_cyclic_sums():
    # 0xcbf43926 is the check value that every description of CRC-32 gives for these nine bytes.
    nine = np.frombuffer(b"123456789", np.uint8)
    material = b"a |u1 (9,)\n" + bytes.fromhex("2639f4cb")
    assert digest_of({"a": nine}) == hashlib.sha256(material).hexdigest()[:32]


def test_the_digest_does_not_depend_on_byte_order_or_layout():
    array = np.arange(12, dtype=np.int32).reshape(3, 4)
    same = digest_of({"a": array})
    assert digest_of({"a": array.astype(">i4")}) == same
    assert digest_of({"a": np.asfortranarray(array)}) == same
    assert digest_of({"a": array.reshape(4, 3)}) != same
    assert digest_of({"b": array}) != same
    assert digest_of({"a": array.astype(np.int64)}) != same


@pytest.mark.parametrize("size", [1, BLOCK_BYTES, 2 * BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 7])
@pytest.mark.parametrize("place", [0, -1])
def test_one_changed_bit_of_an_array_changes_the_digest(size, place):
    large = np.zeros(size, np.uint8)
    before = digest_of({"a": large})
    large[place] ^= 4
    assert digest_of({"a": large}) != before


@pytest.mark.parametrize(
    "changed",
    [{"label": 0}, {"t": 6}, {"unit": 3}, {"duration": 101}, {"shape": (2, 4, 3)}],
    ids=lambda changed: next(iter(changed)),
)
def test_one_changed_value_of_either_half_makes_other_data(changed):
    same = data().identity.digest
    assert data().identity.digest == same
    assert data(**changed).identity.digest != same
    assert DataSet("mine", batch(**changed), batch()).identity.digest not in (
        same,
        data(**changed).identity.digest,
    )


def test_the_border_between_two_recordings_is_part_of_the_data():
    events, one = ([0, 0, 0], [1, 2, 3]), EventStream([0], [1], SHAPE, 0, 9)
    halves = [
        EventBatch.from_streams(
            [EventStream(*(a[part] for a in events), SHAPE, 0, 9) for part in parts]
        )
        for parts in ((slice(0, 1), slice(1, 3)), (slice(0, 2), slice(2, 3)))
    ]
    other = EventBatch.from_streams([one])
    first, second = (DataSet("mine", half, other).identity.digest for half in halves)
    assert first != second


def test_the_same_data_under_another_name_have_not_changed():
    first, second = (open_data(word, limit=5).identity for word in ("digits", "film:digits"))
    assert first.digest == second.digest and first.changes(second) == ""
    assert (first.sensor, first.recordings, first.emulated) == ((2, 34, 34), (5, 5), True)
    assert first.absolute == "digits" and second.absolute == "film:digits"


def test_images_have_an_identity_too():
    images = Images(np.zeros((2, 3, 4), np.uint8), np.array([0, 6]))
    found = DataSet("mine", images, images).identity
    assert (found.sensor, found.classes, found.emulated) == ((3, 4), 7, False)


def test_what_has_changed_is_said_in_one_line():
    was = data().identity
    assert was.changes(data().identity) == ""
    assert was.changes(data(t=6).identity).startswith(
        "the data 'mine' have changed: other events or labels (digest "
    )
    more = DataSet("mine", batch(), EventBatch.from_streams([*batch(), *batch()])).identity
    assert was.changes(more) == (
        "the data 'mine' have changed: recordings to train and test 2 + 2, now 2 + 4"
    )
    classes = data(label=5).identity
    assert was.changes(classes) == "the data 'mine' have changed: classes 2, now 6"
    assert was.changes(replace(was, spec="elsewhere", absolute="/elsewhere")) == ""


def test_of_fewer_recordings_in_either_half_nothing_can_be_said():
    two = EventBatch.from_streams([*batch(), *batch()])
    run = SimpleNamespace(data=DataSet("mine", two, two).identity)
    assert changes(run, DataSet("mine", two, two)) == ""
    for halves in ((two, two.part(0, 3)), (two.part(0, 3), two), (two.part(0, 1),) * 2):
        assert changes(run, DataSet("mine", *halves)) == ""
    more = EventBatch.from_streams([*two, *two])
    assert changes(run, DataSet("mine", more, two)) == ""
    moved = DataSet("mine", EventBatch.from_streams([*batch(t=6), *batch()]), two)
    assert "other events or labels" in changes(run, moved)


def test_the_absolute_word_opens_the_data_from_another_folder(tmp_path, monkeypatch):
    from eventsnn.data.readers.film_file import write_film

    (tmp_path / "a").mkdir()
    write_film(tmp_path / "a" / "f:1.st", [batch(), batch(), batch()])
    monkeypatch.chdir(tmp_path)
    was = open_data("events:a/f:1.st").identity
    monkeypatch.chdir(tmp_path / "a")
    with pytest.raises(UserError):
        open_data(was.spec)
    assert was.absolute == f"events:{tmp_path / 'a' / 'f:1.st'}"
    assert was.changes(open_data(was.absolute).identity) == ""


@pytest.mark.parametrize(
    ("spec", "absolute", "bare"),
    [
        ("digits", "digits", "digits"),
        ("nmnist:some/where", "nmnist:{}/some/where", "nmnist:where"),
        ("film:mnist:some/where", "film:mnist:{}/some/where", "film:mnist:where"),
        ("tonic:NMNIST:a:b/c", "tonic:NMNIST:{}/a:b/c", "tonic:NMNIST:c"),
        ("my gestures", "", "my gestures"),
    ],
)
def test_what_is_committed_names_no_folder(tmp_path, monkeypatch, spec, absolute, bare):
    monkeypatch.chdir(tmp_path)
    found = DataSet(spec, batch(), batch(), absolute=absolute_of(spec)).identity
    assert found.absolute == absolute.format(tmp_path)
    told = found.to_json(paths=False)
    assert (told["spec"], told["absolute"]) == (bare, "")


def test_an_identity_comes_back_from_json():
    found = data().identity
    assert Identity.from_json(json.loads(json.dumps(found.to_json())), "here") == found


@fuzz
@given(drawn=st.data())
def test_a_spoiled_identity_is_refused_or_taken_whole(drawn):
    good = data().identity.to_json()
    spoiled = drawn.draw(spoiled_tree(good))
    found = knock("identity of a data set", Identity.from_json, spoiled, "here")
    if found is not None:
        assert Identity.from_json(found.to_json(), "here") == found
        assert isinstance(found.changes(data().identity), str)


def test_a_wrong_field_is_named_with_its_value():
    good = data().identity.to_json()
    for name, value in (("digest", 7), ("sensor", [0, 1]), ("recordings", [True, 1])):
        with pytest.raises(DataError, match=f"here: {name} of the data is "):
            Identity.from_json(good | {name: value}, "here")
    del good["classes"]
    with pytest.raises(DataError, match="classes of the data is 'missing'"):
        Identity.from_json(good, "here")


def test_classes_are_counted_over_both_halves_and_none_where_nothing_is_labelled():
    assert data(label=5).n_classes == 6
    nothing = EventBatch.from_streams([EventStream([0], [0], SHAPE)])
    assert DataSet("mine", nothing, nothing).n_classes == 0
    assert DataSet("mine", nothing, batch()).n_classes == 2


def test_a_label_that_counts_no_classes_is_refused():
    with pytest.raises(UserError, match=r"recording 0 of the test half has the label 10000, more"):
        _ = data(label=10_000).n_classes

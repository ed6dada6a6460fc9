"""CIFAR-10: both forms read alike, real pictures, and every way in which a file can be broken."""

import io
import re

import numpy as np
import pytest
from doors import fuzz, knock, spoiled_bytes
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import eventsnn
from eventsnn.data.dataset import sensor_of
from eventsnn.data.images import Images
from eventsnn.data.readers.cifar10 import in_turn
from eventsnn.errors import DataError
from eventsnn.train.options import make_options
from eventsnn.train.trainable import check_trainable

BATCHES = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]


def record(label: int, colour: tuple[int, int, int]) -> bytes:
    return bytes([label]) + b"".join(bytes([c]) * 1024 for c in colour)


def binary(folder):
    for k, name in enumerate(BATCHES):
        (folder / name).write_bytes(record(k, (255, 0, 7)) + record(9, (1, 2, 3)))
    return folder


def jpeg(colour=(200, 30, 90), size=(32, 32), mode="RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def packed(folder, pictures=None, label=None, **arrays):
    pictures = [jpeg(), jpeg((0, 255, 0)), jpeg((0, 0, 255))] if pictures is None else pictures
    raw = np.frombuffer(b"".join(pictures), np.uint8)
    start = np.cumsum([0, *map(len, pictures)])
    given = {"bytes": raw, "start": start, "label": np.array([0, 0, 1] if label is None else label)}
    for half in ("train", "test"):
        np.savez(folder / f"cifar10_jpeg_{half}.npz", **(given | arrays))
    return folder


def opened(folder, **given):
    return eventsnn.open_data(f"cifar10:{folder}", **given)


def test_the_binary_version_is_read_as_planes_of_colours(tmp_path):
    data = opened(binary(tmp_path))
    assert data.train.images.shape == (10, 3, 32, 32) and data.test.images.shape == (2, 3, 32, 32)
    assert data.train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert data.train.images[0, :, 5, 6].tolist() == [255, 0, 7]
    assert (data.n_inputs, data.n_classes, data.note.partition(":")[0]) == (3072, 10, "CIFAR-10")


def test_jpeg_coded_pictures_say_so_and_stand_one_of_each_class_in_turn(tmp_path):
    data = opened(packed(tmp_path))
    assert data.note.startswith("JPEG-coded CIFAR-10, not the original pixels")
    assert data.train.labels.tolist() == [0, 1, 0]
    colours = data.train.images[:, :, 16, 16].astype(int)
    assert np.abs(colours - [[200, 30, 90], [0, 0, 255], [0, 255, 0]]).max() < 4
    assert len(opened(tmp_path, limit=2).train) == 2


def test_an_order_in_turn_takes_the_kth_of_each_class_before_the_next():
    label = np.array([2, 2, 0, 2, 1, 1, 0])
    assert in_turn(label).tolist() == [2, 4, 0, 6, 5, 1, 3]


def test_the_real_files_hold_every_class_alike(shared):
    data = opened(shared / "data" / "cifar10", limit=200)
    assert data.train.images.shape == (200, 3, 32, 32)
    assert np.bincount(data.train.labels).tolist() == [20] * 10
    # The mean colours of CIFAR-10 are .4914 .4822 .4465.
    means = data.train.images.mean((0, 2, 3)) / 255
    assert np.abs(means - [0.4914, 0.4822, 0.4465]).max() < 0.05


def test_images_fit_a_network_of_rows_and_columns(tmp_path):
    data = opened(binary(tmp_path))
    right, wrong = (
        make_options({"rule": "stbp", "layers": layers})
        for layers in ("32x32x3-8c3-10", "28x28x1-8c3-10")
    )
    check_trainable(right, data)
    with pytest.raises(eventsnn.UserError, match="give --layers 32x32x3-8c3-10"):
        check_trainable(wrong, data)
    grey = Images(np.zeros((3, 28, 28), np.uint8), np.arange(3))
    check_trainable(wrong, eventsnn.DataSet("made", grey, grey))
    assert (sensor_of(data.train), sensor_of(grey)) == ((3, 32, 32), (28, 28))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"label": [0, 0, 10]}, "picture 2 has the class 10; CIFAR-10 has 0 to 9"),
        ({"label": [0, -1, 1]}, "picture 1 has the class -1"),
        ({"label": [0, 1]}, "4 starts and 2 labels"),
        ({"label": [0.0, 1.0, 2.0]}, "no whole numbers label"),
        ({"start": [0, 9, 5, 7]}, "start does not rise"),
        ({"start": [0, 9, 15, 10**9]}, "start does not rise"),
        ({"bytes": np.zeros(5000, np.int16)}, "bytes of int16"),
        ({"pictures": [jpeg(), b"no picture", jpeg()]}, "picture 1: no readable JPEG"),
        ({"pictures": [jpeg(), jpeg()[:300], jpeg()]}, "picture 1: no readable JPEG"),
        ({"pictures": [jpeg(), jpeg(size=(32, 31)), jpeg()]}, "picture 1: 32 x 31 pixels"),
    ],
)
def test_a_broken_jpeg_file_is_refused_by_name(tmp_path, arrays, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        opened(packed(tmp_path, **arrays))
    assert "cifar10_jpeg_train.npz" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "0 bytes; the binary version"),
        (record(0, (1, 2, 3))[:-1], "3072 bytes; the binary version"),
        (record(10, (1, 2, 3)), "picture 0 has the class 10"),
    ],
)
def test_a_broken_binary_file_is_refused_by_name(tmp_path, raw, message):
    (binary(tmp_path) / "data_batch_3.bin").write_bytes(raw)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        opened(tmp_path)
    assert "data_batch_3.bin" in str(caught.value)


def test_a_folder_without_the_files_says_what_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"cifar10_jpeg_train.npz: no such file"):
        opened(tmp_path)
    with pytest.raises(DataError, match=r"give the one that holds data_batch_1.bin"):
        opened(tmp_path / "absent")


@fuzz
@given(data=st.data())
def test_a_spoiled_picture_is_read_or_refused(data, tmp_path):
    packed(tmp_path, [data.draw(spoiled_bytes(jpeg()))], [0])
    read = knock("cifar10: a JPEG", opened, tmp_path)
    if read is not None:
        assert read.train.images.shape == (1, 3, 32, 32)


def test_colours_of_another_number_of_dimensions_are_refused():
    with pytest.raises(DataError, match=re.escape("(n, colours, height, width)")):
        Images(np.zeros((2, 1, 3, 32, 32), np.uint8), np.arange(2))

"""IDX files: what MNIST's own look like, and every way in which one can be broken."""

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from eventsnn.data.images import Images
from eventsnn.data.readers import mnist
from eventsnn.errors import DataError, UserError
from eventsnn.files import unpack

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = [7, 0, 255]


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape) + bytes(
        values.ravel().tolist()
    )


def write(
    folder: Path, prefix: str = "train", images: bytes | None = None, labels: bytes | None = None
) -> Path:
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(IMAGES) if images is None else images)
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(
        idx(np.array(LABELS)) if labels is None else labels
    )
    return folder


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_every_usual_name_is_read(tmp_path, dot, gzipped, split, prefix):
    for kind, data in (("images", idx(IMAGES)), ("labels", idx(np.array(LABELS)))):
        name = f"{prefix}-{kind}{dot}idx{3 if kind == 'images' else 1}-ubyte"
        if gzipped:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (tmp_path / name).write_bytes(data)
    read = mnist.load(tmp_path, split)
    assert (read.images.tolist(), read.labels.tolist()) == (IMAGES.tolist(), LABELS)
    assert (read.images.dtype, read.labels.dtype, len(read)) == (np.uint8, np.int64, 3)


def test_real_mnist_has_its_known_first_labels_and_sizes(shared):
    train, test = (mnist.load(shared / "data" / "mnist", split) for split in ("train", "test"))
    assert (train.images.shape, test.images.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # The mean grey that everyone normalizes by, given to four digits.
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=0.00005)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (b"", "ends within its header, after 0 bytes"),
        (idx(IMAGES)[:10], "ends within its header, after 10 bytes"),
        (idx(np.array(LABELS)) + bytes(8), "magic number 0x00000801, not 0x00000803"),
        (idx(IMAGES)[:-1], "promises 3x4x5 bytes, more than the file can hold"),
        (idx(IMAGES) + b"\0", "bytes follow the 3x4x5 that the header promises"),
        (idx(IMAGES[:2]), "3 labels for the 2 images of train-images-idx3-ubyte"),
        (idx(IMAGES[:0]), "3 labels for the 0 images"),
        (struct.pack(">4I", 0x803, *[0xFFFFFFFF] * 3) + bytes(99), "more than the file can hold"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path, images, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        mnist.load(write(tmp_path, images=images))
    assert "train-" in str(caught.value) and "\n" not in str(caught.value)


def test_a_set_without_images_is_refused(tmp_path):
    with pytest.raises(DataError, match="give at least one"):
        mnist.load(write(tmp_path, images=idx(IMAGES[:0]), labels=idx(np.array([], int))))


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_a_truncated_gzip_file_is_refused_by_name(tmp_path, cut):
    packed = gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (3, 4, 5))))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(packed[:-cut])
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.array(LABELS)))
    with pytest.raises(DataError, match=r"images-idx3-ubyte\.gz: broken gzip file"):
        mnist.load(tmp_path)


def test_damaged_or_mistaken_gzip_files_are_refused(tmp_path):
    file = tmp_path / "x.gz"
    packed = bytearray(gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (3, 40, 50)))))
    packed[-6] ^= 1  # in the checksum
    file.write_bytes(bytes(packed))
    with pytest.raises(DataError, match=r"x.gz: broken gzip file"):
        mnist.read_idx(file, 3)
    file.write_bytes(b"neither")
    with pytest.raises(DataError, match=r"x.gz: ends within its header, after 7 bytes"):
        mnist.read_idx(file, 3)


def test_whether_a_file_is_gzipped_is_read_from_its_bytes_and_not_its_name(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(idx(np.array(LABELS)))
    read = mnist.load(tmp_path)
    assert (read.images.tolist(), read.labels.tolist()) == (IMAGES.tolist(), LABELS)


def test_a_plain_name_is_preferred_to_a_gzipped_one(tmp_path):
    for dot in ".-":
        name = tmp_path / f"train-images{dot}idx3-ubyte"
        name.with_name(f"{name.name}.gz").write_bytes(gzip.compress(idx(IMAGES[::-1])))
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.array(LABELS)))
    assert mnist.load(tmp_path).images.tolist() == IMAGES.tolist()


def test_names_are_read_in_upper_and_lower_case(tmp_path):
    (tmp_path / "T10K-IMAGES-IDX3-UBYTE.GZ").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "t10k-labels.IDX1-ubyte").write_bytes(idx(np.array(LABELS)))
    assert mnist.load(tmp_path, "test").labels.tolist() == LABELS
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(idx(np.array(LABELS)))
    if len(list(tmp_path.iterdir())) == 3:
        with pytest.raises(
            DataError, match=r"holds t10k-labels\.IDX1-ubyte and t10k-.*; leave one"
        ):
            mnist.load(tmp_path, "test")


def test_a_gzip_bomb_is_not_unpacked_beyond_what_its_header_promises(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "_SMALL_BYTES", 100_000)
    file = tmp_path / "bomb.gz"
    file.write_bytes(gzip.compress(idx(IMAGES) + bytes(5_000_000)))
    with pytest.raises(DataError, match="bytes follow the 3x4x5"):
        mnist.read_idx(file, 3)
    huge = struct.pack(">4I", 0x803, 1 << 20, 1 << 20, 1 << 20) + bytes(1000)
    file.write_bytes(gzip.compress(huge))
    with pytest.raises(DataError, match="more than the file can hold"):
        mnist.read_idx(file, 3)
    zeros = gzip.compress(struct.pack(">4I", 0x803, 1, 900, 900) + bytes(810_000))
    file.write_bytes(zeros)
    with pytest.raises(DataError, match=rf"bomb\.gz: {len(zeros)} bytes that unpack to 810000, wh"):
        mnist.read_idx(file, 3)
    file.write_bytes(gzip.compress(idx(IMAGES)[:-1]))
    with pytest.raises(DataError, match="59 bytes of data where the header promises 3x4x5"):
        mnist.read_idx(file, 3)


@pytest.mark.parametrize("shape", [(0, 2**32 - 1, 2**32 - 1), (2**31, 2**31, 2**31)])
def test_a_header_of_impossible_sizes_is_refused(tmp_path, shape):
    (tmp_path / "x").write_bytes(struct.pack(">4I", 0x803, *shape))
    with pytest.raises(DataError, match="more than the file can hold"):
        mnist.read_idx(tmp_path / "x", 3)


def test_missing_files_folders_and_splits_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"no such folder \(looked for {tmp_path}/absent\); give"):
        mnist.load("absent")
    (tmp_path / "file").write_bytes(idx(IMAGES))
    with pytest.raises(DataError, match=r"file: no folder; give the one that holds train-images"):
        mnist.load(tmp_path / "file")
    with pytest.raises(DataError, match="holds no t10k-images-idx3-ubyte, gzipped or not"):
        mnist.load(write(tmp_path), "test")
    with pytest.raises(UserError, match="no split 'valid'; give train or test"):
        mnist.load(tmp_path, "valid")
    with pytest.raises(DataError, match="absent: no such file"):
        mnist.read_idx(tmp_path / "absent", 3)
    with pytest.raises(DataError, match="cannot hold the letter NUL"):
        mnist.load("a\0b")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES.astype(float), np.zeros(3, int), "images of dtype float64"),
        (IMAGES[0], np.zeros(4, int), r"shape \(4, 5\)"),
        (IMAGES, np.zeros(2, int), r"labels of dtype int64 and shape \(2,\) for 3 images"),
        (IMAGES, np.zeros(3), "labels of dtype float64"),
        (IMAGES, np.array([0, -2, 2]), "label 1 is -2"),
    ],
)
def test_images_that_do_not_fit_their_labels_are_refused(images, labels, message):
    with pytest.raises(DataError, match=message):
        Images(images, labels)

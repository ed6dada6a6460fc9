"""Files of arrays from outside: what is good is read, what is not is one line, nothing crashes."""

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest
from doors import fuzz, knock, spoiled_bytes
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from eventsnn import memory
from eventsnn.errors import DataError, UserError
from eventsnn.files import arrays as arrays_file
from eventsnn.files import unpack


def npy(array, **options):
    out = io.BytesIO()
    np.save(out, array, **options)
    return out.getvalue()


def header(shape, descr="'<f8'"):
    """An .npy header that claims a shape."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def zipped(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


GOOD = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
    np.array(3.5),
    np.zeros((0, 4)),
    np.zeros(3, [("t", "<i8"), ("x", "<i2")]),
    np.array([True, False]),
    np.array(["a", "bc"]),
    np.arange(4, dtype=">i4"),
]


@pytest.mark.parametrize("array", GOOD, ids=lambda a: f"{a.dtype}{a.shape}")
def test_what_numpy_saved_is_read_back(tmp_path, array):
    path = tmp_path / "a.npy"
    np.save(path, array)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", one=array, two=array)
        found = arrays_file.read_npz(tmp_path / "a.npz", ("one", "two"))
        assert list(found) == ["one", "two"]
        for copy in (*found.values(), arrays_file.read_npy(path), arrays_file.read_arrays(path)):
            assert copy.dtype == array.dtype and copy.flags.writeable
            np.testing.assert_array_equal(copy, array, strict=True)


def test_a_field_name_that_is_no_latin_letter_is_read(tmp_path):
    array = np.zeros(2, [("\u0436", "<i4")])
    with pytest.warns(UserWarning, match="format 3.0"):
        np.save(tmp_path / "a.npy", array)
    assert arrays_file.read_npy(tmp_path / "a.npy").dtype.names == ("\u0436",)


def test_read_arrays_goes_by_the_content_and_not_by_the_name(tmp_path):
    (tmp_path / "a.npz").write_bytes(npy(np.arange(3)))
    np.testing.assert_array_equal(arrays_file.read_arrays(tmp_path / "a.npz"), [0, 1, 2])
    np.savez(tmp_path / "b.npz", x=np.arange(3))
    (tmp_path / "b.npz").rename(tmp_path / "b.npy")
    assert list(arrays_file.read_arrays(tmp_path / "b.npy")) == ["x"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a .npy array"),
        (b"hello, world", "not a .npy array"),
        (pickle.dumps([1, 2]), "not a .npy array"),
        (npy(np.array([{}, 1], object), allow_pickle=True), "pickled Python objects"),
        (header("(97979797979,)"), "promises 783838383832 bytes of data .*, the file holds 0"),
        (header("(10**9,)"), "not a .npy array"),
        (header(f"({10**15}, {10**15})"), "promises more than 10.20 bytes"),
        (header("(-1,)"), r"shape \(-1,\) is none"),
        (header("(True,)"), "is none"),
        (header("(2.0,)"), "not a .npy array|is none"),
        (header("(" * 3000 + ")" * 3000), "not a .npy array"),
        (header("(0, 99999999999999999999999)"), "broken"),
        (header("(3,)", "'<U0'"), "is none"),
        (header("(3,)", "'<q99'"), "not a .npy array"),
        (npy(np.arange(5))[:-1], "promises 40 bytes .* holds 39"),
        (npy(np.arange(5)) + npy(np.arange(5)), "promises 40 bytes"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "version 9.0"),
        (b"PK\x03\x04", "an .npz of several arrays"),
    ],
    ids=str,
)
def test_what_is_no_array_is_refused_with_the_file(tmp_path, data, message):
    path = tmp_path / "w.npy"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as refused:
        arrays_file.read_npy(path)
    assert str(refused.value).startswith(str(path)) and "\n" not in str(refused.value)


def test_an_array_of_another_shape_is_refused_before_it_is_read(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    monkeypatch.setattr(np.lib.format, "read_array", lambda *a, **k: pytest.fail("was read"))
    with pytest.raises(DataError, match=r"has shape \(2, 3\); give \(3, 2\)"):
        arrays_file.read_npy(tmp_path / "a.npy", (3, 2))


def test_what_does_not_fit_into_memory_is_refused_before_it_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "room_bytes", lambda: 1 << 20)
    np.save(tmp_path / "a.npy", np.zeros(1 << 18))
    with pytest.raises(DataError, match=r"a.npy: it needs 2 MiB of memory, this machine has 1 MiB"):
        arrays_file.read_npy(tmp_path / "a.npy")
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(1 << 16), y=np.zeros(1 << 16))
    with pytest.raises(DataError, match=r"a.npz: unpacked, it needs 1 MiB"):
        arrays_file.read_npz(tmp_path / "a.npz")
    save_file({"x": np.zeros(1 << 18)}, tmp_path / "a.safetensors")
    with pytest.raises(DataError, match="it needs 2 MiB"):
        arrays_file.read_safetensors(tmp_path / "a.safetensors")


def test_this_machine_has_room_and_what_is_beyond_any_machine_is_said_shortly():
    assert 1 << 28 <= memory.room_bytes() < 1 << 50
    memory.check_room(1 << 20, "x")
    with pytest.raises(UserError, match=r"x needs 1048576 GiB of memory, this machine has \d+ GiB"):
        memory.check_room(1 << 50, "x")
    with pytest.raises(DataError, match=r"needs more than 10\^9 GiB"):
        memory.check_room(10**4000, "x", DataError)


@pytest.mark.parametrize(
    ("members", "method", "message"),
    [
        ([("a.npy", npy(np.arange(3)))], zipfile.ZIP_LZMA, "packed with method 14"),
        ([("a.npy", npy(np.arange(3)))], zipfile.ZIP_BZIP2, "packed with method 12"),
        ([("a.txt", b"hello")], zipfile.ZIP_STORED, "holds 'a.txt', which is no .npy"),
        ([("a.npy", b"hello")], zipfile.ZIP_STORED, ":a: not a .npy array"),
        ([("b.npy", npy(np.arange(3)))], zipfile.ZIP_STORED, "holds b; it must hold a and no"),
        ([], zipfile.ZIP_STORED, "holds ; it must hold a"),
    ],
    ids=str,
)
def test_what_is_no_npz_is_refused_with_the_member(tmp_path, members, method, message):
    path = zipped(tmp_path / "w.npz", members, method)
    with pytest.raises(DataError, match=message) as refused:
        arrays_file.read_npz(path, ("a",))
    assert str(path) in str(refused.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path):
    path = zipped(tmp_path / "w.npz", [("a.npy", npy(np.arange(3)))] * 2)
    with pytest.raises(DataError, match="one name twice"):
        arrays_file.read_npz(path)


def test_a_changed_byte_of_a_member_is_noticed(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.full(100_000, 7, np.int16))
    data = bytearray((tmp_path / "w.npz").read_bytes())
    data[150_000] ^= 1
    (tmp_path / "w.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"w.npz:a: broken .*CRC"):
        arrays_file.read_npz(tmp_path / "w.npz")


def test_a_member_that_claims_more_than_it_can_hold_is_refused(tmp_path):
    path = zipped(tmp_path / "w.zip", [("a", bytes(100))], zipfile.ZIP_DEFLATED)
    with unpack.opened_zip(path) as archive:
        info = archive.getinfo("a")
        assert unpack.read_member(archive, info, 100) == bytes(100)
        with pytest.raises(DataError, match=r"w.zip:a: unpacks to 100 bytes, expected at most 99"):
            unpack.read_member(archive, info, 99)
        info.file_size = 10**12
        with pytest.raises(DataError, match="claims 1000000000000 bytes, more than its"):
            unpack.read_member(archive, info)
        info.flag_bits |= 1
        with pytest.raises(DataError, match="encrypted"):
            unpack.read_member(archive, info)


def test_a_gzip_is_unpacked_to_its_bound_and_no_further():
    packed = gzip.compress(bytes(1 << 22))
    with gzip.open(io.BytesIO(packed)) as stream:
        assert len(unpack.read_bounded(stream, 1 << 22, "x.gz")) == 1 << 22
    with gzip.open(io.BytesIO(packed)) as stream:
        with pytest.raises(DataError, match=r"x.gz: unpacks to more than 1000 bytes"):
            unpack.read_bounded(stream, 1000, "x.gz")
        assert stream.tell() == 1001
    for broken in (packed[:-9], b"hello", packed[:20] + b"\xff" * 99):
        with (
            gzip.open(io.BytesIO(broken)) as stream,
            pytest.raises(DataError, match=r"x.gz: broken"),
        ):
            unpack.read_bounded(stream, 1 << 22, "x.gz")


def test_deflate_gives_no_more_than_its_limit_a_byte():
    assert 1000 < (1 << 24) / len(zlib.compress(bytes(1 << 24), 9)) <= unpack.DEFLATE_LIMIT


READERS = [
    arrays_file.read_npy,
    arrays_file.read_npz,
    arrays_file.read_arrays,
    arrays_file.read_safetensors,
]


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_file_is_refused(tmp_path, monkeypatch, read):
    os.mkfifo(tmp_path / "fifo")
    for path, message in [
        (tmp_path, "a folder"),
        (tmp_path / "fifo", "not a regular file"),
        (tmp_path / "absent", "no such file"),
        (tmp_path / ("x" * 300), "cannot be read"),
        ("a\x00b", "cannot be read|null"),
    ]:
        with pytest.raises(DataError, match=message):
            read(path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"absent: no such file .looked for {tmp_path}/absent"):
        read("absent")


@fuzz
@given(data=st.data())
def test_spoiled_files_of_arrays_are_read_or_refused(data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    read = data.draw(st.sampled_from(READERS))
    path = folder / "spoiled"
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(5, dtype=np.int16)}
    if read is arrays_file.read_safetensors:
        save_file(arrays, path, {"format": "x"})
    elif read is arrays_file.read_npy:
        path.write_bytes(npy(arrays["a"]))
    else:
        save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
        with path.open("wb") as file:
            save(file, **arrays)
    path.write_bytes(data.draw(spoiled_bytes(path.read_bytes())))
    knock(f"arrays_file.{read.__name__}", read, path)

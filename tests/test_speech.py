"""Spoken words: the filter bank, the encoder beside golden spikes, files as they come."""

import warnings

import numpy as np
import pytest
from scipy.io import wavfile

import eventsnn as es
from eventsnn.data.inputs import open_inputs
from eventsnn.data.readers.speech import STEP_US
from eventsnn.data.readers.speech.bsa import filter_taps, spikes_of
from eventsnn.data.readers.speech.cochlea import frames_of, frequencies_hz
from eventsnn.data.readers.speech.wav import sound_of


def tone(hz, samples=4000, rate=8000):
    return 9000 * np.sin(2 * np.pi * hz * np.arange(samples) / rate)


def test_the_encoder_gives_the_golden_spikes_of_a_spectrum(shared):
    golden = np.load(shared / "golden" / "hm2bp" / "ti_alpha.npz", allow_pickle=False)
    frames = golden["raw_spectrum"].astype(np.float32) * np.float32(2000)
    channel, step = np.nonzero(spikes_of(frames))
    end = int(golden["end_time"])
    found = np.stack([channel, step + 1], axis=1)[step + 1 < end]
    wanted = golden["spk_in"][golden["spk_in"][:, 1] < end]
    assert len(found) == 5064 and np.array_equal(found, wanted)


def test_the_encoder_is_that_of_its_definition_and_its_spikes_give_the_signal_back():
    frames = (0.5 * np.random.default_rng(1).random((3, 12)) ** 2).astype(np.float32)
    taps, found = filter_taps(), spikes_of(frames)
    for channel in range(3):
        left = np.append(np.repeat(frames[channel].astype(np.float64), 10), np.zeros(24))
        for step in range(120):
            seen = left[step : step + 24]
            spike = np.abs(seen - taps).sum() < np.abs(seen).sum() - 0.6
            assert found[channel, step] == spike
            seen -= spike * taps
    steady = spikes_of(np.full((1, 100), 0.25, np.float32))[0]
    heard = np.convolve(steady, taps)[100:900]
    assert heard.mean() == pytest.approx(0.25, abs=0.05) and found.sum() > 10


def test_a_tone_is_loudest_in_the_channel_of_its_frequency_whatever_its_loudness():
    for hz in (150.0, 440.0, 1000.0, 3000.0):
        frames = frames_of(tone(hz))
        nearest = np.abs(frequencies_hz() - hz).argmin()
        assert abs(int(frames[:, 10].argmax()) - nearest) <= 1
        assert frames.max() == np.float32(0.5) and frames.min() >= 0.0
        np.testing.assert_allclose(frames_of(0.01 * tone(hz)), frames, atol=1e-6)
    assert not frames_of(np.zeros(300)).any() and frames_of(tone(440, 300)).shape == (78, 3)


def test_files_of_other_formats_are_the_same_sound(tmp_path):
    one = tone(440).astype(np.int16)
    formats = {
        "mono": (8000, one),
        "stereo": (8000, np.stack([one, one], axis=1)),
        "float": (8000, (one / 32768).astype(np.float32)),
        "fast": (16000, tone(440, 8000, 16000).astype(np.int16)),
        "eight": (8000, ((one >> 8) + 128).astype(np.uint8)),
    }
    level = {}
    for name, (rate, samples) in formats.items():
        wavfile.write(tmp_path / f"{name}.wav", rate, samples)
        level[name] = frames_of(sound_of(tmp_path / f"{name}.wav"))
        assert level[name].shape == (78, 32)
    for name, near in (("stereo", 1e-6), ("float", 1e-6), ("fast", 0.05)):
        np.testing.assert_allclose(level[name][:, 1:-1], level["mono"][:, 1:-1], atol=near)
    # Eight bits have their own noise, 40 dB below.
    assert np.abs(level["eight"] - level["mono"])[level["mono"] > 0.25].max() < 0.05


def header(raw, at, value):
    return raw[:at] + value + raw[at + len(value) :]


@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("cut", lambda raw: raw[: len(raw) // 2], "is cut off"),
        ("one byte less", lambda raw: raw[:-1], "is cut off"),
        ("no header", lambda raw: raw[:20], "no whole wav"),
        ("nothing", lambda raw: b"", "empty"),
        ("text", lambda raw: b"not a sound at all" * 9, "no whole wav"),
        ("no channels", lambda raw: header(raw, 22, b"\0\0"), "no whole wav"),
        ("unknown coding", lambda raw: header(raw, 20, b"\x63\0"), "no whole wav"),
        (
            "no samples",
            lambda raw: header(header(raw, 40, bytes(4)), 4, b"\x24\0\0\0")[:44],
            "holds no samples",
        ),
    ],
)
def test_a_broken_file_is_refused_by_its_name(tmp_path, name, spoil, told):
    path = tmp_path / "0_ann_9.wav"
    wavfile.write(path, 8000, tone(300, 800).astype(np.int16))
    path.write_bytes(spoil(path.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(es.DataError, match=told) as error:
            sound_of(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("rate", "samples", "told"),
    [
        (4000, tone(300).astype(np.int16), "4000 samples a second"),
        (8000, np.array([0.1, np.nan, 0.2], np.float32), "sample 1 is not finite"),
        (8000, np.zeros(8000 * 61, np.int16), "61 s"),
    ],
)
def test_sound_that_cannot_be_heard_is_refused(tmp_path, rate, samples, told):
    wavfile.write(tmp_path / "a.wav", rate, samples)
    with pytest.raises(es.DataError, match=told):
        sound_of(tmp_path / "a.wav")


@pytest.fixture
def spoken(tmp_path, monkeypatch):
    """Two words of two speakers, indices 3 to 6; words differ in their tone."""
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "recordings").mkdir()
    for word, hz in (("no", 300), ("yes", 2000)):
        for speaker in ("ann", "bob"):
            for index in range(3, 7):
                sound = tone(hz, 800 + 100 * index).astype(np.int16)
                wavfile.write(tmp_path / f"recordings/{word}_{speaker}_{index}.wav", 8000, sound)
    return tmp_path


def test_the_official_split_tests_the_first_five_and_a_speaker_is_held_out_whole(spoken):
    data = es.open_data(f"speech:{spoken}")
    assert (len(data.train), len(data.test)) == (8, 8) and data.n_classes == 2
    assert data.train.shape == (1, 1, 78) and "0 no, 1 yes" in data.note
    stream = data.test[0]
    assert stream.duration == 9 * 16_000  # 1,100 samples are 9 frames of 16 ms: none is padded
    assert not (stream.t % STEP_US).any() and len(stream) > 50
    other = es.open_data(f"speaker:bob:{spoken}")
    assert (len(other.train), len(other.test)) == (8, 8)
    assert other.identity.digest != data.identity.digest
    with pytest.raises(es.UserError, match="no speaker 'eve'; give one of ann, bob"):
        es.open_data(f"speaker:eve:{spoken}")


def test_names_that_say_no_word_and_halves_without_recordings_are_refused(spoken):
    wavfile.write(spoken / "recordings" / "hello.wav", 8000, tone(300).astype(np.int16))
    with pytest.raises(es.UserError, match=r"LABEL_SPEAKER_INDEX\.wav; hello\.wav"):
        es.open_data(f"speech:{spoken}")
    (spoken / "recordings" / "hello.wav").unlink()
    for path in (spoken / "recordings").glob("*_[56].wav"):
        path.unlink()
    with pytest.raises(es.UserError, match="no recording for the train half"):
        es.open_data(f"speech:{spoken}")
    with pytest.raises(es.UserError, match="no such folder"):
        es.open_data(f"speech:{spoken / 'nowhere'}")


def test_a_silent_recording_is_refused_and_one_alone_is_read_by_simulate(spoken):
    data = es.open_data(f"speech:{spoken}")
    path = spoken / "recordings" / "yes_ann_3.wav"
    alone = open_inputs(str(path), (1, 1, 78)).data[0]
    assert any(np.array_equal(alone.t, data.test[k].t) for k in range(len(data.test)))
    with pytest.raises(es.UserError, match="is sound of 78 channels"):
        open_inputs(str(path), (2, 34, 34))
    wavfile.write(path, 8000, np.zeros(900, np.int16))
    with pytest.raises(es.DataError, match=r"yes_ann_3\.wav: is silent"):
        es.open_data(f"speech:{spoken}")

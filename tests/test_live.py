"""Live streams: nothing is dropped in silence, and a log gives the same bits again."""

import io
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from itertools import pairwise

import numpy as np
import pytest
from browser import QUIET, find_browser
from test_prepared import dense

import eventsnn as es
from eventsnn.commands.live import live, note_of, send
from eventsnn.commands.live_options import LiveCommandOptions
from eventsnn.errors import DataError, UserError
from eventsnn.live.inbox import Arrived, Inbox
from eventsnn.live.log import LiveLog
from eventsnn.live.ordered import Ordered, Ready
from eventsnn.live.packet import EVENT, clock_at, event_array, packed, unpacked
from eventsnn.live.page import Page
from eventsnn.live.picture import EventPicture
from eventsnn.live.run import LiveOptions, LiveRun
from eventsnn.live.sources import SourceOptions, open_source
from eventsnn.live.sources.source import Burst, Source
from eventsnn.live.sources.stdin import packets_of
from eventsnn.live.sources.udp import UdpSource

SHAPE = (2, 4, 4)


def stream_of(n=500, end=80_000, seed=0):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, end, n))
    t[0] = 0
    return es.EventStream(t, rng.integers(0, 32, n), SHAPE, duration=end)


def arrays(stream):
    return event_array(stream.t, stream.unit, stream.shape)


class Given(Source):
    """Pieces that are there."""

    kind = "given-in-a-test"
    form = "given"

    def __init__(self, pieces):
        self.given, self.counts = pieces, {"malformed": 0}

    @classmethod
    def open(cls, where, options):
        raise NotImplementedError

    def pieces(self):
        yield from self.given

    def close(self):
        pass


def run_of(pieces, log=None, late_us=1000, room=1 << 20, policy="wait", settled=False):
    session, source = es.Session(*dense()), Given(pieces)
    source.settled = settled
    run = LiveRun(session, source, LiveOptions(SHAPE, late_us, room, policy), log)
    return session, run, list(run.rows())


def test_packets_are_what_was_packed_and_nothing_else_is_a_packet():
    events = arrays(stream_of())
    found = unpacked(packed(events, 7))
    np.testing.assert_array_equal(found.events, events)
    assert (found.sequence, found.clock) == (7, False)
    assert unpacked(packed(clock_at(99), 8, clock=True)).events["t"].tolist() == [99]
    data = packed(events[:3], 1)
    assert all(unpacked(data[:n]) is None for n in range(len(data)))
    assert unpacked(data + b"x") is None and unpacked(b"EVNX" + data[4:]) is None


def test_events_that_come_in_disorder_are_ordered_and_what_is_too_late_is_counted():
    stream, rng = stream_of(), np.random.default_rng(1)
    events = arrays(stream)
    shuffled = events[np.argsort(stream.t + rng.integers(0, 900, len(stream)), kind="stable")]
    ordered = Ordered(SHAPE, late_us=1000)
    parts = [ordered.add(part) for part in np.array_split(shuffled, 37)] + [ordered.flush()]
    t, unit = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
    origin = int(shuffled["t"][0])
    order = np.lexsort((stream.unit, stream.t))
    fine = stream.t[order] >= origin  # before the first event there is no stream time
    np.testing.assert_array_equal(t, stream.t[order][fine] - origin)
    np.testing.assert_array_equal(unit, stream.unit[order][fine])
    assert ordered.counts["reordered"] > 50 and ordered.counts["late"] == (~fine).sum()
    assert [p.until for p in parts] == sorted(p.until for p in parts)
    late = events[:5].copy()
    late["t"] = stream.t[-1] - 5_000
    assert not len(ordered.add(late).t) and ordered.counts["late"] == 5 + (~fine).sum()


def test_what_is_no_event_of_the_sensor_is_counted_and_left_out():
    events = np.zeros(4, EVENT)
    events["t"] = [5, 6, 1 << 63, 7]
    events["x"], events["p"] = [0, 4, 0, 1], [0, 0, 0, 2]
    ordered = Ordered(SHAPE, late_us=0)
    ordered.add(events)
    assert ordered.flush().t.tolist() == [0]
    assert (ordered.counts["outside"], ordered.counts["beyond"]) == (2, 1)


def timed(t):
    events = np.zeros(len(t), EVENT)
    events["t"] = t
    return events


def test_a_clock_of_32_bits_goes_on_where_it_wraps():
    ordered = Ordered(SHAPE, late_us=200)
    t = (np.arange(200, dtype=np.int64) * 50_000_000 + 123) % (1 << 32)
    found = []
    for part in np.array_split(t, 23):
        found += ordered.add(timed(part)).t.tolist()
    found += ordered.flush().t.tolist()
    assert found == (np.arange(200) * 50_000_000).tolist() and ordered.counts["wraps"] == 2
    # Late ones of before come behind the wrap, and are where they belong.
    end = 1 << 32
    ordered = Ordered(SHAPE, late_us=1000)
    found = []
    for part in ([end - 500], [end - 100, 20], [end - 30, 40], [900]):
        found += ordered.add(timed(part)).t.tolist()
    found += ordered.flush().t.tolist()
    assert found == [0, 400, 470, 520, 540, 1400] and ordered.counts["late"] == 0


def test_one_time_far_ahead_moves_no_clock_back_by_a_wrap():
    ordered = Ordered(SHAPE, late_us=0)
    ordered.add(timed([0, 10]))
    ordered.add(timed([10**14]))
    found = ordered.add(timed([20, 30, 40])).t.tolist() + ordered.flush().t.tolist()
    assert ordered.counts["wraps"] == 0 and ordered.counts["restarts"] == 1
    assert (np.diff(found[-3:]) == 10).all()


def test_each_sender_has_a_clock_and_its_first_event_follows_the_newest():
    ordered, stream = Ordered(SHAPE, late_us=1000), stream_of()
    parts = []
    for sender in range(3):  # the same recording, one after the other
        for part in np.array_split(arrays(stream), 7):
            parts.append(ordered.add(part, sender=sender))
    parts.append(ordered.flush())
    t = np.concatenate([part.t for part in parts])
    assert len(t) == 3 * len(stream) and ordered.counts["late"] == 0
    assert t[0] == 0 and (np.diff(t) >= 0).all()
    assert t[-1] == 3 * int(stream.t[-1]) + 2


def test_a_clock_of_no_sense_is_counted_and_left_out():
    ordered = Ordered(SHAPE, late_us=0)
    ordered.add(timed([5, 6]))
    for t in (1 << 60, 1 << 63):
        ordered.add(clock_at(0) if t < 0 else timed([t]), clock=True)
    assert ordered.counts["beyond"] == 2 and ordered.flush().until == 2


def test_a_live_run_is_one_run_of_the_network_and_its_log_gives_the_same_bits(tmp_path):
    stream = stream_of()
    pieces = [Burst(part) for part in np.array_split(arrays(stream), 41)]
    log = LiveLog(tmp_path / "a.log", SHAPE)
    session, run, rows = run_of([*pieces, Burst(clock_at(stream.duration), True)], log)
    whole = es.Session(*dense())
    whole.push(stream)
    np.testing.assert_array_equal(session.counts.spikes, whole.counts.spikes)
    assert session.counts.spikes[0, 1] > 20
    assert run.meter.totals["events"] == len(stream) and not any(run.counts.values())
    replayed = open_source(f"replay:{tmp_path / 'a.log'}", SourceOptions(SHAPE, 0))
    again, _, last = run_of(list(replayed.pieces()), settled=replayed.settled)
    assert again.t_us == session.t_us
    np.testing.assert_array_equal(last[-1]["scores"], rows[-1]["scores"])
    np.testing.assert_array_equal(again.counts.spikes, session.counts.spikes)
    np.testing.assert_array_equal(again.state.x, session.state.x)


def test_a_log_that_was_cut_is_read_to_its_last_whole_event_and_says_so(tmp_path):
    log = LiveLog(tmp_path / "a.log", SHAPE)
    run_of([Burst(arrays(stream_of()))], log)
    data = (tmp_path / "a.log").read_bytes()
    whole = len(data) - len(packed(clock_at(0), 0))  # where the last packet begins
    for end in range(whole - 40, len(data) + 1):
        counts = {"cut": 0}
        found = sum(len(p.events) for p in packets_of(io.BytesIO(data[:end]), "a", counts))
        assert counts["cut"] == (end not in (whole, len(data))) and found >= 490, end
    with pytest.raises(DataError, match="no packet begins at byte 12"):
        list(packets_of(io.BytesIO(packed(np.zeros(0, EVENT), 0) + data[3:]), "a", {"cut": 0}))
    with pytest.raises(UserError, match="is there already"):
        LiveLog(tmp_path / "a.log", SHAPE)


@pytest.mark.parametrize("policy", ["oldest", "thin"])
def test_a_full_inbox_drops_by_its_policy_and_counts_every_event(policy):
    inbox = Inbox(1000, policy)
    sizes = np.random.default_rng(0).integers(1, 300, 60).tolist()
    at = 0
    for size in sizes:
        events = np.zeros(size, EVENT)
        events["t"] = np.arange(at, at + size)
        at += size
        inbox.put(events)
        assert inbox.waiting <= 1000
    kept = np.concatenate([a.events for a in inbox.take(0)])
    assert len(kept) + inbox.dropped == sum(sizes) and len(kept) > 400
    assert (np.diff(kept["t"].astype(int)) > 0).all() and kept["t"][-1] >= at - 300
    if policy == "oldest":
        assert kept["t"][0] == at - len(kept)
    large = Inbox(10, policy)
    large.put(np.zeros(25, EVENT))
    assert large.waiting <= 10 and large.waiting + large.dropped == 25


def test_a_source_waits_where_nothing_may_be_lost():
    inbox = Inbox(10, "wait")
    done = []

    def put():
        for _ in range(50):
            inbox.put(np.zeros(7, EVENT))
        done.append(True)
        inbox.close()

    threading.Thread(target=put, daemon=True).start()
    n = 0
    while not inbox.closed:
        n += sum(len(a.events) for a in inbox.take(1.0))
    assert n == 350 and done and inbox.dropped == 0


def test_datagrams_arrive_and_the_malformed_the_repeated_and_the_lost_are_counted():
    source = open_source("udp://127.0.0.1:0", SourceOptions(SHAPE))
    to = ("127.0.0.1", source.port)
    rng, events = np.random.default_rng(0), arrays(stream_of(60))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for _ in range(300):
            out.sendto(rng.bytes(int(rng.integers(0, 80))), to)
        for sequence in (5, 6, 8, 8, 7, 11):
            out.sendto(packed(events[:10], sequence), to)
    found = []
    for piece in source.pieces():
        if piece is None:
            break
        found.append(piece)
    source.close()
    assert len(found) == 5
    assert source.counts == {"malformed": 300, "repeated": 1, "lost": 2}


def test_more_than_the_network_can_take_is_dropped_counted_and_answered():
    stream = stream_of(200_000, end=2_000_000)
    pieces = [Burst(part) for part in np.array_split(arrays(stream), 400)]
    _, run, rows = run_of(pieces, room=5_000, policy="oldest")
    taken = run.meter.totals["events"]
    assert taken + run.inbox.dropped + run.ordered.counts["late"] == len(stream)
    assert rows[-1]["t_us"] > 40_000 and rows[-1]["label"] is not None


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    net, weights = dense()
    folder = tmp_path_factory.mktemp("model")
    streams = [stream_of(50, seed=k) for k in range(3)]
    labelled = [es.EventStream(s.t, s.unit, s.shape, k) for k, s in enumerate(streams)]
    es.save(folder, net, weights, labelled)
    return folder


def test_a_run_that_was_stopped_goes_on_with_the_same_bits(model, tmp_path):
    stream = stream_of()
    for name, (a, b) in {"first": (0, 40_000), "rest": (40_000, 80_000)}.items():
        part, log = stream.between(a, b), LiveLog(tmp_path / f"{name}.log", SHAPE)
        log.add(Ready(part.t, part.unit, b))
        log.close()
    state = tmp_path / "state.npz"
    given = {"speed": 0.0, "state": state, "window_us": 10_000, "late_us": 0}
    for name, resume in (("first", False), ("rest", True)):
        options = LiveCommandOptions(**given, resume=resume)
        rows = list(live(f"replay:{tmp_path / name}.log", model, options, None))
    session = es.Session(model, window_us=10_000)
    session.push(stream.between(0, 40_000))
    answer = session.push(stream.between(40_000, 80_000))
    assert rows[-1]["t_us"] == answer.t_us == 80_000
    np.testing.assert_array_equal(rows[-1]["scores"], answer.scores)


def test_a_recording_is_sent_and_answered_over_the_loopback(model, tmp_path):
    stream = stream_of()
    np.save(tmp_path / "a.npy", stream.to_structured())
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    options = LiveCommandOptions(seconds=20.0, log=tmp_path / "in.log")
    rows: list[dict] = []
    running = threading.Thread(
        target=lambda: rows.extend(live(f"udp://127.0.0.1:{port}", model, options, None)),
        daemon=True,
    )
    running.start()
    sent = {"datagrams": 0}
    deadline = time.time() + 15
    while not sent["datagrams"] and time.time() < deadline:
        try:
            sent = send(str(tmp_path / "a.npy"), f"udp://127.0.0.1:{port}", 0, 1.0, SHAPE)
        except UserError:
            time.sleep(0.1)  # nobody listens yet
    assert sent["events"] == len(stream) and sent["datagrams"] >= 80
    while time.time() < deadline and not (rows and rows[-1]["t_us"] >= 79_000):
        time.sleep(0.1)
    assert rows[-1]["t_us"] >= 79_000 and rows[-1]["counts"]["malformed"] == 0


@pytest.mark.parametrize(
    "word, message",
    [
        ("tcp://127.0.0.1:7", "give one of .*udp://HOST:PORT"),
        ("udp://127.0.0.1", "give udp://HOST:PORT"),
        ("udp://127.0.0.1:99999", "give udp://HOST:PORT"),
        ("udp://[red]bold[/red]:7", "give a free port of this machine"),
        ("replay:no-such-file.npy", "no-such-file"),
        ("stdin", "give one of"),
    ],
)
def test_a_source_that_is_none_is_refused(word, message):
    with pytest.raises(UserError, match=message):
        open_source(word, SourceOptions(SHAPE))


def test_packets_may_come_by_standard_input(model, tmp_path):
    stream = stream_of()
    parts = np.array_split(arrays(stream), 9)
    data = b"".join(packed(part, k) for k, part in enumerate(parts))
    command = [sys.executable, "-m", "eventsnn", "live", "-", str(model), "--json"]
    done = subprocess.run(
        [*command, "--late-us", "0"], input=data, capture_output=True, check=True, timeout=120
    )
    row = json.loads(done.stdout.splitlines()[-1])
    session = es.Session(model)
    session.push(stream, int(stream.t[-1]) + 1)
    np.testing.assert_array_equal(row["scores"], session.push(None, session.t_us).scores)
    assert row["t_us"] == stream.t[-1] + 1


def test_the_page_is_served_on_the_loopback_alone_and_holds_no_name_as_markup():
    page = Page(0, {"title": "<b>&x</b>", "classes": ["</script><script>alert(1)</script>"]})
    try:
        with urllib.request.urlopen(page.address, timeout=10) as answer:
            text = answer.read().decode()
        assert "<b>&x" not in text and text.count("<script") == 2
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"https?://", text)
        page.add({"t_us": 5})
        with urllib.request.urlopen(page.address + "rows?0", timeout=10) as rows:
            assert json.loads(rows.readline().decode().removeprefix("data: ")) == {"t_us": 5}
        for path, host in (("nothing", None), ("", "evil.example")):
            asked = urllib.request.Request(page.address + path)
            if host:
                asked.add_header("Host", host)
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(asked, timeout=10)
        with pytest.raises(UserError, match="give another"):
            Page(page._server.server_address[1], {"title": "", "classes": []})
    finally:
        page.close()


@pytest.mark.parametrize("width, height, dark", [(1280, 1000, False), (390, 1700, True)])
def test_a_browser_shows_the_answer_and_says_nothing_in_its_console(width, height, dark):
    page = Page(0, {"title": "a model", "classes": ["wave", "<i>turn</i>"]})
    picture = EventPicture(SHAPE)
    picture.add(Ready(*_one_each(), until=9))
    row = {
        "label": 1, "name": "turn", "margin": 0.5, "scores": [0.25, 0.75], "waiting": 0,
        "events_per_second": 1234.0, "spikes_per_second": 5.0, "operations_per_second": 6e6,
        "latency_ms_p50": 0.5, "latency_ms_p99": 0.9, "t_us": 5e6, "rates": {"hidden1": 2.0},
        "counts": {"dropped": 3, "late": 4}, "picture": picture.take(),
    }  # fmt: skip
    try:
        page.add(row)
        with tempfile.TemporaryDirectory() as profile:
            scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
            command = [
                find_browser(), *QUIET, scheme, f"--user-data-dir={profile}", "--dump-dom",
                f"--window-size={width},{height}", page.address,
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    finally:
        page.close()
    shown = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.S)
    assert '<strong id="answer">&lt;i&gt;turn&lt;/i&gt;</strong>' in shown
    assert "1.23 k" in shown and "late 4" in shown and "hidden1" in shown
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def _one_each():
    return np.arange(32), np.arange(32, dtype=np.int32)


def test_a_sender_that_begins_anew_is_another_one_and_its_copies_are_known():
    source = open_source("udp://127.0.0.1:0", SourceOptions(SHAPE))
    to, events = ("127.0.0.1", source.port), arrays(stream_of(60))
    for _ in range(2):  # the same program, twice
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for sequence in (0, 1, 2, 0, 3):
                out.sendto(packed(events[:4], sequence), to)
    found = 0
    for piece in source.pieces():
        if piece is None:
            break
        found += 1
    source.close()
    assert (found, source.counts) == (8, {"malformed": 0, "repeated": 2, "lost": 0})


def test_a_log_goes_on_behind_its_last_whole_packet(tmp_path):
    stream, path = stream_of(), tmp_path / "a.log"
    first, rest = stream.between(0, 40_000), stream.between(40_000, 80_000)
    for cut in (1, 13, 24):  # within the clock that ended the first run
        path.unlink(missing_ok=True)
        for part, goes_on in ((first, False), (rest, True)):
            log = LiveLog(path, SHAPE, goes_on)
            log.add(Ready(part.t, part.unit, part.duration))
            log.close()
            if not goes_on:
                path.write_bytes(path.read_bytes()[:-cut])
        counts = {"cut": 0}
        with path.open("rb") as file:
            bursts = list(packets_of(file, "a", counts))
        t = np.concatenate([b.events["t"] for b in bursts if not b.clock])
        np.testing.assert_array_equal(t, stream.t)
        assert counts == {"cut": 0}
    (tmp_path / "b.log").write_bytes(b"something else that somebody wrote")
    with pytest.raises(DataError, match="no packet begins at byte 0"):
        LiveLog(tmp_path / "b.log", SHAPE, goes_on=True)
    assert (tmp_path / "b.log").read_bytes() == b"something else that somebody wrote"


def test_a_clock_that_is_dropped_is_no_event():
    inbox = Inbox(10, "oldest")
    for _ in range(8):
        inbox.put(np.zeros(4, EVENT))
        inbox.put(clock_at(5), clock=True)
    kept = sum(len(one.events) for one in inbox.take(0) if not one.clock)
    assert kept + inbox.dropped == 32


def test_one_event_of_a_time_far_ahead_does_not_hold_a_run_up(model):
    far = arrays(stream_of(200))
    far["t"][-1] = 1 << 51
    session = es.Session(model, window_us=10_000)
    options = LiveOptions(SHAPE, 1000, 1 << 20, "wait")
    run = LiveRun(session, Given([Burst(far)]), options)
    (last,) = (row for row in run.rows())
    assert last["t_us"] == float((1 << 51) + 1)


def killed_then_resumed(model, folder, stream):
    """Save at 30 ms, log until 50 ms, and be killed; resume with the rest."""
    state, path, options = folder / "state.npz", folder / "in.log", {"window_us": 10_000}
    session = es.Session(model, **options)
    run = LiveRun(session, Given([]), LiveOptions(SHAPE, 0, 1 << 20, "wait"), LiveLog(path, SHAPE))
    for a, b in ((0, 30_000), (30_000, 50_000)):
        run._work([Arrived(arrays(stream.between(a, b)), False, 0, 0.0)])
        run._work([Arrived(clock_at(b), True, 0, 0.0)])
        if b == 30_000:
            session.save(state, note_of(run))
    run.log.flush()
    with path.open("ab") as file:
        file.write(packed(arrays(stream.between(50_000, 55_000)), 99)[:-7])  # cut by the end
    rest = packed(arrays(stream.between(50_000, 80_000)), 0)
    (folder / "rest.bin").write_bytes(rest + packed(clock_at(80_000), 1, clock=True))
    given = {"speed": 0.0, "state": state, "log": path, "late_us": 0, "resume": True}
    command = LiveCommandOptions(**given, **options)
    return list(live(f"replay:{folder / 'rest.bin'}", model, command, None))


def test_a_run_that_was_killed_goes_on_from_its_log_with_the_same_bits(model, tmp_path):
    stream = stream_of()
    rows = killed_then_resumed(model, tmp_path, stream)
    whole = es.Session(model, window_us=10_000)
    for a, b in ((0, 30_000), (30_000, 50_000), (50_000, 80_000)):
        answer = whole.push(stream.between(a, b))
    assert rows[-1]["t_us"] == 80_000 and rows[-1]["counts"]["late"] == 0
    np.testing.assert_array_equal(rows[-1]["scores"], answer.scores)
    options = LiveCommandOptions(speed=0.0, window_us=10_000, late_us=0)
    again = list(live(f"replay:{tmp_path / 'in.log'}", model, options, None))
    np.testing.assert_array_equal(again[-1]["scores"], answer.scores)
    assert again[-1]["totals"]["events"] == len(stream)
    other = tmp_path / "other.log"
    other.write_bytes((tmp_path / "rest.bin").read_bytes() * 9)
    given = {"state": tmp_path / "state.npz", "log": other, "resume": True, "window_us": 10_000}
    with pytest.raises(UserError, match="is not that of the saved session"):
        list(live(f"replay:{tmp_path / 'rest.bin'}", model, LiveCommandOptions(**given), None))


def test_resume_needs_the_file_to_go_on_from(model, tmp_path):
    np.save(tmp_path / "a.npy", stream_of().to_structured())
    options = LiveCommandOptions(state=tmp_path / "typo.npz", resume=True)
    with pytest.raises(UserError, match=r"typo\.npz: no such file"):
        list(live(f"replay:{tmp_path / 'a.npy'}", model, options, None))
    options = LiveCommandOptions(state=tmp_path / "no folder" / "a.npz")
    with pytest.raises(UserError, match="no folder"):
        list(live(f"replay:{tmp_path / 'a.npy'}", model, options, None))


def test_a_model_with_a_view_sees_its_part_of_the_sensor_live(tmp_path, call):
    data = es.open_data("digits", limit=40, crop="24x30", pool=2)
    model = es.Classifier("360-8-10", rule="adjoint", epochs=1).fit(data)
    model.save(tmp_path / "model")
    words = ["live", "replay:digits", tmp_path / "model", "--speed", "0", "--json"]
    code, told, _ = call(*words)
    last = json.loads(told.splitlines()[-1])
    whole, seen = es.open_data("digits").test[0], data.test[0]
    assert code == 0 and 0 < last["counts"]["unseen"] == len(whole) - len(seen)
    assert last["totals"]["events"] == len(seen)
    answer = es.Session(model).push(seen, until_us=last["t_us"])
    assert last["label"] == answer.label and last["totals"]["operations"] == answer.operations


def test_more_than_twice_what_the_network_takes_is_dropped_and_counted_while_answers_keep_coming():
    """A slow network behind a queue of 2,000 events, and datagrams without a pause."""
    net = es.layers("34x34x2-10", hidden=es.LIF(20_000), output=es.Readout(20_000))
    session = es.Session(net, [np.full((2312, 10), 0.01)])
    quick, pushed = session.push, []

    def slow(stream):
        time.sleep(1e-4 * len(stream))  # 10,000 events a second
        pushed.append(len(stream))
        return quick(stream)

    session.push = slow
    source = UdpSource.open("//127.0.0.1:0", SourceOptions((2, 34, 34)))
    run = LiveRun(session, source, LiveOptions((2, 34, 34), 1000, 2000, "oldest", every_s=0.25))
    rng, n, sent = np.random.default_rng(0), 100, 0

    def send():
        nonlocal sent
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            began = time.perf_counter()
            while time.perf_counter() - began < 1.5:  # 40,000 events a second
                events = np.zeros(n, EVENT)
                events["x"], events["y"] = rng.integers(0, 34, (2, n))
                events["t"] = sent + np.arange(n)
                out.sendto(packed(events, sent // n), ("127.0.0.1", source.port))
                sent += n
                time.sleep(max(0.0, began + sent / 40_000 - time.perf_counter()))
        time.sleep(0.3)
        run.stop()

    sender = threading.Thread(target=send)
    sender.start()
    rows = list(run.rows())
    sender.join()
    counts = rows[-1]["counts"]
    lost = counts["lost"] * n  # the system's own buffer was full
    assert sent > 20_000 and sum(pushed) == rows[-1]["totals"]["events"]
    assert sum(pushed) + counts["dropped"] + counts["late"] + lost == sent
    assert counts["dropped"] + lost > sent // 4 and counts["malformed"] == 0
    told = [row["totals"]["answers"] for row in rows]
    assert len(rows) >= 4 and all(a < b for a, b in pairwise(told[:4]))
    assert max(row["waiting"] for row in rows) <= 2000

"""``eventsnn measure`` and ``compare``, and the page as a browser shows it."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from browser import look
from matplotlib.image import imread

from eventsnn.cli import app as cli
from eventsnn.data.readers.film_file import write_film
from eventsnn.data.source import open_data
from eventsnn.losses import CrossEntropy
from eventsnn.measure.measurement import Request, measure
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.topology.dense import Dense

SMALL = ("--limit", 40, "--layers", "2312-12-10", "--epochs", 1)


def run(*words):
    """Run the command line here; return what it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["eventsnn", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    return stop.value.code


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for rule, words in (("adjoint", ()), ("herding", ())):
        assert run("train", "--rule", rule, "--out", folder / rule, *SMALL, *words, "--json") == 0
    again = ("--rule", "adjoint", "--out", folder / "other", "--seed", 1)
    assert run("train", *again, *SMALL, "--json") == 0
    return folder


@pytest.fixture
def told(capsys):
    def call(*words):
        code = run(*words)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture(scope="module")
def measured(models):
    """The page of a small network and its result."""
    page, figures = models / "page.html", models / "figures"
    import contextlib
    import io

    out = io.StringIO()
    words = ("--limit", 40, "--html", page, "--figures", figures, "--index", 3, "--json")
    with contextlib.redirect_stdout(out):
        assert run("measure", models / "adjoint", *words) == 0
    return page, figures, json.loads(out.getvalue())


def test_a_measurement_agrees_with_evaluate_to_the_last_operation(models, measured, told):
    _, _, result = measured
    code, out, _ = told("evaluate", models / "adjoint", "--limit", 40, "--json")
    plain = json.loads(out)
    assert code == 0 and result["accuracy"] == plain["accuracy"]
    found = result["operations"]["synaptic_operations"]
    assert list(found.values()) == pytest.approx(plain["operations_per_recording"])
    assert list(result["operations"]["spikes"].values()) == plain["spikes_per_recording"]
    assert np.sum(result["confusion"]) == 40
    assert np.trace(result["confusion"]) == result["right"]
    end = result["anytime"]["at_end"]
    assert end["accuracy"] == pytest.approx(result["accuracy"])
    assert end["operations"] == pytest.approx(result["operations"]["operations_per_recording"])


def test_simulate_tells_the_answer_that_was_measured(models, measured, told):
    words = [word for i in range(40) for word in ("--index", i)]
    code, out, _ = told("simulate", models / "adjoint", "digits", *words, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    for row in rows:
        assert len(row["output"]) == 10 and row["prediction"] == np.argmax(row["output"])
    right = sum(row["prediction"] == row["label"] for row in rows)
    assert right == measured[2]["right"]


def test_derived_numbers_follow_from_the_counts(measured):
    result = measured[2]
    operations, events = result["operations"], result["operations"]["spikes"]["input"]
    # 12 hidden neurons an event, 10 outputs a hidden spike.
    total = 12 * events + 10 * operations["spikes"]["hidden1"]
    assert operations["operations_per_recording"] == pytest.approx(total)
    assert operations["operations_per_event"] == pytest.approx(total / events)
    right = operations["operations_per_right_answer"]
    assert right == pytest.approx(40 * total / result["right"])
    relu = result["references"]["relu"]["multiply_accumulates"]
    assert relu == 2312 * 12 + 12 * 10 == result["neurobench"]["ParameterCount"]
    clock = result["references"]["clock_1ms"]
    assert clock["dense"] == pytest.approx(clock["steps"] * relu)
    training = result["training"]
    assert training["forward_operations"] == pytest.approx(total)
    hidden = operations["spikes"]["hidden1"]
    near = training["near_spikes"]["hidden1"]
    assert training["near"] == 0.7 and near > 0
    assert training["gradients"]["input->hidden1"] == pytest.approx(2312 * (hidden + near))
    assert training["weight_updates"] == relu / 64


def test_every_figure_is_written_in_four_forms(measured):
    _, figures, _ = measured
    names = {path.name for path in figures.iterdir()}
    pictures = ("anytime", "streaming", "operations", "energy", "traffic", "confusion", "raster-3",
                "frame-3", "traces-3", "fields")  # fmt: skip
    wanted = {f"{n}{d}{s}" for n in pictures for d in ("", "-dark") for s in (".png", ".svg")}
    assert names == wanted
    for name in names:
        start = (figures / name).read_bytes()[:5]
        assert start in (b"\x89PNG\r", b"<?xml")


def test_the_page_needs_no_network(measured):
    text = measured[0].read_text()
    loads = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)|@import', text)
    for pair in loads:
        target = "".join(pair)
        assert target.startswith(("#", "data:")), target
    assert "<script" not in text


# A window cannot be made narrower than 500 pixels; a frame in it can.
FRAME = """<!doctype html><body style="margin:0"><iframe width="{width}" height="2400"
style="border:0" src="probed.html"></iframe><script>
addEventListener("message", e => document.body.dataset.found = e.data)</script></body>"""
PROBE = """<script>
const boxes = [...document.querySelectorAll("figure svg")].map(s => {
  const b = s.getBoundingClientRect(); return [s.id, Math.round(b.width), Math.round(b.height)]});
const ink = getComputedStyle(document.querySelector("figure svg text")).fill;
parent.postMessage(JSON.stringify(
  {boxes, ink, wide: document.documentElement.scrollWidth}), "*");
</script></body>"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_shows_every_figure_without_an_error(measured, tmp_path, width, dark):
    page, _, _ = measured
    picture = tmp_path / "shot.png"
    _, console = look(page, f"--screenshot={picture}", width=width, height=2400, dark=dark)
    assert console == []
    shot = imread(picture)[..., :3]
    assert shot.shape[1] == width and shot.std() > 0.05
    # The ground is light or dark; text and figures stand out from it.
    assert np.median(shot) < 0.2 if dark else np.median(shot) > 0.8
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text().replace("</body>", PROBE))
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width))
    dom, console = look(frame, "--dump-dom", width=width, height=2400, dark=dark)
    assert console == []
    found = json.loads(re.search(r'data-found="([^"]*)"', dom)[1].replace("&quot;", '"'))
    assert len(found["boxes"]) == 10 and len({name for name, _, _ in found["boxes"]}) == 10
    assert all(w > 250 and h > 80 for _, w, h in found["boxes"])
    # Nothing is wider than the screen, and figures wear the scheme's ink.
    assert found["wide"] <= width
    light = sum(map(int, re.findall(r"\d+", found["ink"])[:3]))
    assert light > 384 if dark else light < 384


def test_an_error_of_a_page_would_be_seen(tmp_path):
    page = tmp_path / "wrong.html"
    page.write_text("<!doctype html><script>nothing.there()</script>")
    _, console = look(page, "--dump-dom", width=390, height=400, dark=False)
    assert any("nothing is not defined" in line for line in console)


def test_people_see_what_a_spike_an_answer_and_learning_cost(models, told):
    code, out, _ = told("measure", models / "adjoint", "--limit", 40)
    assert code == 0
    for text in ("a spike or event", "a right answer", "learning a recording", "margin", "loihi"):
        assert text in out


def test_a_herding_network_is_measured_as_far_as_it_is_exact(models, told):
    page = models / "herding.html"
    words = ("measure", models / "herding", "--limit", 40)
    code, out, _ = told(*words, "--html", page, "--json")
    result = json.loads(out)
    assert code == 0
    events = result["operations"]["spikes"]["input"]
    assert result["operations"]["synaptic_operations"]["input->layer 1"] == pytest.approx(
        12 * events
    )
    assert "steps" in result["anytime"]["not_measured"]
    assert "clock" in result["references"]["not_measured"]
    assert result["training"]["passes_of_inference"] > 1
    assert {m["model"] for m in result["energy"]} >= {"cmos45-float32", "cmos45-int8"}
    assert "loihi" not in {m["model"] for m in result["energy"]}
    assert "Not measured" in page.read_text()
    code, out, _ = told(*words)
    assert code == 0 and "not measured" in out


def test_compare_puts_models_in_one_table_and_one_figure(models, told):
    figure = models / "compared.svg"
    words = ("compare", models / "adjoint", models / "other", models / "herding")
    code, out, _ = told(*words, "--limit", 40, "--figure", figure, "--json")
    result = json.loads(out)
    assert code == 0 and len(result["models"]) == 3 and figure.read_text().startswith("<?xml")
    seen = {row["model"]: row["accuracy"] for row in result["models"]}
    assert set(seen) == {str(models / name) for name in ("adjoint", "other", "herding")}
    code, out, _ = told(*words[:3], "--limit", 40)
    assert code == 0 and "an early stop saves" in out


@pytest.mark.parametrize(
    ("words", "told_"),
    [
        (("measure", "{model}", "--html", "page.txt"), "ends in .html"),
        (("measure", "{model}", "--html", "nowhere/page.html"), "there is no folder"),
        (("measure", "{model}", "--split", "half"), "give test, train or all"),
        (("measure", "{model}", "--energy", "none.toml"), "no such file"),
        (("measure", "nothing"), "there is no checkpoint"),
        (("compare", "{model}"), "two models or more"),
        (("compare", "{model}", "{model}"), "two models or more"),
        (("compare", "{model}", "x", "--figure", "a.txt"), "ends in .png"),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(models, told, words, told_):
    words = [word.format(model=models / "adjoint") for word in words]
    code, out, err = told(*words, "--limit", 10)
    assert code == 2 and out == ""
    assert err.startswith("error: ") and told_ in err and len(err.splitlines()) == 1


def test_an_index_out_of_range_is_told(models, told):
    page = models / "index.html"
    words = ("--limit", 10, "--html", page, "--index", 10)
    code, _, err = told("measure", models / "adjoint", *words)
    assert code == 2 and "the recordings 0 to 9" in err and not page.exists()


def test_all_takes_both_halves(models, told):
    code, out, _ = told("measure", models / "adjoint", "--limit", 10, "--split", "all", "--json")
    assert code == 0 and json.loads(out)["recordings"] == 20


@pytest.mark.parametrize(("words", "share"), [((), 0.001), (("--lose", 20), 0.2)])
def test_points_that_may_be_lost_are_hundredths_of_the_accuracy(models, told, words, share):
    code, out, _ = told("measure", models / "adjoint", "--limit", 10, *words, "--json")
    stops = json.loads(out)["anytime"]["stops"]
    assert code == 0 and {stop["tolerance"] for stop in stops} == {share}


def test_energy_models_of_your_own_stand_beside_the_others(models, told, tmp_path):
    file = tmp_path / "chips.toml"
    file.write_text('[mine]\nsource = "a data sheet"\naddition_pj = 1\n')
    words = ("--limit", 10, "--energy", file, "--json")
    code, out, _ = told("measure", models / "adjoint", *words)
    result = json.loads(out)
    mine = next(model for model in result["energy"] if model["model"] == "mine")
    assert code == 0
    assert mine["total_nj"] == pytest.approx(result["operations"]["operations_per_recording"] / 1e3)


def test_levels_of_another_measurement_are_reported_on_everything(models, told, tmp_path):
    file = tmp_path / "measured.json"
    words = ("measure", models / "adjoint", "--limit", 30, "--json")
    code, out, _ = told(*words)
    file.write_text(out)
    chosen = {stop["policy"]: stop["level"] for stop in json.loads(out)["anytime"]["stops"]}
    code, out, _ = told(*words, "--levels", file)
    stops = json.loads(out)["anytime"]["stops"]
    assert code == 0 and {stop["policy"]: stop["level"] for stop in stops} == chosen
    assert all(stop["reported"]["recordings"] == 30 for stop in stops)
    for text in ("{}", '{"anytime": {"best": null, "stops": [{"policy": "x", "level": 1}]}}'):
        file.write_text(text)
        code, _, err = told(*words, "--levels", file)
        assert code == 2 and "measured.json" in err and len(err.splitlines()) == 1


def test_what_cannot_be_counted_is_said_and_the_rest_is_measured():
    events = open_data("digits", limit=6).test
    network = Network(
        (Population("input", (2312,)), Population("output", (10,), CubaLIF(20_000.0, 5_000.0))),
        (Connection("input", "output", Dense(2312, 10), np.tile([0, 5] * 5, (2312, 1))),),
    )
    weights = [np.full((2312, 10), 0.3, np.float32)]
    result = measure(network, weights, CrossEntropy("counts"), events, Request(batch=8)).result
    assert "delays of their own" in result["anytime"]["not_measured"]
    assert "layered networks only" in result["training"]["not_counted"]
    assert result["operations"]["operations_per_event"] == 10


def test_measure_names_the_recording_that_has_no_label(models, told, tmp_path):
    batch = open_data("digits", limit=12).test
    write_film(tmp_path / "some.events", [replace(batch, label=np.where(np.arange(12) < 8, -1, 0))])
    word = f"events:{tmp_path / 'some.events'}"
    (i, *_) = np.flatnonzero(open_data(word).test.label < 0)
    for name in ("adjoint", "herding"):
        code, _, err = told("measure", models / name, "--data", word)
        assert code == 2 and f"some.events[{i}]: has no label; measure needs one a recording" in err

"""The page and the tables of a measurement: every number is that of the JSON."""

import io
import re
from copy import deepcopy
from html import unescape

import pytest
from hand_case import PAIRS, made

from eventsnn.cli import show_measured
from eventsnn.commands.console import Console
from eventsnn.measure.operations import per_right_answer
from eventsnn.report.html import page


@pytest.fixture(params=[True, False], ids=["readout", "spiking output"])
def case(request):
    return made(request.param)


def cells(html, heading):
    """Rows of text of the first table under a heading."""
    html = html.replace("&#x27;", "'")
    body = html[html.index(f"<h2>{heading}</h2>") :]
    table = body[body.index("<tbody>") : body.index("</tbody>")]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    strip = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in strip]


def number(text):
    """What a cell says: 1,234.5, 81.2%, 34 k, 3.4 M, 0.6 ms (in microseconds)."""
    text = text.replace(",", "")
    for end, size in (("%", 0.01), (" k", 1e3), (" M", 1e6), (" ms", 1e3)):
        if text.endswith(end):
            return float(text.removesuffix(end)) * size
    return float(text)


def level_says(text, never, stop):
    """Whether a cell has the level of an early stop, to the digits that it shows."""
    if stop["level"] is None:
        return text == never
    least = 51.0 if stop["policy"] == "patience" else 0.0  # a tenth of a millisecond
    return number(text) == pytest.approx(stop["level"], rel=6e-4, abs=least)


def told(case, **more):
    """What ``measure`` says, with a name and data; each stop loses something of its own."""
    made = {"model": "a", "data": "b", "rule": "adjoint", "split": "test", "note": ""}
    result = made | deepcopy(case.result) | more
    for k, stop in enumerate(result["anytime"]["stops"], 1):
        stop["reported"]["lost"] = 0.0123 * k
    result["anytime"]["best"]["reported"]["lost"] = -0.0456
    return result


def test_the_tables_of_the_page_have_these_numbers(case):
    result = told(case)
    html = page(result, [])
    counted = result["operations"]
    rows = {
        row[0]: [number(cell) for cell in row[1:]] for row in cells(html, "Operations a recording")
    }
    for pair in PAIRS:
        keys = ("deliveries", "synaptic_operations", "effective", "weight_bytes")
        assert rows[pair] == pytest.approx([counted[key][pair] for key in keys], abs=0.051)
    stops = cells(html, "Stopping early")
    for row, stopped in zip(stops, result["anytime"]["stops"], strict=True):
        r = stopped["reported"]
        assert row[0] == stopped["policy"].replace("_", " ")
        assert level_says(row[1], "never stops", stopped)
        wanted = [r["saved"], 100 * r["lost"], r["accuracy"], r["operations"], r["spikes"]]
        wanted += [r["events"], r["t_us"] / 1000]
        slack = [0.00051, 0.0051, 0.000051, 0.51, 0.051, 0.51, 0.51]
        for cell, value, least in zip(row[2:], wanted, slack, strict=True):
            assert number(cell) == pytest.approx(value, abs=least)
    for row, model in zip(
        cells(html, "Energy: estimates a recording"), result["energy"], strict=True
    ):
        keys = ("synapses_nj", "decays_nj", "tests_nj", "neurons_nj", "memory_nj", "total_nj")
        wanted = [model[key] for key in (*keys, "without_decays_nj")]
        wanted += [model.get("references_nj", {}).get(name) for name in ("clock_1ms", "relu")]
        assert row[0] == model["model"] and model["source"] in row[-1]
        for cell, value in zip(row[1:-1], wanted, strict=True):
            if value is None:
                assert cell == ""
            else:
                assert number(cell) == pytest.approx(value / 1e3, rel=1e-3)  # microjoules
    bench = {row[0]: number(row[1]) for row in cells(html, "In NeuroBench's keys")}
    theirs = result["neurobench"]
    flat = {k: v for k, v in theirs.items() if not isinstance(v, dict)}
    flat |= {f"SynapticOperations {k}": v for k, v in theirs["SynapticOperations"].items()}
    assert bench == pytest.approx(flat, rel=1e-3)


def test_the_tiles_of_the_page_have_these_numbers(case):
    result = told(case)
    html = page(result, [])
    found = re.findall(r'<div class="tile"><span>(.*?)</span><strong>(.*?)</strong>', html)
    tiles = {name: number(value) for name, value in found}
    wanted = {
        "accuracy": result["accuracy"],
        "a spike costs": result["operations"]["operations_per_spike"],
        "a right answer costs": result["operations"]["operations_per_right_answer"],
        "stopping early saves": result["anytime"]["best"]["reported"]["saved"],
    }
    if case.readout:
        wanted["learning costs"] = result["training"]["operations_per_recording"]
    assert set(tiles) == set(wanted)
    for name, value in wanted.items():
        assert tiles[name] == pytest.approx(value, rel=5e-3, abs=0.51 if value > 1 else 1e-3), name
    assert f"{result['right']} of 7" in html and "no answer" not in html
    assert f"{result['right']} of 7; 2 got no answer" in page(result | {"no_answer": 2}, [])
    assert "with 4.56 points won" in html and "7 recordings" in html and "4-5-3" in html


def printed(shower, *results):
    """The rows that people see, cells apart."""
    out = io.StringIO()
    shower(*results, Console(file=out, width=200))
    return [re.split(r"  +", line.strip()) for line in out.getvalue().splitlines()]


def test_people_see_these_numbers(case):
    result = told(case, html=None, figures=None)
    rows = {row[0]: row[1:] for row in printed(show_measured.measurement, result)}
    assert f"accuracy {result['accuracy']:.2%}" in rows
    counted = result["operations"]
    for name, key in (
        ("a spike or event", "operations_per_spike"),
        ("a recording", "operations_per_recording"),
        ("a right answer", "operations_per_right_answer"),
    ):
        assert number(rows[name][0]) == pytest.approx(counted[key], abs=0.51)
    for stop in result["anytime"]["stops"]:
        level, saves, lost, spikes, ms = rows[stop["policy"].replace("_", " ")]
        r = stop["reported"]
        assert level_says(level, "never", stop)
        assert number(saves) == pytest.approx(r["saved"], abs=5.1e-4)
        # Points are hundredths.
        assert number(lost) == pytest.approx(100 * r["lost"], abs=5.1e-3)
        assert number(spikes) == pytest.approx(r["spikes"], abs=0.051)
        assert number(ms) == pytest.approx(r["t_us"] / 1000, abs=0.51)
    for model in result["energy"]:
        micro = rows[model["model"]][0].removesuffix(" µJ")
        assert number(micro) == pytest.approx(model["total_nj"] / 1000, rel=1e-3)
    if case.readout:
        learning, passes = re.match(
            r"(\S+) \((\S+) times", rows["learning a recording"][0]
        ).groups()
        training = result["training"]
        assert number(learning) == pytest.approx(training["operations_per_recording"], abs=0.51)
        assert number(passes) == pytest.approx(training["passes_of_inference"], abs=0.0051)


def test_models_are_compared_by_these_numbers(case):
    result = told(case)
    (row,) = (
        row
        for row in printed(show_measured.comparison, {"models": [result], "figure": None})
        if row[0] == "a"
    )
    best = result["anytime"]["best"]["reported"]
    counted = result["operations"]
    assert number(row[1]) == pytest.approx(result["accuracy"], abs=5.1e-5)
    assert number(row[2]) == pytest.approx(counted["operations_per_recording"], abs=0.51)
    assert number(row[3]) == pytest.approx(best["saved"], abs=5.1e-4)
    assert number(row[4]) == pytest.approx(100 * best["lost"], abs=5.1e-3)
    own = counted["spikes"]["hidden"] + counted["spikes"]["output"]
    assert number(row[5]) == pytest.approx(own, abs=0.051)
    passes = f"{result['training']['passes_of_inference']:.2f}x" if case.readout else "-"
    assert row[6] == passes
    plain = next(m for m in result["energy"] if m["model"] == "cmos45-float32")
    assert number(row[7].removesuffix(" µJ")) == pytest.approx(plain["total_nj"] / 1000, rel=1e-3)


def test_where_no_answer_was_right_a_right_answer_has_no_cost(case):
    assert per_right_answer(195_930, 0) is None and per_right_answer(10, 4) == 2.5
    result = told(case, html=None, figures=None)
    result["operations"]["operations_per_right_answer"] = per_right_answer(195_930, 0)
    rows = {row[0]: row[1:] for row in printed(show_measured.measurement, result)}
    assert rows["a right answer"] == ["- (none was right)"]
    assert "no answer was right" in page(result, [])

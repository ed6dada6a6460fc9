"""The page of a measurement: one file that needs no network, on any screen, light and dark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eventsnn.report.gallery import Picture
from eventsnn.report.page_parts import Html, document, figures, section, table, tiles, write_page
from eventsnn.report.style import number, short
from eventsnn.text import level_of, marked

Result = dict[str, Any]


def save_page(path: Path, result: Result, pictures: list[Picture]) -> None:
    """Write the page, whole or not at all."""
    write_page(path, page(result, pictures))


def page(result: Result, pictures: list[Picture]) -> str:
    """Return the page as HTML."""
    title = f"{result['model']} on {result['data']}"
    sections = [
        _header(result),
        tiles((*_cost_tiles(result), *_saving_tiles(result))),
        figures(pictures),
        section("Operations a recording", _operations_table(result)),
        section("Stopping early", _stops_table(result)),
        section("Energy: estimates a recording", _energy_table(result)),
        section("In NeuroBench's keys", _neurobench_table(result)),
        section("How it was made", _options(result)),
    ]
    return document(title, sections)


def _header(result: Result) -> str:
    layers = "-".join(str(p["neurons"]) for p in result["network"]["populations"])
    note = f" ({marked(result['note'])})" if result.get("note") else ""
    return (
        f"<header><h1>{marked(result['model'])}</h1><p>{layers}, rule "
        f"{marked(result['rule'])}, on {result['recordings']:,} recordings of "
        f"<code>{marked(result['data'])}</code>{note}, half: {marked(result['split'])}</p></header>"
    )


def _cost_tiles(result: Result) -> list[tuple[str, str, str]]:
    operations = result["operations"]
    right = f"{result['right']:,} of {result['recordings']:,}"
    right += f"; {result['no_answer']:,} got no answer" if result.get("no_answer") else ""
    event = (
        f"synaptic operations; an input event {operations['operations_per_event']:,.0f}, with all "
        "it sets off"
    )
    answer = "synaptic operations, those of wrong answers included"
    cost = operations["operations_per_right_answer"]
    if cost is None:
        answer = "no answer was right"
    return [
        ("accuracy", f"{result['accuracy']:.2%}", right),
        ("a spike costs", f"{operations['operations_per_spike']:,.0f}", event),
        ("a right answer costs", "-" if cost is None else short(cost), answer),
    ]


def _saving_tiles(result: Result) -> list[tuple[str, str, str]]:
    best, training, tiles = result["anytime"].get("best"), result["training"], []
    if best:
        lost = 100 * best["reported"]["lost"]
        told = f"{lost:.2f} points of accuracy lost" if lost >= 0 else f"{-lost:.2f} points won"
        how = (
            f"of the operations, with {told} (by {best['policy'].replace('_', ' ')}, on recordings "
            "that did not choose its level)"
        )
        tiles.append(("stopping early saves", f"{best['reported']['saved']:.1%}", how))
    if "operations_per_recording" in training:
        passes = (
            f"operations a recording: {training['passes_of_inference']:.2f} times its forward pass"
        )
        tiles.append(("learning costs", short(training["operations_per_recording"]), passes))
    return tiles


def _operations_table(result: Result) -> str:
    operations = result["operations"]
    rows = []
    for connection in result["network"]["connections"]:
        name = connection["name"]
        values = [
            operations[key].get(name)
            for key in ("deliveries", "synaptic_operations", "effective", "weight_bytes")
            if key in operations
        ]
        rows.append([name, *(f"{value:,.1f}" for value in values)])
    head = ["connection", "deliveries", "synaptic operations"]
    head += ["with weights other than 0"] if "effective" in operations else []
    out = table([*head, "bytes of weights"], rows)
    if "neuron_updates" in operations:
        keys = ("spikes", "neuron_updates", "multiplications", "threshold_tests")
        rows = [
            [p["name"], *(f"{operations[key][p['name']]:,.1f}" for key in keys)]
            for p in result["network"]["populations"]
        ]
        out += table(["population", "spikes", "updates", "multiplications", "tests"], rows)
    training = result["training"]
    if "not_counted" in training:
        return out + f"<p>Training is not counted: {marked(training['not_counted'])}.</p>"
    near = sum(training.get("near_spikes", {}).values())
    return out + (
        f"<p>Learning a recording: {training['forward_operations']:,.0f} operations forward, "
        f"{training['backward_operations']:,.0f} backward, {training['weight_updates']:,.0f} "
        f"updates of weights{f'; {near:,.1f} near spikes' if near else ''}.</p>"
    )


def _stops_table(result: Result) -> str:
    anytime = result["anytime"]
    if "not_measured" in anytime:
        return f"<p>Not measured: {marked(anytime['not_measured'])}.</p>"
    rows = []
    for stop in anytime["stops"]:
        told = stop["reported"]
        never = stop["level"] is None
        level = "never stops" if never else level_of(stop["policy"], stop["level"])
        rows.append(
            [
                stop["policy"].replace("_", " "), level, f"{told['saved']:.1%}",
                f"{100 * told['lost']:.2f}", f"{told['accuracy']:.2%}",
                f"{told['operations']:,.0f}", f"{told['spikes']:,.1f}", f"{told['events']:,.0f}",
                f"{told['t_us'] / 1e3:.0f}",
            ]
        )  # fmt: skip
    rest = [
        f"<p>{marked(name.replace('_', ' '))}: {marked(curve['does_not_apply'])}.</p>"
        for name, curve in anytime["policies"].items()
        if "does_not_apply" in curve
    ]
    head = ["policy", "level", "saved", "points lost", "accuracy", "operations"]
    head += ["spikes", "events", "ms"]
    elsewhere = any(stop["chosen"] is None for stop in anytime["stops"])
    chosen = "Levels are chosen on recordings 0, 2, 4, ... and reported on 1, 3, 5, ..."
    chosen = "Levels were chosen by another measurement." if elsewhere else chosen
    how = f"<p>{chosen} The answer is checked every {anytime['check_us'] / 1e3:g} ms.</p>"
    return table(head, rows) + how + "".join(rest)


_ENERGY = {
    "synapses_nj": "synapses",
    "decays_nj": "decays",
    "tests_nj": "threshold tests",
    "neurons_nj": "neurons, all",
    "memory_nj": "memory",
    "total_nj": "sum, µJ",
    "without_decays_nj": "without decays",
}
"""What is told of an estimate, and what it is called."""


def _energy_table(result: Result) -> str:
    beside = {
        name: text
        for name, text in (("clock_1ms", "1 ms clock, active senders"), ("relu", "ReLU network"))
        if any(name in model.get("references_nj", {}) for model in result["energy"])
    }
    rows = []
    for model in result["energy"]:
        parts = [model[key] for key in _ENERGY]
        parts += [model.get("references_nj", {}).get(name) for name in beside]
        source = Html(f"<small>{marked(model['title'])}. {marked(model['source'])}</small>")
        rows.append([model["model"], *map(_micro, parts), source])
    head = ["model", *_ENERGY.values(), *beside.values(), "source"]
    notes = dict.fromkeys(model["note"] for model in result["energy"] if "note" in model)
    return table(head, rows) + "".join(f"<p>{marked(note)}.</p>" for note in notes)


def _micro(nano: float | None) -> str:
    """Return nanojoules as microjoules."""
    return "" if nano is None else number(nano / 1e3)


def _neurobench_table(result: Result) -> str:
    rows = []
    for key, value in result["neurobench"].items():
        if key in ("clock_1ms", "not_measured"):
            continue
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for name, told in parts:
            rows.append([f"{key} {name}".strip(), "" if told is None else number(told)])
    note = result["neurobench"].get("not_measured", "")
    return table(["key", "value"], rows) + (f"<p>Not measured: {marked(note)}.</p>" if note else "")


def _options(result: Result) -> str:
    kept = ("model", "rule", "data", "split", "recordings", "version", "machine", "options")
    text = json.dumps({key: result[key] for key in kept if key in result}, indent=2)
    lines = "\n".join(map(marked, text.split("\n")))
    return f"<details><summary>All options</summary><pre>{lines}</pre></details>"

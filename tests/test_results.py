"""The pages of docs/results are what the JSON beside them says."""

import json
import re
import runpy
import shutil
import sys
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "results"
ELSEWHERE = {"../explanation/scaling"}
"""Pages that it makes in another folder."""


@pytest.fixture(scope="module")
def pages():
    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    try:
        return runpy.run_path(str(FOLDER / "tables.py"))["pages"]()
    finally:
        sys.path[:] = before


def test_every_run_is_a_row_or_a_file_and_stands_on_a_page(pages):
    rows = [json.loads(line) for line in (FOLDER / "runs.jsonl").read_text().splitlines()]
    names = [row["run"] for row in rows] + [path.stem for path in FOLDER.glob("*.json")]
    assert len(names) == len(set(names)) > 100
    text = "\n".join(line for page in pages.values() for line in page)
    for name in names:
        run = re.sub("^(measure|levels|levelled)-|-(real|filmed)$", "", name)
        assert run.removesuffix("-real") in text, name


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json*")), ids=lambda path: path.name)
def test_a_result_names_no_folder_of_the_machine_that_made_it(path):
    found = re.findall(r'[\s":=](?:/|[A-Za-z]:\\\\)\w[^\s"]*', path.read_text())
    assert not found, found[:3]


def test_a_file_becomes_a_row_once(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    made = runpy.run_path(str(FOLDER / "results.py"))
    shutil.copy(FOLDER / "runs.jsonl", tmp_path)
    made["add"].__globals__.update(HERE=tmp_path, RUNS=tmp_path / "runs.jsonl")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "dense-7.json").write_text('{"test_accuracy": 0.5}')
    made["add"](tmp_path / "new" / "dense-7.json")
    made["_runs"].cache_clear()
    assert made["read"]("dense-7") == {"test_accuracy": 0.5}
    with pytest.raises(ValueError, match="dense-7 is there already"):
        made["add"](tmp_path / "new" / "dense-7.json")


def test_every_page_is_made_by_the_program(pages):
    assert {path.stem for path in FOLDER.glob("*.md")} | ELSEWHERE == set(pages)


@pytest.mark.parametrize("name", sorted({path.stem for path in FOLDER.glob("*.md")} | ELSEWHERE))
def test_a_page_is_what_its_json_says(pages, name):
    assert (FOLDER / f"{name}.md").read_text() == "\n".join(pages[name]) + "\n"


def test_every_figure_in_the_folder_is_shown_on_one_page_and_every_page_finds_its_own(pages):
    lines = [line for page in pages.values() for line in page]
    shown = [m[1] for m in (re.fullmatch(r"!\[[^]]+\]\((.+)\)", line) for line in lines) if m]
    assert sorted(shown) == sorted(path.name for path in FOLDER.glob("*.svg"))
    assert len(shown) >= 5


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.name)
def test_a_figure_of_the_pages_is_a_small_drawing_with_axes_that_are_named(path):
    assert path.stat().st_size < 100_000
    assert Xml.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    # Text is text, or drawn with itself in a comment beside.
    found = re.findall(r">([^<>]+)</text>|<!-- (.+?) -->", path.read_text())
    words = " ".join(text or comment for text, comment in found)
    assert re.search("accuracy|error|difference|operations|alpha", words), words
    assert re.search(
        "spikes|epoch|T, presentation steps|events seen|layers|synaptic operations", words
    ), words

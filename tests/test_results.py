"""The pages of docs/results are what the JSON beside them says."""

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "results"


@pytest.fixture(scope="module")
def pages():
    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    try:
        return runpy.run_path(str(FOLDER / "tables.py"))["pages"]()
    finally:
        sys.path[:] = before


def test_every_page_is_made_by_the_program(pages):
    assert {path.stem for path in FOLDER.glob("*.md")} == set(pages)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.md")))
def test_a_page_is_what_its_json_says(pages, name):
    assert (FOLDER / f"{name}.md").read_text() == "\n".join(pages[name]) + "\n"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.md")))
def test_figures_on_a_page_lie_beside_it(pages, name):
    shown = [line.split("](")[1].rstrip(")") for line in pages[name] if line.startswith("![")]
    assert all((FOLDER / figure).stat().st_size < 100_000 for figure in shown)

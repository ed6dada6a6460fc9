"""Every paper keeps its contract: those found in their folders, and one that the test joins."""

import json
from dataclasses import replace

import numpy as np
import pytest

import eventsnn
from eventsnn.data.dataset import some_of
from eventsnn.reproduce import PAPERS, papers
from eventsnn.reproduce.command import chosen_rows, reproduce
from eventsnn.reproduce.data import PaperData
from eventsnn.reproduce.judges import AtLeast, Shown, Within
from eventsnn.reproduce.need import Need
from eventsnn.reproduce.originals import MNIST, N_MNIST
from eventsnn.reproduce.paper import TIERS, Figure, Judge, Paper, Row, Verdict
from eventsnn.reproduce.released import Released

FOUND = sorted(papers())
JOINED = "joined-by-a-test"


def slopes(context, options):
    """Learn for some epochs, each saved: the sum of what was drawn."""
    file = context.folder / "sum.json"
    done = json.loads(file.read_text()) if file.exists() else []
    for epoch in range(len(done), options["epochs"]):
        context.report(epoch, options["epochs"], "")
        drawn = np.random.default_rng([context.seed, epoch]).random()
        done.append(drawn + len(context.data.train))
        file.write_text(json.dumps(done))
    return {"test_error": round(sum(done), 9), "epochs": len(done)}


def forward(context, options):
    """Use released weights."""
    return {"accuracy": float(context.released["w"].sum() + len(context.data.test))}


IMAGES = Need("images", events=False, example="mnist:PATH", classes=10, word="digits",
              original=MNIST)  # fmt: skip
EVENTS = Need("recordings", events=True, example="nmnist:PATH", sensor=(2, 34, 34), classes=10,
              film_of=IMAGES, original=N_MNIST)  # fmt: skip


def a_paper():
    return Paper(
        name=JOINED,
        title="What a test needs",
        source="nowhere",
        rows=(
            Row("slopes", "slopes", slopes, IMAGES, {"epochs": 6}, {"epochs": 4}, {"epochs": 9}),
            Row("events", "events", slopes, EVENTS, {"epochs": 2}, tier="default"),
            Row("long", "long", slopes, IMAGES, {"epochs": 2}, tier="full", needs=("slopes",)),
            Row("forward", "forward", forward, IMAGES, released=Released("network", {"w": (2, 3)})),
        ),
        published=(
            Figure("slopes", "test_error", 1.0, Within(0.5)),
            Figure("events", "test_error", 1.0, Within(0.5)),
            Figure("long", "test_error", 1.0, Shown("other samples")),
            Figure("forward", "accuracy", 9.0, AtLeast(8.5)),
        ),
        seeds=(0, 1),
    )


@pytest.fixture(params=[*FOUND, JOINED])
def paper(request):
    """Each paper; the one that the test joins is forgotten afterwards."""
    if request.param == JOINED:
        eventsnn.register(a_paper())
    yield papers()[request.param]
    PAPERS.joined = [one for one in PAPERS.joined if one.name != JOINED]


class Listener:
    def __init__(self):
        self.begun, self.kept, self.reports, self.stop_at = [], [], 0, None

    def row_begins(self, row):
        self.begun.append(row.id)

    def row_moves(self, row, done, total, note):
        self.reports += 1
        if self.reports == self.stop_at:
            raise KeyboardInterrupt

    def row_ends(self, row, result, kept):
        self.kept += [row.id] if kept else []


def test_papers_are_found_in_their_folders():
    assert len(FOUND) >= 1 and "deep-spiking-networks" in FOUND
    assert JOINED not in FOUND


def test_a_paper_that_joins_is_listed_by_the_command(call):
    eventsnn.register(a_paper())
    try:
        code, out, _ = call("reproduce", "--json")
        listed = {found["paper"]: found["rows"] for found in json.loads(out)}
    finally:
        PAPERS.joined = []
    assert code == 0 and listed[JOINED] == ["slopes", "events", "long", "forward"]
    assert set(listed) == {*FOUND, JOINED}


def test_rows_have_their_own_names_a_tier_a_need_and_rows_before_them(paper):
    seen = {}
    for row in paper.rows:
        assert row.name not in seen and row.title and row.seed == 0
        assert row.tier in TIERS and isinstance(row.data, Need)
        assert row.data.example and row.data.described()
        for need in row.needs:
            assert TIERS.index(seen[need].tier) <= TIERS.index(row.tier)
        for options in (row.options, row.quick, row.full):
            json.dumps(options)
        assert set(row.quick) | set(row.full) <= set(row.options), row.name
        seen[row.name] = row
    assert any(row.tier == "quick" for row in paper.rows)


def test_published_figures_stand_once_and_have_a_judge_that_says_what_it_found(paper):
    assert paper.published
    keys = [(figure.row, figure.key) for figure in paper.published]
    assert len(set(keys)) == len(keys)
    judged = 0
    for figure in paper.published:
        assert isinstance(figure.judge, Judge) and paper.row(figure.row)
        rows = {row.id: {figure.key: figure.value} for row in paper.rows}
        verdict = figure.judge.judge(figure, rows)
        if verdict is None:
            continue
        assert isinstance(verdict, Verdict) and verdict.outcome in ("met", "missed", "shown")
        # A figure equal to the published one is good enough for every judge.
        assert verdict.outcome != "missed"
        assert verdict.outcome != "shown" or verdict.details["reason"]
        assert verdict.to_json()["verdict"]
        judged += verdict.outcome == "met"
    assert judged > 0


def first_row(paper, data):
    rows, _, _ = chosen_rows(paper, [], data)
    return next(row for row in rows if not row.needs)


def without_times(result):
    """Strip what two equal runs may differ in."""
    timed = ("seconds", "wall_seconds", "out")
    if isinstance(result, dict):
        return {k: without_times(v) for k, v in result.items() if k not in timed}
    return [without_times(v) for v in result] if isinstance(result, list) else result


class FewSamples(PaperData):
    """So few that a row takes a second or two."""

    def open(self, need):
        data = super().open(need)
        few = (some_of(half, np.arange(min(100, len(half)))) for half in (data.train, data.test))
        return replace(data, **dict(zip(("train", "test"), few, strict=True)))


def test_a_quick_row_runs_and_an_interrupted_one_goes_on_to_the_same_json(paper, tmp_path):
    data = FewSamples(paper, [], "quick")
    row = first_row(paper, data)

    def run(out, listener):
        return reproduce(paper, data, [row.name], tmp_path / out, 1, listener)

    watched = Listener()
    whole = run("whole", watched)
    assert watched.begun == [row.id] and watched.reports > 1
    assert {figure.key for figure in paper.published if figure.row == row.name} <= set(
        whole["rows"][row.name]
    )
    assert json.loads((tmp_path / "whole" / "result.json").read_text()) == whole
    again = Listener()
    assert without_times(run("whole", again)) == without_times(whole) and again.kept == [row.id]
    stopped = Listener()
    stopped.stop_at = 1 + watched.reports // 2
    with pytest.raises(KeyboardInterrupt):
        run("cut", stopped)
    resumed = Listener()
    assert without_times(run("cut", resumed)) == without_times(whole)
    assert resumed.begun == [row.id]


def test_the_plain_tables_and_those_of_a_paper_show_what_was_run(paper, tmp_path, call):
    data = PaperData(paper, [], "quick")
    row = first_row(paper, data)
    words = ("reproduce", paper.name, "--quick", "--only", row.name, "--threads", 1)
    code, out, _ = call(*words, "--out", tmp_path)
    assert code == 0 and row.title.split()[0] in out and "result.json" in out

"""Put small faults into a copy of the code, one at a time, and say which no test notices.

    python tests/mutation/mutate.py [LISTS.toml ...] [--only WORD] [--jobs N]

A list has entries like this::

    [[fault]]
    file = "eventsnn/optimizers/schedules.py"
    find = "0.75"            # stands in the file once; several lines are fine
    replace = "0.8"
    tests = ["tests/test_gradient_training.py"]    # what should notice: words for pytest
    why = "the schedule falls late"

The copy is made of the files that git knows. Not part of CI: each fault may compile kernels.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SLOWEST_S = 900


def main() -> int:
    """Return 0 where every fault was noticed."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("lists", nargs="*", type=Path, help="default: all beside this file")
    words.add_argument("--only", default="", help="only faults whose file or why has this word")
    words.add_argument("--jobs", type=int, default=1)
    args = words.parse_args()
    lists = args.lists or sorted(Path(__file__).parent.glob("*.toml"))
    faults = [f for path in lists for f in tomllib.loads(path.read_text())["fault"]]
    faults = [f for f in faults if args.only in f["file"] + f["why"]]
    with ThreadPoolExecutor(args.jobs) as pool:
        answers = list(pool.map(_noticed, faults))
    print(f"{sum(a == 'noticed' for a in answers)} of {len(faults)} faults noticed")
    for fault, answer in zip(faults, answers, strict=True):
        if answer != "noticed":
            print(f"{answer}: {fault['file']}: {fault['why']}")
    return int(any(a != "noticed" for a in answers))


def _noticed(fault: dict[str, Any]) -> str:
    """Return ``noticed``, ``SURVIVED``, or what is wrong with the entry."""
    text = (ROOT / fault["file"]).read_text()
    if text.count(fault["find"]) != 1:
        return f"STALE (found {text.count(fault['find'])} times)"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        _copy(copy)
        (copy / fault["file"]).write_text(text.replace(fault["find"], fault["replace"]))
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *fault["tests"]]
        # Commands that tests start read the copy, too, not what is installed.
        env = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            code = subprocess.run(
                command, cwd=copy, env=env, capture_output=True, timeout=SLOWEST_S
            ).returncode
        except subprocess.TimeoutExpired:
            code = 1
    answer = {0: "SURVIVED", 1: "noticed", 2: "noticed"}.get(code, f"PYTEST SAYS {code}")
    answer = "noticed" if code < 0 else answer  # killed by a signal: a crash is noticed, too
    print(f"{answer:10} {fault['file']}: {fault['why']}", flush=True)
    return answer


def _copy(copy: Path) -> None:
    """Copy the files that git knows, and put the shared data beside them."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    if (ROOT.parent / "shared").is_dir():
        (copy.parent / "shared").symlink_to(ROOT.parent / "shared")


if __name__ == "__main__":
    raise SystemExit(main())

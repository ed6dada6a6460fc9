"""Two processes share the trials of one study; then: which of them nothing beats."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

STUDY = """
trials = 4
goal = "front"
[train]
data = "digits"
limit = 100
rule = "adjoint"
epochs = 3
[space]
layers = ["2312-5-10", "2312-20-10"]
rate = { low = 0.002, high = 0.02, log = true }
"""


def main() -> None:
    """Start both workers in one folder, and read what they found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.toml").write_text(STUDY)
        words = ["sweep", "study.toml", "--out", "sweep", "--threads", "1"]
        command = [sys.executable, "-m", "eventsnn", *words]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        workers = [subprocess.Popen(command, cwd=folder, **quiet) for _ in range(2)]
        print("exit codes:", [worker.wait() for worker in workers])
        result = json.loads((folder / "sweep" / "sweep.json").read_text())
    for row in result["trials"]:
        best = "  nothing beats it" if row["trial"] in result["front"] else ""
        print(f"trial {row['trial']}: {row['values']['layers']}, rate {row['values']['rate']}: "
              f"{row['accuracy']:.0%}, {row['operations']:,.0f} operations{best}")  # fmt: skip


if __name__ == "__main__":
    main()

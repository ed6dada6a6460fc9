"""One digest on any number of ranks and threads: python docs/ranks_bits.py > ranks-bits.json.

Each run is stopped after its first epoch and goes on with the next number of ranks of the list.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import eventsnn
from eventsnn.bench.ranks import mpiexec
from eventsnn.train.trainer import machine

RANKS, THREADS = (1, 2, 3, 5, 8), (1, 2)
CASES = ("dense", "pruned", "clipped", "conv", "eventprop", "relu", "stbp", "ledinauskas2020")
PROGRAM = Path(__file__).resolve().parents[1] / "tests" / "ranks_program.py"


def run(ranks: int, folder: Path, epochs: str) -> dict[str, list]:
    """Return what the program prints."""
    words = [sys.executable, str(PROGRAM), str(folder), ",".join(map(str, THREADS))]
    words += [",".join(CASES), epochs]
    launch = [mpiexec(), "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run([*launch, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{ranks} ranks: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def main() -> None:
    rows = []
    for k, ranks in enumerate(RANKS):
        then = RANKS[(k + 1) % len(RANKS)]
        with tempfile.TemporaryDirectory() as folder:
            run(ranks, Path(folder), "1")
            for name, (digest, _) in run(then, Path(folder), "2").items():
                case, threads = name.rsplit("-", 1)
                row = {"case": case, "threads": int(threads), "ranks": ranks, "then": then}
                rows.append(row | {"digest": digest})
        print(f"{ranks} ranks, then {then}", file=sys.stderr)
    found = {case: sorted({r["digest"] for r in rows if r["case"] == case}) for case in CASES}
    same = all(len(digests) == 1 for digests in found.values())
    result = {"same_bits": same, "digests": found, "rows": rows, "machine": machine()}
    print(json.dumps(result | {"version": eventsnn.__version__}))


if __name__ == "__main__":
    main()

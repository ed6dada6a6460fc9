"""Set everything up and run it, with nothing but Python: python run.py [train|test|...].

The first call makes a virtual environment in .venv (or in $EVENTSNN_VENV) and installs
eventsnn there. ``python run.py test`` runs the test suite; any other words go to the
``eventsnn`` command line, and no words at all mean ``train``.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = Path(os.environ.get("EVENTSNN_VENV") or HERE / ".venv")
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
DONE = VENV / "eventsnn-installed"


def set_up(extra: str) -> None:
    """Make the environment unless this very version of it is there."""
    version = hashlib.sha256((HERE / "pyproject.toml").read_bytes()).hexdigest()
    want = {extra, *(DONE.read_text().split() if DONE.is_file() else [])}
    if DONE.is_file() and {version, extra} <= set(DONE.read_text().split()):
        return
    print(f"setting up {VENV} (once, about a minute) ...", file=sys.stderr, flush=True)
    if not PYTHON.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    target = f"{HERE}[{'test' if 'test' in want else 'tonic'}]"
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--editable", target]
    subprocess.run(pip, check=True)
    DONE.write_text(" ".join([version, "main", *(["test"] if "test" in want else [])]))


def main() -> int:
    """Return the exit code of what was run."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before pip can check
        print("error: eventsnn needs Python 3.11 or newer", file=sys.stderr)
        return 2
    words = sys.argv[1:] or ["train"]
    try:
        set_up("test" if words[0] == "test" else "main")
    except subprocess.CalledProcessError as error:
        print(
            f"error: the set-up failed ({' '.join(error.cmd[:4])} ...); on Debian and Ubuntu "
            "install python3-venv first",
            file=sys.stderr,
        )
        return 2
    if words[0] == "test":
        command = [str(PYTHON), "-m", "pytest", *words[1:]]
    else:
        command = [str(PYTHON), "-m", "eventsnn", *words]
    process = subprocess.Popen(command, cwd=HERE if words[0] == "test" else None)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the child got it too: it saves, says how to go on, and ends


if __name__ == "__main__":
    raise SystemExit(main())

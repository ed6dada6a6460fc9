"""The JSON of the commands whose results stand here."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent


def read(name: str) -> dict:
    """Return a result by the name of its file."""
    return json.loads((HERE / f"{name}.json").read_text())

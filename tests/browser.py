"""A headless browser for tests: pages as a person sees them, at any width, light or dark."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip


def find_browser():
    """Return the browser's path; without one the test skips, or fails under CI=true."""
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    message = f"needs a browser, none of {', '.join(NAMES)} is installed"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    return pytest.skip(message)


def look(page: Path, *words: str, width: int, height: int, dark: bool):
    """Open a page; return (standard output, lines that the page wrote to its console)."""
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    with tempfile.TemporaryDirectory() as profile:
        command = [
            find_browser(), *QUIET, scheme, f"--user-data-dir={profile}",
            f"--window-size={width},{height}", *words, page.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

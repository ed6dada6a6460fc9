"""Shared fixtures: where the project's real recordings and golden files are, if at all."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with MNIST, real N-MNIST recordings and golden files."""
    if not SHARED.is_dir():
        message = f"needs the data folder {SHARED.name}/ beside the checkout, which is absent"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return SHARED

"""What all tests share: a cache directory of their own, the `golden` fixture, one thread per worker."""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is imported: parallel test workers must not fight for cores
os.environ.setdefault("MPLBACKEND", "Agg")

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

GOLDEN = Path(__file__).parent / "golden"
OWN_CACHE = pytest.StashKey[str]()

settings.register_profile("adjoint", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("adjoint")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden; read the diff afterwards")


def pytest_configure(config: pytest.Config) -> None:
    """Give this run an empty cache, shared by its workers; set ADJOINT_CACHE_DIR to keep one between runs."""
    if "ADJOINT_CACHE_DIR" not in os.environ:
        os.environ["ADJOINT_CACHE_DIR"] = config.stash[OWN_CACHE] = tempfile.mkdtemp(prefix="adjoint-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if OWN_CACHE in config.stash:
        del os.environ["ADJOINT_CACHE_DIR"]
        shutil.rmtree(config.stash[OWN_CACHE], ignore_errors=True)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with tests/golden/NAME.py, or write that file under `--update-golden`."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.py"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"no {path.name} in tests/golden: run `pytest --update-golden` and read it"
        assert text == path.read_text(), f"{path.name} differs: read it, then `pytest --update-golden`"

    return check

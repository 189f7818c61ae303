"""The driver's judgement and the report's arithmetic, on made-up results."""

import numpy as np
import pytest

from benchmarks import report, run

RESULTS = {
    "machine": {"cpu": "a processor", "cores": 2, "python": "3.11.7"},
    "versions": {"numba": "0.68.1"},
    "rounds": 7,
    "clock": "cpu",
    "kernels": {
        "one": [
            {"tool": "primal", "median": 1e-3, "min": 1e-3},
            {"tool": "ours", "median": 2e-3, "min": 2e-3},
            {"tool": "torch", "median": 8e-3, "min": 8e-3},
            {"tool": "torch_compile", "median": 6e-3, "min": 6e-3},
        ],
        "two": [
            {"tool": "primal", "median": 1e-3, "min": 1e-3},
            {"tool": "ours", "median": 8e-3, "min": 8e-3},
            {"tool": "torch", "error": "can't"},
        ],
    },
}


def test_table():
    text = report.markdown(RESULTS)
    assert "| one | 1 | 2 | 2.00 | 3.00 |" in text
    assert "| two | 1 | 8 | 8.00 | – |" in text
    assert "| geometric mean |  |  | 4.00 | 3.00 |" in text
    assert "| kernels it doesn't run |  |  | 0 | 1 |" in text


@pytest.mark.parametrize(
    ("found", "wanted", "error"),
    [
        ([np.array([1.0, 2.0])], [np.array([1.0, 2.0])], 0.0),
        ([np.array([1.0, 3.0])], [np.array([1.0, 2.0])], 0.5),
        ([np.zeros(2)], [np.zeros(2)], 0.0),
        ([np.zeros(2)], [np.zeros(3)], float("inf")),
        ([np.array([np.nan])], [np.array([1.0])], float("nan")),
        ([], [np.zeros(2)], float("inf")),
    ],
)
def test_relative(found, wanted, error):
    assert run.relative(found, wanted) == pytest.approx(error, nan_ok=True)


def test_last_words():
    lines = ["Traceback (most recent call last):", '  File "x.py"', "ValueError: no", "  more about it"]
    assert run._last_words(lines) == "ValueError: no"
    assert run._last_words([]) == "ended without a word"

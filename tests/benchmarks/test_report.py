"""The driver's judgement and the report's arithmetic, on made-up results."""

import json
import os
import time

import numpy as np
import pytest

from benchmarks import report, run, worker

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
    assert "| kernels it doesn't run |  |  |  | 1 |" in text


def test_each_machine_has_a_line():
    other = {**RESULTS, "machine": {"cpu": "another", "cores": 4, "python": "3.11.7"}}
    more = {**other, "kernels": {"one": [*RESULTS["kernels"]["one"], {"tool": "jax", "median": 2e-3, "min": 2e-3}]}}
    first, *rest = report.machine(RESULTS, RESULTS, more).splitlines()
    assert first.startswith("a processor, one core of 2; Python 3.11.7")
    second = first.replace("a processor, one core of 2", "JAX best: another, one core of 4")
    assert [line for line in rest if line] == [second]
    assert "Kernels measured again: another" in report.machine(RESULTS, other)


def test_a_tool_is_compared_within_its_file():
    second = {
        **RESULTS,
        "kernels": {
            "one": [
                {"tool": "primal", "median": 2e-3, "min": 2e-3},
                {"tool": "ours", "median": 4e-3, "min": 4e-3},
                {"tool": "jax", "median": 2e-3, "min": 2e-3},
                {"tool": "torch", "median": 9e-3, "min": 9e-3},
            ],
            "two": [
                {"tool": "ours", "median": 1e-3, "min": 1e-3},
                {"tool": "torch", "median": 7e-3, "min": 7e-3},
            ],
        },
    }
    kernels = report.rows_of(RESULTS, second)
    assert report.ratio(kernels["one"], "jax") == 0.5
    assert report.ratio(kernels["one"], "torch") == 3.0
    assert report.ratio(kernels["two"], "torch") == 7.0
    assert report.ratio(kernels["one"], "ours", "primal") == 2.0
    assert "| JAX best | 0.50 | 0.50 | 0.50 | 1 of 1 | one (0.50) |" in report.summary(RESULTS, second)


def test_reasons():
    assert report.reasons(RESULTS) == "`torch`, 1 of 2:\n\n- two: `can't`\n"


def test_blocks_are_written_again():
    page = "before\n<!-- benchmark: reasons -->\nold\n<!-- end -->\nafter\n"
    wanted = f"before\n<!-- benchmark: reasons -->\n{report.reasons(RESULTS)}<!-- end -->\nafter\n"
    assert report.filled(page, RESULTS) == wanted
    assert report.filled(wanted, RESULTS) == wanted


def test_pages_show_the_results_that_are_kept():
    kept = sorted((report.ROOT / "benchmarks" / "results").glob("*.json"))
    files = [json.loads(path.read_text()) for path in kept]
    for page in (report.README, report.PAGE):
        assert page.read_text() == report.filled(page.read_text(), *files)


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


def test_processor_time_of_a_process():
    before = run.spent(os.getpid())
    deadline = time.process_time() + 0.2
    while time.process_time() < deadline:
        pass
    assert not before or 0.15 <= run.spent(os.getpid()) - before
    assert run.spent(-1) == 0.0


def test_complaint():
    error = ValueError("no\n\n=====\n  in /home/me/x.py:3, see docs/y\n💡 Suggestion: think\nbecause")
    assert worker.complaint(error) == "ValueError: no in x.py:3, see docs/y because"

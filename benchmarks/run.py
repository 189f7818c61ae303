"""Time kernels, tool beside tool: `python -m benchmarks.run --kernels lse,ode --json results.json`.

Every tool has a process of its own, pinned to one core. A gradient is compared before it is timed: with the
hand-written one where there is one, else with the first one given, and along one direction with differences of the
primal. Samples are taken in rounds, one per tool and round. Times are the processor's: the machine may be shared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import kernels, reference
from benchmarks.flags import compiled
from benchmarks.worker import THREADS

OWN_TOOLS = ("primal", "hand", "ours")
SINGLE_TOLERANCE = 1e-4
PACKAGES = "numpy numba llvmlite jax jaxlib torch dace autograd".split()


class ToolError(Exception):
    """A tool can't do a kernel, with its last words."""


@dataclass
class Row:
    """What is known about one tool on one kernel."""

    tool: str
    samples: list[dict[str, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    def summary(self, clock: str) -> dict[str, Any]:
        """Return the row as it is reported."""
        if self.error is not None:
            return {"tool": self.tool, "error": self.error}
        times = [sample[clock] for sample in self.samples]
        return {"tool": self.tool, "median": median(times), "min": min(times), "samples": len(times), **self.facts}


class Worker:
    """A process that runs one tool on one kernel when told to."""

    def __init__(self, python: str, tool: str, kernel: str, size: str, core: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.answer_file = Path(self.folder.name) / "answer.npz"
        self.errors = Path(self.folder.name) / "errors"
        command = [python, "-m", "benchmarks.worker", tool, kernel, size, core, str(self.answer_file)]
        # A cache of its own, or its first call would not be a first call.
        environment = os.environ | dict.fromkeys(THREADS, "1") | {"ADJOINT_CACHE_DIR": self.folder.name}
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
            )

    def answer(self, patience: float | None = None) -> dict[str, Any]:
        """Return the next line it prints, waiting while it has had so many seconds of the processor."""
        assert self.process.stdout is not None
        start, had = time.perf_counter(), spent(self.process.pid)
        while not select.select([self.process.stdout], [], [], 0.5)[0]:
            waited = time.perf_counter() - start
            # What other processes do for it is waited for by the clock on the wall, and longer.
            if patience is not None and (spent(self.process.pid) - had > patience or waited > 8.0 * patience):
                raise ToolError(f"not ready after {patience:g} s")
        line = self.process.stdout.readline()
        if not line:
            lines = [line for line in self.errors.read_text(errors="replace").splitlines() if line.strip()]
            raise ToolError(_last_words(lines))
        answer = json.loads(line)
        if "failed" in answer:
            raise ToolError(answer["failed"])
        return answer

    def ask(self, command: str) -> dict[str, Any]:
        """Send a command and return its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def result(self) -> tuple[float, list[np.ndarray]]:
        """Return value and gradients of the first call."""
        with np.load(self.answer_file) as data:
            return float(data["value"]), [data[f"g{k}"] for k in range(len(data.files) - 1)]

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.folder.cleanup()


def spent(pid: int) -> float:
    """Return the seconds of the processor that a process and what it has waited for have had; on Linux, 0 elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _last_words(lines: list[str]) -> str:
    """Return the message of the exception that a traceback ends with, without what follows it."""
    start = next((k for k in range(len(lines) - 1, -1, -1) if lines[k][:1] not in (" ", "") and ":" in lines[k]), None)
    return lines[start].strip() if start is not None else "ended without a word"


def relative(found: Sequence[Any], wanted: Sequence[Any]) -> float:
    """Return the largest difference between gradients, each relative to its largest entry."""
    if len(found) != len(wanted):
        return float("inf")
    errors = [0.0]
    for one, other in zip(found, wanted, strict=True):
        if one.shape != other.shape:
            return float("inf")
        errors.append(float(np.max(np.abs(one - other), initial=0.0) / (np.max(np.abs(other), initial=0.0) or 1.0)))
    return float(np.max(errors))  # NaN, if there is one


class Judge:
    """Says how wrong a gradient is."""

    def __init__(self, name: str, size: str) -> None:
        kernel = kernels.load(name)
        args = kernel.args(size)
        self.ways = reference.directions(args, kernel.positions)
        primal = compiled(kernel.fun)
        self.value = primal(*args)
        self.slope = reference.difference(primal, args, kernel.positions, self.ways)
        self.along = kernel.along
        single = any(np.asarray(args[k]).dtype == np.float32 for k in kernel.positions)
        self.tolerance = SINGLE_TOLERANCE if single else kernel.tolerance
        self.model: list[np.ndarray] | None = None

    def check(self, value: float, gradients: list[np.ndarray]) -> dict[str, float]:
        """Return the errors of a result, or raise because it is wrong."""
        along = abs(reference.slope(gradients, self.ways) / self.slope - 1.0)
        error = relative(gradients, self.model) if self.model is not None else 0.0
        off = abs(value - self.value) / (abs(self.value) or 1.0)
        if not (off <= self.tolerance and error <= self.tolerance and along <= self.along):
            raise ToolError(f"wrong: value {off:.0e}, gradient {error:.0e}, along a direction {along:.0e}")
        if self.model is None:
            self.model = gradients
        return {"error": error, "directional_error": along}


def measure(name: str, options: argparse.Namespace) -> list[Row]:
    """Time all tools on a kernel."""
    tools = [*OWN_TOOLS, *options.peers]
    judge = Judge(name, options.size)
    workers: dict[str, Worker] = {}
    rows = {tool: Row(tool) for tool in tools}
    try:
        for tool in tools:
            python = sys.executable if tool in OWN_TOOLS else options.peer_python
            _say(f"{name}: {tool} starts")
            workers[tool] = Worker(python, tool, name, options.size, options.core)
            try:
                rows[tool].facts.update(workers[tool].answer(options.patience))
                if tool != "primal":
                    rows[tool].facts.update(judge.check(*workers[tool].result()))
            except ToolError as error:
                rows[tool].error = str(error)
                workers.pop(tool).close()
        for k in range(options.rounds):
            _say(f"{name}: round {k + 1} of {options.rounds}")
            for tool, worker in list(workers.items()):
                if sum(sample["cpu"] for sample in rows[tool].samples) > options.patience:
                    continue
                try:
                    rows[tool].samples.append(worker.ask("sample"))
                except ToolError as error:
                    rows[tool].error = str(error)
                    workers.pop(tool).close()
        for tool, worker in workers.items():
            rows[tool].facts.update(worker.ask("quit"))
    finally:
        for worker in workers.values():
            worker.close()
        _say("")
    return list(rows.values())


def _say(text: str) -> None:
    """Show progress on one line, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """Describe what the times were taken on."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        facts = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        cpu = facts.get("model name\t", cpu).strip()
        family = "family {} model {}".format(*(facts.get(key, "?").strip() for key in ("cpu family\t", "model\t\t")))
        cpu = f"{cpu}, {family}"
    about = {"cpu": cpu, "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    chosen = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE",) if name in os.environ}
    return about | ({"environment": chosen} if chosen else {})


def versions(python: str) -> dict[str, str]:
    """Return the versions of the packages that a Python has."""
    if python == sys.executable:
        found = {}
        for package in PACKAGES:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
        return found
    code = "import json, sys; from benchmarks.run import versions; print(json.dumps(versions(sys.executable)))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1.0:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def table(name: str, rows: list[dict[str, Any]]) -> str:
    """Return what was found about a kernel, as lines."""
    by_tool = {row["tool"]: row for row in rows}
    primal, ours = (by_tool[tool].get("median") for tool in ("primal", "ours"))
    lines = [
        f"{name:18}{'median':>10}{'min':>10}{'÷ primal':>10}{'÷ ours':>8}{'first call':>12}{'peak MiB':>10}  error",
    ]
    for row in rows:
        if "error" in row and "median" not in row:
            lines.append(f"  {row['tool']:16}{'–':>10}  {row['error']}")
            continue
        to_primal = f"{row['median'] / primal:.2f}" if primal else "–"
        to_ours = f"{row['median'] / ours:.2f}" if ours else "–"
        error = f"{row['error']:.0e}" if "error" in row else ""
        lines.append(
            f"  {row['tool']:16}{_time(row['median']):>10}{_time(row['min']):>10}{to_primal:>10}{to_ours:>8}"
            f"{_time(row['first_cpu']):>12}{row['peak_kib'] / 1024:>10.0f}  {error}"
        )
    return "\n".join(lines)


def parser_of(prog: str, description: str | None, names: Sequence[str], rounds: int) -> argparse.ArgumentParser:
    """Return a parser of the options that all benchmarks of kernels take."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--kernels", default=",".join(names), help="names with commas between them")
    parser.add_argument("--size", choices=("smoke", "headline"), default="headline")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--peer-python", default=sys.executable, help="the Python that has the peers")
    parser.add_argument("--core", default="0", help="the core to pin processes to; empty: none")
    parser.add_argument(
        "--patience", type=float, default=300.0, help="seconds of processor for a first call, and for the rounds"
    )
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--json", type=Path, help="where to write the results; kernels there stay")
    return parser


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_of("python -m benchmarks.run", __doc__, kernels.NAMES, 7)
    parser.add_argument("--peers", default="", help="names with commas between them")
    options = parser.parse_args(argv)
    options.peers = [peer for peer in options.peers.split(",") if peer]
    return options


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    options = _options(argv)
    results: dict[str, Any] = {
        "machine": machine(),
        "versions": versions(sys.executable) | (versions(options.peer_python) if options.peers else {}),
        "size": options.size,
        "rounds": options.rounds,
        "clock": options.clock,
        "kernels": {},
    }
    if options.json and options.json.exists():
        # Kernels of an earlier run of the same kind stay, so that they can be measured one by one.
        earlier = json.loads(options.json.read_text())
        results["kernels"] = earlier["kernels"] if earlier["size"] == options.size else {}
    for name in options.kernels.split(","):
        start = time.perf_counter()
        rows = [row.summary(options.clock) for row in measure(name, options)]
        results["kernels"][name] = rows
        print(table(name, rows), flush=True)
        _say(f"{name} took {time.perf_counter() - start:.0f} s")
        if options.json:
            options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

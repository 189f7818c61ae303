"""What a product of a Hessian with a vector costs beside the primal: `python -m benchmarks.hvp`.

`hvp` is `adjoint.hvp` with respect to what the kernel is differentiated by, as is `jax_hvp`, forward over reverse,
where the Python given has JAX; `hvp_all` is `adjoint.hvp` at all float arguments. A product is compared with
differences of gradients before it is timed, and the tools' products with each other. Samples are taken in rounds, one
per tool and round; a figure is the median over the rounds of ratios within one round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from benchmarks import kernels, reference
from benchmarks.run import ToolError, Worker, machine, parser_of, relative

KERNELS = ("lse", "gmm", "ode", "nbody")
OWN_TOOLS = ("primal", "hvp", "hvp_all")
# Differences of gradients have fewer digits than differences of values.
ALONG = 1e-5
SAME = 1e-9


def slope_of_gradient(kernel: kernels.Kernel, args: tuple[Any, ...], ways: Sequence[Any], seen: Sequence[Any]) -> float:
    """Return `seen · H ways` by differences of gradients."""
    from adjoint import grad

    gradient = grad(kernel.fun, kernel.wrt)
    return reference.difference(lambda *a: reference.slope(gradient(*a), seen), args, kernel.positions, ways)


def check(wanted: float, seen: Sequence[Any], products: list[Any], model: list[Any] | None) -> None:
    """Raise ToolError for a wrong product."""
    along = abs(reference.slope(products, seen) / wanted - 1.0)
    error = relative(products, model) if model is not None else 0.0
    if not (along <= ALONG and error <= SAME):
        raise ToolError(f"wrong: along a direction {along:.0e}, from the other tool's {error:.0e}")


def measure(name: str, tools: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Return for each tool its median time and its ratios to the primal, or why there are none."""
    kernel = kernels.load(name)
    args = kernel.args(options.size)
    ways, seen = (reference.directions(args, kernel.positions, seed) for seed in (7, 8))
    wanted = slope_of_gradient(kernel, args, ways, seen)
    workers: dict[str, Worker] = {}
    results: dict[str, Any] = {}
    model: list[Any] | None = None
    try:
        for tool in tools:
            python = sys.executable if tool in OWN_TOOLS else options.peer_python
            workers[tool] = Worker(python, tool, name, options.size, options.core)
            try:
                workers[tool].answer(options.patience)
                if tool != "primal":
                    products = workers[tool].result()[1]
                    check(wanted, seen, products, model)
                    model = model or products
            except ToolError as error:
                results[tool] = {"error": str(error)}
                workers.pop(tool).close()
        rounds = [
            {tool: at.ask("sample")[options.clock] for tool, at in workers.items()} for _ in range(options.rounds)
        ]
    finally:
        for worker in workers.values():
            worker.close()
    return results | {tool: summary(tool, rounds) for tool in workers}


def summary(tool: str, rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the medians of a tool's times and of its ratios, each within a round."""
    return {"median": median(times[tool] for times in rounds)} | {
        f"to {other}": median(times[tool] / times[other] for times in rounds)
        for other in ("primal", "hvp", "hvp_all")
        if other in rounds[0]
    }


def table(name: str, results: dict[str, Any]) -> str:
    """Return what was found about a kernel, as lines."""
    lines = [f"{name:12}{'median, ms':>12}{'÷ primal':>10}{'÷ hvp':>8}"]
    for tool, row in results.items():
        if "error" in row:
            lines.append(f"  {tool:10}{'–':>12}  {row['error']}")
        else:
            ratios = (row.get("to primal", np.nan), row.get("to hvp", np.nan))
            lines.append(f"  {tool:10}{row['median'] * 1e3:12.4g}{ratios[0]:10.2f}{ratios[1]:8.2f}")
    return "\n".join(lines)


def overall(results: dict[str, dict[str, Any]]) -> str:
    """Return the geometric means over the kernels that have both figures, and over how many."""
    lines = []
    for tool, other in (("hvp", "primal"), ("hvp_all", "primal"), ("jax_hvp", "hvp"), ("jax_hvp", "hvp_all")):
        ratios = [rows[tool][f"to {other}"] for rows in results.values() if f"to {other}" in rows.get(tool, {})]
        if ratios:
            lines.append(f"{tool} ÷ {other}: geometric mean of {len(ratios)}: {geometric_mean(ratios):.2f}")
    return "\n".join(lines)


def has_jax(python: str) -> bool:
    """Whether a Python can import JAX."""
    return subprocess.run([python, "-c", "import jax"], capture_output=True, check=False).returncode == 0


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    options = parser_of("python -m benchmarks.hvp", __doc__, KERNELS, 9).parse_args(argv)
    tools = (*OWN_TOOLS, "jax_hvp") if has_jax(options.peer_python) else OWN_TOOLS
    results: dict[str, dict[str, Any]] = {}
    for name in options.kernels.split(","):
        results[name] = measure(name, tools, options)
        print(table(name, results[name]), flush=True)
    print(overall(results))
    if options.json:
        facts = {"machine": machine(), "size": options.size, "rounds": options.rounds, "clock": options.clock}
        options.json.write_text(json.dumps(facts | {"kernels": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Table and plot from results: `python -m benchmarks.report results.json [--plot results.png]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import Any

Rows = dict[str, dict[str, Any]]
COLUMNS = (
    ("hand", "hand ÷ ours"),
    ("jax_same", "JAX same code ÷ ours"),
    ("jax", "JAX best ÷ ours"),
    ("torch", "torch ÷ ours"),
    ("dace", "DaCe ÷ ours"),
)


def rows_of(results: dict[str, Any]) -> dict[str, Rows]:
    """Return the results by kernel and tool; `torch` is the better of eager and compiled."""
    found = {}
    for name, rows in results["kernels"].items():
        by_tool = {row["tool"]: row for row in rows}
        torch = [by_tool[tool] for tool in ("torch", "torch_compile") if "median" in by_tool.get(tool, {})]
        if torch:
            by_tool["torch"] = min(torch, key=lambda row: row["median"])
        found[name] = by_tool
    return found


def ratio(rows: Rows, tool: str, to: str) -> float | None:
    """Return how many times longer a tool takes than another one."""
    if "median" in rows.get(tool, {}) and "median" in rows.get(to, {}):
        return rows[tool]["median"] / rows[to]["median"]
    return None


def mean(figures: Sequence[float]) -> float | None:
    """Return the geometric mean."""
    return exp(sum(map(log, figures)) / len(figures)) if figures else None


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _milliseconds(rows: Rows, tool: str) -> str:
    return f"{rows[tool]['median'] * 1e3:.3g}" if "median" in rows.get(tool, {}) else "–"


def markdown(results: dict[str, Any]) -> str:
    """Return the table of the README."""
    kernels = rows_of(results)
    columns = [(tool, title) for tool, title in COLUMNS if any(tool in rows for rows in kernels.values())]
    titles = ["kernel", "primal, ms", "value+gradient, ms", "ours ÷ primal", *(title for _, title in columns)]
    lines = [titles, ["---"] * len(titles)]
    for name, rows in kernels.items():
        figures = [ratio(rows, "ours", "primal"), *(ratio(rows, tool, "ours") for tool, _ in columns)]
        lines.append([name, _milliseconds(rows, "primal"), _milliseconds(rows, "ours"), *map(_figure, figures)])
    pairs = [("ours", "primal"), *((tool, "ours") for tool, _ in columns)]
    means, missing = [], []
    for tool, to in pairs:
        found = [figure for rows in kernels.values() if (figure := ratio(rows, tool, to)) is not None]
        means.append(_figure(mean(found)))
        missing.append(str(len(kernels) - len(found)))
    lines += [["geometric mean", "", "", *means], ["kernels it doesn't run", "", "", *missing]]
    machine, versions = results["machine"], results["versions"]
    note = (
        f"{machine['cpu']}, one core of {machine['cores']}; Python {machine['python']}, "
        + ", ".join(f"{package} {number}" for package, number in versions.items())
        + f"; medians of {results['rounds']} rounds, {results['clock']} clock."
    )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n" + note + "\n"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw bars on a logarithmic axis, a panel for each tool: how much longer than ours it takes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kernels = rows_of(results)
    panels = [(tool, title) for tool, title in COLUMNS if any(ratio(r, tool, "ours") for r in kernels.values())]
    figure, axes = pyplot.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=(3.2 * len(panels) + 1, 0.3 * len(kernels) + 1.5)
    )
    for axis, (tool, title) in zip(axes[0], panels, strict=True):
        for position, rows in enumerate(kernels.values()):
            figure_of_tool = ratio(rows, tool, "ours")
            if figure_of_tool is None:
                axis.text(1.05, position, "doesn't run it", va="center", fontsize=7, color="0.5")
                continue
            colour = "tab:blue" if figure_of_tool >= 1.0 else "tab:orange"
            axis.barh(position, figure_of_tool - 1.0, left=1.0, color=colour)
        axis.set_xscale("log")
        axis.axvline(1.0, color="0.3", linewidth=0.8)
        axis.set_title(title, fontsize=10)
    axes[0][0].set_yticks(range(len(kernels)), list(kernels), fontsize=8)
    axes[0][0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args(argv)
    results = json.loads(options.results.read_text())
    print(markdown(results), end="")
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()

"""Tables and plot from results: `python -m benchmarks.report benchmarks/results/*.json --write`.

`--write` puts them where they belong: into the README, into the page about speed, and beside it the plot. A tool is
compared with ours as measured in the same file, since files are from different runs; of two files, the first counts.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from itertools import groupby
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.kernels import NAMES

Rows = dict[str, dict[str, Any]]
Kernels = dict[str, Rows]

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "explanation" / "speed.md"
PLOT = ROOT / "docs" / "explanation" / "speed.png"
COLUMNS = {
    "hand": "hand ÷ ours",
    "jax_same": "JAX same code ÷ ours",
    "jax": "JAX best ÷ ours",
    "torch": "torch ÷ ours",
    "dace": "DaCe ÷ ours",
    "autograd": "autograd ÷ ours",
    "tangent": "tangent ÷ ours",
}


def rows_of(*files: dict[str, Any]) -> Kernels:
    """Return the results by kernel and tool, the first measured ones; `torch` is the better of eager and compiled."""
    found: Kernels = {}
    for results in files:
        for name, rows in results["kernels"].items():
            by_tool = {row["tool"]: dict(row) for row in rows}
            for row in by_tool.values():
                if "median" in row and "median" in by_tool["ours"]:
                    row["to ours"] = row["median"] / by_tool["ours"]["median"]
            known = found.setdefault(name, {})
            known |= {tool: row for tool, row in by_tool.items() if "to ours" not in known.get(tool, {})}
    for rows in found.values():
        torch = [rows[tool] for tool in ("torch", "torch_compile") if "to ours" in rows.get(tool, {})]
        if torch:
            rows["torch"] = min(torch, key=lambda row: row["to ours"])
    return {name: found[name] for name in sorted(found, key=(*NAMES, *found).index)}


def ratio(rows: Rows, tool: str, to: str = "ours") -> float | None:
    """Return how many times longer a tool takes than another one, each against ours in its own run."""
    if "to ours" in rows.get(tool, {}) and "to ours" in rows.get(to, {}):
        return rows[tool]["to ours"] / rows[to]["to ours"]
    return None


def ratios(kernels: Kernels, tool: str, to: str = "ours") -> dict[str, float]:
    """Return the ratios of all kernels that have one."""
    found = {name: ratio(rows, tool, to) for name, rows in kernels.items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def mean(figures: Sequence[float]) -> float | None:
    """Return the geometric mean."""
    return exp(sum(map(log, figures)) / len(figures)) if figures else None


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _milliseconds(rows: Rows, tool: str) -> str:
    return f"{rows[tool]['median'] * 1e3:.3g}" if "median" in rows.get(tool, {}) else "–"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rest)) + "\n"


def _measured(kernels: Kernels) -> dict[str, str]:
    return {tool: title for tool, title in COLUMNS.items() if any(tool in rows for rows in kernels.values())}


def markdown(*files: dict[str, Any]) -> str:
    """Return the table of kernels."""
    kernels = rows_of(*files)
    columns = _measured(kernels)
    lines = [["kernel", "primal, ms", "value+gradient, ms", "ours ÷ primal", *columns.values()]]
    for name, rows in kernels.items():
        figures = [_figure(ratio(rows, tool)) if tool in rows else "" for tool in columns]
        own = [_milliseconds(rows, "primal"), _milliseconds(rows, "ours"), _figure(ratio(rows, "ours", "primal"))]
        lines.append([name, *own, *figures])
    found = [list(ratios(kernels, tool, to).values()) for tool, to in _pairs(columns)]
    lines.append(["geometric mean", "", "", *(_figure(mean(figures)) for figures in found)])
    refused = (str(len(_tried(kernels, tool)) - len(ratios(kernels, tool))) for tool in columns)
    lines.append(["kernels it doesn't run", "", "", "", *refused])
    return _markdown(lines)


def _tried(kernels: Kernels, tool: str) -> list[str]:
    return [name for name, rows in kernels.items() if tool in rows]


def _pairs(columns: dict[str, str]) -> list[tuple[str, str]]:
    return [("ours", "primal"), *((tool, "ours") for tool in columns)]


def machine(*files: dict[str, Any]) -> str:
    """Say what the figures were measured with: a line for each machine, with the tools that only that one has run."""
    lines: dict[str, dict[str, None]] = {}
    for results in files:
        tools = dict.fromkeys(row["tool"] for rows in results["kernels"].values() for row in rows)
        lines.setdefault(_measured_with(results), {}).update(tools)
    seen: set[str] = set()
    out: list[str] = []
    for line, tools in lines.items():
        own = [COLUMNS[tool].removesuffix(" ÷ ours") for tool in tools if tool in COLUMNS and tool not in seen]
        out.append(f"{', '.join(own) or 'Kernels measured again'}: {line}" if seen else line)
        seen |= tools.keys()
    return "\n".join(out)


def _measured_with(results: dict[str, Any]) -> str:
    about = results["machine"]
    packages = ", ".join(f"{package} {number}" for package, number in results["versions"].items())
    chosen = "".join(f", {name}={value}" for name, value in about.get("environment", {}).items())
    return (
        f"{about['cpu']}, one core of {about['cores']}{chosen}; Python {about['python']}, {packages}; medians of up to "
        f"{results['rounds']} rounds, {results['clock']} clock.\n"
    )


def summary(*files: dict[str, Any]) -> str:
    """Return a line for every tool: how much longer it takes, where it is faster, what it can't run."""
    kernels = rows_of(*files)
    lines = [["against", "geometric mean", "from", "to", "kernels it runs", "where it is faster than ours"]]
    for tool, title in _measured(kernels).items():
        found = ratios(kernels, tool)
        name, values = title.removesuffix(" ÷ ours"), list(found.values())
        faster = [f"{kernel} ({figure:.2f})" for kernel, figure in found.items() if figure < 1.0]
        spread = [_figure(mean(values)), _figure(min(values)), _figure(max(values))] if values else ["–"] * 3
        lines.append([name, *spread, f"{len(values)} of {len(_tried(kernels, tool))}", ", ".join(faster) or "–"])
    return _markdown(lines)


def costs(*files: dict[str, Any]) -> str:
    """Return what the first call costs, in seconds, and the most memory, in MiB, by kernel and tool."""
    kernels = rows_of(*files)
    shown = [tool for tool in ("ours", "jax", "torch", "dace") if any(tool in rows for rows in kernels.values())]
    titles = [f"{what}, {tool}" for what in ("first call, s", "peak, MiB") for tool in shown]
    lines = [["kernel", "Numba's primal, s", *titles, "ours ÷ Numba's primal"]]
    starts: list[float] = []
    for name, rows in kernels.items():
        primal, *first = (rows.get(tool, {}).get("first_cpu") for tool in ("primal", *shown))
        peaks = [rows.get(tool, {}).get("peak_kib") for tool in shown]
        start = first[0] / primal if first[0] and primal else None
        starts += [start] if start else []
        seconds = ("–" if figure is None else f"{figure:.1f}" for figure in (primal, *first))
        sizes = ("–" if figure is None else f"{figure / 1024:.0f}" for figure in peaks)
        lines.append([name, *seconds, *sizes, _figure(start)])
    blanks = [""] * (2 * len(shown) + 1)
    return _markdown([*lines, ["median", *blanks, _figure(median(starts)) if starts else "–"]])


def reasons(*files: dict[str, Any]) -> str:
    """Return, for every tool, what it can't run, and why."""
    kernels = rows_of(*files)
    text = []
    tools = [tool for tool in (*COLUMNS, "torch_compile") if tool != "hand"]
    for tool in tools:
        refused = [
            (rows[tool]["error"], name) for name, rows in kernels.items() if tool in rows and "median" not in rows[tool]
        ]
        if refused:
            text.append(f"`{tool}`, {len(refused)} of {len(_tried(kernels, tool))}:\n")
            for reason, same in groupby(sorted(refused), key=lambda pair: pair[0]):
                text.append(f"- {', '.join(name for _, name in same)}: {_quoted(reason)}")
            text.append("")
    return "\n".join(text)


def _quoted(reason: str) -> str:
    reason = re.sub(r"https?://\S+", "", reason).replace("`", "'")
    return f"`{' '.join(reason.split())[:160]}`"


def plot(path: Path, *files: dict[str, Any]) -> None:
    """Draw bars on a logarithmic axis, a panel for each tool: how much longer than ours it takes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    kernels = rows_of(*files)
    panels = {tool: title for tool, title in COLUMNS.items() if ratios(kernels, tool)}
    figure, axes = pyplot.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=(2.4 * len(panels) + 1, 0.26 * len(kernels) + 1.2)
    )
    for axis, (tool, title) in zip(axes[0], panels.items(), strict=True):
        for position, rows in enumerate(kernels.values()):
            found = ratio(rows, tool)
            if found is None:
                if tool not in rows:
                    continue
                why, x, side = ("not written", 0.95, "right") if tool == "hand" else ("doesn't run it", 1.05, "left")
                axis.text(x, position, why, va="center", ha=side, fontsize=6, color="0.5")
                continue
            axis.barh(position, found - 1.0, left=1.0, color="tab:blue" if found >= 1.0 else "tab:orange")
        axis.set_xscale("log")
        wide = max(ratios(kernels, tool).values()) > 30.0
        axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0,) if wide else (1.0, 3.0)))
        axis.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axis.xaxis.set_minor_formatter(ticker.NullFormatter())
        axis.axvline(1.0, color="0.3", linewidth=0.8)
        axis.set_title(title, fontsize=9)
    axes[0][0].set_yticks(range(len(kernels)), list(kernels), fontsize=8)
    axes[0][0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})


BLOCKS = {"kernels": markdown, "summary": summary, "costs": costs, "reasons": reasons, "machine": machine}


def filled(text: str, *files: dict[str, Any]) -> str:
    """Return a page with its generated blocks written again: `<!-- benchmark: NAME -->` to `<!-- end -->`."""

    def block(found: re.Match[str]) -> str:
        return f"<!-- benchmark: {found[1]} -->\n{BLOCKS[found[1]](*files)}<!-- end -->"

    return re.sub(r"<!-- benchmark: (\w+) -->\n.*?<!-- end -->", block, text, flags=re.DOTALL)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path, help="where to draw")
    parser.add_argument("--write", action="store_true", help="write the tables of README and docs, and the plot")
    options = parser.parse_args(argv)
    files = [json.loads(path.read_text()) for path in options.results]
    if options.write:
        for page in (README, PAGE):
            page.write_text(filled(page.read_text(), *files))
        plot(PLOT, *files)
    else:
        print("\n".join(BLOCKS[name](*files) for name in ("kernels", "summary", "machine")), end="")
    if options.plot:
        plot(options.plot, *files)


if __name__ == "__main__":
    main()

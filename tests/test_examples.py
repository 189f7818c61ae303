"""What the reader is shown is true: every example runs, every Python block of the README and the docs, every link."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# script | arguments for a small run | what it must print | the picture it must draw
EXAMPLES = {
    "quickstart": ([], r"at 3\.0: 12\.0\n.*\[0\.66666667 0\.66666667 0\.66666667\]\n(.*\n)*def ", None),
    "option_price": ([], r"vega +\S+ +textbook +\S+\n", None),
    "heat_control": (["--cells", "40"], r"result: relative error 0\.[01]\d*\n", "heat_control.png"),
    "pharmacokinetics": (["--steps", "120"], r"elimination: 0\.2[45]\d per hour", "pharmacokinetics.png"),
    "robot_arm": (["--joints", "6"], r"0\.00\d+ now\n", "robot_arm.png"),
    "dask_fit": (["--rows", "2000", "--chunks", "4"], r"4 chunks of 2000 rows on 2 workers, \d+ gradients\n", None),
    "torch_layer": ([], r"decay 0\.[78]\d\d \(truth 0\.800\)", None),
    "digits": (["--epochs", "60"], r"test accuracy: (0\.9[7-9]\d*|1\.0+) ", "digits.png"),
}
# Examples of what is not a dependency run where it is installed.
NEEDS = {"dask_fit": "distributed", "torch_layer": "torch"}


def test_every_example_is_listed() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    arguments, expected, picture = EXAMPLES[name]
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": paths, "MPLBACKEND": "Agg"}
    run = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(expected, run.stdout), run.stdout
    if picture is not None:
        assert (tmp_path / picture).stat().st_size > 5000


def test_generated_pages_are_fresh() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, ROOT / "docs" / "render.py", "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_example_is_short(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    docstrings = len(re.findall(r'^ *"""', path.read_text(), re.MULTILINE)) + 3
    assert len(lines) - docstrings <= 60


# ------------------------------------------------------------------------------------------- Python blocks in Markdown

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(p for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if "\n```python\n" in p.read_text())


@dataclass(frozen=True)
class Block:
    line: int
    kind: str
    text: str


def blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks: `python` is run; `python output` and `text output` are what was printed since."""
    return [
        Block(markdown.count("\n", 0, found.start()) + 1, found["info"].strip(), found["text"])
        for found in FENCE.finditer(markdown)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Run the blocks of a page in order, as one module whose lines are the page's; `--update-golden` writes outputs."""
    monkeypatch.chdir(tmp_path)
    shown = [block for block in blocks(page.read_text()) if block.kind.endswith("output")]
    printed = run_blocks(page, tmp_path)
    if pytestconfig.getoption("--update-golden"):
        lines = page.read_text().splitlines()
        for block, text in reversed(list(zip(shown, printed, strict=True))):
            lines[block.line : block.line + block.text.count("\n")] = text.splitlines()
        page.write_text("\n".join(lines) + "\n")
    else:
        for block, text in zip(shown, printed, strict=True):
            assert text == block.text.rstrip(), f"{page}, line {block.line}"


def run_blocks(page: Path, folder: Path) -> list[str]:
    """Return what was printed before each output block. The code lies in a real file: its source is read again."""
    name = page.stem.replace("-", "_")
    namespace: dict[str, object] = {"__name__": name}
    printed, out = [], io.StringIO()
    for block in blocks(page.read_text()):
        if block.kind == "python":
            # One file per block, as in a notebook: how `np.tanh` is compiled depends on whether this file imports `np`.
            module = folder / str(block.line) / f"{name}.py"
            module.parent.mkdir()
            text = "\n" * block.line + block.text
            module.write_text(text)
            with contextlib.redirect_stdout(out):
                exec(compile(text, module, "exec"), namespace)
        elif block.kind.endswith("output"):
            printed.append(out.getvalue().rstrip())
            out = io.StringIO()
    return printed


# ------------------------------------------------------------------------------------------------------------- links

MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", page.read_text()))
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_nothing_is_left_to_fill_in(page: Path) -> None:
    assert not re.findall(r"FILL|TODO|TBD", page.read_text())

"""Deliberate bugs in the transform, and the case that finds each: `python -m tests.mutations`.

Every bug is put into a copy of the package, and all cases of the tables in `tests/cases` run on that copy, interpreted,
until one has a wrong gradient; after them come random programs. A bug that nothing finds ends the run with status 1.
`docs/decisions/0004-mutation-testing.md` says why, and has the list.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = 400


@dataclass(frozen=True)
class Mutation:
    """A change of one place in a file below `adjoint/`."""

    what: str
    file: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "an overwritten element is not put back",
        "transform/undo.py",
        "    restore(reverse, stmt)\n",
        "",
    ),
    Mutation(
        "the old value is kept after it has been overwritten",
        "transform/forward_sweep.py",
        "*self.check_written(stmt), *self.keep_old(stmt), stmt]",
        "*self.check_written(stmt), stmt, *self.keep_old(stmt)]",
    ),
    Mutation(
        "a restore is taken for dead though it is read later",
        "transform/restores.py",
        "{id(stmt) for stmt in stores} - found.keys()",
        "{id(stmt) for stmt in stores}",
    ),
    Mutation(
        "names that a loop carries are taken to show nothing that its iteration has made",
        "analysis/dependence.py",
        "if read.root is None and read.name not in origin.shown:",
        "if read.root is None:",
    ),
    Mutation(
        "an element is taken to be final though it is written later",
        "analysis/final.py",
        "if write is None or self.dependence.is_written_later(place, write):",
        "if write is None:",
    ),
    Mutation(
        "reads are looked for only after the iteration after next",
        "analysis/dependence.py",
        "facts.append(later.plus(-1))",
        "facts.append(later.plus(-2))",
    ),
    Mutation(
        "an index counted from the end is not taken into account",
        "analysis/dependence.py",
        "    if may_wrap:\n",
        "    if may_wrap and False:\n",
    ),
    Mutation(
        "a slice that ends before the end is taken for the whole",
        "analysis/subscripts.py",
        "                    return Span(first, size + last)\n",
        "                    return Span(first)\n",
    ),
    Mutation(
        "what is written again in part is taken to be written again",
        "analysis/dependence.py",
        "            or axis == place\n            and all(",
        "            or all(",
    ),
    Mutation(
        "both arms of a branch are taken to hold at once",
        "analysis/subscripts.py",
        "(*facts, *self.tested(stmt.cond, arm == 0, known))",
        "(*facts, *self.tested(stmt.cond, True, known))",
    ),
    Mutation(
        "the cotangent of an overwritten element is not zeroed",
        "transform/stores.py",
        "        reverse.emit(Let(seed, read_))\n        reverse.emit(Store(bar, stmt.index, Lit(0.0)))\n",
        "        reverse.emit(Let(seed, read_))\n",
    ),
    Mutation(
        "overwriting by a constant leaves the cotangent",
        "transform/stores.py",
        "    else:\n        reverse.emit(Store(bar, stmt.index, Lit(0.0)))\n",
        "",
    ),
    Mutation(
        "a decrement is taken for an increment",
        "transform/stores.py",
        'target: Expr = Call("neg", (seed,)) if negative else seed',
        "target: Expr = seed",
    ),
    Mutation(
        "an increment is recognised though its element changes in between",
        "transform/stores.py",
        "increment is not None and _undisturbed(block, increment, array, position, program)",
        "increment is not None",
    ),
    Mutation(
        "a slice of a cotangent is handed over instead of a copy",
        "transform/stores.py",
        'read_: Expr = Call("copy", (place,), via="method") if is_array(seed_type) else place',
        "read_: Expr = place",
    ),
    Mutation(
        "the branches of the backward sweep are exchanged",
        "transform/control.py",
        "reverse.emit(If(stmt.cond, then, orelse))",
        "reverse.emit(If(stmt.cond, orelse, then))",
    ),
    Mutation(
        "a cotangent that only one branch made is missing in the other",
        "transform/control.py",
        "for name in outer:\n            if not reverse.bars.has(name):\n",
        "for name in outer[1:]:\n            if not reverse.bars.has(name):\n",
    ),
    Mutation(
        "a loop is not reversed",
        "transform/control.py",
        "return _minus(stop, Lit(1)), _minus(start, Lit(1)), Lit(-1)",
        "return start, stop, Lit(1)",
    ),
    Mutation(
        "a loop with a step runs back from one step too far",
        "transform/control.py",
        'count = Call("len", (Call("range", (start, stop, step)),))',
        'count = Call("add", (Call("len", (Call("range", (start, stop, step)),)), Lit(1)))',
    ),
    Mutation(
        "the buffers exchanged at the end of an iteration stay exchanged",
        "transform/control.py",
        'frame.prologue.append(Effect(Call("move", (Call("tuple", targets), Call("tuple", values)))))',
        "pass",
    ),
    Mutation(
        "the trips of a loop are counted from one",
        "transform/forward_sweep.py",
        "before.append(Let(trips, Lit(0)))",
        "before.append(Let(trips, Lit(1)))",
    ),
    Mutation(
        "the buffer of a cotangent is shared and written in place",
        "transform/control.py",
        "        if not worse:\n            break\n",
        "        break\n",
    ),
    Mutation(
        "a cotangent that is not ours is written in place",
        "transform/cotangents.py",
        '            self.emit(Let(bar, Call("copy", (bar,), via="method")))\n            self.state[name] = True\n',
        "            self.state[name] = True\n",
    ),
    Mutation(
        "the shadow of a view is a buffer of its own",
        "transform/cotangents.py",
        "            if isinstance(binding.stmt, Let) and shows(binding.stmt, self.program.func):\n",
        "            if False and isinstance(binding.stmt, Let):\n",
    ),
    Mutation(
        "a second contribution replaces the first",
        "transform/cotangents.py",
        'self._bind(bar, Call("add", (bar, expr)))',
        "self._bind(bar, expr)",
    ),
    Mutation(
        "a transpose has the sizes of the opposite order, whatever its axes are",
        "analysis/shapes.py",
        "order = range(len(shape))[::-1] if axes == Lit(None) else integers_of(axes)",
        "order = range(len(shape))[::-1]",
    ),
    Mutation(
        "a shadow may lie in memory otherwise than what it is the shadow of",
        "transform/cotangents.py",
        " and not facts.is_reshaped(name)",
        "",
    ),
    Mutation(
        "a contribution is not summed over the axes it was stretched along",
        "transform/cotangents.py",
        'expr = Call("sum", (expr,), (("axis", _axes(range(extra))),), via="np")',
        'expr = Call("getitem", (expr, *(Lit(0) for _ in range(extra))))',
    ),
    Mutation(
        "what a definition read is taken to be there still",
        "transform/residuals.py",
        "return all(then.get(c) == frame.versions.get(c) for c in classes)",
        "return True",
    ),
    Mutation(
        "values do not flow through memory",
        "analysis/activity.py",
        "return self.memory.cls(name) if is_memory(self.func.types.get(name)) else name",
        "return name",
    ),
    Mutation(
        "zero and increase become an assignment though the value reads the array",
        "transform/overwrite.py",
        "return None if self.uses(stmt.value, array) else position",
        "return position",
    ),
    Mutation(
        "zeroing one place and increasing another become one assignment",
        "transform/overwrite.py",
        "            if isinstance(stmt, Accum) and stmt.target == array and (stmt.index or _WHOLE) == index:\n",
        "            if isinstance(stmt, Accum) and stmt.target == array:\n",
    ),
    Mutation(
        "a value that `where` has not selected gets a cotangent",
        "transform/pullbacks.py",
        'return Call(prim, (Call("ne", (bar, Lit(0.0))), part, Lit(0.0)))',
        "return part",
    ),
)


def mutated(mutation: Mutation) -> str:
    """Return the text of a file with the bug in it."""
    text = (ROOT / "adjoint" / mutation.file).read_text()
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file}: {text.count(mutation.old)} places for {mutation.what!r}, not one")
    return text.replace(mutation.old, mutation.new)


def finder(mutation: Mutation | None, skip: Iterable[str] = (), *, every: bool = False) -> list[str]:
    """Return the names of the cases that fail with a bug: the first, or all of them."""
    with tempfile.TemporaryDirectory(prefix="adjoint-mutation-") as folder:
        package = Path(folder, "adjoint")
        shutil.copytree(ROOT / "adjoint", package, ignore=shutil.ignore_patterns("__pycache__"))
        if mutation is not None:
            (package / mutation.file).write_text(mutated(mutation))
        paths = os.pathsep.join([folder, str(ROOT)])
        command = [sys.executable, "-m", "tests.mutations", "--cases", *(("--every",) if every else ())]
        env = {**os.environ, "PYTHONPATH": paths, "ADJOINT_CACHE_DIR": str(Path(folder, "cache"))}
        done = subprocess.run(
            [*command, "--skip", ",".join(skip)], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
    if done.returncode:
        return [f"(nothing runs: {done.stderr.strip().splitlines()[-1]})"]
    return done.stdout.split()


def run_cases(skip: frozenset[str], *, every: bool) -> None:
    """Print the names of the cases that fail, as they fail, in this process."""
    from tests.oracle import check_gradient
    from tests.test_idioms import CASES, REFUSED

    warnings.simplefilter("ignore")
    for name, case in CASES.items():
        if name in skip or name in REFUSED:
            continue
        try:
            check_gradient(case.fun, case.args, case.wrt, case.rtol, kwargs=case.kwargs, compiled=False)
        except Exception:  # noqa: BLE001, RUF100
            print(name, flush=True)
            if not every:
                return
    if not every:
        _run_programs()


def _run_programs() -> None:
    from tests.programs import grow
    from tests.programs.check import check

    with tempfile.TemporaryDirectory() as folder:
        for seed in range(PROGRAMS):
            try:
                outcome = check(grow(seed), Path(folder))
            except ValueError:  # the program itself, beside where it is differentiated
                continue
            if outcome.kind in ("wrong", "crash"):
                print(f"program:{seed}", flush=True)
                return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="mutations whose description has this in it")
    parser.add_argument("--cases", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--every", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--skip", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cases:
        run_cases(frozenset(options.skip.split(",")), every=options.every)
        return 0
    failing = finder(None, every=True)
    missed = 0
    for mutation in MUTATIONS:
        if options.only in mutation.what:
            found = finder(mutation, failing)
            missed += not found
            print(f"{mutation.what}: {found[0] if found else 'NOT FOUND'}", flush=True)
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())

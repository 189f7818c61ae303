"""`python -m tests.programs --count N --seed S`: random programs, what became of them, and failures made small."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.programs.check import Outcome, asked, check, numba_agrees
from tests.programs.deeper import SAMPLES
from tests.programs.program import Program, grow
from tests.programs.shrink import shrink

FAILURES = ("wrong", "crash", "uncompiled")


def main() -> int:
    options = _options()
    counts: Counter[str] = Counter()
    groups: dict[str, list[int]] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, seed in enumerate(range(options.seed, options.seed + options.count)):
            compiled = options.compile_every > 0 and number % options.compile_every == 0
            if options.only:
                outcome = asked(grow(seed), folder, options.only)
            else:
                outcome = _one(grow(seed), folder, compiled, number if options.deep else None)
            counts[outcome.kind] += 1
            if outcome.kind != "right":
                seeds = groups.setdefault(outcome.group, [])
                seeds.append(seed)
                if options.only and outcome.kind in FAILURES:
                    print(f"\n=== seed {seed}: {outcome.kind}: {outcome.text[:600]}", flush=True)
                elif len(seeds) == 1 and outcome.kind in (*FAILURES, *(["refused"] if options.refused else [])):
                    _report(seed, outcome, folder, compiled, options.trials, number if options.deep else None)
            if sys.stderr.isatty() or (number + 1) % 1000 == 0:
                print(f"\r{number + 1}/{options.count} {dict(counts)}", end="", file=sys.stderr)
    _summary(counts, groups, time.perf_counter() - started)
    return 1 if any(counts[kind] for kind in FAILURES) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.programs", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="number of the first")
    parser.add_argument(
        "--compile-every", type=int, default=100, metavar="K", help="compile every K-th with Numba (0: none)"
    )
    parser.add_argument("--trials", type=int, default=400, help="how long to shrink a failure (0: not at all)")
    parser.add_argument(
        "--shallow", dest="deep", action="store_false", help="only the gradient, not what is asked of samples besides"
    )
    questions = [name for name, _, _ in SAMPLES]
    parser.add_argument("--only", choices=questions, help="ask every program this, and nothing else")
    parser.add_argument("--refused", action="store_true", help="shrink and show the first refusal of each kind too")
    return parser.parse_args()


def _one(program: Program, folder: Path, compiled: bool, deep: int | None) -> Outcome:
    if compiled and (complaint := numba_agrees(program, folder)):
        return Outcome("unfit", complaint)
    return check(program, folder, compiled=compiled, deep=deep)


def _report(seed: int, outcome: Outcome, folder: Path, compiled: bool, trials: int, deep: int | None) -> None:
    def fails(smaller: Program) -> bool:
        found = check(smaller, folder, compiled=compiled, numbers=outcome.kind == "wrong", deep=deep)
        # A wrong number stays one whatever the number; other errors must keep their text.
        return found.kind == outcome.kind and (found.kind == "wrong" or found.group == outcome.group)

    trials //= 10 if compiled else 1  # each compiles
    small = shrink(grow(seed), fails, trials) if trials else grow(seed)
    again = check(small, folder, compiled=compiled, deep=deep)
    print(f"\n=== seed {seed}: {outcome.kind}: {outcome.text[:600]}")
    print(f"--- made small, argnums={small.argnums}: {again.text[:600]}\n{small.source}")
    for k, value in enumerate(again.args or small.args):
        print(f"# argument {k}: {value!r}")
    sys.stdout.flush()


def _summary(counts: Counter[str], groups: dict[str, list[int]], seconds: float) -> None:
    fit = sum(counts[kind] for kind in ("right", "refused", *FAILURES))
    print(f"\n{sum(counts.values())} programs in {seconds:.0f} s, {fit} of them fit to be tests")
    for kind, count in counts.most_common():
        print(f"  {kind:8} {count:6}  {100.0 * count / max(fit, 1):5.1f} %")
    for group, seeds in sorted(groups.items(), key=lambda item: -len(item[1])):
        print(f"  {len(seeds):5} x {group}   seeds {seeds[:4]}")


if __name__ == "__main__":
    sys.exit(main())

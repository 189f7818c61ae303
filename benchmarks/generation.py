"""What it costs to make a gradient's text, by the length of the function: `python -m benchmarks.generation`.

Numba is not part of it: the times are those from a function and the types of its arguments to the two texts, for
functions of 10 to 2000 lines that mix scalar statements, loops that write into arrays, branches and array statements.
"""

from __future__ import annotations

import argparse
import linecache
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from adjoint import value_and_grad

# Ten lines of each kind; `{k}` numbers them, so that no two blocks are the same.
BLOCK = """\
    a{k} = x[{k} % n] * s + 0.5
    b{k} = math.sin(a{k}) * math.exp(-a{k} * a{k})
    for i in range(1, n):
        y[i] = y[i - 1] * b{k} + x[i]
        if y[i] > a{k}:
            y[i] = a{k} - 0.25 * y[i]
    z{k} = np.sqrt(1.0 + y * y) * x
    t{k} = np.sum(z{k}) / n
    y = z{k} - t{k}
    s = s * 0.5 + t{k} * b{k}
"""


def function(lines: int) -> Callable[..., float]:
    """Return a function with about so many lines."""
    body = "".join(BLOCK.format(k=k) for k in range(max(1, lines // 10)))
    head = f"import math\nimport numpy as np\n\ndef long_{lines}(x, s):\n    n = len(x)\n    y = x * s\n"
    text = f"{head}{body}    return s\n"
    name = f"<{lines} lines>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    made: dict[str, Any] = {}
    exec(compile(text, name, "exec"), made)
    return made[f"long_{lines}"]


def seconds(lines: int, rounds: int) -> float:
    """Return the median processor time of generating the gradient of a function with so many lines."""
    times: list[float] = []
    for _ in range(rounds):
        gradient = value_and_grad(function(lines), cache=False)
        start = time.process_time()
        gradient.generated_for(np.ones(8), 0.5)
        times.append(time.process_time() - start)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="10,20,50,100,200,500,1000,2000")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    seconds(10, 1)  # what is imported and typed for the first time
    print("lines   ms   ms per line")
    for lines in map(int, options.lines.split(",")):
        taken = seconds(lines, options.rounds if lines < 500 else 1)
        print(f"{lines:5d} {taken * 1e3:7.0f} {taken * 1e3 / lines:7.2f}", flush=True)


if __name__ == "__main__":
    main()

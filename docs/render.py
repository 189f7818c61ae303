"""Write the reference pages that are tables of the compiler: what is refused, and derivatives.

    python docs/render.py           # rewrite docs/reference/{syntax,refused,derivatives}.md
    python docs/render.py --check   # exit with status 1 if they are not what the tables say
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tables of the tests are no package

from adjoint.frontend.fence import ROWS
from adjoint.rules.definitions.scipy import NAMES
from adjoint.rules.elementwise import COMPLEX, ELEMENTWISE
from adjoint.rules.linear import LINEAR
from adjoint.rules.special import SPECIAL
from adjoint.rules.special_functions import SPECIAL_FUNCTIONS
from adjoint.rules.table import Row, Table
from adjoint.rules.zero import ZERO
from tests.cases.refused import REFUSED, Refused

REFERENCE = Path(__file__).parent / "reference"

SYNTAX = """\
# Refused syntax

<!-- written by `python docs/render.py` from adjoint/frontend/fence.py; edit that -->

What the text of a function shows is refused at decoration: {count} constructs. What only types show is refused at the
first call: [the table](refused.md). In short, both are in
[what is right, what is refused](../explanation/supported.md).

{rows}"""

REFUSALS = """\
# Refused at the first call

<!-- written by `python docs/render.py` from tests/cases/refused.py; edit that -->

What only types show is refused when a gradient is first asked for with arguments of these types: {count} cases, each
with what the error says, an example of what stands over the caret, and what to do instead. What the text alone shows is
refused before, at decoration: [refused syntax](syntax.md). The tests hold the compiler to these texts.

{groups}"""

DERIVATIVES = """\
# Derivatives

<!-- written by `python docs/render.py` from the tables in adjoint/rules; edit those -->

{elementwise_count} element-wise functions, {scipy_count} of `scipy.special`, {linear_count} linear ones,
{special_count} with a rule of their own, and {zero_count} whose derivative is zero or does not exist. A function in
none of these tables is refused by a `MissingRuleError`. Names are canonical: `asin` stands for `math.asin`, `np.asin`
and `np.arcsin`; `select(c, a, b)` is `a if c else b`.

## Element-wise

`y` is the result. Forward mode reads a row as `ẏ = Σ pᵢ ẋᵢ`, reverse mode as `x̄ᵢ += pᵢ ȳ`. Where a function has no
derivative, the value is chosen as in [points without a derivative](../explanation/non-differentiable.md).

{elementwise}
Of a complex operand, where it differs:

{holomorphic}
## Of `scipy.special`

{scipy_names}: on real numbers and arrays, in place of SciPy's own ([how exact](../decisions/0005-scipy-special.md)).
Rows are those of functions that the text of a gradient brings along; some are there for derivatives only.

{scipy}
## Linear

`y_bar` is the cotangent of the result; the row gives those of the operands. Forward mode applies the function itself.

{linear}
## With a rule of their own

{special}

## Derivative zero, or none

{zero}
"""


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; bars inside cells are escaped."""
    lines = [head, ("---",) * len(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str) -> str:
    return f"`{text.strip()}`" if text.strip() not in ("", "-") else ""


def readable(table: Table) -> Iterator[Row]:
    """Yield the rows of functions that users write; conversions (`cast.float64`) are none."""
    return (row for prim, rows in table.items() if not prim.startswith(("cast.", "astype.")) for row in rows)


def call(row: Row) -> str:
    return code(row.text.split("|")[0])


def listed(names: Iterable[str]) -> str:
    return ", ".join(code(name) for name in sorted(names) if not name.startswith(("cast.", "astype.")))


def syntax() -> str:
    rows = markdown_table(("refused", "instead"), ((row.what, row.help) for row in ROWS))
    return SYNTAX.format(count=len(ROWS), rows=rows)


def refusals() -> str:
    groups: dict[str, list[Refused]] = {}
    for row in REFUSED:
        groups.setdefault(row.group, []).append(row)
    head = ("the error says", "for example", "instead")
    texts = (
        f"## {group}\n\n" + markdown_table(head, ((row.message, example(row), row.help or "") for row in rows))
        for group, rows in groups.items()
    )
    return REFUSALS.format(count=len(REFUSED), groups="\n".join(texts))


def example(row: Refused) -> str:
    """Return what stands over the caret; the whole function is no example."""
    return "" if row.under.startswith("def ") else code(row.under)


def derivatives() -> str:
    elementwise = ((call(row), code(row.columns[0]), code(row.columns[1])) for row in readable(ELEMENTWISE))
    holomorphic = ((call(row), code(row.columns[0])) for row in readable(COMPLEX))
    of_scipy = (
        tuple(part.replace("helper.", "") for part in (call(row), code(row.columns[0]), code(row.columns[1])))
        for row in readable(SPECIAL_FUNCTIONS)
    )
    linear = ((call(row), code(";".join(row.columns[1:2]))) for row in readable(LINEAR))
    return DERIVATIVES.format(
        elementwise_count=len(ELEMENTWISE),
        scipy_count=len(NAMES),
        linear_count=len(LINEAR),
        special_count=len(SPECIAL),
        zero_count=len(ZERO),
        elementwise=markdown_table(("function", "partial derivatives", "sampled by tests in"), elementwise),
        holomorphic=markdown_table(("function", "partial derivative"), holomorphic),
        linear=markdown_table(("function", "cotangents of the operands"), linear),
        scipy_names=listed(NAMES),
        scipy=markdown_table(("function", "partial derivatives", "sampled by tests in"), of_scipy),
        special=listed(SPECIAL),
        zero=listed(ZERO),
    )


PAGES = {"syntax.md": syntax, "refused.md": refusals, "derivatives.md": derivatives}


def stale() -> list[str]:
    """Return the names of the pages that are not what the tables say."""
    return [
        name
        for name, render in PAGES.items()
        if not (REFERENCE / name).exists() or (REFERENCE / name).read_text(encoding="utf-8") != render()
    ]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        print(f"stale: {', '.join(stale())}; run `python docs/render.py`" if stale() else "fresh")
        return 1 if stale() else 0
    for name, render in PAGES.items():
        (REFERENCE / name).write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

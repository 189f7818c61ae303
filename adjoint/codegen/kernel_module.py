"""Adjoint kernels -> the text of a module that needs nothing but `math` and the package that compiles kernels."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from numba import types as nb

from adjoint.codegen.emit import emit
from adjoint.codegen.kernel_mlir import choices_first, from_start
from adjoint.codegen.kinds import Kinds
from adjoint.codegen.unparse import unparse
from adjoint.errors import Loc, UnsupportedError
from adjoint.ir import Block, Call, Comment, Effect, Expr, Func, Let, Lit, Return, Stmt, Var
from adjoint.ir.walk import map_blocks, map_operands, statements
from adjoint.rules import kernels
from adjoint.rules.spelling import text_of

# The reduction of a number over the threads of a block. All threads reach it, for it stands at the end of a kernel.
# After the last barrier only thread 0 reads a part, its own: the next sum may begin.
_BLOCK_SUM = '''
def add_block_sum(total, value, parts):
    """{doc}"""
    t = {thread}
    parts[t] = value
    cuda.syncthreads()
    n = {half}
    while n > 0:
        if t < n and t + n < {threads}:
            parts[t] += parts[t + n]
        cuda.syncthreads()
        n //= 2
    if t == 0:
        {last}
'''
_ADDED = {
    "doc": "Add the sum of `value` over the threads of the block to `total[0]`, in shared memory: one atomic addition.",
    "last": "cuda.atomic.add(total, 0, parts[0])",
}
# Where the order of sums must not depend on which block is first: the sums of blocks, which another kernel adds up.
_KEPT_SUM = {
    "doc": "Put the sum of `value` over the threads of the block, made in shared memory, at the place of the block.",
    "last": "total[cuda.blockIdx.x + cuda.gridDim.x * (cuda.blockIdx.y + cuda.gridDim.y * cuda.blockIdx.z)] = parts[0]",
}
_ADD_IN_ORDER = '''
def add_in_order(total, parts):
    """Add what the blocks have found to `total[0]`, one after the other."""
    if cuda.grid(1) == 0:
        for k in range(parts.shape[0]):
            total[0] += parts[k]
'''


def kernel_text(
    funcs: Sequence[Func],
    *,
    block: tuple[int, int, int],
    single: bool,
    package: str,
    device: bool = False,
    doc: str = "",
    deterministic: bool = False,
) -> str:
    """Return the text of a module with adjoint kernels.

    Args:
        funcs: the kernels, in the imperative dialect.
        block: the numbers of threads of a block along x, y and z.
        single: whether its numbers are single precision; its types say double then.
        package: where `cuda` comes from, "numba" or "numba_cuda_mlir".
        device: whether they are device functions.
        doc: the docstring of the module.
        deterministic: whether sums over blocks are left to `add_in_order`, a kernel for a single thread.

    Raises:
        UnsupportedError: a function has no form that kernels can call.
    """
    real = "float32" if single else "float64"
    body: list[str] = []
    if any(map(_calls_block_sum, funcs)):
        body.append(decorated(_block_sum(block, _KEPT_SUM if deterministic else _ADDED), "@cuda.jit(device=True)"))
        body += [decorated(_ADD_IN_ORDER, "@cuda.jit")] if deterministic else []
    decorator = "@cuda.jit(device=True)" if device else "@cuda.jit"
    body += [decorated(one_kernel(func, real, single=single, package=package), decorator) for func in funcs]
    code = "\n\n".join(body)
    head = [f'"""{doc}"""\n' if doc else "", imports(code, package)]
    return "\n\n".join([*("\n".join(part for part in head if part),), code])


def one_kernel(func: Func, real: str, *, single: bool, package: str, whole: bool = False) -> str:
    """Return the text of one kernel, without decorator.

    Args:
        func: the kernel.
        real: the type of its numbers.
        single: whether that is single precision.
        package: where `cuda` comes from.
        whole: whether it computes what functions of NumPy do of elements, which hand on what is not a number.
    """
    other = package != "numba"
    spelt = _Speller(from_start(func) if other else func, real, single=single, whole=whole).func()
    return unparse(emit(unpacked(choices_first(spelt) if other else spelt)))


def decorated(text: str, decorator: str) -> str:
    return f"{decorator}\n{text.strip(chr(10))}\n"


def imports(code: str, package: str) -> str:
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    lines = ["import math\n\n"] if "math" in used else []
    lines += ["import numpy as np\n"] if "np" in used else []
    types = sorted(used & {"float32", "float64", "int32", "int64", "boolean"})
    if package == "numba":
        lines.append(f"from numba import {', '.join(['cuda', *types])}\n")
    else:
        lines.append(f"from {package} import cuda\n")
        lines += [f"from {package}.types import {', '.join(types)}\n"] if types else []
    return "".join(lines)


def _calls_block_sum(func: Func) -> bool:
    return any(getattr(getattr(s, "value", None), "prim", "") == "helper.add_block_sum" for s in statements(func.body))


def _block_sum(block: tuple[int, int, int], end: Mapping[str, str]) -> str:
    x, y, z = block
    threads = x * y * z
    thread = "cuda.threadIdx.x"
    thread += f" + {x} * cuda.threadIdx.y" if y > 1 else ""
    thread += f" + {x * y} * cuda.threadIdx.z" if z > 1 else ""
    half = 1 << (threads - 1).bit_length() >> 1
    return _BLOCK_SUM.format(threads=threads, thread=thread, half=half, **end)


class _Speller:
    """Gives numbers their type, and functions a form that the compilers of kernels know."""

    def __init__(self, func: Func, real: str, *, single: bool, whole: bool = False) -> None:
        self.source = func
        self.kinds = Kinds(func)
        self.real = real
        self.single = single
        self.forms = {**_FORMS, **_OF_ELEMENTS} if whole else _FORMS

    def func(self) -> Func:
        return replace(self.source, body=self.block(self.source.body))

    def block(self, block: Block) -> Block:
        return tuple(map_blocks(self.stmt(stmt), self.block) for stmt in block if not _returns_nothing(stmt))

    def stmt(self, stmt: Stmt) -> Stmt:
        if isinstance(stmt, Comment):
            return stmt
        loc = stmt.loc
        return map_operands(stmt, lambda expr: self.expr(expr, loc))

    def expr(self, expr: Expr, loc: Loc | None) -> Expr:
        match expr:
            case Lit(float()) if self.single:
                return self.number(expr)
            case Call():
                return self.call(expr, loc)
            case _:
                return expr

    def number(self, expr: Expr) -> Expr:
        """Return a number of the precision of the kernel."""
        if isinstance(expr, Lit) and isinstance(expr.value, int):
            expr = Lit(float(expr.value))
        return Call(f"cast.{self.real}", (expr,), via="numba")

    def call(self, call: Call, loc: Loc | None) -> Expr:
        if (form := self.forms.get(call.prim)) is not None and not (
            call.prim in _OF_ELEMENTS and call.via == "builtin"
        ):
            return self.expr(form(*call.args), loc)
        kwargs = tuple((key, self.option(key, value)) for key, value in call.kwargs)
        if call.prim == "cast.float64":
            return self.cast(call, loc)
        floating = self.is_real(call)
        args = tuple(self.operand(call, k, arg, loc, floating=floating) for k, arg in enumerate(call.args))
        made = replace(call, args=args, kwargs=kwargs, via=_via(call))
        self.check(made, loc)
        return made

    def cast(self, call: Call, loc: Loc | None) -> Expr:
        inner = self.expr(call.args[0], loc)
        if self.is_real(call.args[0]):
            return inner
        return self.number(inner) if self.single else replace(call, args=(inner,), via="")

    def operand(self, call: Call, position: int, arg: Expr, loc: Loc | None, *, floating: bool) -> Expr:
        """Return an operand; a whole number among floating-point ones would make doubles of them."""
        made = self.expr(arg, loc)
        if not self.single or not floating or call.prim in _KEPT or (call.prim == "pow" and position == 1):
            return made
        return self.number(made) if isinstance(self.kinds.type_of(arg), nb.Integer) else made

    def option(self, key: str, value: Expr) -> Expr:
        match value:
            case Lit("float64") if key == "dtype":
                return Call(f"const:{self.real}")
            case Lit(str() as name) if key == "dtype":
                return Call(f"const:{'boolean' if name == 'bool' else name}")
            case _:
                return value

    def is_real(self, expr: Expr) -> bool:
        return isinstance(expr, Lit) and isinstance(expr.value, float) or isinstance(self.kinds.type_of(expr), nb.Float)

    def check(self, call: Call, loc: Loc | None) -> None:
        """Refuse what compilers of kernels don't know: functions of NumPy."""
        if call.prim.startswith(("cuda.", "ref:", "const:", "helper.", "cast.")) or call.prim in _SYNTAX:
            return
        text = text_of(call.prim, call.via, True)
        if text.startswith("np."):
            raise UnsupportedError(f"`{call.prim}` in a kernel", loc, help="write it with functions of `math`")


def unpacked(func: Func) -> Func:
    """Take the indices along all axes of the grid at once: `i, j = cuda.grid(2)`."""
    kept = list(func.body)
    for prim, count in ((prim, count) for prim in (kernels.GRID, kernels.GRIDSIZE) for count in (2, 3)):
        names: dict[int, int] = {}
        for k, stmt in enumerate(kept):
            match stmt:
                case Let(_, Call(known, (Lit(n), Lit(int(axis))))) if n == count and known == prim:
                    names[axis] = k
                case _:
                    pass
        if len(names) == count:
            lets = [kept[names[axis]] for axis in range(count)]
            targets = tuple(let.target for let in lets if isinstance(let, Let))
            whole = Call(prim, (Lit(count), Lit(None)))
            kept[min(names.values())] = Effect(Call("move", (Call("tuple", targets), whole)))
            last = sorted(names.values())[1:]
            kept = [stmt for k, stmt in enumerate(kept) if k not in last]
    return replace(func, body=tuple(kept))


def _returns_nothing(stmt: Stmt) -> bool:
    return isinstance(stmt, Return) and stmt.value == Lit(None)


def _via(call: Call) -> str:
    if call.prim in _BUILTIN:
        return "builtin"
    if call.via in ("operator", "attr"):
        return call.via
    return "math" if text_of(call.prim, "", True).startswith("math.") else ""


_SYNTAX = frozenset(
    "getitem item dim tuple select move and or not_in size ndim raise assert print maximum minimum abs".split()
)
_BUILTIN = frozenset("maximum minimum abs".split())
# Operands that are no numbers to compute with.
_KEPT = frozenset("getitem item dim tuple move".split())


def _square(x: Expr) -> Expr:
    return Call("mul", (x, x)) if isinstance(x, Var | Lit) else Call("pow", (x, Lit(2)))


def _sign(x: Expr) -> Expr:
    negative = Call("select", (Call("lt", (x, Lit(0.0))), Lit(-1.0), Lit(0.0)))
    return Call("select", (Call("gt", (x, Lit(0.0))), Lit(1.0), negative))


def _larger(a: Expr, b: Expr) -> Expr:
    return Call("maximum", (a, b), via="builtin")


def _smaller(a: Expr, b: Expr) -> Expr:
    return Call("minimum", (a, b), via="builtin")


def _clip(x: Expr, low: Expr, high: Expr) -> Expr:
    return _smaller(_larger(x, low), high)


def _reciprocal(x: Expr) -> Expr:
    return Call("div", (Lit(1.0), x), via="operator")


def _where(cond: Expr, a: Expr, b: Expr) -> Expr:
    return Call("select", (cond, a, b))


def _absolute(x: Expr) -> Expr:
    return Call("abs", (x,), via="builtin")


# Functions that only NumPy has, by what is the same for numbers.
_FORMS: Mapping[str, Callable[..., Expr]] = {
    "square": _square,
    "sign": _sign,
    "reciprocal": _reciprocal,
    "where": _where,
    "clip": _clip,
    "fabs": _absolute,
    "fmax": _larger,
    "fmin": _smaller,
}


def _sign_of(x: Expr) -> Expr:
    """Return 0 of a zero, and of what is not a number itself."""
    zero = Call("mul", (x, Lit(0.0)))
    return Call(
        "select",
        (Call("gt", (x, Lit(0.0))), Lit(1.0), Call("select", (Call("lt", (x, Lit(0.0))), Lit(-1.0), zero))),
    )


def _larger_of(a: Expr, b: Expr) -> Expr:
    return Call("helper.larger", (a, b))


def _smaller_of(a: Expr, b: Expr) -> Expr:
    return Call("helper.smaller", (a, b))


def _clip_of(x: Expr, low: Expr, high: Expr) -> Expr:
    return _smaller_of(_larger_of(x, low), high)


# The same where what is not a number must stay that.
_OF_ELEMENTS: Mapping[str, Callable[..., Expr]] = {
    "sign": _sign_of,
    "clip": _clip_of,
    "maximum": _larger_of,
    "minimum": _smaller_of,
}

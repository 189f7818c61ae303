"""A host function and its kernels -> the text of a module that needs `math`, NumPy and a compiler of kernels."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adjoint.codegen.emit import emit
from adjoint.codegen.kernel_module import decorated, imports, one_kernel
from adjoint.codegen.kinds import Kinds
from adjoint.codegen.unparse import unparse
from adjoint.ir import Block, Call, Comment, Effect, Expr, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands
from adjoint.lower.grids import Limits
from adjoint.rules.numba_types import is_array, types
from adjoint.rules.spelling import text_of

_PUT = '''
def {name}(parts, value, shared):
    """Put {what} over the threads of the block into the part of the block."""
    t = cuda.threadIdx.x + cuda.blockDim.x * (cuda.threadIdx.y + cuda.blockDim.y * cuda.threadIdx.z)
    shared[t] = value
    cuda.syncthreads()
    n = {half}
    while n > 0:
        if t < n:
            shared[t] = {step}
        cuda.syncthreads()
        n //= 2
    if t == 0:
        block = cuda.blockIdx.x + cuda.gridDim.x * (cuda.blockIdx.y + cuda.gridDim.y * cuda.blockIdx.z)
        parts[block] = {last}
'''
_LARGER = '''
def {name}(a, b):
    """Return the {what} of two numbers; what is not a number if one is not."""
    return a if a {sign} b or a != a else b
'''
_GRID = '''
def grid(*sizes):
    """Return the blocks of a launch, and their threads: one for each point, or as many as {blocks} blocks have."""
    threads = {threads}[len(sizes)]
    blocks = []
    left = {blocks}
    for size, count in zip(sizes[::-1], threads):
        blocks.append(max(1, min(-(-size // count), left)))
        left //= blocks[-1]
    return tuple(blocks), threads
'''
_FULL = '''
def full(shape, value, dtype):
    """Return an array on the device that holds one number."""
    made = cuda.device_array(shape, dtype)
    fill(made, value)
    return made
'''
_FILL = '''
def fill(array, value):
    """Let all elements of an array on the device be one number."""
    flat = array.reshape(array.size)
    fill_kernel[grid(array.size)](flat, flat.dtype.type(value))
'''
_FILL_KERNEL = """
def fill_kernel(flat, value):
    for i in range(cuda.grid(1), flat.shape[0], cuda.gridsize(1)):
        flat[i] = value
"""
_COPIED = '''
def copied(array):
    """Return a copy of an array on the device."""
    made = cuda.device_array(array.shape, array.dtype)
    made.copy_to_device(array)
    return made
'''
_OF_PARTS = '''
def {way}_of_parts(parts):
    """Return the {way} of what blocks have found."""
    return parts.copy_to_host().{method}()
'''


def _put(way: str, threads: int) -> str:
    steps = {"sum": "shared[t] + shared[t + n]", "maximum": "larger", "minimum": "smaller"}
    lasts = {"sum": "parts[block] + shared[0]", "maximum": "larger", "minimum": "smaller"}
    call = "{0}(shared[t], shared[t + n])" if way != "sum" else "{0}"
    last = "{0}(parts[block], shared[0])" if way != "sum" else "{0}"
    return _PUT.format(
        name=f"put_{way}",
        what="the sum" if way == "sum" else f"the {way}",
        half=threads // 2,
        step=call.format(steps[way]),
        last=last.format(lasts[way]),
    )


def _of_parts(way: str) -> str:
    return _OF_PARTS.format(way=way, method={"sum": "sum", "maximum": "max", "minimum": "min"}[way])


# What helpers call.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "put_maximum": ("larger",),
    "put_minimum": ("smaller",),
    "full": ("fill",),
    "fill": ("fill_kernel", "grid"),
}
_DEVICE = ("larger", "smaller", "put_sum", "put_maximum", "put_minimum")


def _helpers(limits: Limits) -> Mapping[str, str]:
    """Return the texts of all helpers, in the order of the module."""
    (count,) = limits.threads[1]
    ways = ("sum", "maximum", "minimum")
    return {
        "larger": _LARGER.format(name="larger", what="larger", sign=">="),
        "smaller": _LARGER.format(name="smaller", what="smaller", sign="<="),
        **{f"put_{way}": _put(way, count) for way in ways},
        "fill_kernel": _FILL_KERNEL,
        "grid": _GRID.format(threads=dict(limits.threads), blocks=limits.blocks),
        "fill": _FILL,
        "full": _FULL,
        "copied": _COPIED,
        **{f"{way}_of_parts": _of_parts(way) for way in ways},
    }


def grid_text(
    host: Func,
    kernels: Sequence[Func],
    *,
    limits: Limits,
    single: bool,
    package: str,
) -> str:
    """Return the text of a module with a host function and the kernels that it launches.

    Args:
        host: a function that makes arrays on the device, and launches kernels.
        kernels: the kernels.
        limits: the shapes of launches.
        single: whether the numbers of kernels are single precision; their types say double then.
        package: where `cuda` comes from, "numba" or "numba_cuda_mlir".

    Raises:
        UnsupportedError: something has no form in kernels.
    """
    real = "float32" if single else "float64"
    texts = [one_kernel(kernel, real, single=single, package=package, whole=True) for kernel in kernels]
    main = unparse(emit(_Host(host, single=single).func()))
    code = "\n\n".join([*(decorated(text, "@cuda.jit") for text in texts), main])
    known = _helpers(limits)
    needed = _closure({node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)} & known.keys())
    helpers = [_of_module(name, text) for name, text in known.items() if name in needed]
    code = "\n\n".join([*helpers, code])
    return f"{imports(code, package)}\n\n{code}"


def _closure(names: set[str]) -> set[str]:
    found = set(names)
    ahead = list(names)
    while ahead:
        for other in _NEEDS.get(ahead.pop(), ()):
            if other not in found:
                found.add(other)
                ahead.append(other)
    return found


def _of_module(name: str, text: str) -> str:
    if name in _DEVICE:
        return decorated(text, "@cuda.jit(device=True)")
    return decorated(text, "@cuda.jit") if name.endswith("_kernel") else text.strip("\n") + "\n"


class _Host:
    """Spells what a host does: arrays are on the device, numbers are divided by zero as Numba does it."""

    def __init__(self, func: Func, *, single: bool) -> None:
        self.source = func
        self.kinds = Kinds(func)
        self.single = single

    def func(self) -> Func:
        return replace(self.source, body=self.block(self.source.body))

    def block(self, block: Block) -> Block:
        return tuple(map_blocks(self.stmt(stmt), self.block) for stmt in block)

    def stmt(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Comment():
                return stmt
            case Let(Var(name) as target, Call() as value) if is_array(self.source.types.get(name)):
                return replace(stmt, target=target, value=self.array(value))
            case Store(array, (Lit(value),), number) if value is ...:
                return Effect(Call("helper.fill", (array, number)), stmt.loc)
            case Effect(Call(prim, (sizes, *args)) as call) if prim.startswith("launch."):
                return replace(stmt, value=replace(call, args=(sizes, *map(self.passed, args))))
            case _:
                return map_operands(stmt, lambda expr: map_expr(expr, self.number))

    def array(self, value: Call) -> Expr:
        """Return how an array is made on the device."""
        options: Any = dict(value.kwargs)
        match value:
            case Call("empty", (shape,)):
                return Call("cuda.device_array", (shape, self.dtype(options.get("dtype"))))
            case Call("zeros" | "ones", (shape,)):
                number = 0 if value.prim == "zeros" else 1
                return Call("helper.full", (shape, Lit(number), self.dtype(options.get("dtype"))))
            case Call("full", (shape, number)):
                return Call("helper.full", (shape, number, self.dtype(options.get("dtype"))))
            case Call("reshape" | "ravel"):
                return replace(value, via="method")
            case Call("copy", (array,)):
                return Call("helper.copied", (array,))
            case _:
                return map_expr(value, self.number)

    def dtype(self, given: Expr | None) -> Expr:
        name = given.value if isinstance(given, Lit) else "float64"
        return Lit("float32" if name == "float64" and self.single else name)

    def passed(self, arg: Expr) -> Expr:
        """Return what a kernel is given: numbers in its precision."""
        if self.single and isinstance(self.kinds.type_of(arg), types.Float):
            return Call("cast.float32", (arg,), via="np")
        return arg

    def number(self, expr: Expr) -> Expr:
        match expr:
            case Call("zeros" | "ones" | "full" | "empty"):  # in what is returned
                return self.array(expr)
            case Call("div", (left, _)) if isinstance(left, Lit) or isinstance(self.kinds.type_of(left), types.Integer):
                return replace(expr, via="np")
            case Call(prim, via="math") if text_of(prim, "np", True).startswith("np."):
                return replace(expr, via="np")
            case _:
                return expr

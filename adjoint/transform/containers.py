"""Containers around a derivative: it works on leaves, and is given and gives back what the user's function takes.

The program of a function has the leaves of its arguments as parameters. Here they become the arguments again, taken
apart on entry, and the derivatives of leaves are put together as the arguments are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from numba import types as nb

from adjoint.analysis.activity import is_differentiable
from adjoint.errors import AdjointError
from adjoint.ir import Block, Call, Expr, Func, Let, Lit, Param, Return, Stmt, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands
from adjoint.rules.containers import (
    TUPLE,
    Layout,
    Tree,
    form_of,
    is_container,
    item_types,
    layout_of,
    leaves,
    passed,
    passed_layout,
    with_leaves,
)
from adjoint.rules.typing import expr_type


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of the user's function: its type, and the names of its leaves as it is nested."""

    name: str
    type_: object
    tree: Tree

    @property
    def layout(self) -> Layout:
        return layout_of(self.type_)


def arguments(func: Func) -> tuple[Argument, ...]:
    """Return the parameters of the function that a program was made of."""
    inputs = func.inputs or tuple((p.name, p.name) for p in func.params)
    return tuple(Argument(name, func.types.get(name), cast("Tree", tree)) for name, tree in inputs)


def active_leaves(func: Func, argument: Argument) -> tuple[str, ...]:
    """Return the names of the leaves of an argument that have derivatives."""
    return tuple(name for name in leaves(argument.tree) if is_differentiable(func.types.get(name)))


def restored(func: Func) -> Func:
    """Return a program whose parameters are leaves with the arguments in their place."""
    inputs = arguments(func)
    known = {name for argument in inputs for name in leaves(argument.tree)}
    defaults = {p.name: p for p in func.params}
    params = [defaults.get(argument.name, Param(argument.name)) for argument in inputs]
    params += [p for p in func.params if p.name not in known and p.name not in {a.name for a in inputs}]
    head = [stmt for a in inputs for stmt in _taken_apart(Var(a.name), a.tree)]
    return replace(func, params=tuple(params), body=(*head, *func.body), inputs=())


def _taken_apart(whole: Expr, tree: Tree) -> list[Stmt]:
    """Return the statements that bind the leaves of an argument."""
    match tree:
        case None:
            return []
        case str():
            return [] if whole == Var(tree) else [Let(Var(tree), whole)]
        case _:
            parts = ((Call("item", (whole, Lit(k))), part) for k, part in enumerate(tree))
            return [stmt for item, part in parts for stmt in _taken_apart(item, part)]


def with_gradients(
    func: Func, wrt: Sequence[Argument], mode: str, *, single: bool, has_aux: bool, gradients: Mapping[str, int]
) -> Func:
    """Put the gradients that reverse mode returns for leaves together as arguments.

    `gradients` gives the position of a leaf's among them; that of any other leaf is zero.
    """
    exit_ = func.body[-1]
    assert isinstance(exit_, Return)
    assert isinstance(exit_.value, Call)
    found, value = exit_.value, None
    if mode != "grad":
        value, found = exit_.value.args
    elif has_aux:
        found, value = exit_.value.args
    value = None if mode == "pullback" else value
    assert isinstance(found, Call)
    known = {name: found.args[position] for name, position in gradients.items()}
    parts = tuple(_whole(func, argument, known) for argument in wrt)
    layouts = tuple(argument.layout for argument in wrt)
    whole: Expr = parts[0] if single else Call("tuple", parts)
    layout: Layout = layouts[0] if single else _tuple(*layouts)
    if value is not None:
        whole, layout = _beside(value, _aux_layout(func) if mode == "grad" else _layout(func), whole, layout, mode)
    return replace(func, body=(*func.body[:-1], replace(exit_, value=whole)), layout=layout)


def _beside(value: Expr, its: Layout, whole: Expr, layout: Layout, mode: str) -> tuple[Expr, Layout]:
    """Return the pair of a value and a gradient; the auxiliary value comes last."""
    if mode == "grad":
        return Call("tuple", (whole, value)), _tuple(layout, its)
    return Call("tuple", (value, whole)), _tuple(its, layout)


def _layout(func: Func) -> Layout:
    return cast("Layout", func.layout)


def _aux_layout(func: Func) -> Layout:
    layout = _layout(func)
    return None if layout is None else layout[1][1]


def _tuple(*parts: Layout) -> Layout:
    return (TUPLE, parts) if any(parts) else None


def _whole(func: Func, argument: Argument, gradients: Mapping[str, Expr]) -> Expr:
    def part(tree: Tree, kind: object) -> Expr:
        match tree:
            case None:
                return Lit(None)
            case str():
                return gradients[tree] if tree in gradients else _zero(func, tree)
            case (only,) if _is_numbers(kind):
                return part(only, None)
            case _:
                pairs = zip(tree, item_types(kind), strict=True)
                return Call("tuple", tuple(part(inner, item) for inner, item in pairs))

    return part(argument.tree, argument.type_)


def _zero(func: Func, name: str) -> Expr:
    match func.types.get(name):
        case nb.Array():
            return Call("zeros_like", (Var(name),), via="np")
        case nb.Boolean():
            return Lit(False)
        case _:
            return Lit(0)


def with_tangents(func: Func, wrt: Sequence[Argument], dots: Mapping[str, str], *, value: bool = True) -> Func:
    """Take the tangents of arguments, parameters after the arguments, apart; `dots` names those of the leaves.

    What forward mode returns is a value and its tangent: without `value`, the tangent alone.
    """
    params = [p for p in func.params if p.name not in dots.values()]
    types, hints, head = dict(func.types), dict(func.hints), list[Stmt]()
    for argument in wrt:
        if isinstance(argument.tree, str):
            params.append(Param(dots[argument.tree]))
            continue
        whole = f"{argument.name}_dot"
        while whole in types:
            whole += "_"
        types[whole], hints[whole] = with_leaves(argument.type_, _tangent_type), whole
        params.append(Param(whole))
        head += _taken_apart(Var(whole), _renamed(argument.tree, dots))
    layout = _layout(func)
    exit_ = func.body[-1]
    assert isinstance(exit_, Return)
    assert isinstance(exit_.value, Call)
    if not value:
        exit_ = replace(exit_, value=exit_.value.args[1])
    body = (*head, *func.body[:-1], exit_)
    layout = _tuple(layout, layout) if value else layout
    return replace(func, params=tuple(params), body=body, types=types, hints=hints, layout=layout)


def passed_form(func: Func) -> Func:
    """Return a finished program as compiled code has it: what Numba has no type for is handed over in tuples."""

    def change(expr: Expr) -> Expr:
        match expr:
            case Call("item", (whole, _)) if _is_numbers(_type(whole)):
                return whole
            case _:
                return expr

    def _type(expr: Expr) -> object:
        try:
            return expr_type(expr, func.types, func.refs)
        except AdjointError:
            return None

    def block(stmts: Block) -> Block:
        return tuple(map_blocks(map_operands(stmt, lambda e: map_expr(e, change)), block) for stmt in stmts)

    types = {name: passed(kind) if is_container(kind) else kind for name, kind in func.types.items()}
    return replace(func, body=block(func.body), types=types, layout=passed_layout(_layout(func)))


def _is_numbers(kind: object) -> bool:
    return is_container(kind) and form_of(kind).kind == "numbers"


def result_function(func: Func, name: str) -> Func | None:
    """Return the function that puts what compiled code returns together; None if that is the result already."""
    layout = _layout(func)
    if layout == passed_layout(layout):
        return None
    argument = Var("result")
    returned = Return(_read(argument, layout))
    return Func(name, (Param(argument.name),), (returned,), refs=func.refs, layout=layout)


def _read(whole: Expr, layout: Layout) -> Expr:
    if layout is None or layout[0].kind == "numbers":
        return whole
    return Call("tuple", tuple(_read(Call("item", (whole, Lit(k))), part) for k, part in enumerate(layout[1])))


def classes_of(layout: Layout) -> list[type]:
    """Return the classes that a result is made of, each once."""
    if layout is None:
        return []
    own = [layout[0].cls] if layout[0].cls is not None else []
    return list(dict.fromkeys((*own, *(cls for part in layout[1] for cls in classes_of(part)))))


def with_classes(func: Func) -> Func:
    """Give the classes that the result is made of names, in `refs`."""
    refs = dict(func.refs)
    for cls in classes_of(_layout(func)):
        name = f"class:{cls.__name__}"
        while name in refs:
            name += "_"
        refs[name] = cls
    return replace(func, refs=refs)


def _tangent_type(kind: object) -> object:
    return kind if is_differentiable(kind) else nb.float64


def _renamed(tree: Tree, names: Mapping[str, str]) -> Tree:
    match tree:
        case None:
            return None
        case str():
            return names.get(tree)
        case _:
            return tuple(_renamed(part, names) for part in tree)

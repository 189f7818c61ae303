"""Where lowering stands: one `Session` for a program, one `Frame` for each function that is read or inlined."""

from __future__ import annotations

from ast import AST, expr, stmt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import TypeAlias, cast

import gast

from adjoint.errors import Loc, UnsupportedError
from adjoint.frontend import fence, source
from adjoint.frontend.builder import Builder
from adjoint.frontend.jumps import remove_jumps
from adjoint.frontend.live import Liveness, liveness
from adjoint.frontend.names import all_names, bound_names, changed_names, own_nodes, parameters
from adjoint.frontend.resolve import Unresolved, resolve
from adjoint.frontend.routines import Routines
from adjoint.frontend.values import Broken, Unknown, UnknownRead, Value
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules import definitions
from adjoint.rules.typing import Type

ExprLowering: TypeAlias = "Callable[[Frame, expr, str | None], Value]"
BlockLowering: TypeAlias = "Callable[[Frame, Sequence[stmt]], None]"
ObjectLowering: TypeAlias = "Callable[[Frame, object, str, AST], Value]"


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A function made ready for lowering: fenced, without jumps, with the facts about it."""

    tree: gast.FunctionDef
    file: str
    names: frozenset[str]
    locals: frozenset[str]
    live: Liveness
    guarded: frozenset[AST]
    changed: frozenset[str]


@dataclass(slots=True, eq=False)
class Session:
    """What all frames of one program share. The three functions tie the knot between the modules of lowering."""

    builder: Builder
    lower_expr: ExprLowering
    lower_block: BlockLowering
    lower_object: ObjectLowering
    stack: list[Code] = field(default_factory=list[Code])
    # Per loop and way of reaching it: what the last round found out, so that the next starts there.
    solved: dict[tuple[object, ...], object] = field(default_factory=dict[tuple[object, ...], object])
    synthetic: dict[AST, object] = field(default_factory=dict[AST, object])
    routines: Routines = field(default_factory=Routines)
    # Arrays whose rows are being unpacked, each with the number of items that its rows were found to have.
    rows: frozenset[tuple[str, int]] = frozenset()
    # How many loops around are read for the first time, with types missing; and what was read in vain.
    rounds: int = 0
    # How many loops around run a known number of times, and could be unrolled.
    unrollable: int = 0
    skipped: UnknownRead | None = None
    # In a CUDA kernel: the numbers of threads of a block along x, y and z.
    block: tuple[int, int, int] | None = None


@dataclass(slots=True, eq=False)
class Frame:
    """One function being lowered: what its names stand for, and where control is."""

    session: Session
    code: Code
    fun: FunctionType | None
    env: dict[str, Value]
    live: Liveness
    outer: Frame | None = None
    path: tuple[object, ...] = ()
    guard: bool = False
    # Where the user's call stands, in a function that is read in the place of one of NumPy's.
    site: Loc | None = None
    result: Value = field(default_factory=lambda: Lit(None))

    @property
    def builder(self) -> Builder:
        return self.session.builder

    def expr(self, node: expr, hint: str | None = None) -> Value:
        return self.session.lower_expr(self, node, hint)

    def block(self, stmts: Sequence[stmt]) -> None:
        self.session.lower_block(self, stmts)

    def emit(self, call: Call, node: AST, hint: str | None = None) -> Var:
        return self.builder.emit(call, self.loc(node), hint)

    def type_of(self, value: Expr) -> Type:
        return self.builder.type_of(value)

    def loc(self, node: AST) -> Loc:
        if self.site is not None:
            return self.site
        return source.loc_of(node, self.code.file)

    def unsupported(self, what: str, node: AST, help: str | None = None) -> UnsupportedError:
        return UnsupportedError(what, self.loc(node), help=help)

    def lookup(self, name: str, node: AST) -> Value:
        """Return what a name stands for: a local, one of the functions around, a global."""
        if name in self.env:
            return self._readable(self.env[name], name, node)
        if name in self.code.locals:
            if self.session.rounds:
                raise UnknownRead(name, node)
            raise self.unsupported(f"`{name}` is read before it is bound", node)
        if self.outer is not None:
            return self.outer.lookup(name, node)
        try:
            assert self.fun is not None, "a nested function without the function around it"
            found = resolve(cast("FunctionType", self.fun), name)
        except Unresolved:
            raise self.unsupported(f"`{name}` is not defined", node) from None
        return self.session.lower_object(self, found, name, node)

    def _readable(self, value: Value, name: str, node: AST) -> Value:
        match value:
            case Unknown():
                raise UnknownRead(name, node)
            case Broken(error):
                raise self.unsupported(str(error.msg), node, error.help)
            case _:
                return value

    def synthetic(self, node: AST, stmts: Sequence[stmt], live_after: frozenset[str]) -> None:
        """Lower statements that stand for an expression; their names are live after them as said."""
        before = self.live
        self.live = liveness(stmts, live_after, before.always)
        try:
            self.block(stmts)
        finally:
            self.live = before


def code_of(fun: FunctionType) -> Code:
    """Read a function and make it ready.

    Raises
    ------
    SourceError, UnsupportedError
        If it can't be read or is outside the accepted subset.
    """
    key = (fun.__code__, fun.__code__.co_filename)
    if key not in _CODES:
        found = source.read(fun)
        fence.check(found.tree, found.file)
        _CODES[key] = prepare(found.tree, found.file)
    return _CODES[key]


_CODES: dict[tuple[CodeType, str], Code] = {}


def prepare(tree: gast.FunctionDef, file: str) -> Code:
    """Remove the jumps of a fenced function, and collect the facts."""
    tries = [node for node in own_nodes(tree.body) if isinstance(node, gast.Try) and node.handlers]
    guarded = frozenset(inner for node in tries for inner in own_nodes(node.body))
    names = all_names(tree)
    plain = remove_jumps(tree)
    own = {p.id for p in parameters(tree.args)} | set(bound_names(plain.body))
    return Code(plain, file, names, frozenset(own), liveness(plain.body), guarded, changed_names(tree))


def child(parent: Frame, code: Code, fun: FunctionType | None, env: dict[str, Value], site: AST) -> Frame:
    """Return the frame of a function inlined at `site`."""
    parent.builder.reserve(code.names)
    guard = parent.guard or site in parent.code.guarded
    ours = fun is not None and fun.__module__.startswith(f"{definitions.__name__}.")
    where = parent.loc(site) if ours else parent.site
    return Frame(parent.session, code, fun, env, code.live, None, (*parent.path, site), guard, where)

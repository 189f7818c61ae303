"""The cotangents of the backward sweep: which exist, which may be written in place, how a contribution is added.

A cotangent is born with its first contribution. Arrays of memory that the primal writes have *shadows*: one
buffer for each piece of memory, in which a view of the primal has the same view. All other arrays are values:
the first contribution is bound as it comes, later ones are added, in place only if nobody else can hold the buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from numba import types as nb

from adjoint.analysis.memory import is_memory, shows
from adjoint.analysis.shapes import Shape
from adjoint.errors import AliasError
from adjoint.ir import Accum, Call, Expr, If, Let, Lit, Merge, Stmt, Var
from adjoint.rules import operand_types
from adjoint.rules.numba_types import element_type, is_array
from adjoint.transform.program import Program, zero_of

# A state maps the name of each primal value whose cotangent exists to whether its buffer is held by nobody else.
State = dict[str, bool]


class Cotangents:
    def __init__(
        self, program: Program, active: frozenset[str], emit: Callable[[Stmt], None], ensure: Callable[..., None]
    ) -> None:
        self.program = program
        self.active = active
        self.emit = emit
        self.ensure = ensure
        self.state: State = {}
        self.vars: dict[str, Var] = {}
        # Primal arrays of which the shape is read, and which a branch may have left unbound.
        self.shaped: set[str] = set()
        # Cotangents whose types say how their arrays are laid out.
        self.laid_out: set[str] = set()
        # Shadows that the program carries itself, see `mirror`.
        self.mirrored: Mapping[str, str] = {}
        # Cotangents all of whose elements are one scalar, as after a sum, and the block in which that is known.
        self.uniform: dict[str, tuple[Expr, object]] = {}

    def close(self) -> None:
        """Let go of whoever emits, which holds this too: what both know is large, and the garbage collector late."""
        del self.emit, self.ensure

    def bar(self, name: str) -> Var:
        """Return the name of the cotangent of `name`."""
        if name in self.mirrored:
            return Var(self.mirrored[name])
        if name not in self.vars:
            label = self.program.label(name)
            hint = not label.startswith("_")
            base = f"{label}_bar" if hint else f"{label.lstrip('_')}_bar"
            type_ = self.program.types.get(name)
            self.vars[name] = self.program.fresh(base if hint else f"_{base}", type_, hint=False)
            if hint:
                self.program.hints[self.vars[name].name] = base
        return self.vars[name]

    def has(self, name: str) -> bool:
        return name in self.state or name in self.mirrored

    def owned(self, name: str) -> bool:
        return self.state.get(name, True)

    def is_shadow(self, name: str) -> bool:
        """Whether the cotangent of `name` lives in memory that must be shared the way the primal's is."""
        return is_memory(self.program.types.get(name)) and self.program.memory.is_written(name)

    def drop(self, name: str) -> None:
        self.uniform.pop(name, None)
        self.state.pop(name, None)

    # -- birth -------------------------------------------------------------------------------------------------

    def ensure_buffer(self, name: str) -> None:
        """Make the cotangent of `name` exist, as a buffer that can be written in place if it is an array."""
        self.uniform.pop(name, None)
        if name in self.mirrored:
            self.ensure(Var(self.mirrored[name]))
        elif not self.has(name):
            self._create(name)
        elif not self.state[name] and is_memory(self.program.types.get(name)):
            bar = self.bar(name)
            self.emit(Let(bar, Call("copy", (bar,), via="method")))
            self.state[name] = True

    def _create(self, name: str) -> None:
        binding = self.program.structure.of(name)
        if self.is_shadow(name):
            if isinstance(binding.stmt, Let) and shows(binding.stmt, self.program.func):
                self._create_view(name, binding.stmt)
                return
            if isinstance(binding.stmt, If):
                merge = next(m for m in binding.stmt.merges if m.target.name == name)
                if self.selects(binding.stmt, merge):
                    self._create_selection(name, binding.stmt, merge)
                    return
        self.state[name] = True
        self.emit(Let(self.bar(name), self.zero(name)))

    def _create_view(self, name: str, stmt: Let) -> None:
        assert isinstance(stmt.value, Call)
        assert isinstance(stmt.value.args[0], Var)
        base = stmt.value.args[0].name
        if stmt.value.prim == "broadcast_to":
            raise AliasError(
                f"`{self.program.label(name)}` shows `{self.program.label(base)}`, stretched, which is written while "
                "it is in use",
                stmt.loc,
                help="stretch a copy: `np.broadcast_to(a.copy(), shape)`",
            )
        self.ensure_buffer(base)
        self.ensure(*stmt.value.args[1:])
        self.state[name] = True
        self.emit(
            Let(
                self.bar(name),
                Call(stmt.value.prim, (self.bar(base), *stmt.value.args[1:]), stmt.value.kwargs, stmt.value.via),
            )
        )

    def _create_selection(self, name: str, stmt: If, merge: Merge) -> None:
        assert isinstance(merge.then, Var)
        assert isinstance(merge.orelse, Var)
        self.ensure_buffer(merge.then.name)
        self.ensure_buffer(merge.orelse.name)
        self.ensure(stmt.cond)
        self.state[name] = True
        bar = self.bar(name)
        self.emit(If(stmt.cond, (Let(bar, self.bar(merge.then.name)),), (Let(bar, self.bar(merge.orelse.name)),)))

    def links(self, name: str) -> list[str]:
        """Return the names whose shadows the shadow of `name` shows, near ones first."""
        if not self.is_shadow(name):
            return []
        stmt = self.program.structure.of(name).stmt
        near: list[str] = []
        if isinstance(stmt, Let) and name in self.program.memory.base:
            near = [self.program.memory.base[name]]
        elif isinstance(stmt, If):
            merge = next(m for m in stmt.merges if m.target.name == name)
            if self.selects(stmt, merge):
                near = [v.name for v in (merge.then, merge.orelse) if isinstance(v, Var)]
        return [*near, *(far for each in near for far in self.links(each))]

    def selects(self, stmt: If, merge: Merge) -> bool:
        """Whether a merge of written memory chooses between arrays that exist before the branch."""
        structure = self.program.structure
        inner = [structure.place(stmt, slot) for slot in (0, 1)]
        outside = [
            isinstance(v, Var) and not any(structure.of(v.name).place.inside(place) for place in inner)
            for v in (merge.then, merge.orelse)
        ]
        return all(outside)

    def zero(self, name: str) -> Expr:
        """Return the zero of the type and shape of a primal value."""
        type_ = self.program.types.get(name)
        if isinstance(type_, nb.List):
            self.ensure(Var(name))
            return Call("mul", (Call("list", (zero_of(element_type(type_)),)), Call("len", (Var(name),))))
        if not isinstance(type_, nb.Array):
            return zero_of(type_)
        stmt = self.program.structure.of(name).stmt
        match stmt:
            case Let(_, Call("zeros" | "empty" | "ones", args, kwargs)):
                self.ensure(*args)
                return Call("zeros", args, kwargs, via="np")
            case Let(_, Call("zeros_like" | "empty_like" | "ones_like" | "copy" | "full_like", (Var() as like, *_))):
                if self.program.types.get(like.name) == type_:
                    self.ensure(like)
                    return self.program.zeros(name, like.name)
            case _:
                pass
        self.ensure(Var(name))
        self.shaped.add(name)
        return self.program.zeros(name)

    # -- contributions -----------------------------------------------------------------------------------------

    def contribute(self, name: str, expr: Expr, *, owned: bool | None = None) -> None:
        """Add `expr`, of the type of `name`, to its cotangent. `owned`: nobody else holds the array `expr` gives."""
        if name not in self.active:
            return
        self.uniform.pop(name, None)
        bar = self.bar(name)
        array = is_memory(self.program.types.get(name))
        owned = self.program.is_own(expr) if owned is None else owned
        if name in self.mirrored:
            self.ensure_buffer(name)
            self.emit(Accum(bar, (), expr))
        elif (place := self._unnamed_part(name)) is not None:
            base, index = place
            self.ensure_buffer(base)
            self.ensure(*index)
            self.emit(Accum(self.bar(base), index, expr))
        elif self.is_shadow(name):
            if not self.has(name) and owned and self._owns_memory(name):
                self.state[name] = True
                self.emit(Let(bar, expr))
                return
            self.ensure_buffer(name)
            self.emit(Accum(bar, (), expr))
        elif not self.has(name):
            self.state[name] = owned or not array
            self._bind(bar, expr)
        elif not array or not self.state[name]:
            self._bind(bar, Call("add", (bar, expr)))
            self.state[name] = True
        else:
            self.emit(Accum(bar, (), expr))

    def _bind(self, bar: Var, expr: Expr) -> None:
        """Bind a cotangent; if it is an array, its type says how that is laid out in memory."""
        own, kind = self.program.types.get(bar.name), self.program.type_of(expr)
        if isinstance(own, nb.Array) and isinstance(kind, nb.Array) and own.layout != kind.layout:
            known = bar.name in self.laid_out
            self.program.types[bar.name] = own.copy(layout="A" if known else kind.layout)
        self.laid_out.add(bar.name)
        self.emit(Let(bar, expr))

    def _unnamed_part(self, name: str) -> tuple[str, tuple[Expr, ...]] | None:
        """Return the array and the index if a value is a part of written memory that the user gave no name."""
        if self.has(name) or not self.is_shadow(name) or not self.program.label(name).startswith("_"):
            return None
        stmt = self.program.structure.of(name).stmt
        match stmt:
            case Let(_, Call("getitem", (Var(base), *index))) if shows(stmt, self.program.func):
                return (base, tuple(index)) if base in self.active else None
            case _:
                return None

    def _owns_memory(self, name: str) -> bool:
        """Whether an array that a contribution gives can be the shadow of a name."""
        stmt, facts = self.program.structure.of(name).stmt, self.program.memory
        return name == facts.root(name) and not isinstance(stmt, If) and not facts.is_reshaped(name)

    def adapt(self, expr: Expr, source: Expr, name: str, stmt: Stmt) -> Expr:
        """Turn a contribution of the shape of `source` into one of the shape and dtype of `name`."""
        have, want = self.program.type_of(expr), self.program.types[name]
        if isinstance(have, nb.Array) and not isinstance(want, nb.Array):
            expr = Call("sum", (expr,), via="np")
        elif isinstance(have, nb.Array) and isinstance(want, nb.Array):
            expr = self.unbroadcast(expr, self.program.shapes.of(source), name, stmt)
        elif isinstance(want, nb.Array):
            self.ensure(Var(name))
            expr = Call("full_like", (Var(name), expr), via="np")
        return self.cast(expr, name)

    def unbroadcast(self, expr: Expr, shape: Shape | None, name: str, stmt: Stmt) -> Expr:
        """Sum a contribution of a shape over the axes along which `stmt` stretches or repeats `name`."""
        rank, wanted = ndim_of(self.program.type_of(expr)), ndim_of(self.program.types[name])
        extra = rank - wanted
        own = self.program.shapes.of(Var(name))
        if shape is not None and own is not None and extra >= 0:
            # An axis of length 1 is stretched, and added up again, also where it isn't longer.
            ones = [axis for axis, size in enumerate(own) if size == 1 and shape[extra + axis] != 1]
            after = tuple(1 if axis in ones else size for axis, size in enumerate(shape[extra:]))
            if self.program.equal(after, own, stmt):
                if extra:
                    expr = Call("sum", (expr,), (("axis", _axes(range(extra))),), via="np")
                if ones:
                    expr = Call("sum", (expr,), (("axis", _axes(ones)), ("keepdims", Lit(True))), via="np")
                return expr
        self.ensure(Var(name))
        return Call(f"helper.unbroadcast_{rank}d_{wanted}d", (expr, Var(name)))

    def cast(self, expr: Expr, name: str) -> Expr:
        """Convert an expression to the dtype of `name` where it would not be by itself."""
        want = scalar_type(self.program.types[name])
        have = scalar_type(self.program.type_of(expr))
        if not is_memory(self.program.types[name]) and self._is_array(expr):
            expr = Call("getitem", (expr,))  # of an array without axes
        if have == want or isinstance(expr, Lit):
            return expr
        if isinstance(have, nb.Complex) and isinstance(want, nb.Float):
            expr = Call("real", (expr,), via="np")
            have = operand_types.part(have)
        if have == want:
            return expr
        return Call(f"{'astype' if self._is_array(expr) else 'cast'}.{want}", (expr,))

    def _is_array(self, expr: Expr) -> bool:
        return is_array(self.program.type_of(expr))


def _axes(axes: Sequence[int]) -> Expr:
    return Lit(axes[0]) if len(axes) == 1 else Call("tuple", tuple(map(Lit, axes)))


def ndim_of(type_: object) -> int:
    return type_.ndim if isinstance(type_, nb.Array) else 0


def scalar_type(type_: object) -> object:
    """Return the dtype of an array or list type, or the scalar type itself."""
    return scalar_type(element_type(type_)) if is_memory(type_) else type_

"""The routines of a program: made fit to be differentiated before, made into functions of the module after.

A routine is a function of its arguments, whatever it is in Python: where it writes into an array, it returns the new
contents, and the caller writes them; where it returns an argument, it returns a copy, and the caller writes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.memory import Memory, is_memory, memory
from adjoint.analysis.sharing import memory_classes
from adjoint.errors import UnsupportedError
from adjoint.ir import Block, Call, Expr, Func, Let, Lit, Return, Stmt, Store, Var
from adjoint.ir.routine import Routine
from adjoint.ir.walk import (
    items_of,
    map_blocks,
    map_expr,
    map_operands,
    mentioned,
    names_in,
    operands,
    statements,
    subexpressions,
    with_body,
)
from adjoint.rules.numba_types import item_types, tuple_of
from adjoint.transform.aliasing import own_written_arguments
from adjoint.transform.forward import forward
from adjoint.transform.hidden_views import own_views
from adjoint.transform.reverse import Wanted, reverse
from adjoint.transform.routine_calls import bar_type, routine_of, routines_in


def settle(func: Func) -> Func:
    """Return a program whose routines are functions of their arguments.

    Raises:
        UnsupportedError: two routines call each other.
    """
    func, routines = own_views(func), _reached(func)
    for routine in routines:
        routine.func = own_views(routine.program)
        others = [r for r in _reached(routine.program) if r is not routine and routine in _reached(r.program)]
        if others:
            raise _circle(routine, others[0])
    _share(routines)
    writes = _writes(routines)
    if any(writes.values()):
        _return_written(routines, writes)
        func = _with_writes(func, writes)
    for routine in routines:
        routine.func = _with_new_results(routine.program)
    return func


def _circle(first: Routine, second: Routine) -> UnsupportedError:
    # Numba compiles it, and what it keeps of that on the disk crashes.
    if first.name == second.name:
        return UnsupportedError(
            f"`{first.name}` calls itself with arguments of other types, and then with the first types again",
            first.program.loc,
            help="give it the same types each time: `float(n)`, `np.ascontiguousarray(x)`",
        )
    return UnsupportedError(
        f"`{first.name}` and `{second.name}` call each other, and each itself", first.program.loc, help="write a loop"
    )


def _reached(func: Func) -> list[Routine]:
    """Return the routines that a program calls, and those that they call."""
    found: list[Routine] = []
    todo = routines_in(func)
    while todo:
        routine = todo.pop(0)
        if routine not in found:
            found.append(routine)
            todo += routines_in(routine.program)
    return found


# -- results that are arguments -------------------------------------------------------------------------------------


def _share(routines: list[Routine]) -> None:
    """Find out which results may share memory with an argument, or with each other."""
    changed = True
    while changed:
        changed = False
        for routine in routines:
            func = routine.program
            shares = bool(_shared_results(func, memory(func)))
            changed |= shares != routine.shares
            routine.shares = shares


def _result(func: Func) -> Return:
    exit_ = func.body[-1]
    assert isinstance(exit_, Return)
    return exit_


def _shared_results(func: Func, facts: Memory) -> set[str]:
    outside = [p.name for p in func.params]
    outside += [s.target.name for s in func.body if isinstance(s, Let) and _is_constant(s.value)]
    taken = {facts.cls(name) for name in outside}
    found: set[str] = set()
    for name in names_in(_result(func).value):
        if is_memory(func.types.get(name)):
            if facts.cls(name) in taken:
                found.add(name)
            taken.add(facts.cls(name))
    return found


def _is_constant(value: Expr) -> bool:
    return isinstance(value, Call) and value.prim.startswith("const:")


def _with_new_results(func: Func) -> Func:
    """Copy the arrays in a result that may share memory."""
    exit_, types, hints = _result(func), dict(func.types), dict(func.hints)
    shared = _shared_results(func, memory(func))
    copies: list[Stmt] = []

    def copied(expr: Expr) -> Expr:
        if isinstance(expr, Call):
            return replace(expr, args=tuple(map(copied, expr.args)))
        if not isinstance(expr, Var) or expr.name not in shared:
            return expr
        new = _free(f"{expr.name}_copy", types)
        types[new] = types[expr.name]
        copies.append(Let(Var(new), Call("copy", (expr,), via="method"), exit_.loc))
        return Var(new)

    value = copied(exit_.value)
    return replace(func, body=(*func.body[:-1], *copies, replace(exit_, value=value)), types=types, hints=hints)


def _free(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "_"
    return name


# -- arguments that are written -------------------------------------------------------------------------------------


def _writes(routines: list[Routine]) -> dict[Routine, tuple[int, ...]]:
    """Return the positions of the arguments that each routine writes, itself or by a routine that it calls."""
    found: dict[Routine, tuple[int, ...]] = dict.fromkeys(routines, ())
    changed = True
    while changed:
        changed = False
        for routine in routines:
            func = _with_writes(routine.program, found)
            facts = memory(func)
            written = tuple(
                k
                for k, p in enumerate(func.params)
                if isinstance(func.types.get(p.name), nb.Array) and facts.is_written(p.name)
            )
            changed |= written != found[routine]
            found[routine] = written
    return found


def _return_written(routines: list[Routine], writes: dict[Routine, tuple[int, ...]]) -> None:
    """Let each routine return the new contents of what it writes, after its result."""
    for routine in routines:
        if not writes[routine]:
            routine.func = _with_writes(routine.program, writes)
            continue
        func = own_written_arguments(_with_writes(routine.program, writes))
        own = _own_names(func)
        exit_ = _result(func)
        written = [Var(own[func.params[k].name]) for k in writes[routine]]
        routine.func = replace(
            func, body=(*func.body[:-1], replace(exit_, value=Call("tuple", (*_parts(exit_.value), *written))))
        )
    for routine in routines:
        func, more = routine.program, writes[routine]
        if more:
            kinds = (bar_type(func.types[func.params[k].name]) for k in more)
            routine.result_type = tuple_of((*_kinds(routine.result_type), *kinds))


def _own_names(func: Func) -> dict[str, str]:
    """Return the names of the copies of arguments at the start of a program."""
    found: dict[str, str] = {}
    for stmt in func.body:
        match stmt:
            case Let(Var(own), Call("copy", (Var(name),))):
                found.setdefault(name, own)
            case _:
                pass
    return found


def _parts(value: Expr) -> tuple[Expr, ...]:
    if value == Lit(None):
        return ()
    return items_of(value)


def _kinds(type_: object) -> tuple[object, ...]:
    if isinstance(type_, nb.NoneType):
        return ()
    return tuple(item_types(type_)) if isinstance(type_, nb.BaseTuple) else (type_,)


def _with_writes(func: Func, writes: dict[Routine, tuple[int, ...]]) -> Func:
    """Let a program write into arrays what the routines that it calls would have written there."""
    types = dict(func.types)

    def block(stmts: Block) -> Block:
        return tuple(new for stmt in stmts for new in each(stmt))

    def each(stmt: Stmt) -> list[Stmt]:
        routine = routine_of(stmt.value, func.refs) if isinstance(stmt, Let) else None
        if routine is None or not writes[routine]:
            return [map_blocks(stmt, block)]
        assert isinstance(stmt, Let)
        return _call_with_writes(stmt, routine, writes[routine], types)

    return replace(func, body=block(func.body), types=types)


def _call_with_writes(stmt: Let, routine: Routine, written: tuple[int, ...], types: dict[str, object]) -> list[Stmt]:
    """Take the result of a routine apart: what the function returned, then what it wrote."""
    call, func, name = stmt.value, routine.program, stmt.target.name
    assert isinstance(call, Call)
    kinds = _kinds(types[name])
    whole = name if isinstance(types[name], nb.BaseTuple) else _free(f"{name}_all", types)
    types[whole] = tuple_of((*kinds, *(bar_type(func.types[func.params[k].name]) for k in written)))
    found: list[Stmt] = [Let(Var(whole), call, stmt.loc)]
    if whole != name and kinds:
        found.append(Let(stmt.target, Call("item", (Var(whole), Lit(0))), stmt.loc))
    for position, k in enumerate(written, len(kinds)):
        new, target = Var(_free(f"{name}_written_{k}", types)), call.args[k]
        assert isinstance(target, Var)
        types[new.name] = bar_type(func.types[func.params[k].name])
        found.append(Let(new, Call("item", (Var(whole), Lit(position))), stmt.loc))
        found.append(Store(target, (Lit(...),), new, stmt.loc))
    return found


# -- the functions of the module ------------------------------------------------------------------------------------


def primal(func: Func, name: str) -> Func:
    """Return the function itself, as the derivatives see it: it leaves its arguments as they were."""
    both = forward(func, (), name=name)
    exit_ = _result(both)
    assert isinstance(exit_.value, Call)
    return replace(both, body=(*both.body[:-1], Return(exit_.value.args[0], exit_.loc)))


def function_of(routine: Routine, assume: bool) -> Func:
    """Return the function that a routine is in the generated module, untidied; see `reverse` for `assume`."""
    func = routine.program
    wrt = [func.params[k].name for k in routine.positions]
    match routine.kind:
        case "primal":
            return primal(func, routine.name)
        case "pullback":
            single = len(wrt) == 1
            wanted = Wanted(routine.name, tuple(wrt), seed="y_bar", result="pullback", single=single)
            return reverse(func, wanted, assume=assume)
        case "pushforward":
            return _with_own_arrays(forward(func, wrt, name=routine.name))


def _with_own_arrays(func: Func) -> Func:
    """Copy the arrays in a result that may share memory with arguments or with each other."""
    classes, exit_ = memory_classes(func), _result(func)
    taken = {classes[p.name] for p in func.params if p.name in classes}

    def own(expr: Expr) -> Expr:
        match expr:
            case Call("tuple", items):
                return replace(expr, args=tuple(map(own, items)))
            case Var(name) if isinstance(func.types.get(name), nb.Array):
                shared = classes[name] in taken
                taken.add(classes[name])
                return Call("copy", (expr,), via="method") if shared else expr
            case _:
                return expr

    return with_body(func, (*func.body[:-1], replace(exit_, value=own(exit_.value))))


class Module:
    """The functions of a module: an entry, and the routines that it calls, in as many versions as are asked for.

    `refs` are the objects that the functions call and the text of the module doesn't hold, by their names there.
    """

    def __init__(self, assume: bool) -> None:
        self.assume = assume
        self.refs: dict[str, object] = {}
        self._made: dict[Routine, Func] = {}
        self._names: dict[int, str] = {}

    def functions(self, entry: Func, finish: Callable[[Func], Func]) -> list[Func]:
        """Return the finished functions, callees first; the entry, which is finished already, comes last."""
        found: list[tuple[Routine | None, Func]] = []
        seen: set[Routine] = set()

        def visit(func: Func) -> None:
            for routine in routines_in(func):
                if routine not in seen:
                    seen.add(routine)
                    if routine not in self._made:
                        self._made[routine] = function_of(routine, self.assume)
                    done = finish(self._made[routine])
                    visit(done)
                    found.append((routine, done))

        visit(entry)
        if not found:
            self.refs |= {prim.removeprefix("ref:"): obj for prim, obj in entry.refs.items() if prim.startswith("ref:")}
            return [entry]
        return self._named_apart([*found, (None, entry)])

    def _named_apart(self, functions: list[tuple[Routine | None, Func]]) -> list[Func]:
        """Give each object that the functions call or read one name in the module, and no two objects the same."""
        names, used = self._names, [(func, _module_names(func)) for _, func in functions]
        taken = {functions[-1][1].name, *names.values()}
        taken |= {prim.removeprefix("helper.") for _, prims in used for prim in prims}
        for func, prims in used:
            for prim in prims:
                obj = func.refs.get(prim)
                if obj is not None and id(obj) not in names:
                    users = (user for user, those in used if any(user.refs.get(each) is obj for each in those))
                    local = {name for user in users for name in _local_names(user)}
                    wish = obj.name if isinstance(obj, Routine) else prim.partition(":")[2]
                    names[id(obj)] = _free(wish, taken | local)
                    taken.add(names[id(obj)])
                if prim.startswith("ref:") and not isinstance(obj, Routine):
                    self.refs[names[id(obj)]] = obj
        return [_renamed(func, func.name if r is None else names[id(r)], names) for r, func in functions]


def _module_names(func: Func) -> list[str]:
    """Return the primitives of a program that are names of its module."""
    exprs = (e for stmt in statements(func.body) for top in operands(stmt) for e in subexpressions(top))
    prims = (e.prim for e in exprs if isinstance(e, Call))
    return list(dict.fromkeys(prim for prim in prims if prim.startswith(("ref:", "const:", "helper."))))


def _local_names(func: Func) -> set[str]:
    return {*(p.name for p in func.params), *(name for stmt in statements(func.body) for name in mentioned(stmt))}


def _renamed(func: Func, name: str, names: dict[int, str]) -> Func:
    prims = {prim: f"{prim.partition(':')[0]}:{names[id(obj)]}" for prim, obj in func.refs.items() if id(obj) in names}

    def change(expr: Expr) -> Expr:
        return replace(expr, prim=prims[expr.prim]) if isinstance(expr, Call) and expr.prim in prims else expr

    def block(stmts: Block) -> Block:
        return tuple(map_blocks(map_operands(stmt, lambda e: map_expr(e, change)), block) for stmt in stmts)

    refs = {prims.get(prim, prim): obj for prim, obj in func.refs.items()}
    return replace(func, name=name, body=block(func.body), refs=refs)

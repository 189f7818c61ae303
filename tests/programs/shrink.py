"""Make a failing program small: delete statements, unwrap blocks, put parts for wholes, while it fails alike."""

from __future__ import annotations

import ast
import copy
import functools
import itertools
from collections.abc import Callable, Iterator

from tests.programs.program import Program

Test = Callable[[Program], bool]
BODIES = ("body", "orelse")


def shrink(program: Program, fails: Test, budget: int = 600) -> Program:
    """A program that `fails` too and from which no single edit can be taken, or the best within `budget` trials."""
    tried: set[str] = {program.source}
    source = ""
    for sieve in itertools.cycle(SIEVES):
        if sieve is SIEVES[0]:
            if program.source == source:
                return program
            source = program.source
        position = 0
        # After a success the next edit is looked for from the same place on, not from the start again.
        while (found := _next(program, sieve, position, tried)) is not None:
            smaller, position = found
            budget -= 1
            if budget < 0:
                return program
            if fails(smaller):
                program = smaller
    return program


Sieve = Callable[[Program], Iterator[Program]]


def _next(program: Program, sieve: Sieve, position: int, tried: set[str]) -> tuple[Program, int] | None:
    for k, smaller in enumerate(itertools.islice(sieve(program), position, None)):
        if smaller.source not in tried:
            tried.add(smaller.source)
            return smaller, position + k
    return None


def _edited(program: Program, tree: ast.AST) -> Program:
    return Program(ast.unparse(ast.fix_missing_locations(tree)) + "\n", program.args, program.argnums)


def _runs(program: Program) -> Iterator[Program]:
    """Without a run of statements, long runs first."""
    tree = ast.parse(program.source)
    count = sum(isinstance(node, ast.stmt) for node in ast.walk(tree))
    length = count // 2
    while length > 1:
        for start in range(0, count, length):
            edited = copy.deepcopy(tree)
            statements = [node for node in ast.walk(edited) if isinstance(node, ast.stmt)]
            kept = _Without({id(node) for node in statements[start : start + length]}).visit(edited)
            yield _edited(program, kept)
        length //= 2


class _Without(ast.NodeTransformer):
    def __init__(self, gone: set[int]) -> None:
        self.gone = gone

    def generic_visit(self, node: ast.AST) -> ast.AST | None:
        if id(node) in self.gone and not isinstance(node, ast.Return | ast.FunctionDef | ast.Import):
            return None
        super().generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]
        return node


def _edits(edit: Callable[[ast.AST, int], bool], program: Program) -> Iterator[Program]:
    """Every program one edit away. Nodes are found again in a copy by their place in the walk."""
    tree = ast.parse(program.source)
    for place, node in enumerate(ast.walk(tree)):
        for choice in range(_choices(edit, node)):
            edited = copy.deepcopy(tree)
            if edit(next(itertools.islice(ast.walk(edited), place, None)), choice):
                yield _edited(program, edited)


def _choices(edit: Callable[[ast.AST, int], bool], node: ast.AST) -> int:
    if edit is _simplify:
        return sum(1 for _ in _expressions(node)) * 6
    return sum(len(getattr(node, field, ())) for field in BODIES if isinstance(getattr(node, field, None), list))


def _statement(node: ast.AST, choice: int) -> tuple[list[ast.stmt], int]:
    for field in BODIES:
        block = getattr(node, field, None)
        if isinstance(block, list):
            if choice < len(block):
                return block, choice
            choice -= len(block)
    raise IndexError(choice)


def _delete(node: ast.AST, choice: int) -> bool:
    block, k = _statement(node, choice)
    if isinstance(block[k], ast.Return) and isinstance(node, ast.FunctionDef):
        return False
    del block[k]
    if not block and block is getattr(node, "body", None):
        block.append(ast.Pass())
    return True


def _unwrap(node: ast.AST, choice: int) -> bool:
    """A block's statements in place of the block; a loop's target gets a value."""
    block, k = _statement(node, choice)
    match block[k]:
        case ast.For(target=ast.Name(), body=body) as loop:
            first = ast.Assign([loop.target], ast.Constant(1), lineno=0)
            block[k : k + 1] = [first, *body]
        case ast.For(body=body) | ast.While(body=body):
            block[k : k + 1] = body
        case ast.If(body=body, orelse=orelse):
            block[k : k + 1] = [*body, *orelse]
        case ast.AugAssign(target=target, value=value):
            block[k] = ast.Assign([target], value, lineno=0)
        case _:
            return False
    return True


def _expressions(node: ast.AST) -> Iterator[tuple[str, int | None, ast.expr]]:
    """The expressions directly under a node that may be exchanged: where they are, and what they are."""
    for field, value in ast.iter_fields(node):
        if field in ("target", "targets", "func", "ctx"):
            continue
        if isinstance(value, ast.expr):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, k, item) for k, item in enumerate(value) if isinstance(item, ast.expr))


def _simplify(node: ast.AST, choice: int) -> bool:
    field, at, old = list(_expressions(node))[choice // 6]
    parts = [child for child in ast.iter_child_nodes(old) if isinstance(child, ast.expr)]
    if isinstance(old, ast.Call):
        parts = list(old.args)
    options: list[ast.expr] = [*parts[:4], ast.Constant(0.5), ast.Constant(1)]
    if isinstance(old, ast.Constant) or choice % 6 >= len(options):
        return False
    new = options[choice % 6]
    if at is None:
        setattr(node, field, new)
    else:
        getattr(node, field)[at] = new
    return True


def _without_argument(program: Program) -> Iterator[Program]:
    """Drop a parameter that nothing reads."""
    tree = ast.parse(program.source)
    main = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "program")
    used = {n.id for n in ast.walk(main) if isinstance(n, ast.Name)}
    for k, param in enumerate(main.args.args):
        rest = tuple(n - (n > k) for n in program.argnums if n != k)
        if param.arg not in used and rest:
            edited = copy.deepcopy(tree)
            del next(n for n in edited.body if isinstance(n, ast.FunctionDef) and n.name == "program").args.args[k]
            args = program.args[:k] + program.args[k + 1 :]
            yield Program(ast.unparse(edited) + "\n", args, rest)


SIEVES: tuple[Sieve, ...] = (
    _runs,
    functools.partial(_edits, _delete),
    functools.partial(_edits, _unwrap),
    functools.partial(_edits, _simplify),
    _without_argument,
)

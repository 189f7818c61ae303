"""The part of gast that adjoint sees: its classes are made at import time, invisible to checkers."""

from ast import AST as AST
from ast import boolop as boolop
from ast import cmpop as cmpop
from ast import excepthandler as excepthandler
from ast import expr as expr
from ast import expr_context as expr_context
from ast import mod as mod
from ast import operator as operator
from ast import stmt as stmt
from ast import unaryop as unaryop


class Module(mod):
    _fields = ("body", "type_ignores",)
    body: list[stmt]
    type_ignores: list[AST]
    def __init__(self, body: list[stmt] = ..., type_ignores: list[AST] = ...) -> None: ...

class Expression(mod):
    _fields = ("body",)
    body: expr
    def __init__(self, body: expr = ...) -> None: ...

class FunctionDef(stmt):
    _fields = ("name", "args", "body", "decorator_list", "returns", "type_comment", "type_params",)
    name: str
    args: arguments
    body: list[stmt]
    decorator_list: list[expr]
    returns: expr | None
    type_comment: str | None
    type_params: list[AST]
    def __init__(self, name: str = ..., args: arguments = ..., body: list[stmt] = ..., decorator_list: list[expr] = ..., returns: expr | None = ..., type_comment: str | None = ..., type_params: list[AST] = ...) -> None: ...

class AsyncFunctionDef(stmt):
    _fields = ("name", "args", "body", "decorator_list", "returns", "type_comment", "type_params",)
    name: str
    args: arguments
    body: list[stmt]
    decorator_list: list[expr]
    returns: expr | None
    type_comment: str | None
    type_params: list[AST]
    def __init__(self, name: str = ..., args: arguments = ..., body: list[stmt] = ..., decorator_list: list[expr] = ..., returns: expr | None = ..., type_comment: str | None = ..., type_params: list[AST] = ...) -> None: ...

class ClassDef(stmt):
    _fields = ("name", "bases", "keywords", "body", "decorator_list", "type_params",)
    name: str
    bases: list[expr]
    keywords: list[keyword]
    body: list[stmt]
    decorator_list: list[expr]
    type_params: list[AST]
    def __init__(self, name: str = ..., bases: list[expr] = ..., keywords: list[keyword] = ..., body: list[stmt] = ..., decorator_list: list[expr] = ..., type_params: list[AST] = ...) -> None: ...

class Return(stmt):
    _fields = ("value",)
    value: expr | None
    def __init__(self, value: expr | None = ...) -> None: ...

class Delete(stmt):
    _fields = ("targets",)
    targets: list[expr]
    def __init__(self, targets: list[expr] = ...) -> None: ...

class Assign(stmt):
    _fields = ("targets", "value", "type_comment",)
    targets: list[expr]
    value: expr
    type_comment: str | None
    def __init__(self, targets: list[expr] = ..., value: expr = ..., type_comment: str | None = ...) -> None: ...

class TypeAlias(stmt):
    _fields = ("name", "type_params", "value",)
    name: expr
    type_params: list[AST]
    value: expr
    def __init__(self, name: expr = ..., type_params: list[AST] = ..., value: expr = ...) -> None: ...

class AugAssign(stmt):
    _fields = ("target", "op", "value",)
    target: expr
    op: AST
    value: expr
    def __init__(self, target: expr = ..., op: AST = ..., value: expr = ...) -> None: ...

class AnnAssign(stmt):
    _fields = ("target", "annotation", "value", "simple",)
    target: expr
    annotation: expr
    value: expr | None
    simple: int
    def __init__(self, target: expr = ..., annotation: expr = ..., value: expr | None = ..., simple: int = ...) -> None: ...

class Print(stmt):
    _fields = ("dest", "values", "nl",)
    dest: object
    values: list[expr]
    nl: object
    def __init__(self, dest: object = ..., values: list[expr] = ..., nl: object = ...) -> None: ...

class For(stmt):
    _fields = ("target", "iter", "body", "orelse", "type_comment",)
    target: expr
    iter: expr
    body: list[stmt]
    orelse: list[stmt]
    type_comment: str | None
    def __init__(self, target: expr = ..., iter: expr = ..., body: list[stmt] = ..., orelse: list[stmt] = ..., type_comment: str | None = ...) -> None: ...

class AsyncFor(stmt):
    _fields = ("target", "iter", "body", "orelse", "type_comment",)
    target: expr
    iter: expr
    body: list[stmt]
    orelse: list[stmt]
    type_comment: str | None
    def __init__(self, target: expr = ..., iter: expr = ..., body: list[stmt] = ..., orelse: list[stmt] = ..., type_comment: str | None = ...) -> None: ...

class While(stmt):
    _fields = ("test", "body", "orelse",)
    test: expr
    body: list[stmt]
    orelse: list[stmt]
    def __init__(self, test: expr = ..., body: list[stmt] = ..., orelse: list[stmt] = ...) -> None: ...

class If(stmt):
    _fields = ("test", "body", "orelse",)
    test: expr
    body: list[stmt]
    orelse: list[stmt]
    def __init__(self, test: expr = ..., body: list[stmt] = ..., orelse: list[stmt] = ...) -> None: ...

class With(stmt):
    _fields = ("items", "body", "type_comment",)
    items: list[withitem]
    body: list[stmt]
    type_comment: str | None
    def __init__(self, items: list[withitem] = ..., body: list[stmt] = ..., type_comment: str | None = ...) -> None: ...

class AsyncWith(stmt):
    _fields = ("items", "body", "type_comment",)
    items: list[withitem]
    body: list[stmt]
    type_comment: str | None
    def __init__(self, items: list[withitem] = ..., body: list[stmt] = ..., type_comment: str | None = ...) -> None: ...

class Match(stmt):
    _fields = ("subject", "cases",)
    subject: expr
    cases: list[AST]
    def __init__(self, subject: expr = ..., cases: list[AST] = ...) -> None: ...

class Raise(stmt):
    _fields = ("exc", "cause",)
    exc: expr | None
    cause: expr | None
    def __init__(self, exc: expr | None = ..., cause: expr | None = ...) -> None: ...

class Try(stmt):
    _fields = ("body", "handlers", "orelse", "finalbody",)
    body: list[stmt]
    handlers: list[ExceptHandler]
    orelse: list[stmt]
    finalbody: list[stmt]
    def __init__(self, body: list[stmt] = ..., handlers: list[ExceptHandler] = ..., orelse: list[stmt] = ..., finalbody: list[stmt] = ...) -> None: ...

class TryStar(stmt):
    _fields = ("body", "handlers", "orelse", "finalbody",)
    body: list[stmt]
    handlers: list[ExceptHandler]
    orelse: list[stmt]
    finalbody: list[stmt]
    def __init__(self, body: list[stmt] = ..., handlers: list[ExceptHandler] = ..., orelse: list[stmt] = ..., finalbody: list[stmt] = ...) -> None: ...

class Assert(stmt):
    _fields = ("test", "msg",)
    test: expr
    msg: expr | None
    def __init__(self, test: expr = ..., msg: expr | None = ...) -> None: ...

class Import(stmt):
    _fields = ("names",)
    names: list[alias]
    def __init__(self, names: list[alias] = ...) -> None: ...

class ImportFrom(stmt):
    _fields = ("module", "names", "level",)
    module: str | None
    names: list[alias]
    level: int
    def __init__(self, module: str | None = ..., names: list[alias] = ..., level: int = ...) -> None: ...

class Exec(stmt):
    _fields = ("body", "globals", "locals",)
    body: list[stmt]
    globals: object
    locals: object
    def __init__(self, body: list[stmt] = ..., globals: object = ..., locals: object = ...) -> None: ...

class Global(stmt):
    _fields = ("names",)
    names: list[str]
    def __init__(self, names: list[str] = ...) -> None: ...

class Nonlocal(stmt):
    _fields = ("names",)
    names: list[str]
    def __init__(self, names: list[str] = ...) -> None: ...

class Expr(stmt):
    _fields = ("value",)
    value: expr
    def __init__(self, value: expr = ...) -> None: ...

class Pass(stmt):
    ...

class Break(stmt):
    ...

class Continue(stmt):
    ...

class BoolOp(expr):
    _fields = ("op", "values",)
    op: AST
    values: list[expr]
    def __init__(self, op: AST = ..., values: list[expr] = ...) -> None: ...

class NamedExpr(expr):
    _fields = ("target", "value",)
    target: Name
    value: expr
    def __init__(self, target: Name = ..., value: expr = ...) -> None: ...

class BinOp(expr):
    _fields = ("left", "op", "right",)
    left: expr
    op: AST
    right: expr
    def __init__(self, left: expr = ..., op: AST = ..., right: expr = ...) -> None: ...

class UnaryOp(expr):
    _fields = ("op", "operand",)
    op: AST
    operand: expr
    def __init__(self, op: AST = ..., operand: expr = ...) -> None: ...

class Lambda(expr):
    _fields = ("args", "body",)
    args: arguments
    body: expr
    def __init__(self, args: arguments = ..., body: expr = ...) -> None: ...

class IfExp(expr):
    _fields = ("test", "body", "orelse",)
    test: expr
    body: expr
    orelse: expr
    def __init__(self, test: expr = ..., body: expr = ..., orelse: expr = ...) -> None: ...

class Dict(expr):
    _fields = ("keys", "values",)
    keys: list[expr | None]
    values: list[expr]
    def __init__(self, keys: list[expr | None] = ..., values: list[expr] = ...) -> None: ...

class Set(expr):
    _fields = ("elts",)
    elts: list[expr]
    def __init__(self, elts: list[expr] = ...) -> None: ...

class ListComp(expr):
    _fields = ("elt", "generators",)
    elt: expr
    generators: list[comprehension]
    def __init__(self, elt: expr = ..., generators: list[comprehension] = ...) -> None: ...

class SetComp(expr):
    _fields = ("elt", "generators",)
    elt: expr
    generators: list[comprehension]
    def __init__(self, elt: expr = ..., generators: list[comprehension] = ...) -> None: ...

class DictComp(expr):
    _fields = ("key", "value", "generators",)
    key: expr
    value: expr
    generators: list[comprehension]
    def __init__(self, key: expr = ..., value: expr = ..., generators: list[comprehension] = ...) -> None: ...

class GeneratorExp(expr):
    _fields = ("elt", "generators",)
    elt: expr
    generators: list[comprehension]
    def __init__(self, elt: expr = ..., generators: list[comprehension] = ...) -> None: ...

class Await(expr):
    _fields = ("value",)
    value: expr
    def __init__(self, value: expr = ...) -> None: ...

class Yield(expr):
    _fields = ("value",)
    value: expr | None
    def __init__(self, value: expr | None = ...) -> None: ...

class YieldFrom(expr):
    _fields = ("value",)
    value: expr
    def __init__(self, value: expr = ...) -> None: ...

class Compare(expr):
    _fields = ("left", "ops", "comparators",)
    left: expr
    ops: list[AST]
    comparators: list[expr]
    def __init__(self, left: expr = ..., ops: list[AST] = ..., comparators: list[expr] = ...) -> None: ...

class Call(expr):
    _fields = ("func", "args", "keywords",)
    func: expr
    args: list[expr]
    keywords: list[keyword]
    def __init__(self, func: expr = ..., args: list[expr] = ..., keywords: list[keyword] = ...) -> None: ...

class Repr(expr):
    _fields = ("value",)
    value: expr
    def __init__(self, value: expr = ...) -> None: ...

class FormattedValue(expr):
    _fields = ("value", "conversion", "format_spec",)
    value: expr
    conversion: int
    format_spec: expr | None
    def __init__(self, value: expr = ..., conversion: int = ..., format_spec: expr | None = ...) -> None: ...

class Interpolation(expr):
    _fields = ("value", "str", "conversion", "format_spec",)
    value: expr
    str: object
    conversion: int
    format_spec: expr | None
    def __init__(self, value: expr = ..., str: object = ..., conversion: int = ..., format_spec: expr | None = ...) -> None: ...

class JoinedStr(expr):
    _fields = ("values",)
    values: list[expr]
    def __init__(self, values: list[expr] = ...) -> None: ...

class TemplateStr(expr):
    _fields = ("values",)
    values: list[expr]
    def __init__(self, values: list[expr] = ...) -> None: ...

class Constant(expr):
    _fields = ("value", "kind",)
    value: object
    kind: str | None
    def __init__(self, value: object = ..., kind: str | None = ...) -> None: ...

class Attribute(expr):
    _fields = ("value", "attr", "ctx",)
    value: expr
    attr: str
    ctx: expr_context
    def __init__(self, value: expr = ..., attr: str = ..., ctx: expr_context = ...) -> None: ...

class Subscript(expr):
    _fields = ("value", "slice", "ctx",)
    value: expr
    slice: expr
    ctx: expr_context
    def __init__(self, value: expr = ..., slice: expr = ..., ctx: expr_context = ...) -> None: ...

class Starred(expr):
    _fields = ("value", "ctx",)
    value: expr
    ctx: expr_context
    def __init__(self, value: expr = ..., ctx: expr_context = ...) -> None: ...

class Name(expr):
    _fields = ("id", "ctx", "annotation", "type_comment",)
    id: str
    ctx: expr_context
    annotation: expr | None
    type_comment: str | None
    def __init__(self, id: str = ..., ctx: expr_context = ..., annotation: expr | None = ..., type_comment: str | None = ...) -> None: ...

class List(expr):
    _fields = ("elts", "ctx",)
    elts: list[expr]
    ctx: expr_context
    def __init__(self, elts: list[expr] = ..., ctx: expr_context = ...) -> None: ...

class Tuple(expr):
    _fields = ("elts", "ctx",)
    elts: list[expr]
    ctx: expr_context
    def __init__(self, elts: list[expr] = ..., ctx: expr_context = ...) -> None: ...

class Load(expr_context):
    ...

class Store(expr_context):
    ...

class Del(expr_context):
    ...

class AugLoad(expr_context):
    ...

class AugStore(expr_context):
    ...

class Param(expr_context):
    ...

class Slice(AST):
    _fields = ("lower", "upper", "step",)
    lower: expr | None
    upper: expr | None
    step: expr | None
    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int
    def __init__(self, lower: expr | None = ..., upper: expr | None = ..., step: expr | None = ...) -> None: ...

class And(boolop):
    ...

class Or(boolop):
    ...

class Add(operator):
    ...

class Sub(operator):
    ...

class Mult(operator):
    ...

class MatMult(operator):
    ...

class Div(operator):
    ...

class Mod(operator):
    ...

class Pow(operator):
    ...

class LShift(operator):
    ...

class RShift(operator):
    ...

class BitOr(operator):
    ...

class BitXor(operator):
    ...

class BitAnd(operator):
    ...

class FloorDiv(operator):
    ...

class Invert(unaryop):
    ...

class Not(unaryop):
    ...

class UAdd(unaryop):
    ...

class USub(unaryop):
    ...

class Eq(cmpop):
    ...

class NotEq(cmpop):
    ...

class Lt(cmpop):
    ...

class LtE(cmpop):
    ...

class Gt(cmpop):
    ...

class GtE(cmpop):
    ...

class Is(cmpop):
    ...

class IsNot(cmpop):
    ...

class In(cmpop):
    ...

class NotIn(cmpop):
    ...

class comprehension(AST):
    _fields = ("target", "iter", "ifs", "is_async",)
    target: expr
    iter: expr
    ifs: list[expr]
    is_async: int
    def __init__(self, target: expr = ..., iter: expr = ..., ifs: list[expr] = ..., is_async: int = ...) -> None: ...

class ExceptHandler(excepthandler):
    _fields = ("type", "name", "body",)
    type: expr | None
    name: str | None
    body: list[stmt]
    def __init__(self, type: expr | None = ..., name: str | None = ..., body: list[stmt] = ...) -> None: ...

class arguments(AST):
    _fields = ("args", "posonlyargs", "vararg", "kwonlyargs", "kw_defaults", "kwarg", "defaults",)
    args: list[Name]
    posonlyargs: list[Name]
    vararg: Name | None
    kwonlyargs: list[Name]
    kw_defaults: list[expr | None]
    kwarg: Name | None
    defaults: list[expr]
    def __init__(self, args: list[Name] = ..., posonlyargs: list[Name] = ..., vararg: Name | None = ..., kwonlyargs: list[Name] = ..., kw_defaults: list[expr | None] = ..., kwarg: Name | None = ..., defaults: list[expr] = ...) -> None: ...

class keyword(AST):
    _fields = ("arg", "value",)
    arg: str | None
    value: expr
    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int
    def __init__(self, arg: str | None = ..., value: expr = ...) -> None: ...

class alias(AST):
    _fields = ("name", "asname",)
    name: str
    asname: str | None
    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int
    def __init__(self, name: str = ..., asname: str | None = ...) -> None: ...

class withitem(AST):
    _fields = ("context_expr", "optional_vars",)
    context_expr: expr
    optional_vars: expr | None
    def __init__(self, context_expr: expr = ..., optional_vars: expr | None = ...) -> None: ...

class type_ignore(AST):
    ...

def parse(source: str) -> Module: ...
def ast_to_gast(node: AST) -> AST: ...
def gast_to_ast(node: AST) -> AST: ...
def copy_location(new_node: AST, old_node: AST) -> AST: ...

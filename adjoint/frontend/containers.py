"""Dictionaries, named tuples and dataclasses: how they are made, and what is read from them.

They exist only while a program is lowered: it works on their items. None of them changes, so that it doesn't matter
how many names one has.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from ast import AST
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, cast

import gast

from adjoint.frontend.convert import items_of, key_value
from adjoint.frontend.frame import Frame
from adjoint.frontend.iterables import iterable
from adjoint.frontend.values import Items, Known, Partial, Record, Value
from adjoint.ir import Expr, Lit, Var
from adjoint.rules.containers import Form, class_problem, fields_of, is_named_tuple

Kwargs = Mapping[str, Value]
# What Python would make of a key that is here a value.
_CONSTANTS = (str, int, float, bool, complex, type(None))


def key_of(value: Value) -> object:
    """Return a key of a dictionary; `None` as an exception's stand-in is no key here.

    Raises
    ------
    LookupError
        If it isn't known.
    """
    match value:
        case Lit(constant) if isinstance(constant, _CONSTANTS):
            return constant
        case Items(items):
            return tuple(map(key_of, items))
        case _:
            raise LookupError


def dictionary(frame: Frame, node: gast.Dict) -> Record:
    """`{"a": x, **d}`."""
    found: dict[object, Value] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            found |= _pairs(frame, frame.expr(value), value)
        else:
            found[known_key(frame, frame.expr(key), key)] = frame.expr(value)
    return record_of(found)


def record_of(found: Mapping[Any, Value]) -> Record:
    """Return a dictionary."""
    return Record(Form("dict", tuple(found)), tuple(found.values()))


def known_key(frame: Frame, value: Value, node: AST) -> object:
    """Return a key of a dictionary, which must be known."""
    try:
        return key_of(value)
    except LookupError:
        raise frame.unsupported(
            "a key of a dictionary that depends on the arguments", node, "use constants as keys, or an array"
        ) from None


def _pairs(frame: Frame, value: Value, node: AST) -> dict[object, Value]:
    match value:
        case Record(Form("dict", keys), items):
            return dict(zip(keys, items, strict=True))
        case _:
            raise frame.unsupported("`**` of something that is not a dictionary", node, "give the items by their names")


def by_name(frame: Frame, value: Value, node: AST) -> dict[str, Value]:
    """Return the arguments that `**value` gives in a call."""
    return {str(key): item for key, item in _pairs(frame, value, node).items()}


def dict_call(frame: Frame, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Record:
    """`dict(...)` of a dictionary or of pairs, with more items by name."""
    found: dict[object, Value] = {}
    for source in args:
        match source:
            case Record(Form("dict")):
                found |= _pairs(frame, source, node)
            case _:
                for pair in _static_items(frame, source, node):
                    key, value = items_of(frame, pair, node) or (pair, pair)
                    found[known_key(frame, key, node)] = value
    return record_of({**found, **kwargs})


def _static_items(frame: Frame, source: Value, node: AST) -> tuple[Value, ...]:
    found = iterable(frame, source, node)
    if not isinstance(found, Items):
        raise frame.unsupported("a dictionary of unknown length", node, "use an array")
    return found.items


# --- making named tuples and dataclasses -----------------------------------------------------------------------------


def is_record_class(obj: object) -> bool:
    """Say whether an object is a class of named tuples or a dataclass."""
    return isinstance(obj, type) and (is_named_tuple(obj) or dataclasses.is_dataclass(obj))


def construct(frame: Frame, cls: Any, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Record:
    """Call a class of named tuples or a dataclass."""
    problem = class_problem(cls)
    if problem is not None:
        raise frame.unsupported(f"`{cls.__name__}` {problem}", node, "use a plain named tuple or dataclass")
    named = is_named_tuple(cls)
    names = fields_of(cls)
    try:
        given = inspect.signature(cls).bind(*args, **kwargs).arguments
    except TypeError as error:
        raise frame.unsupported(f"this call of `{cls.__name__}`: {error}", node) from None
    items = tuple(given[name] if name in given else _default(frame, cls, name, node) for name in names)
    return Record(Form("named" if named else "data", names, cls), items)


def _default(frame: Frame, cls: Any, name: str, node: AST) -> Value:
    if is_named_tuple(cls):
        return frame.session.lower_object(frame, cls._field_defaults[name], name, node)
    field = next(f for f in dataclasses.fields(cls) if f.name == name)
    if field.default_factory is not dataclasses.MISSING:
        made = cast("Any", field.default_factory)
        if made not in (dict, list, tuple):
            raise frame.unsupported(f"the default of `{cls.__name__}.{name}`, which a function makes", node, "give it")
        return Record(Form("dict" if made is dict else "list"), ()) if made is not tuple else Items(())
    return frame.session.lower_object(frame, field.default, name, node)


def replaced(frame: Frame, record: Record, changes: Kwargs, node: AST) -> Record:
    """Return a named tuple or dataclass with other items."""
    for name in changes:
        if name not in record.form.keys:
            raise frame.unsupported(f"{record.form.described} has no field `{name}`", node)
    items = (changes.get(name, item) for name, item in zip(record.form.keys, record.items, strict=True))
    return Record(record.form, tuple(items))


def as_dict(value: Value) -> Value:
    """`dataclasses.asdict`, which goes into items."""
    match value:
        case Record(Form("data", keys), items):
            return Record(Form("dict", keys), tuple(map(as_dict, items)))
        case Record(form, items):
            return Record(form, tuple(map(as_dict, items)))
        case Items(items):
            return Items(tuple(map(as_dict, items)))
        case _:
            return value


def as_tuple(value: Value) -> Value:
    """`dataclasses.astuple`, which goes into items."""
    match value:
        case Record(Form("data"), items) | Items(items):
            return Items(tuple(map(as_tuple, items)))
        case Record(form, items):
            return Record(form, tuple(map(as_tuple, items)))
        case _:
            return value


# --- reading ---------------------------------------------------------------------------------------------------------


def item_by_key(frame: Frame, record: Record, index: Sequence[Expr], node: AST) -> Value:
    """`d[key]`."""
    if not all(isinstance(each, Var | Lit) for each in index):
        raise frame.unsupported("a slice of a dictionary", node)
    parts = tuple(known_key(frame, each, node) for each in index if isinstance(each, Var | Lit))
    known = parts[0] if len(parts) == 1 else parts
    if known not in record.form.keys:
        shown = ", ".join(map(repr, record.form.keys)) or "none"
        raise frame.unsupported(f"the dictionary has no key {known!r}; it has {shown}", node)
    return record.items[record.form.keys.index(known)]


def attribute(frame: Frame, record: Record, name: str, node: AST) -> Value:
    """`p.name`: a field, or what the class says."""
    form = record.form
    if form.kind in ("named", "data") and name in form.keys:
        return record.items[form.keys.index(name)]
    if form.kind == "named" and name == "_fields":
        return Items(tuple(map(key_value, form.keys)))
    found = inspect.getattr_static(form.cls, name, None) if form.cls is not None else None
    match found:
        case property(fget=FunctionType() as getter) | functools.cached_property(func=FunctionType() as getter):
            from adjoint.frontend.calls import apply

            return apply(frame, Known(getter), (record,), {}, node, None)
        case FunctionType():
            return Partial(Known(found), (record,), {})
        case staticmethod():
            return Known(cast("Any", found).__func__)
        case classmethod():
            return Partial(Known(cast("Any", found).__func__), (Known(form.cls),), {})
        case None:
            raise frame.unsupported(f"{form.described} has no attribute `{name}`", node)
        case _:
            return frame.session.lower_object(frame, found, name, node)


Method = Callable[[Frame, Record, Sequence[Value], Kwargs, AST], Value]


def _get(frame: Frame, record: Record, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    known = known_key(frame, args[0], node)
    if known in record.form.keys:
        return record.items[record.form.keys.index(known)]
    return args[1] if len(args) > 1 else Lit(None)


def _keys(frame: Frame, record: Record, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    return Items(tuple(map(key_value, record.form.keys)))


def _values(frame: Frame, record: Record, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    return Items(record.items)


def _pairs_of(frame: Frame, record: Record, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    keys = map(key_value, record.form.keys)
    return Items(tuple(Items(pair) for pair in zip(keys, record.items, strict=True)))


def _itself(frame: Frame, record: Record, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    return record


def _replace(frame: Frame, record: Record, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    return replaced(frame, record, kwargs, node)


def _named_as_dict(frame: Frame, record: Record, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    return Record(Form("dict", record.form.keys), record.items)


METHODS: dict[tuple[str, str], tuple[Method, tuple[int, ...]]] = {
    # the kind and the name -> what it does, and the numbers of positional arguments it takes
    ("dict", "get"): (_get, (1, 2)),
    ("dict", "keys"): (_keys, (0,)),
    ("dict", "values"): (_values, (0,)),
    ("dict", "items"): (_pairs_of, (0,)),
    ("dict", "copy"): (_itself, (0,)),
    ("list", "copy"): (_itself, (0,)),
    ("named", "_replace"): (_replace, (0,)),
    ("named", "_asdict"): (_named_as_dict, (0,)),
}
_CHANGING = frozenset("append extend insert pop remove clear sort reverse update setdefault popitem".split())


def method(frame: Frame, record: Record, name: str, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value | None:
    """Call a method of a dictionary, a list or a named tuple; None if it is the class's business."""
    known = METHODS.get((record.form.kind, name))
    if known is not None and len(args) in known[1]:
        return known[0](frame, record, args, kwargs, node)
    if record.form.kind in ("named", "data"):
        return None
    if name in _CHANGING:
        raise changed(frame, record.form, node)
    raise frame.unsupported(f"the method `.{name}` of {record.form.described}", node)


def changed(frame: Frame, form: Form, node: AST) -> Exception:
    """Return the error for a container that would change."""
    helps = {
        "dict": "make a new one: `{**d, 'key': value}`",
        "data": "make a new one: `dataclasses.replace(p, field=value)`",
        "named": "make a new one: `p._replace(field=value)`",
    }
    return frame.unsupported(
        f"{form.described} is changed", node, helps.get(form.kind, "make a new list: `[*items, value]`")
    )


def _replaced(frame: Frame, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    if not isinstance(args[0], Record):
        raise frame.unsupported("`replace` of this", node, "it is for dataclasses")
    return replaced(frame, args[0], kwargs, node)


# What functions of Python's library mean for containers.
ON_RECORDS: dict[int, Callable[[Frame, Sequence[Value], Kwargs, AST], Value]] = {
    id(dict): dict_call,
    id(dataclasses.replace): _replaced,
    id(dataclasses.asdict): lambda frame, args, kwargs, node: as_dict(args[0]),
    id(dataclasses.astuple): lambda frame, args, kwargs, node: as_tuple(args[0]),
}

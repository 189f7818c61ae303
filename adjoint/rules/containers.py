"""Containers of numbers and arrays: how they are built, and their types.

Numba types tuples and named tuples. A dictionary, a dataclass, a list or a tuple that holds one of those has the type
`Container` here. It exists at the boundary only: programs work on the leaves, and compiled code is handed tuples.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal, TypeAlias, cast

import numba.types

# As in `numba_types`, which is not imported: a gradient from the cache does without the compiler.
Type: TypeAlias = Any
types: Any = numba.types

Kind: TypeAlias = Literal["tuple", "list", "numbers", "dict", "named", "data"]


@dataclass(frozen=True, slots=True)
class Form:
    """What a container is apart from its items; `keys` are those of a dictionary, or the names of fields.

    "numbers" is a list of numbers of one type, of any length: its one item is the array of them.
    """

    kind: Kind
    keys: tuple[Any, ...] = ()
    cls: type | None = None

    def __str__(self) -> str:
        name = f"{self.cls.__module__}.{self.cls.__qualname__}" if self.cls is not None else self.kind
        return f"{name}{list(self.keys)}" if self.keys else name

    @property
    def is_sequence(self) -> bool:
        """Whether it is indexed by position and iterated item by item."""
        return self.kind in ("tuple", "list", "named")

    @property
    def described(self) -> str:
        """What to call such a container in a message."""
        words = {"tuple": "a tuple", "list": "a list", "numbers": "a list", "dict": "a dictionary"}
        return words.get(self.kind) or f"a `{self.cls.__name__ if self.cls else self.kind}`"

    def part(self, position: int) -> str:
        """Return the text that, after a container of this form, reads an item."""
        match self.kind:
            case "named" | "data":
                return f".{self.keys[position]}"
            case "dict":
                return f"[{self.keys[position]!r}]"
            case _:
                return f"[{position}]"


TUPLE = Form("tuple")

# How a value is put together: `None` where it is no container, else a form and what its items are.
Layout: TypeAlias = "tuple[Form, tuple[Layout, ...]] | None"
# The leaves of a container by name, nested as the container is; None for a constant, such as a text.
Tree: TypeAlias = "str | tuple[Tree, ...] | None"


class Container(types.BaseTuple):
    """The type of a container that Numba has no type for."""

    def __init__(self, form: Form, items: tuple[Type, ...]) -> None:
        self.form = form
        self.types = items
        parent: Any = super()
        parent.__init__(name=f"{form}({', '.join(map(str, items))})")

    @property
    def key(self) -> object:
        return self.form, self.types

    def __getitem__(self, position: int) -> Type:
        return self.types[position]

    def __len__(self) -> int:
        return len(self.types)

    def __iter__(self) -> Any:
        return iter(self.types)


def form_of(kind: Type) -> Form:
    """Return the form of a container type, one of Numba's or ours."""
    if isinstance(kind, Container):
        return kind.form
    if isinstance(kind, types.BaseNamedTuple):
        return Form("named", tuple(kind.fields), kind.instance_class)
    return TUPLE


def container(form: Form, items: tuple[Type, ...]) -> Type:
    """Return the type of a container: Numba's own where it has one."""
    native = not any(is_foreign(item) for item in items)
    match form.kind:
        case "tuple" if native:
            return types.BaseTuple.from_types(tuple(types.unliteral(item) for item in items))
        case "named" if native:
            return types.BaseNamedTuple.from_types(items, form.cls) if items else Container(form, items)
        case _:
            return Container(form, items)


def item_types(kind: Type) -> tuple[Type, ...]:
    return tuple(kind)


def is_container(kind: Type) -> bool:
    return isinstance(kind, types.BaseTuple)


def is_foreign(kind: Type) -> bool:
    """Whether Numba has no type for a value, so that it is handed over in another form."""
    return isinstance(kind, (Container, types.Literal))


def passed(kind: Type) -> Type:
    """Return the Numba type of what compiled code is handed for a value of this type."""
    if isinstance(kind, types.Literal):
        return types.none
    if not is_container(kind):
        return kind
    form = form_of(kind)
    items = tuple(map(passed, item_types(kind)))
    if form.kind == "numbers":
        return items[0]
    return container(form if form.kind == "named" else TUPLE, items)


def layout_of(kind: Type) -> Layout:
    """Return how a value of this type is put together."""
    if not is_container(kind):
        return None
    form = form_of(kind)
    if form.kind == "numbers":
        return numbers(item_types(kind)[0].dtype), (None,)
    return form, tuple(map(layout_of, item_types(kind)))


def numbers(dtype: Type) -> Form:
    """Return the form of a list of numbers in a layout, which says of which type they are."""
    return Form("numbers", (str(dtype),))


def passed_layout(layout: Layout) -> Layout:
    """Return how the tuples are put together that compiled code returns for a result of this layout."""
    if layout is None or layout[0].kind == "numbers":
        return None
    form, parts = layout
    return form if form.kind == "named" else TUPLE, tuple(map(passed_layout, parts))


def leaves(tree: Tree) -> tuple[str, ...]:
    """Return the names in a tree, in order."""
    match tree:
        case None:
            return ()
        case str():
            return (tree,)
        case _:
            return tuple(name for part in tree for name in leaves(part))


def classes_in(kind: Type) -> tuple[type, ...]:
    """Return the classes of the named tuples and dataclasses in a type."""
    if not is_container(kind):
        return ()
    own = form_of(kind).cls
    inner = tuple(cls for item in item_types(kind) for cls in classes_in(item))
    return ((own, *inner)) if own is not None else inner


def has_floats(kind: Type) -> bool:
    """Whether a value of a type holds floating-point or complex numbers."""
    if is_container(kind):
        return any(map(has_floats, item_types(kind)))
    return isinstance(getattr(kind, "dtype", kind), (types.Float, types.Complex))


def with_leaves(kind: Type, change: Callable[[Type], Type]) -> Type:
    """Return a type with every leaf changed."""
    if not is_container(kind):
        return change(kind)
    return container(form_of(kind), tuple(with_leaves(item, change) for item in item_types(kind)))


# --- classes ---------------------------------------------------------------------------------------------------------

# What a class of named tuples or a dataclass must leave as it is, for an item to be what was put in.
_SPECIAL = (
    "__getitem__", "__iter__", "__len__", "__contains__", "__bool__", "__getattr__", "__getattribute__", "__call__",
    "__post_init__",
)  # fmt: skip


def is_named_tuple(cls: Any) -> bool:
    return issubclass(cls, tuple) and isinstance(cast("Any", getattr)(cls, "_fields", None), tuple)


def fields_of(cls: Any) -> tuple[str, ...]:
    """Return the names of the fields of a class of named tuples or a dataclass."""
    if is_named_tuple(cls):
        return tuple(cls._fields)
    return tuple(field.name for field in dataclasses.fields(cls))


def class_problem(cls: type) -> str | None:
    """Return why the items of an instance might not be what it is made of, or None."""
    for name in _SPECIAL:
        if isinstance(inspect.getattr_static(cls, name, None), FunctionType):
            return f"has its own `{name}`"
    if is_named_tuple(cls):
        made = next(base for base in cls.__mro__ if "__new__" in vars(base))
        return None if "_fields" in vars(made) else "has its own `__new__`"
    made = next(base for base in cls.__mro__ if "__init__" in vars(base))
    if "__dataclass_fields__" not in vars(made) or not vars(made)["__init__"].__code__.co_filename.startswith("<"):
        return "has its own `__init__`"
    if not all(field.init for field in dataclasses.fields(cast("Any", cls))):
        return "has a field that its `__init__` doesn't take"
    return None

"""Records that nobody changes, by the thousand: pyright sees to it, so that making one needn't."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """Make a class a dataclass with slots and a hash, none of whose fields may be assigned to.

    A frozen dataclass asks at each assignment, its own in `__init__` too: it takes three times as long to make.
    """
    return dataclass(slots=True, unsafe_hash="__hash__" not in cls.__dict__)(cls)

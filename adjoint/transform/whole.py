"""Arithmetic with whole numbers that are known before a program runs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

Arithmetic = Callable[..., int]

_NAMED = "add sub mul floordiv mod neg lshift rshift lt le gt ge eq ne".split()
ARITHMETIC: Mapping[str, Arithmetic] = {
    **{name: getattr(operator, name) for name in _NAMED},
    "maximum": cast("Any", max),
    "minimum": cast("Any", min),
    "cast.int64": int,
}

"""Plain Python: the text a person reads, run by the interpreter, for debugging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.backends.cache import Module


class PythonForm:
    """A gradient without JIT: a call runs the function in `.source` for the types of its arguments.

    That function lives in a file, or in `linecache`, so that `pdb` and `breakpoint()` show its lines.
    """

    def __init__(self, name: str, module_for: Callable[..., Module]) -> None:
        self.__name__ = self.__qualname__ = name
        self._module_for = module_for

    def function_for(self, *args: object, **kwargs: object) -> Callable[..., Any]:
        """Return the plain function that a call with these arguments runs."""
        return self._module_for(*args, **kwargs).python_function

    def __call__(self, *args: object, **kwargs: object) -> Any:
        function = self.function_for(*args, **kwargs)
        return function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.__name__} in plain Python>"

"""Plain Python: the text a person reads, run by the interpreter, for debugging."""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.backends.cache import Module


class PythonForm:
    """A gradient without JIT: a call runs the function in `.source` for the types of its arguments.

    That function lives in a file, or in `linecache`, so that `pdb` and `breakpoint()` show its lines.
    With `nan_check` the text has checks in it; where Python raises an error before the check is reached (`1.0 / 0.0`,
    `math.log(-1.0)`), the error of the check is raised.
    """

    def __init__(
        self,
        name: str,
        module_for: Callable[..., Module],
        *,
        nan_check: bool = False,
        otherwise: Callable[[ValueError, tuple[object, ...], dict[str, object]], Any] | None = None,
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self._module_for = module_for
        self._nan_check = nan_check
        # Called where the text raises a `ValueError`, which may say that sizes are not what it takes for granted.
        self._otherwise = otherwise

    def function_for(self, *args: object, **kwargs: object) -> Callable[..., Any]:
        """Return the plain function that a call with these arguments runs."""
        return self._module_for(*args, **kwargs).python_function

    def __call__(self, *args: object, **kwargs: object) -> Any:
        function = self.function_for(*args, **kwargs)
        try:
            return _checked(function, args, kwargs) if self._nan_check else function(*args, **kwargs)
        except ValueError as error:
            if self._otherwise is None:
                raise
            return self._otherwise(error, args, kwargs)

    def __repr__(self) -> str:
        return f"<{self.__name__} in plain Python>"


def _checked(function: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object]) -> Any:
    with np.errstate(all="ignore"):
        try:
            return function(*args, **kwargs)
        except (FloatingPointError, np.linalg.LinAlgError):
            raise
        except (ArithmeticError, TypeError, ValueError) as error:
            message = _failed_check(error, function.__code__.co_filename)
            if message is None:
                raise
            raise FloatingPointError(message) from error


def _failed_check(error: Exception, file: str) -> str | None:
    """Return the message of the check that belongs to the line of a generated file where an error was raised."""
    lines = linecache.getlines(file)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename != file or frame.lineno is None:
            continue
        # A negative number to a broken power is complex in Python: then the check itself fails.
        places = (frame.lineno - 1,) if isinstance(error, TypeError) else (frame.lineno - 1, frame.lineno)
        for place in places:
            check, raised, *_ = (line.strip() for line in (*lines[place : place + 2], "", ""))
            if "isfinite" in check and raised.startswith("raise FloatingPointError("):
                return ast.literal_eval(raised.removeprefix("raise FloatingPointError"))
    return None

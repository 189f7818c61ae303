"""Bad input: what the user is told, word for word, and under which words the caret stands."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

X = np.array([0.5, 1.5])


@dataclass(frozen=True)
class Row:
    """`early` says that decoration alone must raise; `told` is all that the user reads."""

    make: Callable[[], Any]
    kind: type[Exception]
    told: str


def told(error: BaseException) -> str:
    """The text under a traceback, with the place of the file and the number of the line left out."""
    lines = "".join(traceback.format_exception_only(error)).rstrip().splitlines()
    text = "\n".join(re.sub(r'^  File ".*?([^/\\"]+)", line \d+', r'  File "\1"', line) for line in lines)
    return text.replace(f"{type(error).__module__}.{type(error).__name__}", type(error).__name__)


ROWS: dict[str, Row] = {}


@pytest.mark.parametrize("name", ROWS)
def test_told(name: str) -> None:
    row = ROWS[name]
    with pytest.raises(row.kind) as caught:
        row.make()
    assert told(caught.value) == row.told

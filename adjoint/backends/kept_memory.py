"""Memory of large arrays stays with the process when they are freed: the next call finds it without page faults.

glibc maps a large array on its own and unmaps it when it is freed: a gradient that makes arrays of 70 MiB would get
fresh pages in every call, which cost as much as the work on them. glibc's limits are the process's, so they are set
when the first gradient is compiled, not by an import, and never where the user has set them.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from functools import cache

VARIABLE = "ADJOINT_KEEP_MEMORY"
_LIMIT = 1 << 30
_LARGEST = (1 << 31) - 1  # `mallopt` takes an `int`
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NAMES = ("trim_threshold", "top_pad", "mmap_threshold", "mmap_max")


@cache
def keep_memory() -> None:
    """Have glibc keep up to a limit of free memory; once in a process, and nothing where there is no glibc."""
    limit = wanted(os.environ)
    if not limit or not _on_glibc():
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_TRIM_THRESHOLD, limit)
    # Arrays beyond the limit are mapped on their own, as ever. Old versions take no such number: then none is.
    if not mallopt(_MMAP_THRESHOLD, limit):
        mallopt(_MMAP_MAX, 0)


def wanted(environment: Mapping[str, str]) -> int:
    """Return how many bytes to keep: what the user says, nothing if glibc's own variables are set, or the default."""
    tunables = environment.get("GLIBC_TUNABLES", "")
    if any(f"MALLOC_{name.upper()}_" in environment or f"glibc.malloc.{name}=" in tunables for name in _NAMES):
        return 0
    given = environment.get(VARIABLE, "").strip()
    if not given:
        return _LIMIT
    if not given.isdecimal():
        raise ValueError(f"{VARIABLE} is a number of bytes, 0 for none, not {given!r}")
    return min(int(given), _LARGEST)


def _on_glibc() -> bool:
    if sys.platform != "linux" or "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return False
    return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")

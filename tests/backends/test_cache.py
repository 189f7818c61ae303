"""Generated modules on disk and in memory."""

import linecache
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import adjoint
from adjoint.backends import cache
from adjoint.backends.request import Generated, Options, Request
from adjoint.errors import UnsupportedError


def primal(x, k=3.0):
    return x * k


HEAD = "def primal_grad(x, k=3.0):\n"
GENERATED = Generated(HEAD + "    return k\n", HEAD + "    return k + 0.0\n", "primal_grad")
REQUEST = Request(primal, "grad")
TYPES = ("float64",)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path / "a" / "b"))
    yield tmp_path / "a" / "b"
    for name in [name for name in sys.modules if name.startswith("_adjoint_primal")]:
        del sys.modules[name]


def test_round_trip(folder):
    name = cache.stem(REQUEST, TYPES)
    assert cache.find(name) is None
    cache.store(name, REQUEST, GENERATED)
    found = cache.find(name)
    assert found.on_disk
    assert (found.entry, found.source, found.compiled.read()) == (
        "primal_grad",
        GENERATED.source,
        GENERATED.compiled_text,
    )
    assert found.python_function(1.0) == found.compiled_function(1.0) == 3.0
    assert Path(found.compiled_function.__code__.co_filename) == folder / f"{name}.py"
    assert [path.suffix for path in folder.iterdir() if path.is_file()] == [".py", ".py"]


@pytest.mark.parametrize(
    "other",
    [
        Request(primal, "value_and_grad"),
        Request(primal, "grad", argnums=(1,)),
        Request(primal, "grad", single=False),
        Request(primal, "grad", has_aux=True),
        Request(primal, "grad", options=Options(fastmath=())),
        Request(primal, "grad", options=Options(parallel=True)),
        Request(lambda x: x, "grad"),
    ],
)
def test_stem_depends_on_all_of_the_request(other):
    assert cache.stem(other, TYPES) != cache.stem(REQUEST, TYPES)
    assert cache.stem(REQUEST, ("float32",)) != cache.stem(REQUEST, TYPES)
    assert cache.stem(REQUEST, TYPES) == cache.stem(Request(primal, "grad"), TYPES)


def test_stem_is_readable_and_safe():
    assert cache.stem(REQUEST, TYPES).startswith("primal_grad_")
    assert cache.stem(Request(lambda x: x, "grad"), TYPES).startswith("lambda_grad_")


def test_no_stem():
    unknown = object()
    assert cache.stem(Request(primal, "grad", options=Options(cache=False)), TYPES) is None
    assert cache.stem(Request(lambda x: (x, unknown), "grad"), TYPES) is None


def test_in_memory(folder):
    made = cache.store(None, REQUEST, GENERATED)
    assert not made.on_disk
    assert not folder.exists()
    assert made.python_function(1.0) == 3.0
    filename = made.python_function.__code__.co_filename
    linecache.checkcache(filename)
    assert linecache.getline(filename, 2) == "    return k\n"
    assert cache.store(None, REQUEST, GENERATED).python_function is not made.python_function


def test_folder_that_cannot_be_written(folder, tmp_path):
    (tmp_path / "a").write_text("a file where the folder should be")
    made = cache.store("primal_grad_0", REQUEST, GENERATED)
    assert not made.on_disk
    assert made.compiled_function(1.0) == 3.0


def test_written_once_and_mended(folder):
    cache.store("primal_grad_1", REQUEST, GENERATED)
    path = folder / "primal_grad_1.py"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    cache.store("primal_grad_1", REQUEST, GENERATED)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    path.write_text("damaged")
    assert cache.find("primal_grad_1") is None
    cache.store("primal_grad_1", REQUEST, GENERATED)
    assert cache.find("primal_grad_1").compiled_function(1.0) == 3.0


def test_half_written_is_not_found(folder):
    cache.store("primal_grad_2", REQUEST, GENERATED)
    (folder / "primal_grad_2_source.py").unlink()
    assert cache.find("primal_grad_2") is None


def test_references_need_the_compiler(folder):
    text = "def primal_grad(x, k=3.0):\n    return helper(x)\n"
    generated = Generated(text, text, "primal_grad", refs={"helper": abs})
    made = cache.store("primal_grad_3", REQUEST, generated)
    assert made.on_disk
    assert made.python_function(-1.0) == 1.0
    assert cache.find("primal_grad_3") is None


def test_writers_do_not_disturb_each_other(folder):
    errors = []

    def write():
        try:
            for number in range(20):
                cache.store(f"primal_grad_t{number}", REQUEST, GENERATED)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(list(folder.iterdir())) == 40


def test_checked_once_per_text(folder):
    calls = []
    cache.once_per_text(primal, calls.append)
    cache.once_per_text(primal, calls.append)
    assert calls == [primal]
    one, other = (lambda x: x), (lambda x: x)
    cache.once_per_text(one, calls.append)
    cache.once_per_text(other, calls.append)
    assert calls == [primal, one, other]

    def refuse(fun):
        raise UnsupportedError("no")

    for _ in range(2):
        with pytest.raises(UnsupportedError):
            cache.once_per_text(lambda x: -x, refuse)


def test_directory(monkeypatch):
    monkeypatch.delenv("ADJOINT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    for platform, expected in (
        ("linux", Path("/xdg/adjoint")),
        ("win32", Path("/local/adjoint/Cache")),
        ("darwin", Path.home() / "Library" / "Caches" / "adjoint"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache.directory() == expected


PROCESS = """
import os, sys
import numba
from adjoint.api import gradient, transforms
from adjoint.backends.request import Generated
from adjoint import grad

def generate(request, arg_types):
    print("generated")
    text = "def f_grad(x):\\n    return 2.0 * x\\n"
    return Generated(text, text, "f_grad")

gradient.generate = generate
transforms._check = lambda fun: print("checked")

@grad
def f(x):
    return x * x

assert f(3.0) == 6.0
(compiled,) = f.dispatcher._compiled
print(sum(compiled.stats.cache_hits.values()), "hits")
print("frontend" if any(name.startswith("adjoint.frontend") for name in sys.modules) else "no frontend")
"""


def test_second_process_neither_checks_nor_generates_nor_compiles(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text(PROCESS)
    monkeypatch.setenv("PYTHONPATH", str(Path(adjoint.__file__).parents[1]))
    outputs = [
        subprocess.run([sys.executable, script], stdout=subprocess.PIPE, check=True, text=True).stdout.split("\n")
        for _ in range(2)
    ]
    assert outputs == [
        ["checked", "generated", "0 hits", "no frontend", ""],
        ["1 hits", "no frontend", ""],
    ]

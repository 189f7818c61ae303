"""Functions that are hard to find in their file."""

# fmt: off
# ruff: noqa: E731
import functools

pair = [lambda x: x + 1, lambda x: x * 2]
same_text = (lambda x: x - 1), (lambda y: y - 1)
nested = lambda x: (lambda y: x + y)
multiline = lambda x: (
    x
    + 1
)


def plain(f):
    return f


@plain
@plain
def decorated(x):
    return x


class Holder:
    def method(self, x):
        return x

    @staticmethod
    def static(x):
        return x


def outer(n):
    def inner(x):
        return x * n
    return inner


def twice(x):
    return 1


def twice(x, y):  # noqa: F811
    return 2


def ünïcode(x, ω):
    é = 1.0
    return "é", x + ω * é


def generator(x):
    yield x


async def coroutine(x):
    return x


async def asynchronous_generator(x):
    yield x


def stars(x, *args, **kwargs):
    return x


@functools.wraps(plain)
def wrapper(*args):
    return plain(*args)

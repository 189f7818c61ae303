"""Functions of arrays whose sizes must agree: `tests.wrong_shapes` gives them sizes that don't."""

from __future__ import annotations

import numpy as np

from tests.cases.registry import Table, numbers

FITTING = Table()
X, W, M, N = numbers(3, seed=1), numbers(3, seed=2), numbers(4, 3, seed=3), numbers(3, 5, seed=4)
S = numbers(3, 3, seed=5) + 3.0 * np.eye(3)


@FITTING("shapes", X, W, wrt=(0, 1))
def dot1(x, w):
    return np.dot(x, w)


@FITTING("shapes", X, W, wrt=0)
def at_op(x, w):
    return x @ w


@FITTING("shapes", M, X, wrt=(0, 1))
def matvec(m, x):
    return np.sum(m @ x)


@FITTING("shapes", M, X, wrt=0)
def matvec0(m, x):
    return np.sum(m @ x)


@FITTING("shapes", M, N, wrt=0)
def matmat(m, x):
    return np.sum(m @ x)


@FITTING("shapes", M, N, wrt=(0, 1))
def matmat2(m, x):
    return np.trace(np.dot(m, x)[:2, :2])


@FITTING("shapes", X, W, wrt=0)
def vdot(x, w):
    return np.vdot(x, w)


@FITTING("shapes", numbers(6, seed=3), np.sort(X), W, wrt=2)
def interp(x, xp, fp):
    return np.sum(np.interp(x, xp, fp))


@FITTING("shapes", X, W, wrt=(0, 1))
def trapz(y, x):
    return np.trapezoid(y, x)


@FITTING("shapes", S, X, wrt=(0, 1))
def solve(a, b):
    return np.sum(np.linalg.solve(a, b))


@FITTING("shapes", S, wrt=0)
def det(a):
    return np.linalg.det(a)


@FITTING("shapes", S, wrt=0)
def inv(a):
    return np.sum(np.linalg.inv(a))


@FITTING("shapes", S, wrt=0)
def slogdet(a):
    return np.linalg.slogdet(a)[1]


@FITTING("shapes", S, wrt=0)
def chol(a):
    return np.sum(np.linalg.cholesky(a @ a.T))


@FITTING("shapes", X, W, wrt=(0, 1))
def where(x, w):
    return np.sum(np.where(x > 0.5, x, w))


@FITTING("shapes", X, W, wrt=(0, 1))
def cross(x, w):
    return np.sum(np.cross(x, w))


@FITTING("shapes", X, W, wrt=0)
def add(x, w):
    return np.sum(x + w)


@FITTING("shapes", X, W, wrt=(0, 1))
def sub(x, w):
    return np.sum(x) - np.sum(x - w)


@FITTING("shapes", X, W, wrt=(0, 1))
def store(x, w):
    y = np.zeros(3)
    y[:] = x
    y += w
    return np.sum(y)


@FITTING("shapes", X, W, wrt=(0, 1))
def store2(x, w):
    y = np.zeros_like(w)
    y[:] = x
    return np.sum(y)


@FITTING("shapes", M, X, wrt=(0, 1))
def rowadd(m, x):
    return np.sum(m + x)


@FITTING("shapes", M, X, wrt=(0, 1))
def rowstore(m, x):
    y = m.copy()
    y[0] = x
    y[1, :] += x
    return np.sum(y)


@FITTING("shapes", M, X, wrt=(0, 1))
def vstack(m, x):
    return np.sum(np.vstack((m, x.reshape(1, -1))))


@FITTING("shapes", X, W, wrt=(0, 1))
def stack(m, x):
    return np.sum(np.stack((m, x)))


@FITTING("shapes", X, W, wrt=(0, 1))
def column(m, x):
    return np.sum(np.column_stack((m, x)))


@FITTING("shapes", X, wrt=0)
def reshape(x):
    return np.sum(x.reshape(3, 1))


@FITTING("shapes", numbers(6, seed=3), wrt=0)
def reshape2(x):
    return np.sum(x.reshape(2, -1))


@FITTING("shapes", X, wrt=0)
def bcast(x):
    return np.sum(np.broadcast_to(x, (4, 3)))


@FITTING("shapes", numbers(6, seed=3), wrt=0)
def split(x):
    a = np.split(x, 2)
    return np.sum(a[0])


@FITTING("shapes", X, W, wrt=(0, 1))
def einsum(x, w):
    return np.einsum("i,i->", x, w)


@FITTING("shapes", M, X, wrt=(0, 1))
def einsum2(x, w):
    return np.sum(np.einsum("ij,j->i", x, w))


@FITTING("shapes", X, W, wrt=(0, 1))
def inner(x, w):
    return np.inner(x, w)


@FITTING("shapes", M, M.copy(), wrt=(0, 1))
def tdot(x, w):
    return np.tensordot(x, w, 2)


@FITTING("shapes", X, W, wrt=(0, 1))
def maxi(x, w):
    return np.sum(np.maximum(x, w))


@FITTING("shapes", X, W, wrt=(0, 1))
def ravel(x, w):
    m = np.empty((2, 3))
    m[0] = x
    m[1] = w
    return np.sum(m.ravel())


@FITTING("shapes", X, W, wrt=(0, 1))
def average(x, w):
    return np.average(x, weights=w)


@FITTING("shapes", X, W, wrt=(0, 1))
def cov(x, w):
    return np.sum(np.cov(x, w))


@FITTING("shapes", S, wrt=0)
def power(a):
    return np.sum(np.linalg.matrix_power(a, 2))


@FITTING("shapes", S, wrt=0)
def eigh(a):
    return np.sum(np.linalg.eigh(a)[0])


@FITTING("shapes", X, W, wrt=(0, 1))
def inplace(x, w):
    x = x * 1.0
    x -= w
    return np.sum(x)


@FITTING("shapes", X, W, W > 0.8, wrt=(0, 1))
def select(x, w, c):
    return np.sum(np.where(c, x, w))


@FITTING("shapes", X, np.ones(3), wrt=0)
def dotconst(x, w):
    return np.dot(x, np.ones(3))


@FITTING("shapes", X, W, wrt=(0, 1))
def addouter(x, w):
    return np.sum(np.add(x, w)) + np.add.reduce(x)


@FITTING("shapes", X, W, wrt=(0, 1))
def hyp(x, w):
    return np.sum(np.hypot(x, w))


@FITTING("shapes", X, W, wrt=(0, 1))
def polyval(x, w):
    return np.sum(np.polyval(x, w))


@FITTING("shapes", S, S.copy(), wrt=(0, 1))
def triple(a, b):
    return np.trace(a @ b @ a)


@FITTING("shapes", X, S, wrt=(0, 1))
def quad(x, a):
    return x @ a @ x


@FITTING("shapes", X, W, wrt=0)
def added_in_place(c, b):
    c += b
    return np.sum(c)


@FITTING("shapes", X, W, wrt=0)
def written_whole(c, b):
    c[:] = b
    return np.sum(c)


@FITTING("shapes", X, W, wrt=0)
def written_in_part(c, b):
    c[1:] = 2.0 * b[1:]
    return np.sum(c)


@FITTING("shapes", X, W, wrt=0)
def added_to_a_row(c, b):
    rows = np.zeros((2, 3))
    rows[0] += b
    return np.sum(rows) + np.sum(c)


@FITTING("shapes", X, W, wrt=1)
def stretched_or_not(c, b):
    out = np.empty(3)
    np.multiply(c, b, out=out)
    return np.sum(out)


@FITTING("shapes", numbers(3, seed=6), numbers(1, seed=7), wrt=0)
def stretched(c, b):
    c[...] += b
    return np.sum(c)


@FITTING("shapes", M, X, wrt=0)
def added_to_columns(c, b):
    c[:, 1:] += b[1:]
    return np.sum(c)


@FITTING("shapes", M, X, wrt=0)
def written_to_columns(c, b):
    c[:, 1:] = b[1:]
    return np.sum(c)


@FITTING("shapes", numbers(6, seed=5), X, wrt=0)
def added_to_every_other(c, b):
    c[::2] += b
    return np.sum(c)


@FITTING("shapes", numbers(6, seed=5), numbers(6, seed=6), wrt=0)
def every_other_written(c, b):
    c[1::2] = 2.0 * b[::2]
    return np.sum(c)


@FITTING("shapes", numbers(6, seed=5), numbers(6, seed=6), wrt=0)
def added_from_the_end(c, b):
    c[::-1] += b
    c[:] = b[::-1]
    return np.sum(c)


@FITTING("shapes", numbers(2, 6, seed=5), numbers(6, seed=6), wrt=0)
def every_third_of_a_row(c, b):
    c[1, ::3] += b[::3]
    return np.sum(c)


@FITTING("shapes", X, W, wrt=0)
def rows_of_an_own_array(x, w):
    c = np.zeros((2, 3))
    c[:, :] = w
    d = np.zeros(6)
    d[::2] = w
    return np.sum(c) + np.sum(d) + np.sum(x)


@FITTING("shapes", X, W, wrt=0)
def largest_of_few(x, w):
    k = np.argmax(x[2:])
    return x[0] * w[0] + k


@FITTING("shapes", X, W, wrt=0)
def smallest_of_few(x, w):
    return np.sum(x) + w[np.argmin(w[2:])] + np.max(w[2:])


@FITTING("shapes", M, X, wrt=1)
def largest_of_no_columns(m, w):
    return np.sum(np.max(m[:, 2:], axis=1)) + np.sum(w)

"""The kernels as somebody who knows PyTorch writes them."""

import torch


def lse(x):
    return torch.logsumexp(x, 0)


def llsq(x, n):
    t = -1.0 + 2.0 * torch.arange(n, dtype=x.dtype) / (n - 1)
    residual = torch.sign(t) - torch.vander(t, x.shape[0], increasing=True) @ x
    return 0.5 * torch.sum(residual**2)


def ode(x, steps):
    h = 2.0 / steps
    one = torch.ones(1, dtype=x.dtype)

    def rate(y):
        return x * torch.cat([one, y[:-1]])

    y = torch.zeros_like(x)
    for _ in range(steps):
        k1 = rate(y)
        k2 = rate(y + 0.5 * h * k1)
        k3 = rate(y + 0.5 * h * k2)
        k4 = rate(y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return torch.sum(y)


def jacobi_2d(A, B, T):
    def half(X, Y):
        Y = Y.clone()
        Y[1:-1, 1:-1] = 0.2 * (X[1:-1, 1:-1] + X[1:-1, :-2] + X[1:-1, 2:] + X[2:, 1:-1] + X[:-2, 1:-1])
        return Y

    for _ in range(T):
        B = half(A, B)
        A = half(B, A)
    return 0.5 * torch.sum(A * A)


jacobi_2d_loops = jacobi_2d


def cholesky(A):
    # The kernel reads the lower triangle only.
    L = torch.linalg.cholesky(torch.tril(A) + torch.tril(A, -1).T)
    out = L + torch.triu(A, 1)
    return 0.5 * torch.sum(out * out)


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    A = A + torch.outer(u1, v1) + torch.outer(u2, v2)
    x = x + beta * (A.T @ y) + z
    w = w + alpha * (A @ x)
    return 0.5 * torch.sum(w * w)

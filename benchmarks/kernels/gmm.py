"""Log-likelihood of a Gaussian mixture with a Wishart prior on the precisions.

A component's precision is Q'Q with Q lower triangular: `q` holds the logarithms of its diagonal, `l` what is below,
column by column.
"""

import math

import numpy as np

WRT = ("alpha", "mu", "q", "l")
SIZES = {
    "smoke": {"D": 3, "K": 4, "N": 6},
    "headline": {"D": 10, "K": 25, "N": 1000},
    "large": {"D": 64, "K": 100, "N": 1000},
}


def make(D, K, N):
    rng = np.random.default_rng(42)
    alpha = rng.standard_normal(K)
    mu = rng.random((K, D))
    q = 0.3 * rng.standard_normal((K, D))
    l = 0.3 * rng.standard_normal((K, D * (D - 1) // 2))
    return alpha, mu, q, l, rng.standard_normal((N, D)), 1.0, 0


def gmm(alpha, mu, q, l, x, gamma, m):
    N, D = x.shape
    K = alpha.shape[0]
    diagonal = np.exp(q)
    log_weights = np.empty(K)
    for k in range(K):
        log_weights[k] = alpha[k] + np.sum(q[k])
    terms = np.empty(K)
    y = np.empty(D)
    total = 0.0
    for i in range(N):
        for k in range(K):
            for d in range(D):
                y[d] = diagonal[k, d] * (x[i, d] - mu[k, d])
            p = 0
            for column in range(D):
                centred = x[i, column] - mu[k, column]
                for row in range(column + 1, D):
                    y[row] += l[k, p] * centred
                    p += 1
            square = 0.0
            for d in range(D):
                square += y[d] * y[d]
            terms[k] = log_weights[k] - 0.5 * square
        top = terms.max()
        total += top + math.log(np.sum(np.exp(terms - top)))
    top = alpha.max()
    likelihood = total - N * (0.5 * D * math.log(2.0 * math.pi) + top + math.log(np.sum(np.exp(alpha - top))))
    prior = 0.5 * gamma**2 * (np.sum(diagonal**2) + np.sum(l**2)) - m * np.sum(q)
    freedom = D + m + 1
    constant = freedom * D * (math.log(gamma) - 0.5 * math.log(2.0)) - 0.25 * D * (D - 1) * math.log(math.pi)
    for d in range(D):
        constant -= math.lgamma(0.5 * (freedom - d))
    return likelihood - prior + K * constant

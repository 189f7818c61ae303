"""Gaussian mixture in matrix form: a component's points go through its triangle as one product."""

import math

import numpy as np

from benchmarks.flags import compiled
from benchmarks.hand.vector_math import exp


@compiled
def value_and_grad(alpha, mu, q, l, x, gamma, m):
    N, D = x.shape
    K = alpha.shape[0]
    triangles = np.zeros((K, D, D))
    centred = np.empty((K, N, D))
    y = np.empty((K, N, D))
    terms = np.empty((K, N))
    squares = sum_q = 0.0
    for k in range(K):
        triangle = triangles[k]
        weight = alpha[k]
        for d in range(D):
            triangle[d, d] = math.exp(q[k, d])
            weight += q[k, d]
            sum_q += q[k, d]
            squares += triangle[d, d] * triangle[d, d]
        p = 0
        for column in range(D):
            for row in range(column + 1, D):
                triangle[row, column] = l[k, p]
                squares += l[k, p] * l[k, p]
                p += 1
        for i in range(N):
            for d in range(D):
                centred[k, i, d] = x[i, d] - mu[k, d]
        np.dot(centred[k], triangle.T, y[k])
        for i in range(N):
            square = 0.0
            for d in range(D):
                square += y[k, i, d] * y[k, i, d]
            terms[k, i] = weight - 0.5 * square
    tops, sums = terms[0].copy(), np.zeros(N)
    for k in range(1, K):
        for i in range(N):
            tops[i] = terms[k, i] if terms[k, i] > tops[i] else tops[i]
    for k in range(K):
        for i in range(N):
            terms[k, i] = exp(terms[k, i] - tops[i])
            sums[i] += terms[k, i]
    likelihood = 0.0
    for i in range(N):
        likelihood += tops[i] + math.log(sums[i])
        sums[i] = 1.0 / sums[i]
    top = alpha.max()
    alpha_sum = 0.0
    for k in range(K):
        alpha_sum += math.exp(alpha[k] - top)
    likelihood -= N * (0.5 * D * math.log(2.0 * math.pi) + top + math.log(alpha_sum))
    freedom = D + m + 1
    constant = freedom * D * (math.log(gamma) - 0.5 * math.log(2.0)) - 0.25 * D * (D - 1) * math.log(math.pi)
    for d in range(D):
        constant -= math.lgamma(0.5 * (freedom - d))
    value = likelihood - 0.5 * gamma**2 * squares + m * sum_q + K * constant

    alpha_bar, mu_bar, q_bar, l_bar = np.empty(K), np.zeros((K, D)), np.empty((K, D)), np.empty(l.shape)
    for k in range(K):
        total = 0.0
        for i in range(N):
            weight = terms[k, i] * sums[i]
            total += weight
            for d in range(D):
                y[k, i, d] *= -weight
        alpha_bar[k] = total - N * math.exp(alpha[k] - top) / alpha_sum
        # The mean's cotangent is that of all centred points, and those only meet in their sum.
        for i in range(N):
            for d in range(D):
                mu_bar[k, d] -= y[k, i, d]
        mu_bar[k] = np.dot(mu_bar[k], triangles[k])
        triangle_bar = np.dot(y[k].T, centred[k])
        for d in range(D):
            diagonal = triangles[k, d, d]
            q_bar[k, d] = total + m + (triangle_bar[d, d] - gamma**2 * diagonal) * diagonal
        p = 0
        for column in range(D):
            for row in range(column + 1, D):
                l_bar[k, p] = triangle_bar[row, column] - gamma**2 * l[k, p]
                p += 1
    return value, (alpha_bar, mu_bar, q_bar, l_bar)

"""The functions of `scipy.special`, which generated modules bring along as helpers: rows as in `elementwise`.

A helper is a function of numbers; the frontend applies it to arrays by a loop (`definitions.scipy`). An option `a=a`
stands for an operand that the function depends on and that the row has no derivative for.
"""

from __future__ import annotations

from adjoint.rules.table import Table

SPECIAL_FUNCTIONS = Table("""
    # gamma functions
    helper.gammaln(x)          | helper.digamma(x)                                                     | (0.1, 9)
    helper.gamma_function(x)   | y * helper.digamma(x)                                                 | (0.1, 9)
    helper.rgamma(x)           | helper.rgamma_slope(x)                                                | (0.1, 9)
    helper.rgamma_slope(x) | (helper.digamma(x) * helper.digamma(x) - helper.polygamma(1, x)) * helper.rgamma(x)
        | (0.1, 3)
    helper.digamma(x)          | helper.polygamma(1, x)                                                | (0.1, 9)
    helper.polygamma(n, x)     | - ; helper.polygamma(n + 1, x)                                        | N ; (0.1, 9)
    helper.zeta(s, q)          | helper.zeta_slope(q, s=s) ; -(s * helper.zeta(s + 1.0, q))              | (1.2, 9) ; R+
    helper.zeta_slope(q, s=s)  | -helper.zeta(s + 1.0, q) - s * helper.zeta_slope(q, s=s + 1.0)        | R+
    helper.betaln(a, b)        | -helper.digamma_rise(a, b) ; -helper.digamma_rise(b, a)               | R+ ; (0.1, 20)
    helper.beta(a, b) | -(y * helper.digamma_rise(a, b)) ; -(y * helper.digamma_rise(b, a))            | R+ ; (0.1, 20)
    helper.digamma_rise(a, b)  | helper.polygamma(1, a + b) - helper.polygamma(1, a) ; helper.polygamma(1, a + b)
        | (0.1, 9) ; (0.1, 3)
    helper.binom(n, k)         | y * helper.digamma_rise(n - k + 1.0, k) ; y * helper.digamma_rise(k + 1.0, n - k - k)
        | (9, 15) ; (0.5, 7)
    helper.gammainc(a, x)      | helper.gammainc_slope(x, a=a) ; helper.gammainc_density(a, x)           | R+ ; (0.1, 9)
    helper.gammaincc(a, x)     | -helper.gammainc_slope(x, a=a) ; -helper.gammainc_density(a, x)         | R+ ; (0.1, 9)
    helper.gammainc_slope(x, a=a) | helper.gammainc_density(a, x) * (log(x) - helper.digamma(a))       | (0.1, 9)
    helper.gammainc_density(a, x)
        | y * (log(x) - helper.digamma(a)) if y != 0 else 0 ; y * ((a - 1) / x - 1) if y != 0 else 0   | R+ ; (0.1, 9)

    # error functions and the normal distribution
    helper.erfcx(x)            | helper.erfcx_slope(x)                                                 | R
    helper.erfcx_slope(x)      | 2 * helper.erfcx(x) + 2 * x * y                                       | R
    helper.erfinv(x)           | 0.8862269254527579 * exp(y * y)                                       | (-1, 1)
    helper.erfcinv(x)          | -(0.8862269254527579 * exp(y * y))                                    | (0, 2)
    helper.ndtr(x)             | 0.3989422804014327 * exp(-(0.5 * x * x))                              | R
    helper.ndtri(x)            | 2.5066282746310007 * exp(0.5 * y * y)                                 | (0, 1)
    helper.log_ndtr(x)         | 0.7978845608028654 / helper.erfcx(-0.7071067811865476 * x)            | (-9, 9)

    # logistic functions and entropies
    helper.expit(x)            | y * helper.expit(-x)                                                  | (-9, 9)
    helper.logit(x)            | 1 / (x * (1 - x))                                                     | (0, 1)
    helper.log_expit(x)        | helper.expit(-x)                                                      | (-9, 9)
    helper.logarithm(x)        | 1 / x                                                                 | R+
    helper.xlogy(x, z)         | helper.logarithm(z) ; x / z if x != 0 else 0                        | R ; R+
    helper.xlog1py(x, z)       | helper.logarithm(1.0 + z) if abs(z) > 0.5 else log1p(z) ; x / (1 + z) if x != 0 else 0
        | R ; R+
    helper.entr(x)             | -helper.logarithm(x) - 1                                              | R+
    helper.rel_entr(x, z)      | helper.log_ratio(x, z) + 1 ; -(x / z) if x != 0 else 0                | R+ ; R+
    helper.kl_div(x, z)        | helper.log_ratio(x, z) ; (z - x) / z if x != 0 else 1                 | R+ ; R+
    helper.log_ratio(x, z)     | 1 / x ; -1 / z                                                        | R+ ; R+
    helper.exprel(x)           | helper.exprel_slope(x)                                                | (-9, 9)
    helper.exprel_slope(x)     | helper.exprel_slope(x) + (helper.exprel(x) - 2 * y) / x if abs(x) > 1 else
        helper.exprel_bend(x)  | (-9, 9)
    helper.cosm1(x)            | -sin(x)                                                               | R

    # Bessel functions
    helper.j0(x)               | -helper.j1(x)                                                         | (-9, 40)
    helper.j1(x)               | helper.j0(x) - y / x if x != 0 else 0.5                               | (-9, 40)
    helper.y0(x)               | -helper.y1(x)                                                         | (0.1, 40)
    helper.y1(x)               | helper.y0(x) - y / x                                                  | (0.1, 40)
    helper.i0(x)               | helper.i1(x)                                                          | (-9, 40)
    helper.i1(x)               | helper.i0(x) - y / x if x != 0 else 0.5                               | (-9, 40)
    helper.i0e(x)              | helper.i0e_slope(x)                                                   | (-9, 40)
    helper.i1e(x)              | -(sign(x) * helper.i0e_slope(x)) - y / x if x != 0 else 0.5           | (-9, 40)
    helper.i0e_slope(x)        | -(2 * sign(x) * y) - helper.i1e(x) / x if x != 0 else 1.5             | (-9, 9)
    helper.k0(x)               | -helper.k1(x)                                                         | (0.1, 40)
    helper.k1(x)               | -helper.k0(x) - y / x                                                 | (0.1, 40)
    helper.k0e(x)              | helper.k0e_slope(x)                                                   | (0.1, 40)
    helper.k1e(x)              | -helper.k0e_slope(x) - y / x                                          | (0.1, 40)
    helper.k0e_slope(x)        | 2 * y + helper.k1e(x) / x                                             | (0.1, 9)
""")

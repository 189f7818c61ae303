"""Log-sum-exp, made stable by the maximum."""

import math

import numpy as np

WRT = ("x",)
SIZES = {"smoke": {"n": 50}, "headline": {"n": 1_280_000}}


def make(n):
    return (np.random.default_rng(42).standard_normal(n),)


def lse(x):
    top = np.max(x)
    return top + math.log(np.sum(np.exp(x - top)))

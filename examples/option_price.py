"""The sensitivities of an option ("Greeks") are partial derivatives of its price: one gradient gives all five.

    python examples/option_price.py
"""

import math

from adjoint import value_and_grad


def normal_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


@value_and_grad(argnums=("spot", "strike", "rate", "sigma", "t"))
def call_price(spot, strike, rate, sigma, t):
    """European call: the right to buy at `strike` after `t` years."""
    d1 = (math.log(spot / strike) + (rate + 0.5 * sigma**2) * t) / (sigma * math.sqrt(t))
    d2 = d1 - sigma * math.sqrt(t)
    return spot * normal_cdf(d1) - strike * math.exp(-rate * t) * normal_cdf(d2)


def textbook(spot, strike, rate, sigma, t):
    """The same five derivatives, as books print them."""
    d1 = (math.log(spot / strike) + (rate + 0.5 * sigma**2) * t) / (sigma * math.sqrt(t))
    d2 = d1 - sigma * math.sqrt(t)
    density, discount = math.exp(-0.5 * d1**2) / math.sqrt(2.0 * math.pi), math.exp(-rate * t)
    return (
        normal_cdf(d1),
        -discount * normal_cdf(d2),
        strike * t * discount * normal_cdf(d2),
        spot * density * math.sqrt(t),
        spot * density * sigma / (2.0 * math.sqrt(t)) + rate * strike * discount * normal_cdf(d2),
    )


def main():
    market = (100.0, 105.0, 0.03, 0.25, 0.75)
    price, greeks = call_price(*market)
    print(f"price {price:.6f}")
    for name, ours, book in zip(("delta", "strike", "rho", "vega", "-theta"), greeks, textbook(*market), strict=True):
        print(f"{name:>8} {ours:12.8f}   textbook {book:12.8f}")
        assert math.isclose(ours, book, rel_tol=1e-12)


if __name__ == "__main__":
    main()

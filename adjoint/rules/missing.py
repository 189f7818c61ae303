"""Float functions that Numba has and we have no derivative for, each with the reason; docs and errors show it."""

from __future__ import annotations

from adjoint.errors import Loc, MissingRuleError

MISSING = {
    "frombuffer": "reinterprets bytes, so its operand has no derivative",
    "random.beta": "its shape parameters need derivatives of the incomplete beta function",
    "random.chisquare": "its shape parameter needs derivatives of the incomplete gamma function",
    "random.choice": "does not say which elements it chose; draw indices with `np.random.randint`",
    "random.dirichlet": "its shape parameters need derivatives of the incomplete gamma function",
    "random.f": "its shape parameters need derivatives of the incomplete beta function",
    "random.gamma": "its shape parameter needs derivatives of the incomplete gamma function",
    "random.noncentral_chisquare": "its shape parameter needs derivatives of the incomplete gamma function",
    "random.permutation": "does not say which order it chose; permute indices instead",
    "random.shuffle": "does not say which order it chose; permute indices instead",
    "random.standard_gamma": "its shape parameter needs derivatives of the incomplete gamma function",
    "random.standard_t": "its shape parameter needs derivatives of the incomplete beta function",
    "random.vonmises": "its concentration needs derivatives of Bessel functions",
    "random.wald": "is drawn by rejection, which has no derivative",
}


def no_rule(prim: str, loc: Loc | None) -> MissingRuleError:
    """Say that a primitive has no rule at all, and the reason where it is one of `MISSING`."""
    reason = f": {MISSING[prim]}" if prim in MISSING else ""
    return MissingRuleError(
        f"no derivative rule for `{prim}`{reason}",
        loc,
        help="write it with functions that have one, or take it out of the differentiated path",
    )

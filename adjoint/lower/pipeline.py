"""The passes of this floor, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from adjoint.ir import Func
from adjoint.lower.absorb import absorb
from adjoint.lower.accumulate import accumulate
from adjoint.lower.additions import additions
from adjoint.lower.adopt import adopt
from adjoint.lower.again import again
from adjoint.lower.ahead import ahead
from adjoint.lower.ascend import ascend
from adjoint.lower.columns import columns
from adjoint.lower.congruent import congruent
from adjoint.lower.context import Context
from adjoint.lower.contract import contract
from adjoint.lower.detach import detach
from adjoint.lower.expand import expand
from adjoint.lower.first_write import first_write
from adjoint.lower.fuse import fuse
from adjoint.lower.gather import gather
from adjoint.lower.hoist import hoist
from adjoint.lower.if_convert import if_convert
from adjoint.lower.interchange import interchange
from adjoint.lower.invariants import invariants
from adjoint.lower.jam import jam
from adjoint.lower.lines import lines
from adjoint.lower.march import march
from adjoint.lower.multiply import multiply
from adjoint.lower.orient import orient
from adjoint.lower.outward import outward
from adjoint.lower.overwritten import drop_overwritten
from adjoint.lower.parts import in_parts
from adjoint.lower.popped import popped
from adjoint.lower.recycle import recycle
from adjoint.lower.refill import refill
from adjoint.lower.relay import relay
from adjoint.lower.reuse import reuse
from adjoint.lower.scan import scan
from adjoint.lower.shrink import shrink
from adjoint.lower.spent import drop_spent
from adjoint.lower.split import split
from adjoint.lower.spread import spread
from adjoint.lower.states import states
from adjoint.lower.strips import strips
from adjoint.lower.substitute import substitute_cheap
from adjoint.lower.sums import sums
from adjoint.lower.tapes import drop_unread
from adjoint.lower.trail import trail
from adjoint.lower.unread import drop_unread_stores
from adjoint.lower.unroll import unroll
from adjoint.lower.unsigned import unsigned
from adjoint.lower.unstack import unstack
from adjoint.transform.copyprop import propagate
from adjoint.transform.dce import eliminate
from adjoint.transform.renest import renest
from adjoint.transform.sink import sink
from adjoint.transform.stop import stop


def _stopped(func: Func, context: Context) -> Func:
    done = stop(func)
    context.kinds.update(done.types)
    return done


def _known(func: Func, context: Context) -> Func:
    """Return a program with the types and hints of the context."""
    if func.types is context.kinds and func.hints is context.hints:
        return func
    return replace(func, types=context.kinds, hints=context.hints)


def _first_write(func: Func, context: Context) -> Func:
    return first_write(func, context.made, context.spans)


# Name and pass; each gets the program and what `expand` found out.
PASSES: tuple[tuple[str, Callable[[Func, Context], Func]], ...] = (
    ("sink", lambda func, context: sink(func)),
    ("sums", sums),
    ("overwritten", drop_overwritten),
    ("unread", drop_unread_stores),
    ("spent", drop_spent),
    ("tapes", lambda func, context: eliminate(drop_unread(eliminate(func)))),
    ("popped", popped),
    ("unstack", unstack),
    ("states", states),
    ("adopt", adopt),
    ("ascend", ascend),
    ("absorb", absorb),
    ("first_write", _first_write),
    ("parts", in_parts),
    ("substitute", substitute_cheap),
    ("detach", detach),
    ("fuse", fuse),
    ("again", again),
    ("first_write", _first_write),
    ("contract", lambda func, context: contract(func, context.kinds)),
    ("outward", outward),
    ("march", march),
    ("trail", trail),
    ("shrink", shrink),
    ("congruent", congruent),
    ("reuse", reuse),
    ("recycle", recycle),
    ("multiply", multiply),
    ("unroll", unroll),
    ("if_convert", if_convert),
    ("gather", gather),
    ("spread", spread),
    ("relay", relay),
    ("strips", strips),
    ("scan", scan),
    ("ahead", ahead),
    ("conditions", lambda func, context: reuse(func, context, branches=True)),
    ("hoist", hoist),
    ("nest", lambda func, context: renest(func)),
    ("split", split),
    ("sink", lambda func, context: sink(func)),
    ("columns", columns),
    ("interchange", interchange),
    ("orient", orient),
    ("jam", jam),
    ("additions", additions),
    ("refill", refill),
    ("accumulate", accumulate),
    ("stop", _stopped),
    ("invariants", invariants),
    ("unsigned", unsigned),
    ("lines", lines),
)


def lower(func: Func, disable: Collection[str] = ()) -> Func:
    """Return an imperative program with its array statements as fused loops.

    Requires types. Values are the same to rounding. Where sizes that NumPy would broadcast differ, the result raises a
    `ValueError` that starts with `BROADCAST_GUARD`. What can't be followed stays as it is; `to_numba` comes after.

    Args:
        func: a program of the transforms, best before names are shared (`coalesce`) and temporaries put back; both
            should be done to the result.
        disable: names of `PASSES` to leave out; "expand" leaves out all, "products" products of matrices and vectors.
    """
    if "expand" in disable:
        return func
    func, context = expand(eliminate(propagate(eliminate(func))), products="products" not in disable)
    for name, change in PASSES:
        if name not in disable:
            func = _known(change(func, context), context)
    return eliminate(func)

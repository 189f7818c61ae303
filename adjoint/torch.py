"""PyTorch: a function compiled here, as an operation of its automatic differentiation.

Needs `torch`: install `adjoint[torch]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any, Unpack

import numpy as np

from adjoint.api.bridge import Bridged, as_argument
from adjoint.api.transforms import TransformOptions, checked_options

torch: Any = import_module("torch")

__all__ = ["as_function"]


def as_function(fun: Callable[..., Any], **options: Unpack[TransformOptions]) -> Callable[..., Any]:
    """Return `fun`, a function of NumPy arrays and numbers, as one of tensors, through which `.backward()` flows.

    Tensors are given by position: one without axes is a number for `fun`, any other an array in the same memory. What
    is not a tensor is passed on. Results are tensors, on the CPU, of the precision `fun` returns. Derivatives are those
    of `vjp`, of any order (`create_graph=True`). `fun` must not write into its arguments. Options are those of `grad`.

    Raises the errors of `vjp`, and TypeError for tensors on another device than the CPU or without NumPy counterpart.

    >>> import numpy as np
    >>> def energy(x, k):
    ...     return np.sum(k * x * x)
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> as_function(energy)(x, 3.0).backward()
    >>> x.grad
    tensor([ 6., 12.])
    """
    bridged = Bridged("as_function", fun, checked_options("as_function", options))

    def called(*args: Any) -> Any:
        return _Operation.apply(bridged, *args)

    return functools.update_wrapper(called, fun, updated=())


def _to_numpy(position: int, name: str, value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if value.device.type != "cpu":
        raise TypeError(f"as_function of {name}: argument {position} is on {value.device}; pass it as `x.cpu()`")
    if value.layout != torch.strided:
        raise TypeError(f"as_function of {name}: argument {position} is sparse; pass it as `x.to_dense()`")
    return as_argument(value.detach().resolve_conj().resolve_neg().numpy())


class _Operation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, bridged: Bridged, *args: Any) -> Any:
        results, ctx.form = bridged(*(_to_numpy(k, bridged.name, arg) for k, arg in enumerate(args)))
        ctx.bridged, ctx.plain = bridged, [None if isinstance(arg, torch.Tensor) else arg for arg in args]
        ctx.positions = [k for k, arg in enumerate(args) if isinstance(arg, torch.Tensor)]
        ctx.save_for_backward(*(args[k] for k in ctx.positions))
        tensors = tuple(torch.from_numpy(np.asarray(result)) for result in results)
        ctx.mark_non_differentiable(*(t for t, active in zip(tensors, ctx.form.active, strict=True) if not active))
        return tensors[0] if ctx.form.single else tensors

    @staticmethod
    def backward(ctx: Any, *bars: Any) -> Any:
        args = list(ctx.plain)
        for k, tensor in zip(ctx.positions, ctx.saved_tensors, strict=True):
            args[k] = tensor
        wrt = [k for k, needed in enumerate(ctx.needs_input_grad[1:]) if needed]
        seeds = [bar.contiguous() for bar, active in zip(bars, ctx.form.active, strict=True) if active]
        found = iter(_Operation.apply(ctx.bridged.pullback(len(args), ctx.form, wrt), *args, *seeds))
        return (None, *(next(found) if k in wrt else None for k in range(len(args))))

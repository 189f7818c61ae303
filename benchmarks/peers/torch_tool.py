"""PyTorch on the processor, one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.kernels import Kernel
from benchmarks.peers import torch_idiom

torch.set_num_threads(1)


def prepare(kernel: Kernel, args: tuple[Any, ...], compiled: bool) -> Any:
    """Return what to time and what turns its result into a value and gradients."""
    fun = getattr(torch_idiom, kernel.name, None)
    if fun is None:
        raise NotImplementedError("no adapter")
    if compiled and kernel.name in torch_idiom.STEPS:
        step = torch_idiom.STEPS[kernel.name]
        setattr(torch_idiom, step, torch.compile(getattr(torch_idiom, step)))
    elif compiled:
        fun = torch.compile(fun)
    given = [torch.from_numpy(arg.copy()) if isinstance(arg, np.ndarray) else arg for arg in args]
    wanted = [given[k].requires_grad_() for k in kernel.positions]

    def call() -> Any:
        value = fun(*given)
        return value, torch.autograd.grad(value, wanted)

    return call, lambda result: (result[0].item(), [bar.numpy() for bar in result[1]])

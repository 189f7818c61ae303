"""`adjoint.torch`: operations of PyTorch, with its own checks of first and second derivatives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from adjoint.torch import _to_numpy, as_function  # noqa: E402


def layer(x, w, gain):
    return np.tanh(w @ x) * gain


def several(x, s, n):
    return np.sum(x * x) * s, np.sin(x) * s, n + 1


def point(*shape):
    values = torch.linspace(-1.0, 1.0, int(np.prod(shape)), dtype=torch.float64).reshape(shape)
    return values.requires_grad_()


def test_gradcheck_and_gradgradcheck():
    called = as_function(layer)
    args = point(3), point(2, 3)
    assert torch.autograd.gradcheck(lambda x, w: called(x, w, 2.0), args)
    assert torch.autograd.gradgradcheck(lambda x, w: called(x, w, 2.0), args)


def test_several_results_and_a_number():
    called = as_function(several)
    total, sines, count = called(point(3), point(), 3)
    assert (total.dtype, total.shape, sines.shape, count.requires_grad) == (torch.float64, (), (3,), False)
    args = point(3), torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, s: called(x, s, 3)[:2], args)
    assert torch.autograd.gradgradcheck(lambda x, s: called(x, s, 3)[:2], args)


def test_only_what_is_needed_is_differentiated():
    called = as_function(several)
    x, s = point(3), torch.tensor(1.5, dtype=torch.float64)
    called(x, s, 3)[0].backward()
    torch.testing.assert_close(x.grad, 3.0 * x.detach())
    assert s.grad is None


def test_single_precision_in_a_model():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(2, 3))

        def forward(self, x):
            return as_function(layer)(x, self.w, 1.0).sum()

    model = Model()
    model(torch.ones(3)).backward()
    assert model.w.grad.dtype == torch.float32
    torch.testing.assert_close(model.w.grad, torch.full((2, 3), float(1.0 - np.tanh(3.0) ** 2)))


def test_tensors_are_not_copied():
    x = torch.ones(4, 3, dtype=torch.float64)
    assert np.shares_memory(_to_numpy(0, "f", x), x.numpy())
    assert np.shares_memory(_to_numpy(0, "f", x.T[1:]), x.numpy())


def test_refused():
    with pytest.raises(TypeError, match="as_function takes a function, not 3"):
        as_function(3)
    with pytest.raises(TypeError, match="argument 0 is sparse; pass it as `x.to_dense\\(\\)`"):
        as_function(layer)(torch.eye(3).to_sparse(), 1.0, 1.0)
    with pytest.raises(TypeError, match="argument 0 is on meta"):
        as_function(layer)(torch.ones(3, device="meta"), 1.0, 1.0)
    with pytest.raises(TypeError, match="a result is NoneType; it has to be a number or an array"):
        as_function(lambda x: None)(torch.ones(3))

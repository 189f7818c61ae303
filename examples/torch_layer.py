"""A PyTorch model with a layer PyTorch doesn't have: a recursive filter, compiled from a loop, with its gradient.

    python examples/torch_layer.py [--steps 300]        needs: pip install "adjoint[torch]"
"""

import argparse

import numpy as np
import torch

from adjoint.torch import as_function


@as_function
def smooth(x, decay):
    """Exponential smoothing along the last axis: a loop of which each step needs the one before."""
    y = np.empty_like(x)
    for i in range(x.shape[0]):
        level = x[i, 0]
        for t in range(x.shape[1]):
            level = decay * level + (1.0 - decay) * x[i, t]
            y[i, t] = level
    return y


class Filter(torch.nn.Module):
    """A smoothed signal, scaled and shifted: three parameters, trained like any others."""

    def __init__(self):
        super().__init__()
        self.logit = torch.nn.Parameter(torch.zeros(()))
        self.affine = torch.nn.Linear(1, 1)

    def forward(self, x):
        return self.affine(smooth(x, torch.sigmoid(self.logit)).unsqueeze(-1)).squeeze(-1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    torch.manual_seed(0)
    x = torch.randn(64, 50)
    with torch.no_grad():
        wanted = 2.0 * smooth(x, torch.tensor(0.8)) + 1.0
    model = Filter()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for step in range(options.steps):
        loss = torch.nn.functional.mse_loss(model(x), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.5f}")
    decay, scale = torch.sigmoid(model.logit).item(), model.affine.weight.item()
    print(f"decay {decay:.3f} (truth 0.800), scale {scale:.3f} (truth 2.000), loss {loss.item():.2e}")


if __name__ == "__main__":
    main()

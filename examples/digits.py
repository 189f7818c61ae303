"""Handwritten digits: a two-layer network in plain NumPy, trained by mini-batch SGD on gradients from `adjoint`.

    python examples/digits.py [--epochs 60] [--out digits.png]
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from adjoint import value_and_grad


def logits(w1, b1, w2, b2, x):
    return np.tanh(x @ w1 + b1) @ w2 + b2


@value_and_grad(argnums=("w1", "b1", "w2", "b2"))
def loss(w1, b1, w2, b2, x, y):
    """Mean softmax cross-entropy; `y` holds the labels as rows of the identity matrix."""
    z = logits(w1, b1, w2, b2, x)
    z = z - np.max(z)  # the loss does not change, and nothing overflows
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(y * z, axis=1))


def augment(x, rng):
    """The same digits, half of them rolled by at most one pixel, all a little noisy."""
    rolled = np.roll(x.reshape(-1, 8, 8), rng.integers(-1, 2, 2), axis=(1, 2)).reshape(x.shape)
    return np.where(rng.random((len(x), 1)) < 0.5, rolled, x) + 0.1 * rng.standard_normal(x.shape)


def train(x, y, epochs, rng, hidden=128, batch=32, rate=0.5):
    w1 = rng.standard_normal((64, hidden)) / 8.0
    w2 = rng.standard_normal((hidden, 10)) / np.sqrt(hidden)
    params = [w1, np.zeros(hidden), w2, np.zeros(10)]
    losses = np.zeros((epochs, len(x) // batch))
    for epoch in (progress := tqdm(range(epochs), desc="training", unit="epoch")):
        step = rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for k, rows in enumerate(np.array_split(rng.permutation(len(x)), losses.shape[1])):
            losses[epoch, k], grads = loss(*params, augment(x[rows], rng), y[rows])
            params = [p - step * p_bar for p, p_bar in zip(params, grads, strict=True)]
        progress.set_postfix(loss=f"{losses[epoch].mean():.4f}")
    return params, losses


def picture(losses, images, guesses, labels, path):
    fig = plt.figure(figsize=(10, 4), layout="constrained")
    left, right = fig.subfigures(1, 2)
    curve = left.subplots()
    curve.semilogy(np.linspace(0, len(losses), losses.size), losses.ravel(), "C0", linewidth=0.5, alpha=0.3)
    curve.semilogy(0.5 + np.arange(len(losses)), losses.mean(axis=1), "C0")
    curve.set(xlabel="epoch", ylabel="cross-entropy", title="training loss: mini-batches and their mean")
    right.suptitle("misclassified test digits: guess (truth)")
    wrong = np.flatnonzero(guesses != labels)[:12]
    for k, axes in enumerate(right.subplots(3, 4).flat):
        axes.set_axis_off()
        if k < len(wrong):
            axes.imshow(images[wrong[k]], cmap="gray_r")
            axes.set_title(f"{guesses[wrong[k]]} ({labels[wrong[k]]})", fontsize=9)
    fig.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--out", default="digits.png")
    options = parser.parse_args()
    x, labels = load_digits(return_X_y=True)
    split = train_test_split(x / 16.0, labels, test_size=0.2, stratify=labels, random_state=0)
    x_train, x_test, labels_train, labels_test = split
    params, losses = train(x_train, np.eye(10)[labels_train], options.epochs, np.random.default_rng(0))
    guesses = np.argmax(logits(*params, x_test), axis=1)
    print(f"test accuracy: {np.mean(guesses == labels_test):.4f} on {len(x_test)} digits")
    picture(losses, x_test.reshape(-1, 8, 8), guesses, labels_test, options.out)
    print(f"picture: {options.out}")


if __name__ == "__main__":
    main()

"""A recurrent network of element-wise long short-term memory cells that predicts the next character's code.

`main` holds, for each layer, weights and biases of the four gates; `extra` scales of input, output and bias of output.
"""

import numpy as np

WRT = ("main", "extra")
SIZES = {
    "smoke": {"layers": 2, "length": 5, "b": 4},
    "headline": {"layers": 2, "length": 1024, "b": 14},
    "large": {"layers": 4, "length": 4096, "b": 14},
}


def make(layers, length, b):
    rng = np.random.default_rng(42)
    main = 0.5 * rng.standard_normal((layers, 2, 4, b))
    extra = 0.5 * rng.standard_normal((3, b))
    state = 0.5 * rng.standard_normal((layers, 2, b))
    text = (rng.random((length, b)) < 0.5).astype(np.float64)
    return main, extra, state, text


def lstm(main, extra, state, text):
    layers, b = main.shape[0], main.shape[3]
    hidden = state[:, 0].copy()
    cell = state[:, 1].copy()
    total = 0.0
    for t in range(text.shape[0] - 1):
        x = text[t] * extra[0]
        for layer in range(layers):
            weight, bias = main[layer, 0], main[layer, 1]
            forget = 1.0 / (1.0 + np.exp(-(x * weight[0] + bias[0])))
            ingate = 1.0 / (1.0 + np.exp(-(hidden[layer] * weight[1] + bias[1])))
            outgate = 1.0 / (1.0 + np.exp(-(x * weight[2] + bias[2])))
            change = np.tanh(hidden[layer] * weight[3] + bias[3])
            cell[layer] = cell[layer] * forget + ingate * change
            hidden[layer] = outgate * np.tanh(cell[layer])
            x = hidden[layer]
        guess = x * extra[1] + extra[2]
        total += np.sum(text[t + 1] * (guess - np.log(2.0 + np.sum(np.exp(guess)))))
    return -total / ((text.shape[0] - 1) * b)

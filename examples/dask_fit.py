"""Logistic regression on data in chunks: each worker process computes gradients of its chunks, and they are summed.

    python examples/dask_fit.py [--chunks 8] [--rows 20000]        needs: pip install "adjoint[dask]"
"""

import argparse

import numpy as np
from dask.distributed import Client, LocalCluster
from scipy.optimize import minimize

from adjoint import value_and_grad


@value_and_grad
def loss(w, x, y):
    """Sum of the logistic losses of the rows; y is 1 or -1."""
    return np.sum(np.log1p(np.exp(-y * (x @ w))))


def chunk(seed, rows, truth):
    """The data of one chunk, made where it will be used."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, truth.size))
    y = np.where(rng.random(rows) < 1.0 / (1.0 + np.exp(-x @ truth)), 1.0, -1.0)
    return x, y


def part(w, data):
    return loss(w, *data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--rows", type=int, default=20000)
    options = parser.parse_args()
    truth = np.array([1.0, -2.0, 0.5, 0.0, 1.5])
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        seeds = range(options.chunks)
        chunks = [client.submit(chunk, seed, options.rows, truth, pure=False) for seed in seeds]

        def total(w):
            parts = client.gather([client.submit(part, w, data, pure=False) for data in chunks])
            return sum(value for value, _ in parts), sum(gradient for _, gradient in parts)

        found = minimize(total, np.zeros(truth.size), jac=True, method="BFGS")
        workers = {worker for holders in client.who_has(chunks).values() for worker in holders}
    print(f"{options.chunks} chunks of {options.rows} rows on {len(workers)} workers, {found.nfev} gradients")
    print(f"weights {np.round(found.x, 2)}, truth {truth}")


if __name__ == "__main__":
    main()

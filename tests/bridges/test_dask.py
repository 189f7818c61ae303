"""Gradients sent to other processes by `dask.distributed`: by source, and found on the disk there."""

import numpy as np
import pytest

distributed = pytest.importorskip("distributed")

from adjoint import value_and_grad  # noqa: E402


def without_compiler(loss, x):
    """Call a gradient where nothing may be generated; return its result and the process."""
    import os

    from adjoint.api import gradient

    def generate(request, arg_types):
        raise AssertionError(f"{request.fun.__name__} is compiled again")

    gradient.generate = generate
    return loss(x), os.getpid()


@pytest.mark.filterwarnings("default")
def test_a_gradient_travels_by_source_and_hits_the_cache():
    scale = 2.0

    def loss(x):
        return np.sum(np.sin(x) * scale)

    slope = value_and_grad(loss)
    x = np.linspace(0.0, 1.0, 3)
    expected = slope(x)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = list(client.scheduler_info()["workers"])
        sent = [client.submit(without_compiler, slope, x, workers=[worker], pure=False) for worker in workers]
        found = client.gather(sent)
    assert len({process for _, process in found}) == 2
    for (value, gradient), _ in found:
        assert value == expected[0]
        np.testing.assert_array_equal(gradient, expected[1])

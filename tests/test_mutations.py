"""The table of deliberate bugs fits the transform as it is; in the slow tests, each bug is found."""

from __future__ import annotations

import pytest

from tests.mutations import MUTATIONS, Mutation, finder, mutated


def test_every_bug_has_its_place() -> None:
    assert len(MUTATIONS) >= 20
    assert len({mutation.what for mutation in MUTATIONS}) == len(MUTATIONS)
    for mutation in MUTATIONS:
        compile(mutated(mutation), mutation.file, "exec")


@pytest.fixture(scope="module")
def failing() -> list[str]:
    return finder(None, every=True)


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_the_bug_is_found(mutation: Mutation, failing: list[str]) -> None:
    assert finder(mutation, failing)

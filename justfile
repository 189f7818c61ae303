# `just` lists the tasks. Each works in an environment made by: pip install -e ".[examples,dev]"

[private]
default:
    @just --list

# layers, lint and types
check:
    lint-imports --no-logo
    ruff check .
    pyright

# the tests, two at a time
test *args:
    python -m pytest -n 2 {{args}}

# rewrite the golden files; read the diff afterwards
golden:
    python -m pytest -q --update-golden tests/test_source.py
    git diff --stat tests/golden

# the benchmark table: just bench lse,ode
bench kernels="lse,llsq,ode,jacobi_2d,cholesky,gemver":
    python -m benchmarks.run --kernels {{kernels}}

# what CI runs, in its own environment
ci:
    bash .ci/run

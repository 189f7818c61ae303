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

# rewrite golden files and the outputs shown in the docs; read the diff afterwards
golden:
    python -m pytest -q --update-golden
    git diff --stat tests/golden README.md docs

# the pages of docs/reference that are tables of the compiler
docs:
    python docs/render.py

# what CI runs, in its own environment
ci:
    bash .ci/run

"""A generator of random programs, and the check that each is differentiated right or refused.

`python -m tests.programs --count N --seed S` runs it; `tests/test_programs.py` runs a fixed budget.
"""

from tests.programs.program import Program, generate, grow

__all__ = ["Program", "generate", "grow"]

"""Full rules for what no row can state."""

from __future__ import annotations

from adjoint.rules.rule import Rule

SPECIAL: dict[str, Rule] = {}

"""How many nodes a search may have."""

from __future__ import annotations

from otalab.errors import BadInput

BUDGET = 1000


def a_budget(nodes: int) -> int:
    """Return the most nodes that a search may have; less than one is `BadInput`."""
    if type(nodes) is not int or nodes < 1:
        raise BadInput(f"budget {nodes!r}: at least one node is needed, a whole number")
    return nodes


class BudgetSpent(Exception):
    """One more node would be one too many."""

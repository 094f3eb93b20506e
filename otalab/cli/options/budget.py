"""The options that say how far a search may go."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import inf
from typing import Any

from otalab.graph.budget import BUDGET, Budget

MEGABYTE = 1e6


def add_budget(add: Callable[..., Any]) -> None:
    """Add them to a group."""
    add("--budget", type=int, metavar="N", help=f"most nodes of a graph ({BUDGET}; with the next two, any number)")
    add("--seconds", type=float, metavar="S", help="search each cell for so long at most")
    add("--memory", type=float, metavar="MB", help="let each search take so much memory at most, in megabytes")


def chosen_budget(arguments: argparse.Namespace) -> Budget:
    """Return how far each search may go."""
    seconds = inf if arguments.seconds is None else arguments.seconds
    memory = inf if arguments.memory is None else arguments.memory * MEGABYTE
    return Budget(arguments.budget, seconds, memory)

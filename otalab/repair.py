"""Repairs: the smallest set of named choices that makes an unsafe design safe, proved and never guessed.

Sets of changes are tried by their size, so the first one that is safe is also a smallest one.
A set is rejected by a counterexample that was played, and accepted by a closed graph in every cell that was asked for;
what is neither is *undecided*, and then nobody says that no set is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from typing import Any

from otalab.board import Board, load_board
from otalab.design import CHOICES, Design, checked, load_design
from otalab.errors import BadInput
from otalab.faults import fault_model
from otalab.repair_judge import Found, Judge

# What most often helps is tried first; any other change comes after these, in the order of the table of choices.
USUAL = (
    ("records", 2),
    ("guard", "crc32"),
    ("trial", "one-try"),
    ("record", "complete"),
    ("target", "inactive"),
    ("image_check", "crc32"),
    ("write", "read-back"),
    ("refresh", "selected"),
    ("clear", "before-slot"),
    ("trial", "timer"),
)
BUDGET, LIMIT, MOST = 200, 2000, 3

Choices = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """One choice made otherwise."""

    choice: str
    old: Any
    new: Any

    @property
    def text(self) -> str:
        """The change in words."""
        return f"{self.choice}: {self.old} → {self.new}"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Changes that are enough, the design with them, and the proof in every cell."""

    changes: tuple[Change, ...]
    design: Design
    proofs: tuple[Found, ...]

    @property
    def text(self) -> str:
        """The changes in words."""
        return "; ".join(change.text for change in self.changes)


@dataclass(frozen=True, slots=True)
class Repair:
    """The answer: how the search ended, and what it found.

    `outcome` is one of `safe` (nothing to repair), `found`, `none` (no set of up to `size` changes is enough: every one
    was tried and broken), `undecided` (all were tried, and some neither broken nor proved within the budget),
    `limit` (there were more sets than were to be tried) and `interrupted`.
    `size` is the largest size of which all sets were tried, or that of what was found; `tried` counts sets.
    """

    design: Design
    outcome: str
    suggestions: tuple[Suggestion, ...]
    size: int
    tried: int
    undecided: tuple[tuple[Change, ...], ...] = ()

    @property
    def text(self) -> str:
        """The answer in one sentence."""
        if self.outcome != "found":
            changes = f"{self.size} change{'s' if self.size > 1 else ''}"
            return _WORDS[self.outcome].format(changes=changes, tried=self.tried, undecided=len(self.undecided))
        smaller = [changes for changes in self.undecided if len(changes) < self.size]
        if smaller:
            return f"{self.size} changes are enough; of smaller sets, {len(smaller)} were neither proved nor broken"
        if self.size == 1:
            return "one change is enough"
        return f"{self.size} changes are enough, and no fewer: every smaller set was tried, and broken"


_WORDS = {
    "safe": "it is safe already, there is nothing to repair",
    "none": "no set of up to {changes} is enough: all {tried} were tried, and each was broken",
    "undecided": "none of {tried} sets was proved, and {undecided} of them not broken either: give more --budget",
    "limit": "{tried} sets were tried and none is enough; there are more of them: give more --limit",
    "interrupted": "interrupted after {tried} sets; none of those is enough",
}


def sets(design: Design, size: int, choices: Choices = CHOICES) -> list[tuple[Change, ...]]:
    """Return every set of so many changes that makes a design without contradictions, the usual ones first."""
    found = []
    for names in combinations(choices, size):
        others = [[value for value in choices[name] if value != getattr(design, name)] for name in names]
        for values in product(*others):
            changes = tuple(Change(name, getattr(design, name), new) for name, new in zip(names, values, strict=True))
            with suppress(BadInput):
                checked(changed(design, changes))
                found.append(changes)
    order = [*USUAL, *((name, value) for name, values in choices.items() for value in values)]
    return sorted(found, key=lambda changes: sum(order.index((one.choice, one.new)) for one in changes))


def changed(design: Design, changes: Sequence[Change]) -> Design:
    """Return the design with these changes."""
    return replace(design, **{change.choice: change.new for change in changes})


def repair(
    design: str | Design,
    faults: Sequence[str] = ("all",),
    images: Sequence[str] = ("healthy",),
    board: str | Board = "lab-1M",
    *,
    most: int = MOST,
    wanted: int = 1,
    budget: int = BUDGET,
    limit: int = LIMIT,
    choices: Choices = CHOICES,
    progress: Callable[[int, str], None] = lambda _tried, _text: None,
    **options: Any,
) -> Repair:
    """Return the smallest changes that make a design safe under every one of these fault models and images.

    `most` is the largest set that is tried, `wanted` how many suggestions of the smallest size are looked for,
    `budget` the most nodes of one graph, `limit` the most sets; `options` are those of `set_up`.
    `progress` is told how many sets were tried, and what is being looked at.
    Somebody who interrupts is given what was found.
    """
    design = load_design(design) if isinstance(design, str) else design
    board = load_board(board) if isinstance(board, str) else board
    if most < 1 or wanted < 1 or budget < 1 or limit < 1:
        raise BadInput("a repair needs at least one change, one suggestion, one node and one set to try")
    cells = tuple((fault_model(one).name, image) for one in faults for image in images)
    search = _Search(design, Judge(board, cells, budget, options), wanted, limit)
    search.judge.progress = lambda text: progress(search.tried, text)
    try:
        return search.answer(most, choices)
    except KeyboardInterrupt:
        return search.result("interrupted")


@dataclass(slots=True)
class _Search:
    design: Design
    judge: Judge
    wanted: int
    limit: int
    size: int = 0
    tried: int = 0
    found: list[Suggestion] = field(default_factory=list)
    undecided: list[tuple[Change, ...]] = field(default_factory=list)

    def answer(self, most: int, choices: Choices) -> Repair:
        """Try every set of one size, then of the next."""
        if self.judge.verdict(self.design) == "safe":
            return self.result("safe")
        for size in range(1, min(most, len(choices)) + 1):
            for changes in sets(self.design, size, choices):
                if self.tried >= self.limit:
                    return self.result("limit")
                self._try(changes)
                if len(self.found) >= self.wanted:
                    break
            if self.found:
                return self.result("found")
            self.size = size
        return self.result("undecided" if self.undecided else "none")

    def _try(self, changes: tuple[Change, ...]) -> None:
        other = changed(self.design, changes)
        verdict = self.judge.verdict(other)
        self.tried += 1
        if verdict == "safe":
            self.found.append(Suggestion(changes, other, self.judge.proofs(other)))
        elif verdict == "open":
            self.undecided.append(changes)

    def result(self, outcome: str) -> Repair:
        outcome = "found" if self.found else outcome
        if self.found:
            self.size = len(self.found[0].changes)
        return Repair(self.design, outcome, tuple(self.found), self.size, self.tried, tuple(self.undecided))

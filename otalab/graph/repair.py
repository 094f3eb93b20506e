"""Repairs: the smallest set of named choices that makes an unsafe design safe, proved and never guessed.

The usual changes are tried first, by themselves and together, and then every set that is smaller than what was found.
A set is rejected by a counterexample that was played, and accepted by a closed graph in every cell that was asked for;
what is neither is *undecided*, and then nobody says that no set is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from typing import Any

from otalab.bench.options import ScenarioOptions
from otalab.bench.setup import board_for
from otalab.errors import BadInput, InternalFault
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import checked, load_design
from otalab.firmware.design import Design, way_of
from otalab.firmware.design import choices as every_choice
from otalab.firmware.image import parse_temper
from otalab.graph.judge import CellVerdict, Judge
from otalab.hardware.board import Board
from otalab.text import meant

# What most often helps is tried first; any other change comes after these, in the order of the table of choices.
USUAL = (
    ("records", 2),
    ("guard", "crc32"),
    ("trial", "one-try"),
    ("trial", "switch-back"),
    ("record", "complete"),
    ("target", "inactive"),
    ("image_check", "crc32"),
    ("write", "read-back"),
    ("erase", "always"),
    ("placing", "beside"),
    ("merge", "before-switch"),
    ("timer", "loader"),
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
        return f"{self.way}: {self.old} → {self.new}"

    @property
    def way(self) -> str:
        """The choice as a page of TOML has it."""
        return way_of(self.choice)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Changes that are enough, the design with them, and the proof in every cell."""

    changes: tuple[Change, ...]
    design: Design
    proofs: tuple[CellVerdict, ...]

    @property
    def text(self) -> str:
        """The changes in words."""
        return "; ".join(change.text for change in self.changes)

    @property
    def page(self) -> str:
        """The design as TOML, under a name of its own and with what was changed: it is not what it was made from."""
        old = self.design.name
        return replace(self.design, name=f"{old}-repaired", summary=f"{old} with {self.text}").toml()


@dataclass(frozen=True, slots=True)
class Repair:
    """The answer: how the search ended, and what it found.

    `outcome` is one of `safe` (nothing to repair), `found`, `none` (no set of up to `size` changes is enough: every one
    was tried and broken), `undecided` (all were tried, and some neither broken nor proved within the budget),
    `limit` (there were more sets than were to be tried) and `interrupted`.
    `size` is the size of what was found, else the largest size of which all sets were tried; `tried` counts sets.
    `lost` are the faults of the lab itself, each with the set in which it was met; that set is undecided.
    `smallest` says that every set smaller than what was found was tried, and broken.
    """

    design: Design
    outcome: str
    suggestions: tuple[Suggestion, ...]
    size: int
    tried: int
    undecided: tuple[tuple[Change, ...], ...] = ()
    smallest: bool = False
    lost: tuple[InternalFault, ...] = ()

    @property
    def text(self) -> str:
        """The answer in one sentence."""
        if self.outcome != "found":
            words = {"changes": _count(self.size), "tried": self.tried, "undecided": len(self.undecided)}
            return _WORDS[self.outcome].format(**words)
        enough = f"{_count(self.size)} {'is' if self.size == 1 else 'are'} enough"
        if self.size == 1:
            return enough
        if self.smallest:
            return f"{enough}, and no fewer: every smaller set was tried, and broken"
        return f"{enough}; whether fewer are is not known: not every smaller set was tried and broken"


def _count(size: int) -> str:
    return "one change" if size == 1 else f"{size} changes"


_WORDS = {
    "safe": "it is safe already, there is nothing to repair",
    "none": "no set of up to {changes} is enough: all {tried} were tried, and each was broken",
    "undecided": "none of {tried} sets was proved, and {undecided} of them not broken either: give more --budget",
    "limit": "{tried} sets were tried and none is enough; there are more of them: give more --limit",
    "interrupted": "interrupted after {tried} sets; none of those is enough",
}


def sets(design: Design, size: int, choices: Choices | None = None) -> list[tuple[Change, ...]]:
    """Return every set of so many changes that makes a design without contradictions, the usual ones first."""
    consistent, choices = [], every_choice() if choices is None else choices
    for names in combinations(choices, size):
        others = [[value for value in choices[name] if value != getattr(design, name)] for name in names]
        for values in product(*others):
            changes = tuple(Change(name, getattr(design, name), new) for name, new in zip(names, values, strict=True))
            with suppress(BadInput):
                checked(changed(design, changes))
                consistent.append(changes)
    order = [*USUAL, *((name, value) for name, values in choices.items() for value in values)]
    return sorted(consistent, key=lambda changes: sum(order.index((change.choice, change.new)) for change in changes))


def changed(design: Design, changes: Sequence[Change]) -> Design:
    """Return the design with these changes."""
    return replace(design, **{change.choice: change.new for change in changes})


def repair(
    design: str | Design,
    faults: Sequence[str] = ("all",),
    images: Sequence[str] = ("healthy",),
    board: str | Board | None = None,
    *,
    most: int = MOST,
    wanted: int = 1,
    budget: int = BUDGET,
    limit: int = LIMIT,
    choices: Choices | None = None,
    progress: Callable[[int, str], None] = lambda _tried, _text: None,
    **options: Any,
) -> Repair:
    """Return the smallest changes that make a design safe under every one of these fault models and images.

    `most` is the largest set that is tried, `wanted` how many suggestions of the smallest size are looked for,
    `budget` the most nodes of one graph, `limit` the most sets; `options` are those of `ScenarioOptions`.
    `progress` is told how many sets were tried, and what is being looked at.
    Somebody who interrupts is given what was found.
    """
    design = load_design(design) if isinstance(design, str) else design
    scenario = ScenarioOptions.of({"board": board_for(design, board), **options})
    for name, value in (("most", most), ("wanted", wanted), ("budget", budget), ("limit", limit)):
        if type(value) is not int or value < 1:
            raise BadInput(f"{name} {value!r}: a whole number of 1 or more is needed")
    if isinstance(faults, str) or isinstance(images, str) or not (faults and images):
        raise BadInput("faults and images: a list of names is needed, with one at least, such as ('all',)")
    for image in images:
        parse_temper(image)
    if choices and (strange := sorted(choices.keys() - every_choice().keys())):
        raise BadInput(f"{strange[0]}: there is no such choice{meant(strange[0], every_choice())}")
    cells = tuple((fault_model(name).name, image) for name in faults for image in images)
    search = _Search(design, Judge(scenario, cells, budget), wanted, limit)
    search.judge.progress = lambda text: progress(search.tried, text)
    try:
        return search.answer(most, every_choice() if choices is None else choices)
    except KeyboardInterrupt:
        return search.result("interrupted")


class _Spent(Exception):
    """One more set would be one too many."""


@dataclass(slots=True)
class _Search:
    design: Design
    judge: Judge
    wanted: int
    limit: int
    size: int = 0
    smallest: bool = False
    verdicts: dict[tuple[Change, ...], str] = field(default_factory=dict)
    suggestions: list[Suggestion] = field(default_factory=list)
    lost: list[InternalFault] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(verdict != "misfit" for verdict in self.verdicts.values())

    def answer(self, most: int, choices: Choices) -> Repair:
        """Try the usual changes, then all sets that are smaller than what was found; without a find, all of them."""
        if self._verdict(self.design) == "safe":
            return self.result("safe")
        usual = {name: [value for key, value in USUAL if key == name and value in choices[name]] for name in choices}
        most = min(most, len(choices))
        try:
            self._by_size({name: values for name, values in usual.items() if values}, most)
            least = len(self.suggestions[0].changes) if self.suggestions else most
            # Others of the same size are looked for only if more are wanted.
            self._by_size(choices, least - 1 if len(self.suggestions) >= self.wanted else least)
        except _Spent:
            return self.result("limit")
        self.size = len(self.suggestions[0].changes) if self.suggestions else most
        below = self.size if self.suggestions else most + 1
        self.smallest = not any(len(changes) < below for changes, verdict in self.verdicts.items() if verdict == "open")
        return self.result("none" if self.smallest else "undecided")

    def _verdict(self, design: Design, changes: tuple[Change, ...] = ()) -> str:
        verdict, text = self.judge.verdict(design), "; ".join(change.text for change in changes)
        self.lost += [
            InternalFault(f"{fault.what}, with {text}" if text else fault.what, fault.history)
            for fault in self.judge.lost
        ]
        self.judge.lost.clear()
        return verdict

    def _by_size(self, choices: Choices, most: int) -> None:
        """Try every set of up to so many changes; one that is enough ends it with its size."""
        for size in range(1, min(most, len(choices)) + 1):
            for changes in sets(self.design, size, choices):
                self._try(changes)
                if len(self.suggestions) >= self.wanted and len(self.suggestions[0].changes) == size:
                    return
            if self.suggestions and len(self.suggestions[0].changes) == size:
                return

    def _try(self, changes: tuple[Change, ...]) -> None:
        if changes in self.verdicts:
            return
        if self.tried >= self.limit:
            raise _Spent
        other = changed(self.design, changes)
        try:
            verdict = self._verdict(other, changes)
        except BadInput:
            verdict = "misfit"  # the board has no room for what this design needs
        self.verdicts[changes] = verdict
        if verdict == "safe":
            # A smaller set that turns up later takes the place of what was found before.
            self.suggestions = [
                suggestion for suggestion in self.suggestions if len(suggestion.changes) <= len(changes)
            ]
            self.suggestions.append(Suggestion(changes, other, self.judge.proofs(other)))

    def result(self, outcome: str) -> Repair:
        undecided = tuple(changes for changes, verdict in self.verdicts.items() if verdict == "open")
        size = len(self.suggestions[0].changes) if self.suggestions else self.size
        outcome = "found" if self.suggestions else outcome
        smallest = self.smallest or size == 1
        return Repair(
            self.design, outcome, tuple(self.suggestions), size, self.tried, undecided, smallest, lost=tuple(self.lost)
        )

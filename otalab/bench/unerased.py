"""Programs over flash that is not erased: allowed, and told, for what lies there then is not what was programmed.

A program that only clears bits of what is there, as a tombstone does, leaves what it asks for and is none of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otalab.bench.trace import Life, Step
from otalab.hardware.board import Board
from otalab.hardware.effects import Program
from otalab.hardware.flash import Flash
from otalab.text import number_of

NOWHERE = -1


def spoilt(effect: Program, before: Flash) -> int:
    """Return how many bytes of a program do not become what it asks for: it has ones where the flash has zeros."""
    sector, offset = before.geometry.place_of(effect.address)
    old = before.sectors[sector][offset : offset + len(effect.data)]
    return 0 if old.count(0xFF) == len(old) else sum(new & ~was > 0 for new, was in zip(effect.data, old, strict=True))


def first_over_unerased(steps: Sequence[Step]) -> int:
    """Return the number of the first effect that programs over flash that is not erased, or `NOWHERE`."""
    over = (step.number for step in steps if isinstance(step.effect, Program) and spoilt(step.effect, step.before))
    return next(over, NOWHERE)


def over_unerased(lived: Life) -> Iterator[tuple[int, Step]]:
    """Yield each step that programs over flash that is not erased, with the number of its run."""
    for number, run in enumerate(lived.runs):
        for step in run.steps:
            if isinstance(step.effect, Program) and spoilt(step.effect, step.before):
                yield number, step


def sentence(board: Board, step: Step) -> str:
    """Return a sentence about a program over flash that is not erased."""
    assert isinstance(step.effect, Program)
    address, size = step.effect.address, len(step.effect.data)
    where = f"0x{address:x} ({board.owner_of(board.geometry.sector_at(address))})"
    return (
        f"a program of {number_of(size, 'byte')} at {where} goes over flash that is not erased, which leaves "
        f"{number_of(spoilt(step.effect, step.before), 'byte')} other than programmed: a program only clears bits"
    )

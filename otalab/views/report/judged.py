"""Some cells of one design, judged together: the worst end, by severity, how many cuts it takes, and under what."""

from __future__ import annotations

from dataclasses import dataclass

from otalab.bench.ends import BAD, SEVERITY
from otalab.graph.check import Cell
from otalab.graph.history import History

VERDICTS = ("unsafe", "open", "safe")
Severity = tuple[int, int, int]
NOTHING_AGAINST: Severity = (VERDICTS.index("safe"), len(SEVERITY), 0)


@dataclass(frozen=True, slots=True)
class Judged:
    """Cells of one design, some fault models and images; none is `safe`, for nothing was asked."""

    cells: tuple[Cell, ...]

    @property
    def verdict(self) -> str:
        """The worst verdict of its cells."""
        return next((verdict for verdict in VERDICTS if self.of(verdict)), "safe")

    def of(self, verdict: str) -> list[Cell]:
        """Return the cells of this verdict."""
        return [cell for cell in self.cells if cell.verdict == verdict]

    @property
    def unsafe(self) -> list[Cell]:
        """The cells in which a bad end was found."""
        return self.of("unsafe")

    @property
    def bad_ends(self) -> list[str]:
        """Every bad end that was found in any cell, the worst first."""
        return [end for end in SEVERITY if end in BAD and self.reaching(end)]

    @property
    def worst(self) -> str:
        """The worst end that was found, `update-lost` included; empty where all ended well."""
        return next((end for end in SEVERITY if self.reaching(end)), "")

    def reaching(self, end: str) -> list[Cell]:
        """Return the cells in which a device can come to this end."""
        return [cell for cell in self.cells if end in cell.graph.ends]

    @property
    def shown_by(self) -> Cell | None:
        """The first of the cells in which the fewest cuts lead to the worst end, or none where all ended well."""
        return min(self.reaching(self.worst), key=lambda cell: cell.graph.histories[self.worst].order, default=None)

    @property
    def history(self) -> History | None:
        """The shortest way to the worst end that was found."""
        return self.shown_by.graph.histories[self.worst] if self.shown_by else None

    @property
    def shortest(self) -> bool:
        """Whether no way with fewer cuts leads there: every cell of its models was searched to the end."""
        return all(cell.graph.closed for cell in self.cells)

    @property
    def rank(self) -> Severity:
        """How bad its worst cell is, the worst least: by verdict, by the worst end, by how few cuts lead to it.

        What is unknown is worse than what is proved, and better than what was found.
        """
        return min(map(cell_rank, self.cells), default=NOTHING_AGAINST)

    def models(self, verdict: str) -> list[str]:
        """Return the fault models whose worst verdict, over every image, is this one."""
        names = dict.fromkeys(cell.case.faults for cell in self.cells)
        return [name for name in names if self.under(name).verdict == verdict]

    def under(self, faults: str) -> Judged:
        """Return the cells of one fault model alone."""
        return Judged(tuple(cell for cell in self.cells if cell.case.faults == faults))


def cell_rank(cell: Cell) -> Severity:
    """Return how bad one cell is, the worst least."""
    end = next((end for end in SEVERITY if end in cell.graph.ends), "")
    if not end:
        return VERDICTS.index(cell.verdict), len(SEVERITY), 0
    return VERDICTS.index(cell.verdict), SEVERITY.index(end), len(cell.graph.histories[end].cuts)

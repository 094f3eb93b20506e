"""The report of the final project: what a learner hands in, as a value that a judge reads and as a page for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otalab.course.field_return import product
from otalab.files import try_folder, write_whole
from otalab.firmware.design import Design, way_of, ways

REPORT, MENDED = "report.md", "mended.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReport:
    """A report on a field return: the answers to the exercises of the final project, and what to say of them.

    `diagnosis` is that of 13.1, `history` the id of 13.2, `mended` the design of 13.3, `weight` the pair of 13.4: a
    study of the product, and how many lamps of the fleet one update kills; `words` are for whoever has to decide.
    """

    diagnosis: Mapping[str, Any]
    history: str
    mended: Design
    weight: tuple[Any, float]
    words: str

    @property
    def text(self) -> str:
        """The report as Markdown."""
        said = "\n".join(f"- {name}: {value}" for name, value in self.diagnosis.items())
        changes = "\n".join(
            f"- `{way_of(name)}`: {getattr(product(), name)} → {getattr(self.mended, name)}"
            for name in changed_from_product(self.mended)
        )
        study, dead = self.weight
        return (
            f"# Field return: {product().name}\n\n{self.words}\n\n## What happened\n\n{said}\n\n"
            f"The shortest history: `{self.history}`\n\n## What must change\n\n{changes}\n\n"
            f"## What it weighs\n\nAs it is, one update of the fleet kills {dead:.2g} lamps on the average, "
            f"under {study.faults}, with the part {study.scenario.part.name}.\n"
        )

    def save(self, folder: str | Path) -> Path:
        """Write the report and the page of the mended design into a folder, and return that."""
        folder = Path(folder)
        try_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / REPORT, self.text)
        write_whole(folder / MENDED, self.mended.toml())
        return folder


def changed_from_product(design: Design) -> list[str]:
    """Return the choices that a design makes otherwise than the product."""
    return [name for name in ways().values() if getattr(design, name) != getattr(product(), name)]

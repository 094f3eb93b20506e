"""The classes of a littlefs's root directory: which contents of its two blocks no firmware can tell apart.

littlefs appends *commits* to one of the two blocks, each behind a CRC-32, and reads them in order up to the first that
is not whole (`lfs_dir_fetchmatch` in lfs.c of littlefs 2.11; `littlefs_directory` does the same).
What lies behind is read for two things alone: to find that it is no commit, and whether it still is what the last
commit said would follow (its forward CRC).  So a class is

- the bytes of the whole commits, the revision before them included, and
- the bytes behind, where they are what was said to follow: littlefs appends there; else that they are not, whatever
  they are.  A block without a whole commit is nothing at all, blank or not: the other one is read.

That is what reading tells.  And writing: where the bytes behind are not as they were said to be, littlefs erases the
other block and begins that anew (`lfs_dir_relocatingcommit`: `dir->erased`), and it comes back to this one no other way
but with an erase.  So no program meets bytes that a class leaves out; a run in which one does is seen, and from then on
bytes decide.  A cut program of a commit leaves what stood there, the whole commit, or the whole commits before it with
bytes behind that are not as they were said to be: three classes, whatever is missing of it, but for the tears that the
CRC lets pass, and it is computed of each tear what it is.
A cut erase leaves of a block what stood at its beginning, a class of its own for each commit that is lost, or nothing.
The seed of littlefs's allocator is made of whole commits alone; a revision counts where its block has a whole commit.

All this holds where nobody but littlefs looks at a block: where a run looks at its bytes, they are themselves.
And where littlefs reads it as a directory's: its first two blocks are that, unless somebody made a file system that
names one of them as the contents of a file.  This is not assumed: of each file system that is met, with bytes in it
that its class leaves out, a second one with other bytes in their place is mounted by the real littlefs, its files are
read, and one is written and removed again; where that shows or does anything else, bytes decide from then on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from otalab.bench.trace import Step, sector_of
from otalab.firmware.merge import directory_sectors
from otalab.formats.filesystems.answers import answers
from otalab.formats.filesystems.littlefs_directory import as_directory
from otalab.hardware.board import Board
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash
from otalab.hardware.places import Region

OTHER_BYTES = bytes(byte ^ 0x55 for byte in range(256))  # another byte in the place of each


class Directory:
    """The blocks of a board that littlefs reads as a root directory, and what it makes of their contents."""

    def __init__(self, board: Board) -> None:
        self.sectors = directory_sectors(board)
        self._regions = [slot.fs for slot in board.slots] if self.sectors else []
        self._board = board
        self._classes: dict[bytes, tuple[bytes, bytes | None]] = {}
        self._proved: set[Hashable] = set()
        self.stale = self.by_bytes = False

    def renew(self) -> None:
        """Forget every class: a search that used classes that were wrong starts anew."""
        self._classes.clear()
        self.stale = False

    def read_class(self, contents: bytes) -> tuple[bytes, bytes | None]:
        """Return the class of a block's contents for whoever reads it through littlefs; itself where bytes decide."""
        if self.by_bytes:
            return contents, b""
        known = self._classes.get(contents)
        if known is None:
            known = self._classes[contents] = as_directory(contents)
        return known

    def learn(self, flash: Flash, steps: Iterable[Step]) -> None:
        """See whether a run bears out that nobody can tell bytes apart that their class leaves out."""
        if not self.by_bytes and not (self._shown_alike(flash) and self._programs_fit(flash, steps)):
            self.by_bytes = self.stale = True

    def _programs_fit(self, flash: Flash, steps: Iterable[Step]) -> bool:
        """Say whether every program of a block met bytes that its class keeps, or a block erased in this run."""
        erased: set[int | None] = set()
        for step in steps:
            sector = sector_of(step.effect, flash)
            if isinstance(step.effect, Erase):
                erased.add(sector)
            elif isinstance(step.effect, Program) and sector in self.sectors and sector not in erased:
                whole, behind = self.read_class(step.before.sectors[sector])
                if behind is None and step.effect.address - flash.geometry.start_of(sector) + len(
                    step.effect.data
                ) > len(whole):
                    return False
        return True

    def _shown_alike(self, flash: Flash) -> bool:
        """Say whether littlefs shows the same with other bytes in the place of those that their class leaves out."""
        return all(self._is_alike(flash, region) for region in self._regions)

    def _is_alike(self, flash: Flash, region: Region) -> bool:
        sectors = flash.geometry.sectors_of(region.address, region.size)
        blocks = [flash.sectors[sector] for sector in sectors]
        kept = tuple(
            self.read_class(block) if sector in self.sectors else block
            for sector, block in zip(sectors, blocks, strict=True)
        )
        if kept in self._proved:  # first: a search asks after every run, and mostly of what it has seen
            return True
        others = (
            self._otherwise(block) if sector in self.sectors else block
            for sector, block in zip(sectors, blocks, strict=True)
        )
        contents, other = b"".join(blocks), b"".join(others)
        if contents == other:
            return True
        self._proved.add(kept)
        kind, size = self._board.file_system, self._board.block_of(region)
        return answers(kind, contents, size) == answers(kind, other, size)

    def _otherwise(self, block: bytes) -> bytes:
        """Return contents of the same class that differ from these in every byte that it leaves out."""
        whole, behind = self.read_class(block)
        if behind is not None:
            return block
        other = whole + block[len(whole) :].translate(OTHER_BYTES)
        return other if self.read_class(other) == (whole, None) else block

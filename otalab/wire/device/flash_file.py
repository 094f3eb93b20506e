"""A flash in a file: what a virtual device has in place of a chip.

An erase or a program is in the file, and on disk, before the next one begins; so killing the process is a power cut.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from threading import Lock

from otalab.errors import BadInput
from otalab.files import ordinary, refused
from otalab.hardware.effects import Effect, Erase, Program
from otalab.hardware.flash import Flash, Sectors
from otalab.hardware.geometry import FlashGeometry
from otalab.one_owner import Claims, claim, claimed_by_name

# Behind the flash while it is made: a file that was begun and not finished must not be taken for a device.
BEGUN = b"\0otalab: begun, not finished"
MODE = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)  # Windows takes files for text unless it is told
# Not every system can leave the times of the file out.
_on_disk = getattr(os, "fdatasync", os.fsync)


def _write_at(file: int, data: bytes, address: int) -> int:
    """Write at a place, as much as goes in at once; return how much that was."""
    if hasattr(os, "pwrite"):
        return os.pwrite(file, data, address)
    os.lseek(file, address, os.SEEK_SET)  # Windows
    return os.write(file, data)


def _opened(path: Path) -> FileIO:
    try:
        return FileIO(os.open(path, MODE, 0o644), "r+")
    except OSError as error:
        raise refused(path, error, "written") from error


class SectorPool:
    """Contents that many devices have in common, each held once, and what an effect makes of them, found once.

    Devices of a fleet live the same life: what one of them has written, all others are about to write.
    """

    MOST = 10_000

    def __init__(self) -> None:
        self._flashes: dict[Flash, Flash] = {}
        self._sectors: dict[bytes, bytes] = {}
        self._shipped: tuple[Flash, bytes] | None = None
        # By the identity of the contents before, which are held beside those after, so that it stays theirs.
        self._after: dict[tuple[int, int, bytes], tuple[Flash, Flash]] = {}

    def shared(self, flash: Flash) -> Flash:
        """Return the same contents, in sectors that are held once."""
        if len(self._sectors) >= self.MOST:
            self._sectors.clear()
            self._flashes.clear()
        known = self._flashes.get(flash)
        if known is None:
            held = Sectors(self._sectors.setdefault(contents, contents) for contents in flash.sectors)
            known = self._flashes[flash] = Flash(flash.geometry, held, flash.marks)
        return known

    def image(self, flash: Flash) -> bytes:
        """Return the raw image that a new flash begins with: the last one that was asked for is at hand."""
        if self._shipped is None or self._shipped[0] is not flash:
            self._shipped = flash, flash.image
        return self._shipped[1]

    def after(self, flash: Flash, effect: Effect) -> Flash:
        """Return the contents once an effect has run to its end."""
        # Not the effect itself, whose hash is reckoned anew each time: that takes longer than all the rest.
        if isinstance(effect, Program):
            key = id(flash), effect.address, effect.data
        elif isinstance(effect, Erase):
            key = id(flash), effect.sector, b""
        else:
            return flash
        kept = self._after.get(key)
        if kept is None:
            if len(self._after) >= self.MOST:
                self._after.clear()
            kept = self._after[key] = flash, flash.after(effect)
        return kept[1]


class OpenFiles:
    """The flash files of a folder that many devices write to: all of them are ours, and few are open at a time."""

    MOST = 128

    def __init__(self, folder: Path) -> None:
        self.claims = Claims(folder)
        self._open: dict[Path, int] = {}  # whoever wrote last is the last

    def number(self, path: Path) -> int:
        """Return the descriptor of a file."""
        descriptor = self._open.pop(path, None)
        if descriptor is None:
            if len(self._open) >= self.MOST:
                os.close(self._open.pop(next(iter(self._open))))
            descriptor = os.open(path, os.O_RDWR)
        self._open[path] = descriptor
        return descriptor

    def close(self) -> None:
        """Let go of all."""
        while self._open:
            os.close(self._open.popitem()[1])
        self.claims.close()


class FlashFile:
    """An open flash file, locked against a second device; a new one is whole once `beside` has been called."""

    def __init__(
        self,
        path: Path,
        geometry: FlashGeometry,
        shipped: Flash,
        *,
        sync: bool = True,
        pool: SectorPool | None = None,
        files: OpenFiles | None = None,
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self.sync = sync
        self.pool = pool
        self._files: OpenFiles | None = None
        # What is still to be written, each with its address; behind that a stretch that is being programmed, and the
        # contents that have it.
        self._held: list[tuple[int, bytes]] = []
        self._run_begins = self._run_ends = 0
        self._after: Flash | None = None
        # Whoever pulls the plug leaves a thread behind that still writes.
        self._one_writes = Lock()
        ordinary(path)
        # By its name first and then by the file, and others the other way round: so nobody can slip in between.
        if files and not files.claims.claim(path.name):
            raise self._in_use()
        self._file = _opened(path)
        try:
            self.is_new = self._claim(geometry, shipped, beside)
            flash = shipped if self.is_new else Flash.of(geometry, self._read(geometry.size))
            self.flash = pool.shared(flash) if pool else flash
        except BaseException:
            self._file.close()
            raise
        if files:
            self._file.close()
            self._files = files
        elif claimed_by_name(path):
            self._file.close()
            raise self._in_use()

    def _in_use(self) -> BadInput:
        return BadInput(f"{self.path}: is in use by another device; stop that one or take another file")

    def _number(self) -> int:
        return self._files.number(self.path) if self._files else self._file.fileno()

    def _claim(self, geometry: FlashGeometry, shipped: Flash, beside: Callable[[], None]) -> bool:
        if not claim(self._file.fileno()):
            raise self._in_use()
        size = self._file.seek(0, os.SEEK_END)
        if size == 0 or self._was_begun(size, geometry):
            self._make(shipped, beside)
            return True
        if size != geometry.size:
            short = "it was cut short, or belongs to" if size < geometry.size else "take"
            raise BadInput(f"{self.path}: has {size} bytes, the board's flash {geometry.size}; {short} another --board")
        return False

    def _was_begun(self, size: int, geometry: FlashGeometry) -> bool:
        return size == geometry.size + len(BEGUN) and self._read(size)[geometry.size :] == BEGUN

    def _read(self, count: int) -> bytes:
        self._file.seek(0)
        contents = bytearray()
        while len(contents) < count and (more := self._file.read(count - len(contents))):
            contents += more
        return bytes(contents)

    def _put(self, data: bytes, address: int) -> None:
        while data:
            written = _write_at(self._number(), data, address)
            data, address = data[written:], address + written

    def _make(self, shipped: Flash, beside: Callable[[], None]) -> None:
        # In place, for a file that is open cannot be replaced everywhere; the mark comes first and goes last, when all
        # that a device has beside its flash is there too: without its notebook it would be taken for anybody's.
        size = shipped.geometry.size
        try:
            self._put(BEGUN, size)
            self._put(self.pool.image(shipped) if self.pool else shipped.image, 0)
            self._force(os.fsync)
            beside()
            self._file.truncate(size)
            self._force(os.fsync)
        except BaseException as error:
            # Half a file would stand in the way of the next one.
            self._file.close()
            Path(os.path.realpath(self.path)).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise refused(self.path, error, "written") from error
            raise

    def write(self, effect: Effect, after: Flash) -> None:
        """Put what an effect has changed into the file: `after` are the contents once it has run to its end."""
        self.hold(effect, after)
        self.flush()

    @property
    def is_behind(self) -> bool:
        """Whether something was noted that is not in the file yet."""
        return bool(self._held or self._run_ends)

    def hold(self, effect: Effect, after: Flash) -> None:
        """Note what an effect has changed, for `flush`: before that nobody else may have a turn, or be told of it."""
        if isinstance(effect, Program):
            # What is programmed in one go is one write, and an erase another: a kill may come between the two.
            if effect.address != self._run_ends:
                self._end_run()
                self._run_begins = effect.address
            self._run_ends, self._after = effect.address + len(effect.data), after
        elif isinstance(effect, Erase):
            self._end_run()
            self._held.append((after.geometry.start_of(effect.sector), after.sectors[effect.sector]))

    def _end_run(self) -> None:
        if self._after:
            # Not what was programmed: programming leaves zeros what was zero.
            length = self._run_ends - self._run_begins
            self._held.append((self._run_begins, self._after.read(self._run_begins, length)))
        self._run_begins, self._run_ends, self._after = 0, 0, None

    def flush(self) -> None:
        """Put what was noted into the file, in its order; what could not be written stays noted."""
        with self._one_writes:
            self._end_run()
            while self._held:
                address, data = self._held[0]
                self._put(data, address)
                self._force(_on_disk)
                del self._held[0]

    def _force(self, onto_disk: Callable[[int], None]) -> None:
        if self.sync:
            onto_disk(self._number())

    def after(self, flash: Flash, effect: Effect) -> Flash:
        """Return the contents after an effect; those of many devices are held once."""
        return self.pool.after(flash, effect) if self.pool else flash.after(effect)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

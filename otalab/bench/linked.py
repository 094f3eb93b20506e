"""What a manifest says of addresses and of encryption, compared with a board: a bundle for another map does not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from otalab.bench.scenario import Scenario
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.formats.bundle.manifest import Manifest, Part, shown
from otalab.formats.bundle.reader import BundleReader, ManifestRead
from otalab.hardware.board import Board, boards, load_board

# An ESP8266 maps one megabyte of flash at a time, and code is linked for its place in that.
WINDOW = 1 << 20
# Of every part that is written as it is encrypted, where the device encrypts its flash.
ENCRYPTED = "encrypt"
# How the log of a device says that it took nothing.
ABORTED = "Update aborted: "


def in_its_window(linked: int, slot: int) -> bool:
    """Run where the offset in the megabyte is the one that the code was linked for."""
    return linked % WINDOW == slot % WINDOW


def anywhere(linked: int, slot: int) -> bool:
    """Run in any slot: an ESP32 maps code by its image, wherever that lies; of other platforms nothing is claimed."""
    return True


RUNS_AT: dict[str, Callable[[int, int], bool]] = {"esp8266": in_its_window}


def addresses(part: Part) -> tuple[int, ...]:
    """Return where a part is to lie, for the first slot and the second one, as far as its manifest says."""
    values = (part.extra.get(key) for key in ("addr", "addr1"))
    return tuple(value for value in values if type(value) is int and 0 <= value < 1 << 32)


def runs_nowhere(manifest: Manifest, board: Board) -> str:
    """Return a sentence if the application is linked for addresses at which no slot of a board lies; or nothing."""
    runs, slots = RUNS_AT.get(board.platform, anywhere), board.slots[: board.targets]
    for part in manifest.parts if manifest.runs_on(board.platform) else ():
        linked = addresses(part) if part.role == "app" else ()
        if linked and not any(runs(address, slot.app.address) for address in linked for slot in slots):
            there = ", ".join(f"0x{slot.app.address:x}" for slot in slots)
            return (
                f"{shown(part.name)} is linked for {_listed(linked)}, and the slots of {board.name} begin at {there}: "
                "what this bundle brings does not run there; take the board that it was built for"
            )
    return ""


def compared(manifest: Manifest, board: Board) -> Iterator[str]:
    """Yield a sentence on each part that lies elsewhere, or is larger than its place; see `runs_nowhere` too."""
    if not manifest.runs_on(board.platform):
        yield f"it is for {shown(manifest.platform)}, and {board.name} is {board.platform}"
    nowhere = runs_nowhere(manifest, board)
    yield from [nowhere] if nowhere else []
    for part in manifest.parts:
        places = [slot.app if part.role == "app" else slot.fs for slot in board.slots[: board.targets]]
        if part.role not in ("app", "fs") or not any(place.size for place in places):
            continue
        begins, linked = {place.address for place in places}, addresses(part)
        size, room = part.size or 0, max(place.size for place in places)
        if linked and not begins & set(linked) and not (nowhere and part.role == "app"):
            yield f"{shown(part.name)} is for {_listed(linked)}, and {board.name} has its places at {_listed(begins)}"
        if size > room:
            yield f"{shown(part.name)} has {size} bytes, and its largest place on {board.name} has {room}"


def elsewhere(scenario: Scenario) -> str:
    """Return a sentence if the update on offer cannot run on the scenario's board, whatever its firmware does."""
    for event in BundleReader().feed(scenario.bundle):
        if isinstance(event, ManifestRead):
            return runs_nowhere(event.manifest, scenario.device.board)
    return ""


def require_linked(scenario: Scenario) -> None:
    """Refuse an update that is linked for another map: no proof with it would hold on a device."""
    if sentence := elsewhere(scenario):
        raise BadInput(sentence)


def refused(scenario: Scenario) -> str:
    """Return why the device refuses the update on offer before it writes anything; empty where it does not."""
    board = scenario.device.board
    for event in BundleReader().feed(scenario.bundle):
        if isinstance(event, ManifestRead) and not event.manifest.runs_on(board.platform):
            named = shown(event.manifest.platform)
            return (
                f"the device refuses it by its platform, as it is for {named} and {board.name} is {board.platform}: "
                f"take a bundle that was built for {board.platform}, or a board that is {named}"
            )
    lines = [line for line in life(scenario).log if line.startswith(ABORTED)]
    return f"the device refuses it: {lines[-1].removeprefix(ABORTED)}" if lines else ""


def made_for(manifest: Manifest) -> list[str]:
    """Return the boards of the lab whose slots lie where a manifest has them."""
    candidates = [board for board in map(load_board, boards()) if manifest.runs_on(board.platform)]
    has_addresses = any(addresses(part) for part in manifest.parts if part.role in ("app", "fs"))
    return [board.name for board in candidates if has_addresses and not list(compared(manifest, board))]


def encrypted(manifest: Manifest) -> str:
    """Return a sentence on the parts that a device with flash encryption keeps encrypted; empty if none is."""
    names = [shown(part.name) for part in manifest.parts if part.extra.get(ENCRYPTED) is True and part.src]
    return (
        f"{', '.join(names)}: encrypted in the flash of a device that has flash encryption on, whose dumps cannot be "
        "read; here, and in the bundle, they are plain"
        if names
        else ""
    )


def _listed(places: tuple[int, ...] | set[int]) -> str:
    return ", ".join(f"0x{address:x}" for address in sorted(places))

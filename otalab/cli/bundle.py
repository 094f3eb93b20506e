"""`otalab bundle`: make an update bundle, sign or look into one, or ask whether a device would take it.

A bundle is judged by the reader that the firmware uses, and by nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otalab.cli import sign
from otalab.cli.options.careless import warn
from otalab.cli.options.keys import add_key_options, files_of, mask_or
from otalab.cli.options.outputs import add_force
from otalab.cli.parser import group
from otalab.errors import BadInput, BundleFault
from otalab.files import Output, folder_files, read_bytes, read_chunks
from otalab.formats.bundle.build import CODE, MARK, PartSource, bundle_bytes
from otalab.formats.bundle.manifest import Manifest, shown
from otalab.formats.bundle.reader import LIMIT, ManifestRead, PartEnds, bundle_events
from otalab.formats.bundle.signatures import UNCHECKED, refusal, signatures
from otalab.text import number_of, table
from otalab.wire.key_files import required_mask, verifier

if TYPE_CHECKING:
    from otalab.hardware.board import Board


def add_parser(commands: Any) -> None:
    """Register the command and its four actions."""
    parser: argparse.ArgumentParser = commands.add_parser("bundle")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    building = _add_build(actions)
    sign.add_parser(actions)

    inspecting = actions.add_parser("inspect", help="print the manifest and the parts of a bundle")
    group(inspecting, "the device").add_argument(
        "--board", metavar="B", help="also compare addresses and sizes with this board; exit status 1 if it cannot run"
    )
    inspecting.set_defaults(func=inspect)

    verifying = actions.add_parser("verify", help="read a bundle as a device does; exit status 1 if it is refused")
    group(verifying, "the device").add_argument(
        "--platform", metavar="P", help="also refuse what is not for this platform"
    )
    add_key_options(verifying, "all keys that are given, -1 without a key")
    verifying.set_defaults(func=verify)

    for action in (inspecting, verifying):
        action.add_argument("file", metavar="FILE", help="the bundle")
    for action in (building, inspecting, verifying):
        group(action, "what comes out").add_argument(
            "--json", action="store_true", help="print exactly one JSON object"
        )


def _add_build(actions: Any) -> argparse.ArgumentParser:
    building: argparse.ArgumentParser = actions.add_parser("build", help="make a bundle for a board")
    building.add_argument("out", metavar="OUT.zip", help="the bundle to write")
    add = group(building, "what goes in").add_argument
    add("--app", required=True, metavar="FILE", help="the application image")
    add("--fs", metavar="FOLDER", help="the files of the new file system; no folders; not where a board has none")
    add("--board", default="lab-1M", metavar="B", help="name, or path of a TOML file (lab-1M)")
    add = group(building, "what the manifest says").add_argument
    add("--version", required=True, metavar="V", help="the version that the manifest names")
    add("--name", metavar="N", help="the application's name (that of FILE, without its ending)")
    add("--build-id", metavar="ID", help="the build that the manifest names (follows from contents)")
    add_force(building)
    building.set_defaults(func=build_bundle)
    return building


def build_bundle(arguments: argparse.Namespace) -> int:
    """Make a bundle for a board out of an application and a folder of files."""
    from otalab.hardware.board import load_board  # noqa: PLC0415  # reading a bundle needs no board

    place, board = Output(Path(arguments.out), arguments.force, MARK), load_board(arguments.board)
    app, rooms = read_bytes(arguments.app), [slot.app.size for slot in board.slots[: board.targets]]
    if not 0 < len(app) <= max(rooms):
        raise BadInput(
            f"{arguments.app}: {len(app)} bytes, an application slot of {board.name} takes 1 to {max(rooms)}"
        )
    files = _files(arguments, board)
    fs = b"".join(part.data for part in files)
    build_id = arguments.build_id or hashlib.sha256(hashlib.sha256(app).digest() + fs).hexdigest()[:16]
    code, kind = CODE.get(board.platform, ("app", "app"))
    parts = (PartSource(code, kind, f"{code}.bin", app), *files)
    name = arguments.name or Path(arguments.app).stem
    place.write(
        bundle_bytes(name=name, platform=board.platform, version=arguments.version, build_id=build_id, parts=parts)
    )
    said = {"out": arguments.out, "name": name, "platform": board.platform, "version": arguments.version}
    said |= {"build_id": build_id}
    if arguments.json:
        print(json.dumps({**said, "app_size": len(app), "fs_size": len(fs)}))
    else:
        print(f"{arguments.out}: {name} {arguments.version} ({build_id}) for {board.platform}")
    for number, room in enumerate(rooms):
        if len(app) > room:
            takes = f"slot {number} of {board.name} takes {room} bytes at most"
            print(f"warning: {takes}: a device whose next update goes there refuses this one", file=sys.stderr)
    return 0


def _files(arguments: argparse.Namespace, board: Board) -> tuple[PartSource, ...]:
    """Return the part with the files of an update, for a board whose updates bring any; none for the others."""
    from otalab.firmware.data_places import PARTS  # noqa: PLC0415  # reading a bundle needs no firmware
    from otalab.formats.filesystems.kinds import build_image, geometry  # noqa: PLC0415  # nor littlefs

    if arguments.fs is None and "fs" not in PARTS[board.data]:
        return ()
    if board.data == "none":
        raise BadInput(f"{board.name} has no file system: leave --fs out, its bundles bring an application alone")
    if board.file_system == "raw":
        raise BadInput(f"{board.name}: its file system holds no files; give a board with littlefs or spiffs")
    if arguments.fs is None:
        raise BadInput(f"{board.name}: each update brings a file system: name the folder of its files with --fs")
    # A file system is mounted by the manifest's size: the smallest place makes one that every slot takes.
    region = min((slot.fs for slot in board.slots[: board.targets]), key=lambda place: place.size)
    block = board.block_of(region)
    fs = build_image(folder_files(Path(arguments.fs)), region.size, block, board.file_system)
    return (PartSource("fs", "fs", "fs.img", fs, geometry(board.file_system, len(fs), block)),)


def inspect(arguments: argparse.Namespace) -> int:
    """Print what a bundle says and holds, as far as it can be read, and which board it was made for."""
    from otalab.formats.bundle.held_files import FilesReader, lines  # noqa: PLC0415  # a bundle is verified without littlefs

    looking = FilesReader()
    survey = _survey(arguments.file, watch=looking.see)
    manifest = survey.manifest
    places = _places(manifest, arguments.board) if manifest else _Places()
    fine = survey.fault is None and looking.readable and not places.nowhere
    if arguments.json:
        print(json.dumps(_as_object(arguments.file, survey, looking.objects) | places.as_object()))
        return 0 if fine else 1
    if manifest is not None:
        for title, text in zip(("name", "platform", "version", "build id"), _identity(manifest), strict=True):
            print(f"{title:8}  {shown(text)}")
        if survey.signatures:
            print(f"{'signed':8}  {', '.join(map(str, survey.signatures))} (not verified)")
        print(*places.lines, sep="\n", end="\n" if places.lines else "")
        files = {file.part.name: file for file in survey.files}
        rows = []
        for part in manifest.parts:
            file, size = files.get(part.name), "-" if part.size is None else part.size
            read = (file.size, f"{file.crc32:08x}", file.sha256.hex()[:16]) if file else (size, "-", "-")
            rows.append((shown(part.name), shown(part.role), "-" if part.src is None else shown(part.src), *read))
        print("", *table(("part", "role", "file", "bytes", "crc32", "sha256"), rows, right="bytes"), sep="\n")
        for name, held in looking.held.items():
            first, *rest = lines(held)
            print("", f"{shown(name)}: {first}", *rest, sep="\n")
    if survey.fault:
        print(f"{arguments.file}: {survey.fault}")
    return 0 if fine else 1


def verify(arguments: argparse.Namespace) -> int:
    """Say `ok`, or the message with which a device refuses the bundle."""
    keys, verified = verifier(arguments.key)
    warn(files_of(arguments.key))  # once they are known to be keys
    required = required_mask(mask_or(arguments, keys or UNCHECKED))
    survey = _survey(arguments.file, arguments.platform, verified, required)
    wants_keys = bool(keys) or required != UNCHECKED
    if arguments.json:
        mask = {"sig_mask": survey.mask, "sig_req_mask": required} if wants_keys else {}
        print(json.dumps({"file": arguments.file, "ok": survey.fault is None, "fault": survey.fault} | mask))
        return 1 if survey.fault else 0
    if wants_keys and survey.mask is not None:
        print(f"signature mask 0x{survey.mask:02x}, required {required if required <= 0 else f'0x{required:02x}'}")
    if survey.fault or survey.manifest is None:
        print(f"{arguments.file}: {survey.fault}")
    else:
        name, platform, version, _ = map(shown, _identity(survey.manifest))
        total = sum(file.size for file in survey.files)
        holds = f"{number_of(len(survey.files), 'file')}, {total} bytes"
        print(f"{arguments.file}: ok, {name} {version} for {platform}, {holds}")
    return 1 if survey.fault else 0


@dataclass(frozen=True, slots=True)
class _Places:
    """Whose map a bundle was made for, what is elsewhere on a board, and which parts a device keeps encrypted."""

    boards: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    nowhere: str = ""
    encrypted: str = ""

    @property
    def lines(self) -> list[str]:
        """Return it as it is printed beside the manifest's own lines."""
        made = [f"{'made for':8}  the slots of {' or '.join(self.boards)}"] if self.boards else []
        kept = [f"{'encrypt':8}  {self.encrypted}"] if self.encrypted else []
        return [*made, *kept, *(f"{'but':8}  {sentence}" for sentence in self.elsewhere)]

    def as_object(self) -> dict[str, Any]:
        """Return it as it is printed in JSON."""
        return {"made_for": self.boards, "elsewhere": self.elsewhere, "encrypted": self.encrypted}


def _places(manifest: Manifest, board: str | None) -> _Places:
    from otalab.bench import linked  # noqa: PLC0415  # a bundle is verified without a board
    from otalab.hardware.board import load_board  # noqa: PLC0415

    compared_with = load_board(board) if board else None
    elsewhere = tuple(linked.compared(manifest, compared_with)) if compared_with else ()
    nowhere = linked.runs_nowhere(manifest, compared_with) if compared_with else ""
    return _Places(tuple(linked.made_for(manifest)), elsewhere, nowhere, linked.encrypted(manifest))


@dataclass(frozen=True, slots=True)
class _Survey:
    manifest: Manifest | None
    files: tuple[PartEnds, ...]
    fault: str | None
    signatures: tuple[int, ...] = ()
    mask: int | None = None


def _survey(
    file: str,
    platform: str | None = None,
    verified: Callable[[ManifestRead], int] = lambda _read: 0,
    required: int = UNCHECKED,
    watch: Callable[[object], None] = lambda _event: None,
) -> _Survey:
    """Read a bundle up to its end or its fault."""
    manifest: Manifest | None = None
    files: list[PartEnds] = []
    there: tuple[int, ...] = ()
    mask = fault = None
    try:
        for event in bundle_events(read_chunks(file, LIMIT)):
            watch(event)
            match event:
                case ManifestRead(manifest, extra):
                    if platform is not None and not manifest.runs_on(platform):
                        return _Survey(manifest, (), "Wrong platform")
                    there, mask = tuple(signatures(extra)), verified(event)
                    if fault := refusal(manifest, mask, required):
                        break
                case PartEnds():
                    files.append(event)
    except BundleFault as refused:
        fault = str(refused)
    return _Survey(manifest, tuple(files), fault, there, mask)


def _identity(manifest: Manifest) -> tuple[str, str, str, str]:
    return manifest.name, manifest.platform, manifest.version, manifest.build_id


def _as_object(file: str, survey: _Survey, held: dict[str, Any]) -> dict[str, Any]:
    manifest = survey.manifest
    read = {
        end.part.name: {"size": end.size, "crc32": f"{end.crc32:08x}", "sha256": end.sha256.hex()}
        for end in survey.files
    }
    parts = [
        {key: getattr(part, key) for key in part.__slots__}
        | {"read": read.get(part.name)}
        | ({"file_system": held[part.name]} if part.name in held else {})
        for part in (manifest.parts if manifest else ())
    ]
    said = _identity(manifest) if manifest else (None,) * 4
    identity = dict(zip(("name", "platform", "version", "build_id"), said, strict=True))
    return {"file": file, **identity, "signatures": survey.signatures, "parts": parts, "fault": survey.fault}

"""What the lab's own devices and bundles hold: images, files, and what is read back out of a bundle.

All contents are pseudo-random bytes from a fixed seed, so the same call makes the same bytes.
"""

from __future__ import annotations

from hashlib import shake_256
from pathlib import Path

from otalab.errors import BadInput, BundleFault
from otalab.files import naming, read_bytes
from otalab.firmware.data_places import PARTS
from otalab.firmware.image import Image
from otalab.formats.bundle.build import CODE, PartSource, bundle_bytes
from otalab.formats.bundle.manifest import Manifest
from otalab.formats.bundle.reader import BundleReader, ManifestRead, PartBegins, PartData, PartEnds
from otalab.formats.filesystems.kinds import MOUNTS, build_image, geometry, recognised
from otalab.formats.filesystems.scratch import FileSystemFault
from otalab.formats.image_check import self_checking
from otalab.hardware.board import Board
from otalab.hardware.places import Slot


def default_files() -> dict[str, bytes]:
    """Return the user files of the default scenario: one spans pages, one the image brings too, one is `conf9.json`."""
    return {
        "conf9.json": b'{"wifi": {"ssid": "lamp on a pole", "pass": "secret"}}',
        "calibration.bin": noise("calibration", 1500),
        "index.html": noise("the old page", 300),
    }


def brought_files(version: str, fs_size: int) -> dict[str, bytes]:
    """Return the files that an image of this version brings."""
    return {
        "conf0.json": noise(f"defaults {version}", 300),
        "index.html": noise(f"page {version}", 600),
        "assets.bin": noise(f"assets {version}", fs_size // 8),
    }


def default_bundle(board: Board, version: str, app_size: int, *, own_check: bool = False) -> bytes:
    """Return a bundle for a board: an application of this size, and files that fill their region if there is one."""
    # What is offered to a device goes into any of its slots.
    slot = min(board.slots, key=lambda slot: slot.fs.size)
    app_name, _ = CODE.get(board.platform, ("app", "app"))
    parts = [PartSource(app_name, "app", "lamp.bin", application(version, app_size, own_check=own_check), {})]
    if "fs" in PARTS[board.data]:
        fs = file_system(board, slot, version, brought_files(version, slot.fs.size))
        shape = geometry(board.file_system, len(fs), board.block_of(slot.fs))
        parts.append(PartSource("fs", "fs", "fs.img", fs, shape))
    return bundle_bytes(
        name="lamp",
        platform=board.platform,
        version=version,
        build_id=f"{version}/lab",
        parts=parts,
    )


def application(version: str, size: int, *, own_check: bool = False) -> bytes:
    """Return the bytes of an application; with its own check, a loader can tell that it is whole."""
    contents = noise(f"application {version}", size)
    return self_checking(contents) if own_check else contents


def file_system(board: Board, slot: Slot, version: str, files: dict[str, bytes]) -> bytes:
    """Return a file-system image for a slot; for `raw`, bytes that stand for one."""
    if board.file_system not in MOUNTS:
        return noise(f"{board.file_system} {version}", slot.fs.size)
    return build_image(files, slot.fs.size, board.block_of(slot.fs), board.file_system)


def read_bundle(path: str | Path) -> bytes:
    """Return the contents of a bundle's file; what no device could read is `BadInput` that names the file."""
    contents = read_bytes(path)
    with naming(path):
        unpack(contents)
    return contents


def unpack(bundle: bytes) -> tuple[Image, dict[str, bytes] | None]:
    """Return the image that a bundle brings, and its files where they are in a file system that the lab knows."""
    reader, fs, extra, begun = BundleReader(), bytearray(), dict[str, object](), ""
    manifest: Manifest | None = None
    app: PartEnds | None = None
    try:
        for event in reader.feed(bundle):
            match event:
                case ManifestRead(manifest):
                    pass
                case PartBegins(part):
                    begun = part.name
                    extra = dict(part.extra) if part.role == "fs" else extra
                case PartData(part, data) if part.role == "fs":
                    fs += data
                case PartEnds(part):
                    begun, app = "", event if part.role == "app" else app
        if not reader.ended:
            where = f"in its part {begun}" if begun else "between its parts" if manifest else "before its manifest"
            raise BadInput(f"the bundle is cut off: its {len(bundle)} bytes end {where}: build or fetch it anew")
        reader.close()
    except BundleFault as fault:
        raise BadInput(f"the bundle is refused: {fault}") from fault
    if app is None or manifest is None:
        raise BadInput("the bundle is refused: it brings no application")
    return Image(manifest.version, manifest.build_id, app.size, app.sha256), _files(bytes(fs), extra)


def _files(contents: bytes, extra: dict[str, object]) -> dict[str, bytes] | None:
    kind = recognised(contents, extra)
    try:
        return {name: kind[1].read(name) for name in kind[1].names()} if kind else None
    except FileSystemFault:
        return None


def noise(seed: str, size: int) -> bytes:
    """Return incompressible bytes, the same for the same seed."""
    return shake_256(seed.encode()).digest(size)

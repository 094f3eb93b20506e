"""`otalab files`: bare file-system images, SPIFFS and littlefs: what is in one, out of it, and into a new one."""

from __future__ import annotations

import argparse
import json
from pathlib import Path, PurePosixPath
from typing import Any

from otalab.cli.options.effect import goes_with
from otalab.cli.options.outputs import add_force
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import Output, folder_files, read_bytes, try_folder, try_place, write_whole
from otalab.text import number_of

ACTIONS = ("list", "extract", "make")
LARGEST = 1 << 24  # bytes; no file system of these devices is larger


def add_parser(commands: Any) -> None:
    """Register the command; without an action it lists."""
    parser: argparse.ArgumentParser = commands.add_parser("files")
    parser.add_argument(
        "words", nargs="+", metavar="[ACTION] IMAGE", help=f"{', '.join(ACTIONS)} (list), and the image"
    )
    group(parser, "the files").add_argument(
        "--folder", metavar="F", help="where files are extracted to, or what an image is made of"
    )
    add = group(parser, "a new image").add_argument
    add("--kind", choices=("littlefs", "spiffs"), default="spiffs", help="of a new image (spiffs)")
    add("--size", type=size_in_bytes, metavar="N", help="of a new image, in bytes, such as 0x40000")
    add("--block-size", type=size_in_bytes, metavar="N", help="of its blocks (as it says; 4096)")
    group(parser, "what comes out").add_argument("--json", action="store_true", help="print exactly one JSON object")
    add_force(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked for; 1 if a file cannot be read."""
    action, *rest = (
        arguments.words if arguments.words[0] in ACTIONS and len(arguments.words) > 1 else ("list", *arguments.words)
    )
    if len(rest) != 1:
        raise BadInput(f"{' '.join(arguments.words)}: one of {', '.join(ACTIONS)}, and one image, are needed")
    goes_with(arguments, action == "make", "make", "--kind", "--size")
    goes_with(arguments, action != "list", "extract and make", "--folder", "--force")
    return {"list": listed, "extract": extracted, "make": made}[action](rest[0], arguments)


def listed(image: str, arguments: argparse.Namespace) -> int:
    """Print name, size and SHA-256 of every file."""
    from otalab.formats.bundle.held_files import as_object, held_in, lines  # noqa: PLC0415  # littlefs loads only here

    held = held_in(read_bytes(image, LARGEST), _geometry(arguments))
    if not held.kind:
        raise BadInput(f"{image}: {held.fault}")
    if arguments.json:
        print(json.dumps({"image": image, **as_object(held)}))
    else:
        print(*lines(held), sep="\n")
    return 0 if held.readable else 1


def extracted(image: str, arguments: argparse.Namespace) -> int:
    """Write every file into a folder; nothing is written where one of them cannot be."""
    from otalab.formats.filesystems.kinds import mounted_as  # noqa: PLC0415
    from otalab.formats.filesystems.scratch import FileSystemFault  # noqa: PLC0415

    folder = _folder(image, arguments)
    try:
        _, fs = mounted_as(read_bytes(image, LARGEST), _geometry(arguments))
        contents = {_inside(name): fs.read(name) for name in fs.names()}
    except FileSystemFault as fault:
        raise BadInput(f"{image}: {fault}") from fault
    try_folder(folder)
    for place in contents:
        if (folder / place).exists() and not arguments.force:
            raise BadInput(f"{folder / place}: is there: take another folder, or say --force")
    for place, data in contents.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        try_place(folder / place)
        write_whole(folder / place, data)
    said = {"image": image, "folder": str(folder), "files": len(contents)}
    print(json.dumps(said) if arguments.json else f"{folder}: {number_of(len(contents), 'file')}")
    return 0


def made(image: str, arguments: argparse.Namespace) -> int:
    """Make an image of the files in a folder."""
    from otalab.formats.filesystems.kinds import build_image  # noqa: PLC0415

    place, folder = Output(Path(image), arguments.force, ""), _folder(image, arguments)
    if arguments.size is None or arguments.size > LARGEST:
        raise BadInput(f"{image}: say how large it is to be, up to {LARGEST} bytes: --size 0x40000")
    files = folder_files(folder)
    place.write(build_image(files, arguments.size, arguments.block_size or 4096, arguments.kind))
    said = {"image": image, "kind": arguments.kind, "size": arguments.size, "files": len(files)}
    print(
        json.dumps(said)
        if arguments.json
        else f"{image}: {arguments.kind}, {arguments.size} bytes, {number_of(len(files), 'file')}"
    )
    return 0


def size_in_bytes(text: str) -> int:
    """Return a size as people type it: `0x40000`, `262144`; `ValueError` if it is none."""
    number = int(text, 0)
    if number <= 0:
        raise ValueError(f"{text} is no size")
    return number


def _geometry(arguments: argparse.Namespace) -> dict[str, object]:
    return {"fs_block_size": arguments.block_size} if arguments.block_size else {}


def _folder(image: str, arguments: argparse.Namespace) -> Path:
    if arguments.folder is None:
        raise BadInput(f"{image}: name the folder of its files with --folder")
    return Path(arguments.folder)


def _inside(name: str) -> PurePosixPath:
    """Return where a file goes: a name is somebody's word, and must lead nowhere but into the folder."""
    parts = name.lstrip("/").split("/")
    if not name.isprintable() or "\\" in name or any(part in ("", ".", "..") for part in parts):
        raise BadInput(f"the image names a file {name!r}, which is no place inside a folder; list it instead")
    return PurePosixPath(*parts)

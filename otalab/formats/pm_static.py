"""The map that the partition manager of the nRF Connect SDK makes, `pm_static.yml`: a name, an address, a size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from otalab.errors import BadInput

LARGEST = 1 << 28
INSIDE = ("flash_primary", "flash")
ELSEWHERE = ("external_flash",)


@dataclass(frozen=True, slots=True)
class MappedRegion:
    """A named stretch of flash; address and size in bytes."""

    name: str
    address: int
    size: int


def read_map(source: str, text: str) -> dict[str, MappedRegion]:
    """Return the regions of the internal flash by name; `BadInput` names what cannot be read."""
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadInput(f"{source}{line}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(tree, dict) or not tree:
        raise BadInput(f"{source}: no map of partitions, each with an address and a size")
    return {region.name: region for region in _regions(source, tree)}


def _regions(source: str, tree: dict[object, object]) -> Iterator[MappedRegion]:
    for name, fields in tree.items():
        if not isinstance(fields, dict):
            raise BadInput(f"{source}: {str(name)[:40]!r} is no partition: it needs an address and a size")
        region = fields.get("region", INSIDE[0])
        if region in ELSEWHERE:
            raise BadInput(
                f"{source}: {name} lies in {region}: a board of the lab has one flash; move it, or write its own board"
            )
        if region not in INSIDE:
            continue  # RAM, the one-time area
        address, size = fields.get("address"), fields.get("size")
        if size is None and type(address) is int and type(fields.get("end_address")) is int:
            size = fields["end_address"] - address
        if type(address) is not int or type(size) is not int or not (address >= 0 < size and address + size <= LARGEST):
            raise BadInput(f"{source}: {name}: address {address!r} and size {size!r} are no stretch of flash in bytes")
        yield MappedRegion(str(name), address, size)

"""The map that the partition manager of the nRF Connect SDK makes, `pm_static.yml`: a name, an address, a size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from otalab.errors import BadInput

LARGEST = 1 << 28
INSIDE = ("flash_primary", "flash")
BESIDE = ("external_flash",)


@dataclass(frozen=True, slots=True)
class MappedRegion:
    """A named stretch of flash; address and size in bytes.

    `beside`: it lies on an external part, whose addresses begin at 0 again; `device`: what the map calls that part.
    """

    name: str
    address: int
    size: int
    beside: bool = False
    device: str = ""


def read_map(source: str, text: str) -> dict[str, MappedRegion]:
    """Return the regions of flash, internal and external, by name; `BadInput` names what cannot be read."""
    import yaml  # noqa: PLC0415  # no other map needs it

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
        if region not in (*INSIDE, *BESIDE):
            continue  # RAM, the one-time area
        address, size = fields.get("address"), fields.get("size")
        if size is None and type(address) is int and type(fields.get("end_address")) is int:
            size = fields["end_address"] - address
        if type(address) is not int or type(size) is not int or not (address >= 0 < size and address + size <= LARGEST):
            raise BadInput(f"{source}: {name}: address {address!r} and size {size!r} are no stretch of flash in bytes")
        yield MappedRegion(str(name), address, size, region in BESIDE, str(fields.get("device", "")))

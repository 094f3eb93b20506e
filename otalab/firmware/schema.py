"""The JSON schema of a design's TOML, for editors: what may stand where, and what it decides.

It is made from the same table of choices that a design is read with; `data/design.schema.json` is a copy of it.
What contradicts what, a schema does not say: loading the file does.
"""

from __future__ import annotations

from typing import Any

from otalab.firmware.design import Design, bounds, choices, decides, ways
from otalab.firmware.own_part import says
from otalab.hardware.board import FILE_SYSTEMS, MOST_SLOTS
from otalab.hardware.part import parts
from otalab.hardware.places import DATA
from otalab.hardware.soldered import MOST_PIECES

ADDRESS = {"type": "integer", "minimum": 0}
REGION = {
    "type": "object",
    "properties": {"address": ADDRESS, "size": ADDRESS},
    "required": ["address", "size"],
    "additionalProperties": False,
}
SLOT = {
    "type": "object",
    "properties": {"app": REGION, "fs": REGION},
    "required": ["app"],
    "additionalProperties": False,
}


def design_schema() -> dict[str, Any]:
    """Return the schema."""
    sections: dict[str, dict[str, Any]] = {}
    for (section, key), name in ways().items():
        sections.setdefault(section, {})[key] = _choice(name)
    text = {"type": "string", "minLength": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A design of over-the-air updates",
        "type": "object",
        "properties": {
            "name": text | {"description": "what the design is called"},
            "summary": text | {"description": "the design in one sentence"},
            **{section: _table(properties) for section, properties in sections.items()},
            "layout": layout_schema(),
        },
        "required": ["name", "summary"],
        "additionalProperties": False,
    }


def layout_schema() -> dict[str, Any]:
    """Return the schema of a partition table."""
    text = {"type": "string", "minLength": 1}

    def pair(of: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": of, "minItems": 2, "maxItems": 2}

    properties = {
        **dict.fromkeys(("name", "summary", "platform"), text),
        "part": {"enum": list(parts()), "description": "a flash part of data/flash_parts.csv"},
        "flash_size": ADDRESS,
        "flash": {
            "type": "array",
            "items": _table({"part": {"enum": list(parts())}, "size": ADDRESS}) | {"required": ["part", "size"]},
            "minItems": 1,
            "maxItems": MOST_PIECES,
            "description": "in place of part and flash_size: every part, or kind of sectors, in the order of addresses",
        },
        "file_system": {"enum": list(FILE_SYSTEMS)},
        "data": {
            "enum": list(DATA),
            "description": "one for each slot, one that no update replaces, one that each overwrites, none",
        },
        "loader": REGION,
        "records": pair(REGION),
        "state": pair(REGION),
        "slots": {"type": "array", "items": SLOT, "minItems": 2, "maxItems": MOST_SLOTS},
        "factory": SLOT | {"description": "an image that no update replaces, and that a loader may start last"},
    }
    return _table(properties) | {
        "required": ["loader", "records", "slots"],
        "oneOf": [{"required": ["part", "flash_size"]}, {"required": ["flash"]}],
        "description": "the partition table it was written for",
    }


def _choice(name: str) -> dict[str, Any]:
    default = Design.__dataclass_fields__[name].default
    if name not in choices():
        least, most = bounds()[name]
        return {"description": decides(name), "default": default, "type": "integer", "minimum": least, "maximum": most}
    lines = [decides(name), *(f"{value}: {says(name, value)}" for value in choices()[name])]
    return {"description": "\n".join(lines), "default": default, "enum": list(choices()[name])}


def _table(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}

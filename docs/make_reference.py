"""Make docs/reference.md: every public name, from its docstring.

python docs/make_reference.py
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pdoc.doc
from traitlets import TraitType

PAGE = Path(__file__).with_name("reference.md")
FACES = (
    "otalab",
    "otalab.course",
    "otalab.views.player",
    "otalab.wire.live",
    "otalab.formats.records",
    "otalab.numbers.engines",
    "otalab.markov",
)
HEAD = """# Reference

Every name that `otalab` and its second faces offer, as their docstrings tell them.
Made by `python docs/make_reference.py`.
Anything else is imported from the module that defines it: the path is the floor.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(line for face in FACES for line in _face(face))]).rstrip() + "\n"


def _face(name: str) -> list[str]:
    module = pdoc.doc.Module(importlib.import_module(name))
    lines = [f"## `{name}`", "", module.docstring.strip(), ""]
    for member in module.members.values():
        lines += _member(member)
    return lines


def _member(member: pdoc.doc.Doc) -> list[str]:
    lines = [f"### `{member.name}`", ""]
    if isinstance(member, pdoc.doc.Function):
        lines += ["```python", f"{member.name}{_plain(str(member.signature))}", "```", ""]
    if isinstance(member, pdoc.doc.Variable):
        value = member.default_value
        return [*lines, value if isinstance(value, str) else f"{', '.join(f'`{one}`' for one in value)}.", ""]
    lines += [member.docstring.strip(), ""]
    if isinstance(member, pdoc.doc.Class):
        for inner in member.own_members:
            trait = isinstance(getattr(inner, "default_value", None), TraitType)
            if inner.docstring and not inner.name.startswith("_") and not trait:
                call = _plain(str(inner.signature)) if isinstance(inner, pdoc.doc.Function) else ""
                lines += [f"- `{inner.name}{' '.join(call.split())}`: {inner.docstring.strip().splitlines()[0]}"]
        lines.append("")
    return lines


def _plain(signature: str) -> str:
    """Return a signature with the last part of each type's path."""
    return re.sub(r"\b(?:[a-z_]\w*\.)+([A-Za-z_]\w*)", r"\1", signature)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

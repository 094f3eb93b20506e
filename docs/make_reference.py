"""Make docs/reference.md: every public name, from its docstring.

python docs/make_reference.py
"""

from __future__ import annotations

import importlib
import inspect
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
    "otalab.testing",
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
        lines += ["```python", _call(member), "```", ""]
    if isinstance(member, pdoc.doc.Variable):
        value = member.default_value
        return [*lines, value if isinstance(value, str) else f"{', '.join(f'`{one}`' for one in value)}.", ""]
    lines += [member.docstring.strip(), ""]
    if isinstance(member, pdoc.doc.Class):
        for inner in _members(member):
            trait = isinstance(getattr(inner, "default_value", None), TraitType)
            if inner.docstring and not inner.name.startswith("_") and not trait:
                shown = _call(inner) if isinstance(inner, pdoc.doc.Function) else inner.name
                lines += [f"- `{shown}`: {inner.docstring.strip().splitlines()[0]}"]
        lines.append("")
    return lines


def _members(owner: pdoc.doc.Class) -> list[pdoc.doc.Doc]:
    """Return what a class has of its own, and of those of its bases that lie beside it."""
    beside = owner.obj.__module__.rpartition(".")[0]
    parts = [members for (module, _), members in owner.inherited_members.items() if module.rpartition(".")[0] == beside]
    return [*owner.own_members, *(member for members in parts for member in members)]


class _AsWritten(str):
    """An annotation that shows as it stands in the source, whatever a library or a Python makes of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _call(function: pdoc.doc.Function) -> str:
    """Return how a function is called, with the types as they are written."""
    signature = inspect.signature(function.obj)
    kept = [
        each if each.annotation is each.empty else each.replace(annotation=_AsWritten(each.annotation))
        for each in signature.parameters.values()
    ]
    returns = signature.return_annotation
    given = returns if returns is signature.empty else _AsWritten(returns)
    text = f"{function.name}{signature.replace(parameters=kept, return_annotation=given)}"
    # A default that has no words of its own has an address, another one each time.
    return re.sub(r"<function .*? at 0x[0-9a-f]+>", "...", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

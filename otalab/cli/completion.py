"""`otalab completion`: what a shell reads to complete words at the Tab key.

The script is made once, by shtab, out of the parsers: nothing of the lab runs while somebody types.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from otalab.errors import BadInput
from otalab.faults.models import FAULTS
from otalab.firmware.catalogue import designs
from otalab.hardware.board import boards
from otalab.hardware.part import parts

SHELLS = ("bash", "zsh", "fish", "tcsh")
FILES = ("FILE", "OUT", "IMAGE", "INITIAL", "IN.zip")
FOLDERS = ("FOLDER", "DIR")


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("completion")
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of: {', '.join(SHELLS)}")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script for one shell."""
    try:
        import shtab  # noqa: PLC0415  # no other command needs it
    except ImportError as error:
        raise BadInput("completion needs the package shtab: pip install shtab") from error
    top = arguments.whole()
    for action in _every_action(top):
        what = _words(action)
        if what is not None:
            action.complete = _one_of(action.dest, what)  # type: ignore[attr-defined]  # where shtab looks for it
        elif _named(action, FOLDERS):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif _named(action, FILES):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(top, arguments.shell))
    return 0


def _every_action(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # argparse tells them in no other way; nor does shtab ask otherwise
        if isinstance(action, argparse._SubParsersAction):
            for subparser in dict.fromkeys(action.choices.values()):
                yield from _every_action(subparser)
        else:
            yield action


def _words(action: argparse.Action) -> tuple[str, ...] | None:
    """Return the names that may stand there, beside files of one's own; `None` where no list has them."""
    match action.dest:
        case "design" | "designs" | "like" | "show":
            return tuple(designs())
        case "board":
            return tuple(boards())
        case "part":
            return tuple(parts())
        case "faults":
            return (*FAULTS, "each")
    return None


def _one_of(name: str, words: tuple[str, ...]) -> dict[str, Any]:
    """Return how each shell completes one of these words, or a file of TOML."""
    text = shlex.quote(" ".join(words))
    inside = f'compgen -W {text} -- "$1"; compgen -f -X "!*.toml" -- "$1"; compgen -d -- "$1"'
    return {
        "bash": f"_otalab_{name}",
        "zsh": f"({' '.join(words)})",
        "fish": text,
        "tcsh": f"({' '.join(words)})",
        "preamble": {"bash": f"_otalab_{name}() {{ {inside}; }}\n"},
    }


def _named(action: argparse.Action, marks: tuple[str, ...]) -> bool:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    return any(mark in metavar for mark in marks) and "=" not in metavar

"""The parser of the command line: each complaint is one line, and says what was likely meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from otalab.text import meant


def group(parser: argparse.ArgumentParser, title: str) -> argparse._ArgumentGroup:
    """Return the group of options with this title, in which several add theirs; begun where it is not there."""
    known = {group.title: group for group in parser._action_groups}  # argparse tells it in no other way
    return known.get(title) or parser.add_argument_group(title)


# What is needed where something else was typed, by what reads it.
NEEDED = {
    "int": "a whole number",
    "float": "a number",
    "whole_number": "a whole number, such as 1000 or 1e6,",
    "size_in_bytes": "a number of bytes, such as 262144 or 0x40000,",
    "address": "an address, such as 4096 or 0x1000,",
    "mask": "a mask, such as 3 or 0x03,",
}


class _Version(argparse.Action):
    """Prints what is installed, and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_given: object) -> NoReturn:
        # Looked up when it is asked for: no other command needs it, nor the library that knows.
        print(f"{parser.prog} {import_module('importlib.metadata').version('otalab')}")
        parser.exit()


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add the option that says what is installed."""
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version, and end")


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line; a command complains of its own options, by its own name."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def print_help(self, file: Any = None) -> None:
        """Print the help; argparse keeps to itself that it could not."""
        (file or sys.stdout).write(self.format_help())

    def parse_known_args(  # type: ignore[override]  # the overloads of argparse say the same in four ways
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuse what is no option here, where the options are known: before it is missed, and not further up."""
        given = sys.argv[1:] if args is None else list(args)
        typed = set[str]()
        if self._subparsers is None:
            for word in given[: given.index("--") if "--" in given else None]:
                option = word.partition("=")[0]
                if option.startswith("--"):
                    typed.add(self._whole(option))
        parsed, rest = super().parse_known_args(given, namespace)
        if (many := self._takes_many()) and not any(word.startswith("-") for word in rest):
            # argparse takes words that stand side by side, and leaves those behind the next option.
            getattr(parsed, many).extend(rest)
            rest = []
        if rest:
            what = "there is no such option" if rest[0].startswith("-") else "is one too many"
            self.error(f"{rest[0]}: {what}")
        if self._subparsers is None:
            parsed.typed = frozenset(typed)  # what has no effect is refused, but only to whoever typed it
        return parsed, rest

    def _takes_many(self) -> str:
        """Return where words are kept of which there may be any number; empty if there is no such place."""
        return next((action.dest for action in self._get_positional_actions() if action.nargs in ("*", "+")), "")

    def _whole(self, option: str) -> str:
        """Return the name of an option that may be cut short; complain if there is none."""
        if option in self._option_string_actions:
            return option
        near = self._get_option_tuples(option)
        if not near:
            self.error(f"{option}: there is no such option{meant(option, self._option_string_actions)}")
        return str(near[0][1])

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            needed = NEEDED.get(getattr(action.type, "__name__", ""))
            if needed is None:
                raise
            raise argparse.ArgumentError(action, f"{arg_string!r}: {needed} is needed") from error

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            near = meant(value, known)
            raise argparse.ArgumentError(action, f"{value!r} is unknown; one of: {', '.join(known)}{near}")

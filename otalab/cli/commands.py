"""The commands, by name: what each does in a line, and where it is opened once somebody asks for it.

So `designs` does not wait for the library of a broker, and the help of all waits for nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple


class Command(NamedTuple):
    """What a command does, and the call that opens it."""

    what: str
    open: Callable[[], Any]


COMMANDS = {
    "lab": Command("open the course in JupyterLab", lambda: import_module("otalab.cli.lab")),
    "course": Command("the teacher's kit: progress, a handout, a release", lambda: import_module("otalab.cli.course")),
    "designs": Command("list the catalogue of designs", lambda: import_module("otalab.cli.designs")),
    "trace": Command("one undisturbed update, effect by effect", lambda: import_module("otalab.cli.trace")),
    "check": Command(
        "prove a design for any number of power cuts, or break it", lambda: import_module("otalab.cli.check")
    ),
    "replay": Command("play a counterexample, effect by effect", lambda: import_module("otalab.cli.replay")),
    "firmware": Command(
        "code of your own, in C or Python, in place of a design", lambda: import_module("otalab.cli.firmware")
    ),
    "explore-recording": Command(
        "explore an update that was recorded elsewhere (CSV or JSON lines)",
        lambda: import_module("otalab.cli.recorded"),
    ),
    "repair": Command(
        "the smallest changes that make a design safe, each proved", lambda: import_module("otalab.cli.repair")
    ),
    "report": Command("a design review in one file", lambda: import_module("otalab.cli.report")),
    "risk": Command("the probability of each end, per update", lambda: import_module("otalab.cli.risk")),
    "campaign": Command("sample many devices; resumable", lambda: import_module("otalab.cli.campaign")),
    "rollout": Command("offer an update in stages; stop by a rule", lambda: import_module("otalab.cli.rollout")),
    "serve": Command("the virtual device, for curl and others", lambda: import_module("otalab.cli.serve")),
    "fleet": Command("many virtual devices on one broker", lambda: import_module("otalab.cli.fleet")),
    "shadow-service": Command(
        "the cloud's side of device shadows, or one change of what it desires",
        lambda: import_module("otalab.cli.shadow_service"),
    ),
    "site": Command("the lab as a static site: Python runs in the tab", lambda: import_module("otalab.cli.site")),
    "bundle": Command("update bundles: build, inspect, sign, verify", lambda: import_module("otalab.cli.bundle")),
    "inspect": Command(
        "decode boot records in a flash dump, or in one or two record files",
        lambda: import_module("otalab.cli.inspect"),
    ),
    "files": Command("bare SPIFFS and littlefs images: list, extract, make", lambda: import_module("otalab.cli.files")),
    "board": Command("write a board of one's own", lambda: import_module("otalab.cli.board")),
    "boards": Command("list the boards", lambda: import_module("otalab.cli.listings").BOARDS),
    "parts": Command("list the flash parts", lambda: import_module("otalab.cli.listings").PARTS),
    "faults": Command("list the fault models", lambda: import_module("otalab.cli.listings").FAULTS),
    "rates": Command("list the measured rates of power failures", lambda: import_module("otalab.cli.listings").RATES),
    "new": Command("write a commented design page to start from", lambda: import_module("otalab.cli.new")),
    "completion": Command("print what a shell reads to complete words", lambda: import_module("otalab.cli.completion")),
}


class Commands(argparse._SubParsersAction):  # type: ignore[type-arg]  # it has no arguments when it runs
    """The commands of a command line, each with its line of help, whoever adds it."""

    def add_parser(self, name: str, **known: Any) -> Any:
        """Add the command of this name."""
        if name in COMMANDS:
            known["help"] = COMMANDS[name].what
        return super().add_parser(name, **known)

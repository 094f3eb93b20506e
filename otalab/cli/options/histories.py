"""Histories to play, and the files that they were made with: given by options, or named in a saved file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otalab.bench.scenario import Scenario
from otalab.bench.setup import design_or_code, set_up
from otalab.cli.parser import group
from otalab.cli.recorded import add_options, recording_of
from otalab.errors import BadInput
from otalab.files import is_file, read_bytes, read_text
from otalab.graph.case import ID, LINK_MARK, Case, digest, named
from otalab.graph.id_options import scenario_options
from otalab.own.page import page_in

FILES = ("design", "board", "bundle", "recording", "image-file")


@dataclass(slots=True)
class CaseFiles:
    """The files for one history: those that were given, and those that its file names; what was used is noted."""

    given: Mapping[str, list[str]]
    stored: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
    used: set[str] = field(default_factory=set)

    def paths(self, option: str) -> Iterator[str]:
        """Yield where a file may be: as given, as named in the saved file, or beside that."""
        yield from self.given.get(option, [])
        if option in self.stored:
            path = self.stored[option]
            yield from (name for name in (path, str(self.folder / path)) if is_file(name))

    def path(self, option: str, wanted: str, digest_of: Any) -> str:
        """Return the path of the file that an id was made with, recognised by its digest."""
        tried = list(self.paths(option))
        for path in tried:
            if _digest(digest_of(path)) == _digest(wanted):  # a page may have moved to another name
                self.used |= {path}
                return path
        what = f"{option.removesuffix('-file')} file {wanted}" if "@" in wanted else f"{option} {wanted}"
        if not tried:
            raise BadInput(f"the id was made with the {what}: give it with --{option}")
        raise BadInput(f"{', '.join(dict.fromkeys(tried))} is not the {what} that the id was made with")


def _digest(name: str) -> str:
    return name.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """One history to play: its id, and the files for it."""

    identity: str
    supplied: CaseFiles

    def scenario(self, case: Case) -> Scenario:
        """Return the scenario that the id was made in."""
        if case.bundle.startswith("recording-"):
            return self._recorded(case)
        design, board = self._page("design", case.design), self._board(case)
        bundle = None
        if case.bundle:
            bundle = read_bytes(self.supplied.path("bundle", case.bundle, lambda path: digest(read_bytes(path))))
        if design != case.design:
            _known_here(design)
        return set_up(
            design, board, image=case.image, bundle=bundle, offer=case.offer, used=case.used, updates=case.updates,
            part=case.part or None, timing=case.timing, **scenario_options(case.options),
        )  # fmt: skip

    def _board(self, case: Case) -> str | None:
        return None if case.board_name is None else self._page("board", case.board_name)

    def _page(self, option: str, name: str) -> str:
        """Return the name of a catalogue entry, or the path of the page of which the id holds a digest."""
        return self.supplied.path(option, name, named) if "@" in name else name

    def _recorded(self, case: Case) -> Scenario:
        design, board = self._page("design", case.design), self._board(case) or "lab-1M"
        supplied = self.supplied
        news = [*supplied.given.get("new", []), *([supplied.stored["new"]] if "new" in supplied.stored else [])]
        recordings = list(supplied.paths("recording"))
        for recording in recordings:
            for image in (*supplied.paths("image-file"), None):
                for new in (*news, None):
                    scenario, files = recording_of(recording, design, board, image, new)
                    if files == case.bundle:
                        supplied.used |= {recording, image or "", new or ""}
                        return scenario
        if not recordings:
            raise BadInput(f"the id was made with a recording, {case.bundle}: give it with --recording")
        raise BadInput(
            f"{', '.join(recordings)} is not {case.bundle} that the id was made with, "
            "or --image-file and --new are not as they were"
        )


def _known_here(page: str) -> None:
    """Say what a page lacks that was whole where the id was made: a function of one's own is in no page."""
    try:
        design_or_code(page)
    except BadInput as error:
        way_out = "a function of one's own plays in the Python that has it, by otalab.cli.main.main(['replay', …])"
        raise BadInput(f"{error}; it was whole where the id was made: {way_out}") from error


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which the files of a history are given."""
    for option, what in (
        ("design", "design page"),
        ("board", "board page"),
        ("bundle", "bundle"),
        ("recording", "recording"),
    ):
        group(parser, "the files that it was made with").add_argument(
            f"--{option}", action="append", default=[], metavar="FILE",
            help=f"the {what} that the id holds a digest of; repeatable",
        )  # fmt: skip
    group(parser, "the files that it was made with").add_argument(
        "--firmware", action="append", default=[], metavar="FOLDER",
        help="the folder of the code that the id holds a digest of; repeatable",
    )  # fmt: skip
    add_options(parser)


def wanted(arguments: argparse.Namespace, for_pages: Path) -> list[CaseHistory]:
    """Return the histories that were named: by an id, by a file of them, or by a link, whose pages go into a folder."""
    given: dict[str, list[str]] = {name: getattr(arguments, name.replace("-", "_")) or [] for name in (*FILES, "new")}
    given = {name: [value] if isinstance(value, str) else value for name, value in given.items()}
    given["design"] += [page_in(folder) for folder in arguments.firmware]
    text, used = arguments.history, set[str]()
    if is_file(text):
        folder = Path(text).parent
        return [CaseHistory(identity, CaseFiles(given, files, folder, used)) for identity, files in _stored(text)]
    if LINK_MARK in text:
        return [_linked(text, for_pages, given, used)]
    if text.count("/") != ID.count("/"):
        raise BadInput(f"{text!r} is no file, no link and no id: {ID}")
    return [CaseHistory(text, CaseFiles(given, used=used))]


def _linked(link: str, folder: Path, given: Mapping[str, list[str]], used: set[str]) -> CaseHistory:
    """Return the history of a player's link, which brings its own pages."""
    from otalab.views.player.linked import player_at  # noqa: PLC0415  # slow to load

    player = player_at(link, folder)
    pages = {what: name for what in ("design", "board") if (name := getattr(player, what)).endswith(".toml")}
    return CaseHistory(player.identity, CaseFiles(given, pages, used=used))


def refuse_unused(every: list[CaseHistory]) -> None:
    """Refuse a file that none of the histories was made with."""
    for history in every[:1]:
        for option, values in history.supplied.given.items():
            for value in values:
                if value not in history.supplied.used:
                    raise BadInput(f"--{option} {value}: no history here was made with it: leave it out")


def _stored(path: str) -> list[tuple[str, dict[str, str]]]:
    text = read_text(path)
    try:
        stored = json.loads(text)
        return [(str(history["id"]), _files(history)) for history in stored.get("counterexamples", [stored])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path}: holds no counterexamples; check --save writes such a file") from error


def _files(stored: dict[str, Any]) -> dict[str, str]:
    files = stored.get("files", {})
    return {name: path for name, path in files.items() if isinstance(path, str) and name in (*FILES, "new")}

"""What answers in the worker of a page: a check with its progress, and views whose modules run in the page."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from otalab.errors import BadInput, OtalabError
from otalab.graph.asked import questions
from otalab.graph.budget import Budget
from otalab.graph.cell_words import headline, lines
from otalab.graph.check import Cell, LostCell
from otalab.graph.explorer import Explorer
from otalab.graph.history import Leg
from otalab.views.player.link import is_link, link_of
from otalab.views.player.linked import player_at
from otalab.views.player.widget import UpdatePlayer
from otalab.views.site.tab_view import TabView
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab

BOARDS = Path(__file__).parent / "boards"
BEAT = 0.1  # seconds between two words on how far a search is
_Post = Callable[[str, list[bytes]], None]


class Tab:
    """The lab behind a page; what it says goes out by `post`, as JSON with the bytes that belong to it."""

    def __init__(self, post: _Post, folder: Path = Path()) -> None:  # where pages that are pasted lie
        self._post = post
        self._views: dict[str, Any] = {}
        self._folder = folder
        self._acts: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "check": self._check,
            "player": self._player,
            "records": lambda _wish: self._show("records", SequencerLab()),
            "race": lambda _wish: self._show("race", CommitTimerLab()),
            "state": self._hear,
            "custom": self._hear,
        }

    def hear(self, text: str) -> None:
        """Do what the page asks; what is wrong with it is last in one line."""
        wish = json.loads(text)
        try:
            self._acts[wish["do"]](wish)
        except OtalabError as error:
            self._say("trouble", about=wish["do"], text=str(error))
        except Exception as error:  # noqa: BLE001  # a worker that has died says nothing
            fault = f"the lab itself went wrong: {type(error).__name__}: {error}"
            self._say("trouble", about=wish["do"], text=fault)

    def _say(self, kind: str, **content: Any) -> None:
        """Say something; bytes among its state go along as they are, by the names in `bytes`."""
        state = content.get("state", {})
        names = [name for name, value in state.items() if isinstance(value, bytes)]
        buffers = [state[name] for name in names]
        if names:
            content["state"] = {name: value for name, value in state.items() if name not in names}
        self._post(json.dumps({"kind": kind, "bytes": names, **content}), buffers)

    def _named(self, what: str, wish: Mapping[str, Any]) -> str:
        """Return the name of a design or a board; a page that was pasted lies in a file by then."""
        name, page = str(wish[what]), wish.get(f"{what}_page", "")
        if what == "board" and (known := BOARDS / f"{name}.toml").is_file():
            page = known.read_text(encoding="utf-8")
        if not page:
            return name
        called = re.search(r'^\s*name\s*=\s*"([\w.-]+)"', page, re.MULTILINE)
        path = self._folder / what / f"{called[1] if called else 'pasted'}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
        return str(path)

    def _check(self, wish: Mapping[str, Any]) -> None:
        """Search, say how far it is, and then what was found."""
        design, board = self._named("design", wish), self._named("board", wish)
        budget = Budget(int(wish["nodes"]))
        (question,) = questions([design], [wish["faults"]], [wish["image"]], budget=budget, board=board)
        last = time.monotonic()

        def progress(explorer: Explorer) -> None:
            nonlocal last
            if time.monotonic() - last >= BEAT:
                last = time.monotonic()
                self._say("progress", runs=explorer.expanded, nodes=len(explorer.nodes))

        cell = question.answer(progress)
        place = {name: wish[name] for name in ("image", "faults")} | {"design": design, "board": board}
        bad = cell.graph.counterexample if isinstance(cell, Cell) else None
        self._say("cell", **_words(cell), link=_way(place, bad.legs) if bad else "")
        if isinstance(cell, Cell):
            self._show_graph(cell, place)

    def _show_graph(self, cell: Cell, place: Mapping[str, Any]) -> None:
        """Show the crash graph of a cell; a node that is opened leads to the player."""

        def opened(_history: object) -> None:
            assert view.node is not None
            self._say("node", node=view.node, link=_way(place, cell.graph.legs_to[view.node]))

        view = CrashGraphView(cell, on_open=opened)
        self._show("graph", view)

    def _player(self, wish: Mapping[str, Any]) -> None:
        """Open a player, at a link or at the beginning of a design."""
        if is_link(wish.get("link", "")):
            player = player_at(wish["link"], self._folder)
        else:
            names = {name: wish[name] for name in ("image", "faults")}
            player = UpdatePlayer(self._named("design", wish), self._named("board", wish), **names)
        self._show("player", player)

    def _show(self, name: str, view: Any) -> None:
        if not isinstance(view, TabView):
            raise BadInput("a tab has no kernel, and here is one: open the view in a notebook")
        if name in self._views:
            self._views[name].close()
        self._views[name] = view
        self._say("open", view=name)
        view.open(lambda kind, content: self._say(kind, view=name, **({kind: content})))
        self._place(name)

    def _hear(self, wish: Mapping[str, Any]) -> None:
        self._views[wish["view"]].hear(wish["do"], wish["content"])
        self._place(wish["view"])

    def _place(self, name: str) -> None:
        """Say where a view stands, as a link."""
        if isinstance(player := self._views[name], UpdatePlayer):
            self._say("link", view=name, link=player.link())


def _way(place: Mapping[str, Any], legs: Sequence[Leg]) -> str:
    """Return the link to the player at the last cut of a history."""
    cuts = [[number, leg.step, leg.tear] for number, leg in enumerate(legs) if leg.step is not None]
    return link_of({**place, "choices": [leg.choices for leg in legs], "cuts": cuts}, {})


def _words(cell: Cell | LostCell) -> dict[str, Any]:
    """Return what is to be said of a cell."""
    facts = cell.as_object()
    bad = facts["counterexample"]
    said = [*lines(cell)]
    return {"cell": facts, "headline": headline(cell), "lines": said[:-1] if bad else said}

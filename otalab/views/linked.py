"""Views that share a position: a player, the crash graph of what it plays, and the two records at its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otalab.errors import BadInput
from otalab.firmware import store
from otalab.views.player.cut_ends import CutEnds
from otalab.views.player.played_view import PlayedView
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab


def link(player: PlayedView, graph: CrashGraphView | None = None, records: SequencerLab | None = None) -> ViewLink:
    """Let views share the position of a player until `unlink` is called.

    A node that is opened takes the player to the last cut before it; a step takes the graph to the node at which the
    run began, or, at a cut, to the node that it leaves.
    The record lab shows the two places as the flash is at the step; what a hand changes there stays in the lab.
    """
    return ViewLink(player, graph, records)


class ViewLink:
    """The link between a player and other views; it is made by `link`."""

    def __init__(self, player: PlayedView, graph: CrashGraphView | None, records: SequencerLab | None) -> None:
        if graph is None and records is None:
            raise BadInput("nothing to link: name a crash graph or a record lab beside the player")
        self._player, self._graph, self._records = player, graph, records
        self._moving = False
        self._heard: list[tuple[Any, Callable[[Any], None], list[str]]] = []
        if graph is not None:
            self._check_graph(graph)
            self._ends = CutEnds(graph.graph)
            self._hear(graph, self._opened, ["node"])
        if records is not None:
            self._check_records()
        self._hear(player, self._stepped, ["design", "image", "faults", "choices", "cuts", "step"])
        self._stepped()

    def unlink(self) -> None:
        """Let each go its own way again."""
        for view, heard, names in self._heard:
            view.unobserve(heard, names)
        self._heard.clear()

    def _hear(self, view: Any, heard: Callable[[Any], None], names: list[str]) -> None:
        view.observe(heard, names)
        self._heard.append((view, heard, names))

    def _check_graph(self, graph: CrashGraphView) -> None:
        if not self._fits(graph):
            raise BadInput(f"the crash graph is of something else than what is played: {self._player.caption}")

    def _fits(self, graph: CrashGraphView) -> bool:
        wrecks = graph.wrecks
        return (wrecks.scenario, wrecks.faults.name) == (self._player.scenario, self._player.model.name)

    def _check_records(self) -> None:
        design = self._player.scenario.device.records
        if design is None or len(self._places()) != 2 or "sequencer" not in store.codec(design).names:
            raise BadInput(f"a record lab shows two numbered records, and this keeps none: {self._player.caption}")

    def _places(self) -> tuple[int, ...]:
        device = self._player.scenario.device
        return () if device.records is None else store.places(device.board, device.records)

    def _opened(self, _change: object = None) -> None:
        """Take the player to the node that was opened."""
        graph = self._graph
        assert graph is not None
        if self._moving or graph.node is None or not self._fits(graph):
            return
        self._moving = True
        try:
            choices, cuts = graph.choices, graph.history
            self._player.cuts = []  # those of another way may not be possible under other chances
            self._player.choices = choices
            self._player.cuts = cuts
            self._show_records()
        finally:
            self._moving = False

    def _stepped(self, _change: object = None) -> None:
        """Take the others to where the player stands."""
        if self._moving:
            return
        self._moving = True
        try:
            if self._graph is not None:
                self._graph.node = self._node() if self._fits(self._graph) else None
            self._show_records()
        finally:
            self._moving = False

    def _node(self) -> int | None:
        return self._ends.node_at(self._player.life, self._player.step)

    def _show_records(self) -> None:
        if self._records is None or len(places := self._places()) != 2:
            return
        device = self._player.scenario.device
        assert device.records is not None
        size = store.codec(device.records).size
        with self._records.hold_sync():
            self._records.design = self._player.design
            for name, address in zip(("first", "second"), places, strict=True):
                setattr(self._records, name, self._player.flash.read(address, size))

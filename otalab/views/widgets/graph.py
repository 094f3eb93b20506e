"""The crash graph to look around in: what a power-on finds at each node, and how a device comes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from otalab.errors import OtalabError
from otalab.graph.check import Cell
from otalab.graph.crash_graph import CrashGraph
from otalab.text import number_of
from otalab.views.graph_rows import LOOKS, SINGLY, GraphEdge, GraphNode, layered, nodes, places, ways, worst
from otalab.views.modules import SIGNS, joined
from otalab.views.still import Picture, table
from otalab.views.style import styled
from otalab.views.view import View
from otalab.views.widgets.wrecks import Wrecks

if TYPE_CHECKING:
    from otalab.numbers.study import Study  # a browser's tab has no studies

STATIC = Path(__file__).parent
TALL = 24  # nodes above each other, beyond which nobody sees them all
NAMED = 40  # nodes of a group that are listed; one finds the others by number


class CrashGraphView(View):
    """The crash graph of a cell or a study, by layers of cuts; a large one as groups of nodes.

    `node` is the node that was opened last, `history` the cuts that lead there: `[run, effect, tear]` each, and
    `choices` what chance decides on the way, in digits, as the player takes them.
    `node` may be set; the others follow.
    More than 60 nodes, or more than 24 in a layer, are large; `grouped` decides it otherwise.
    `on_open` is called with the history whenever a node is opened by hand, or by `goto`.
    """

    _esm = joined(SIGNS, STATIC / "graph.js")
    _css = styled(STATIC / "graph.css")

    PLACE = ("node",)
    node = traitlets.Int(None, allow_none=True).tag(sync=True)
    history: traitlets.List[Any] = traitlets.List().tag(sync=True)
    choices: traitlets.List[str] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    words: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)

    summary = traitlets.Unicode().tag(sync=True)
    layers = traitlets.Int(1).tag(sync=True)
    nodes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    edges: traitlets.List[Any] = traitlets.List().tag(sync=True)
    groups: traitlets.List[Any] = traitlets.List().tag(sync=True)
    looks = traitlets.Dict(LOOKS).tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        of: Cell | Study,
        *,
        on_open: Callable[[list[Any]], None] | None = None,
        grouped: bool | None = None,
        **traits: Any,
    ) -> None:
        faults = of.faults if isinstance(of, Cell) else of.model
        self._wrecks = Wrecks(of.scenario, faults, of.graph)
        self._on_open = on_open
        super().__init__(**traits)
        between = ways(of.graph, None if isinstance(of, Cell) else of.weighed.passages.tolist())
        drawn = nodes(of.graph, between)
        layers = layered(drawn)
        with self.hold_sync():
            self.summary = _summary(of)
            self.layers = len(layers)
            if _large(layers) if grouped is None else grouped:
                self.groups = group_rows(layers)
            else:
                self.nodes, self.edges = node_rows(drawn), edge_rows(between)

    @property
    def graph(self) -> CrashGraph:
        """The graph that is shown."""
        return self._wrecks.graph

    @property
    def wrecks(self) -> Wrecks:
        """What lies in flash at each node, for functions of the lab."""
        return self._wrecks

    def tell(self, node: int) -> list[str]:
        """Return, and show, what a power-on finds at a node, in words."""
        lines = self._wrecks.words(node)
        self.words = {"node": node, "lines": lines}
        return lines

    def goto(self, node: int) -> list[Any]:
        """Go to a node, hand the cuts that lead there to `on_open`, and return them."""
        self.node = node
        if self._on_open is not None:
            self._on_open(self.history)
        return self.history

    @traitlets.validate("node")
    def _existing(self, proposal: Any) -> int | None:
        node: int | None = proposal["value"]
        if node is not None:
            self._wrecks.legs(node)
        return node

    @traitlets.observe("node")
    def _moved(self, _change: object) -> None:
        legs = () if self.node is None else self._wrecks.legs(self.node)
        with self.hold_sync():
            self.problem = ""
            self.history = [[number, leg.step, leg.tear] for number, leg in enumerate(legs) if leg.step is not None]
            self.choices = [leg.choices for leg in legs]
            if self.node is not None:
                self.tell(self.node)
        self._moved_on()

    def still(self) -> Picture:
        """Return what the view says, and its nodes or groups as a table."""
        lines = [self.summary, *(self.words.get("lines", []) if self.node is not None else [])]
        if self.groups:
            return Picture(
                lines, tables=[table("groups of nodes", ["group"], [(group["name"],) for group in self.groups])]
            )
        rows = [(row["node"], number_of(row["layer"], "cut"), row["ends"]) for row in self.nodes]
        return Picture(lines, tables=[table("nodes", ["node", "after", "ends that can follow"], rows)])

    def _asked(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Answer the browser; what is wrong with a wish is told there, in one line."""
        try:
            match content:
                case {"tell": int(node)}:
                    self.tell(node)
                case {"open": int(node)}:
                    self.goto(node)
        except OtalabError as error:
            self.problem = str(error)


def node_rows(drawn: Sequence[GraphNode]) -> list[dict[str, Any]]:
    """Return what is drawn of each node: its place, its look, and a name to be read aloud."""
    placed = places(drawn)
    lowest = max((y for _, y in placed.values()), default=0.0)
    rows = []
    for row in drawn:
        x, y = placed[row.node]
        name = f"node {row.node}, {number_of(row.layer, 'cut')}, {', '.join(row.ends.split())}"
        at = {"node": row.node, "layer": row.layer, "x": round(x, 3), "y": round(lowest - y, 3)}
        rows.append(at | {"end": worst(row.ends), "ends": row.ends, "name": name})
    return rows


def edge_rows(between: Sequence[GraphEdge]) -> list[dict[str, Any]]:
    """Return what is drawn of each way between two nodes, with its words."""
    return [
        {"source": way.source, "target": way.target, "kind": way.kind, "tears": way.tears, "words": _way(way)}
        for way in between
    ]


def group_rows(layers: Sequence[Sequence[GraphNode]]) -> list[dict[str, Any]]:
    """Return nodes in groups: one for each layer and end, with the numbers of the first."""
    groups: dict[tuple[int, str], list[int]] = {}
    for layer, column in enumerate(layers):
        for node in column:
            groups.setdefault((layer, worst(node.ends)), []).append(node.node)
    ends = [end for end in LOOKS if any(end == met for _, met in groups)]
    rows = []
    for (layer, end), group in sorted(groups.items()):
        name = f"{number_of(len(group), 'node')}, {number_of(layer, 'cut')}, {end}"
        at = {"layer": layer, "row": ends.index(end), "end": end, "count": len(group)}
        rows.append(at | {"nodes": group[:NAMED], "name": name})
    return rows


def _large(layers: Sequence[Sequence[GraphNode]]) -> bool:
    return sum(map(len, layers)) > SINGLY or max(map(len, layers)) > TALL


def _way(way: GraphEdge) -> str:
    led = f"node {way.source} to node {way.target}"
    often = "" if way.expected is None else f" Expected {way.expected:.3g} times per update."
    if way.kind == "reset":
        return f"Reset, {led}: the device does it itself, no cut.{often}"
    rest = len(way.effects) - len(way.erases) - len(way.programs)
    kinds = ((len(way.erases), "erase"), (len(way.programs), "program"), (rest, "wait"))
    effects = ", ".join(number_of(count, name) for count, name in kinds if count)
    tears, phases = number_of(way.tears, "tear"), ", ".join(way.phases)
    return f"Cut, {led}: {tears} of {effects} ({phases}); the first is {way.first}.{often}"


def _summary(of: Cell | Study) -> str:
    graph = of.graph
    name = of.case.text if isinstance(of, Cell) else f"{of.design.name}/{of.board.name}/{of.faults}/{of.image}"
    closed = "closed: nothing else can happen" if graph.closed else "not closed: there may be more"
    return f"{name}: {graph.nodes:,} nodes, {graph.wrecks:,} wrecks; {graph.verdict}, {closed}."

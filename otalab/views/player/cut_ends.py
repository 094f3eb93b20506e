"""How a cut in each effect of a life ends, looked up in the closed crash graph of what is played: nothing is run."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from otalab.bench.ends import ENDS, SEVERITY
from otalab.graph.crash_graph import NO_END, RESET, CrashGraph
from otalab.graph.history import Played
from otalab.text import number_of
from otalab.views.player.life import PlayedLife
from otalab.views.style import END_SIGNS

LABELS = 4
RANKS = (*SEVERITY, *(end for end in ENDS if end not in SEVERITY))  # the worst first
NO_EFFECT, NOT_KNOWN = -1, -2


class CutEnds:
    """The ends of cuts, by run and effect of a closed graph."""

    def __init__(self, graph: CrashGraph) -> None:
        self.graph = graph
        # Columns and not arrays: a browser's tab has no numpy.
        self._columns: Mapping[str, array[int]] = graph.columns
        column = self._columns
        runs = zip(column["run_node"], graph.run_choices, strict=True)
        self._runs = {key: number for number, key in enumerate(runs)}
        self._edges: dict[tuple[int, int], list[int]] = {}
        for edge, place in enumerate(zip(column["edge_run"], column["edge_step"], strict=True)):
            self._edges.setdefault(place, []).append(edge)

    def along(self, life: PlayedLife) -> dict[str, Any]:
        """Return for each position of a life how a cut there ends, as the browser gets it: each answer once."""
        patterns: dict[tuple[tuple[Any, ...], ...], int] = {}
        at: list[int] = []
        for run, played in zip(self._runs_of(life), life.played, strict=True):
            for step in played.steps:
                rows = () if run is None else tuple(self._rows(run, step.number))
                at.append(patterns.setdefault(rows, len(patterns)) if rows else NOT_KNOWN)
            at += [NO_EFFECT] * (played.leg.step is None)
        ends = sorted({row[0] for rows in patterns for row in rows}, key=RANKS.index)
        return {"ends": ends, "signs": END_SIGNS, "patterns": [*patterns], "at": at}

    def _rows(self, run: int, step: int) -> Iterator[tuple[Any, ...]]:
        """Yield for each end of a cut, the worst first: its name, how many tears, in words what they are, and labels.

        With it comes what more cuts can make of it, at worst.
        """
        graph = self.graph
        classes: dict[tuple[str, str], list[int]] = {}
        for edge in self._edges.get((run, step), ()):
            target = self._columns["edge_target"][edge]
            classes.setdefault((self._end(target), self._at_worst[target]), []).append(edge)
        for (end, worst), edges in sorted(classes.items(), key=lambda row: [*map(RANKS.index, row[0])]):
            labels = [graph.labels[self._columns["edge_label"][edge]] for edge in edges]
            count = sum(self._columns["edge_count"][edge] for edge in edges)
            words = number_of(count, "tear") + (f", {len(edges)} classes" if len(edges) > 1 else "")
            yield end, worst, words, tuple(labels[:LABELS])

    def _end(self, node: int) -> str:
        """Return how a device ends that no more cuts meet; where chance decides, the worst that it can come to."""
        return min(self._ends(node, set()), key=RANKS.index)

    def _ends(self, node: int, past: set[int]) -> Iterator[str]:
        past.add(node)
        if node in self.graph.stuck:
            yield "stuck"
            return
        for run in self._of_node[node]:
            if (end := self._columns["run_end"][run]) != NO_END:
                yield ENDS[end]
            elif (target := self._after_reset(run)) not in past:
                yield from self._ends(target, past)

    @cached_property
    def _of_node(self) -> list[list[int]]:
        runs: list[list[int]] = [[] for _ in range(self.graph.nodes)]
        for run, node in enumerate(self._columns["run_node"]):
            runs[node].append(run)
        return runs

    def _after_reset(self, run: int) -> int:
        return int(self._columns["edge_target"][self._edges[run, RESET][0]])

    @cached_property
    def _at_worst(self) -> dict[int, str]:
        """For each node the worst end that any more cuts can lead to."""
        before: dict[int, list[int]] = {}
        for run, target in zip(self._columns["edge_run"], self._columns["edge_target"], strict=True):
            before.setdefault(target, []).append(self._columns["run_node"][run])
        worst: dict[int, str] = {}
        for end in RANKS:
            waiting = [node for node in range(self.graph.nodes) if end in self._ends(node, set())]
            while waiting:
                if (node := waiting.pop()) not in worst:
                    worst[node] = end
                    waiting += before.get(node, ())
        return worst

    def _runs_of(self, life: PlayedLife) -> Iterator[int | None]:
        """Yield which run of the graph each run of a life is; `None` once a cut left what its class is not named by."""
        node: int | None = 0
        for played in life.played:
            run = None if node is None else self._runs.get((node, played.leg.choices))
            yield run
            node = None if run is None else self._after(run, played)

    def _after(self, run: int, played: Played) -> int | None:
        """Return the node that a run of a life leads to, by its cut or by its reset."""
        step = played.leg.step
        edges = self._edges.get((run, RESET if step is None else step), [])
        targets = {self._columns["edge_target"][edge] for edge in edges}
        # Of a search that was broken off a cut may lead to more nodes than those that were met.
        if len(targets) == 1 and (step is None or self.graph.closed):
            return targets.pop()
        # A class of tears is known by its first one; which class another tear is of, the graph does not keep.
        named = [edge for edge in edges if self.graph.labels[self._columns["edge_label"][edge]] == played.leg.tear]
        return int(self._columns["edge_target"][named[0]]) if named else None

    def node_at(self, life: PlayedLife, position: int) -> int | None:
        """Return the node at which the run of a position begins, or, at a cut, the one that it leaves; if known."""
        number, _ = life.at(position)
        run = [*self._runs_of(life)][number]
        if run is None:
            return None
        return self._after(run, life.played[number]) if life.torn(position) else int(self._columns["run_node"][run])

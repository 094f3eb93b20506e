"""The crash graph: what a search found, as a frozen value of plain columns, which are arrays for whoever asks.

Nodes are numbered, node 0 is where the device was shipped.
A run belongs to a node; an edge belongs to a run, at a step (`RESET`: the device reset itself at the run's end).
"""

from __future__ import annotations

import heapq
import json
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from otalab.bench.ends import BAD, ENDS
from otalab.errors import BadInput
from otalab.files import MADE, write_whole
from otalab.graph.arrays import as_column
from otalab.graph.columns import KINDS, GraphTable
from otalab.graph.history import History, Leg
from otalab.summary import Summary
from otalab.text import number_of

RESET = -1
NO_END = -1
NOTHING = -1  # is erased


@dataclass(frozen=True, repr=False)
class CrashGraph(GraphTable, Summary):
    """A graph of `nodes` nodes; columns named `run_…` have one entry per run, those named `edge_…` one per edge.

    `columns` holds them by name, and each of them is an array under its own name.

    `node_followed` says of which nodes every cut was followed: of all of them, if the graph is closed.
    `run_unerased` is the first effect of a run that programs over flash that is not erased, or -1.
    `run_choices` and `run_reason` are texts, `edge_label` and `edge_phase` index into `labels` and `phases`.
    `edge_count` is the number of tears that lead along an edge, `edge_weights` their probability under each member of
    the fault model, given that the supply fails in that effect; `members` names them and `shares` is the share that
    each has in the model.
    `obstacle`: of a graph that is not closed, in words, what it has too many of; `ended_by`: what its
    search has run out of (nodes, seconds or memory), or that somebody interrupted it.
    `edge_seconds` is the effect's duration, `edge_erased` the sector that it erases, or -1.
    """

    closed: bool
    nodes: int
    expanded: int
    lookups: int
    columns: Mapping[str, array[Any]]
    run_choices: tuple[str, ...]
    run_reason: tuple[str, ...]
    labels: tuple[str, ...]
    phases: tuple[str, ...]
    members: tuple[str, ...]
    shares: tuple[float, ...]
    obstacle: str = ""
    ended_by: str = ""

    @property
    def wrecks(self) -> int:
        """How many torn contents were judged; those settled in bulk are among them."""
        return sum(self.columns["edge_count"])

    @property
    def fired(self) -> int:
        """How many cuts really fired in an erase or a program; a search without any says nothing."""
        waits = {number for number, label in enumerate(self.labels) if label in ("cut", "reset")}
        counts = zip(self.columns["edge_count"], self.columns["edge_label"], strict=True)
        return sum(count for count, label in counts if label not in waits)

    @cached_property
    def stuck(self) -> frozenset[int]:
        """The nodes from which the device resets for ever: no end is reachable without a cut."""
        # A reset that was not followed may lead anywhere.
        nodes, resets = self.columns["run_node"], self._resets
        followed = {run for run, _ in resets}
        ends = {nodes[run] for run, end in enumerate(self.columns["run_end"]) if end != NO_END or run not in followed}
        # Nor is anything known of what nobody ran.
        ends |= set(range(self.nodes)) - set(nodes)
        before: dict[int, list[int]] = {}
        for run, target in resets:
            before.setdefault(target, []).append(nodes[run])
        waiting = list(ends)
        while waiting:
            for source in before.get(waiting.pop(), ()):
                if source not in ends:
                    ends.add(source)
                    waiting.append(source)
        return frozenset(range(self.nodes)) - ends

    @cached_property
    def histories(self) -> dict[str, History]:
        """The shortest history of every end: fewest cuts, then earliest."""
        shortest: dict[str, History] = {}
        for node, legs in self.legs_to.items():
            for end, run in self._ends_of(node):
                if end not in shortest:
                    reason = self._loop(node) if end == "stuck" else self.run_reason[run]
                    shortest[end] = History((*legs, Leg(self.run_choices[run])), end, reason)
        return shortest

    @cached_property
    def legs_to(self) -> dict[int, tuple[Leg, ...]]:
        """The shortest way to every node, the nearest node first: fewest cuts, then earliest.

        Distances are computed here, on the finished graph: a merge that was undone can have hidden or invented a path.
        """
        nearest: dict[int, tuple[Leg, ...]] = {}
        # Ordered by the number of cuts and by where they fell; then first come, first served.
        ticket = count()
        waiting: list[tuple[int, tuple[Any, ...], int, int, int, tuple[Leg, ...]]] = [(0, (), next(ticket), 0, 0, ())]
        while waiting:
            cuts, where, _, number, node, legs = heapq.heappop(waiting)
            if node in nearest:
                continue
            nearest[node] = legs
            for run, step, label, phase, target in self._ways(node):
                if target in nearest:
                    continue
                cut = step != RESET
                leg = Leg(self.run_choices[run], step, label, phase) if cut else Leg(self.run_choices[run])
                fell = (*where, (number, step)) if cut else where
                heapq.heappush(waiting, (cuts + cut, fell, next(ticket), number + 1, target, (*legs, leg)))
        return nearest

    def loop(self, node: int = 0) -> list[int]:
        """Return the runs of the round that a stuck device goes through for ever on steady power, from a node on."""
        if node not in self.stuck:
            raise BadInput(f"node {node}: on steady power this device comes to an end, it does not reset for ever")
        nodes = self.columns["run_node"]
        follows = {nodes[run]: (run, target) for run, target in self._resets}
        way: list[int] = []
        while node not in way:
            way.append(node)
            node = follows[node][1]
        return [follows[wreck][0] for wreck in way[way.index(node) :]]

    def _loop(self, node: int) -> str:
        """Say why a device resets for ever, and what a round of that costs, in resets and in erased sectors."""
        runs = self.loop(node)
        erases = sum(self.columns["run_erases"][run] for run in runs)
        resets = number_of(len(runs), "reset")
        return f"{self.run_reason[runs[-1]]}; one round is {resets} and erases {number_of(erases, 'sector')}"

    @cached_property
    def _resets(self) -> list[tuple[int, int]]:
        """Each reset that was followed: the run at whose end it is, and the node that it leads to."""
        rows = zip(*(self.columns[name] for name in ("edge_step", "edge_run", "edge_target")), strict=True)
        return [(run, target) for step, run, target in rows if step == RESET]

    def _ends_of(self, node: int) -> Iterator[tuple[str, int]]:
        for run in self._runs[node]:
            if node in self.stuck:
                yield "stuck", run
            elif (end := self.columns["run_end"][run]) != NO_END:
                yield ENDS[end], run

    @cached_property
    def _runs(self) -> list[list[int]]:
        runs: list[list[int]] = [[] for _ in range(self.nodes)]
        for run, node in enumerate(self.columns["run_node"]):
            runs[node].append(run)
        return runs

    @cached_property
    def _first_edges(self) -> list[list[int]]:
        """For each node, the earliest edge of each run to each target."""
        first: list[dict[tuple[int, int], int]] = [{} for _ in range(self.nodes)]
        nodes, rows = self.columns["run_node"], zip(self.columns["edge_run"], self.columns["edge_target"], strict=True)
        for edge, (run, target) in enumerate(rows):
            first[nodes[run]].setdefault((run, target), edge)
        return [list(edges.values()) for edges in first]

    def _ways(self, node: int) -> Iterator[tuple[int, int, str, str, int]]:
        columns = [self.columns[f"edge_{name}"] for name in ("run", "step", "label", "phase", "target")]
        for edge in self._first_edges[node]:
            run, step, label, phase, target = (column[edge] for column in columns)
            yield run, step, self.labels[label], self.phases[phase], target

    def facts(self) -> Iterator[tuple[str, object]]:
        """Yield the verdict, and how much was looked at for it."""
        yield "verdict", self.verdict
        yield "nodes", f"{self.nodes}, {'closed' if self.closed else 'not closed'}"
        yield "wrecks", f"{self.wrecks:,}"
        yield "ends", " ".join(self.ends)

    @property
    def ends(self) -> list[str]:
        """Every end that was found, in the contract's order."""
        return [end for end in ENDS if end in self.histories]

    @property
    def verdict(self) -> str:
        """`unsafe` if a bad end is reachable, `safe` if none is and the graph is closed, else `open`."""
        if set(self.ends) & set(BAD):
            return "unsafe"
        return "safe" if self.closed else "open"

    @property
    def counterexample(self) -> History | None:
        """The shortest history over all bad ends: fewest cuts, then earliest."""
        bad = [self.histories[end] for end in self.ends if end in BAD]
        return min(bad, key=lambda history: history.order, default=None)

    @property
    def over_unerased(self) -> tuple[tuple[Leg, ...], int] | None:
        """The legs of the shortest history in whose last run flash that is not erased is programmed, and the effect."""
        for node, legs in self.legs_to.items():
            for run in self._runs[node]:
                if (step := self.columns["run_unerased"][run]) != NOTHING:
                    return (*legs, Leg(self.run_choices[run])), step
        return None

    def save(self, path: str | Path) -> None:
        """Write the graph to one `.npz` file."""
        write_whole(path, self.npz())

    def npz(self) -> bytes:
        """Return the graph as a `.npz` file holds it."""
        import numpy as np  # noqa: PLC0415  # a verdict needs none

        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*_TEXTS, "columns")}
        arrays |= {name: getattr(self, name) for name in KINDS}
        texts = json.dumps({name: getattr(self, name) for name in _TEXTS})
        np.savez_compressed(file := BytesIO(), texts=np.frombuffer(texts.encode(), np.uint8), **arrays)
        with ZipFile(file, "a") as archive:
            archive.comment = MADE.encode()
        return file.getvalue()

    @classmethod
    def load(cls, path: str | Path) -> CrashGraph:
        """Read a graph from its file."""
        import numpy as np  # noqa: PLC0415  # a verdict needs none

        try:
            with np.load(path, allow_pickle=False) as stored:
                texts = json.loads(stored["texts"].tobytes())
                arrays = {name: stored[name] for name in stored.files if name != "texts"}
        except (OSError, ValueError, KeyError) as error:
            raise BadInput(f"{path}: not a stored crash graph: {error}") from error
        stored_as: dict[str, Any] = {name: array.item() for name, array in arrays.items() if not array.ndim}
        stored_as["columns"] = {name: as_column(KINDS[name], array) for name, array in arrays.items() if array.ndim}
        stored_as |= {name: tuple(text) if isinstance(text, list) else text for name, text in texts.items()}
        return cls(**stored_as)


_TEXTS = ("run_choices", "run_reason", "labels", "phases", "members", "shares", "obstacle", "ended_by")

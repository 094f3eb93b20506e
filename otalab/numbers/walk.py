"""Walks: the crash graph as devices go through it, each way with its probability.

The supply fails as a Poisson process.
Its rate times the duration of an effect is the effect's *hazard*; one of hazard h is interrupted with probability
1 - exp(-h), and the fault model says what is left of it.
The rate may differ from phase to phase; hazards add up all the same, so everything is counted in them.

Whatever answers "how likely" reads this one table: the exact chain, the walk of one device, the crowd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.graph.arrays import Floats, Ints
from otalab.graph.crash_graph import NO_END, NOTHING, RESET, CrashGraph
from otalab.numbers.markov import absorption
from otalab.numbers.rates import Rates

ENDINGS = (*ENDS, "open")  # open: what follows was not explored
OPEN = len(ENDS)


@dataclass(frozen=True)
class Runs:
    """The runs of a crash graph, with the effects of each in order.

    Run r has the effects `run_effect[r]` to `run_effect[r + 1]`.
    An effect has a duration (seconds), a rate (failures per second), a hazard, the same two summed over those before
    it in its run, the sector it erases (or -1) and a phase.
    It has the tears `effect_tear[e]` to `effect_tear[e + 1]`; `tear_edge` is the edge of the graph that each makes.
    """

    run_effect: Ints
    effect_run: Ints
    seconds: Floats
    seconds_before: Floats
    rate: Floats
    hazard: Floats
    hazard_before: Floats
    erased: Ints
    phase: Ints
    effect_tear: Ints
    tear_edge: Ints

    @classmethod
    def of(cls, graph: CrashGraph, rates: Rates) -> Runs:
        """Return the runs of a graph, at these rates."""
        edges = np.flatnonzero(graph.edge_step != RESET)
        run, step = graph.edge_run[edges], graph.edge_step[edges]
        # An effect has one edge for each class of its tears; they stand together.
        first = np.flatnonzero((np.diff(run, prepend=-1) != 0) | (np.diff(step, prepend=-1) != 0))
        edge, run = edges[first], run[first]
        bounds = np.searchsorted(run, np.arange(len(graph.run_node) + 1))
        # A wait without end is the rest after the end.
        seconds = np.where(np.isfinite(graph.edge_seconds[edge]), graph.edge_seconds[edge], 0.0)
        rate = np.array([rates.per_second(phase) for phase in graph.phases])[graph.edge_phase[edge]]
        return cls(
            run_effect=bounds,
            effect_run=run,
            seconds=seconds,
            seconds_before=_sum_before(seconds, bounds),
            rate=rate,
            hazard=rate * seconds,
            hazard_before=_sum_before(rate * seconds, bounds),
            erased=graph.edge_erased[edge],
            phase=graph.edge_phase[edge],
            effect_tear=np.append(first, len(edges)),
            tear_edge=edges,
        )

    @cached_property
    def run_seconds(self) -> Floats:
        return self._per_run(self.seconds)

    @cached_property
    def run_hazard(self) -> Floats:
        return self._per_run(self.hazard)

    @cached_property
    def run_erases(self) -> Ints:
        return self._per_run(self.erased != NOTHING).astype(np.int64)

    @cached_property
    def erases(self) -> Ints:
        """How many erases of its run have begun once each effect has."""
        begun = (self.erased != NOTHING).astype(np.float64)
        return np.asarray(_sum_before(begun, self.run_effect) + begun, np.int64)

    @cached_property
    def cut_by(self) -> Floats:
        """The probability that a run is interrupted before each of its effects is over."""
        return np.asarray(-np.expm1(-(self.hazard_before + self.hazard)))

    @cached_property
    def cut_in(self) -> Floats:
        """The probability that a run is interrupted in each of its effects."""
        return np.asarray(np.exp(-self.hazard_before) * -np.expm1(-self.hazard))

    @cached_property
    def seconds_if_cut(self) -> Floats:
        """The expected seconds that pass in each effect, given that it is interrupted."""
        h = self.hazard
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            share = 1 / h - 1 / np.expm1(h)
        # The difference loses its digits where h is small; there the series has them.
        return np.asarray(self.seconds * np.where(h < 0.01, 0.5 - h / 12 + h**3 / 720, share))

    def _per_run(self, per_effect: NDArray[np.bool_] | Floats) -> Floats:
        return np.asarray(np.bincount(self.effect_run, per_effect, len(self.run_effect) - 1), np.float64)


@dataclass(frozen=True, eq=False)  # one walk is itself alone, and may be looked up
class Walk:
    """What a device can go through: in each *state* it takes one of a few *legs*, each a run and its way on.

    State s stands for the node `state_node[s]` and has the legs `state_leg[s]` to `state_leg[s + 1]`.
    A leg is taken with its probability, is interrupted with probability `leg_cut`, and leads to `leg_through` with
    probability `leg_on`; `leg_run` is its run.
    Given that its effect is interrupted, a tear has probability `tear_weight` and leads to `tear_target`.
    What leads somewhere names a state, or an ending as the number of states plus its place in `ENDINGS`; so is `start`.
    """

    runs: Runs
    phases: tuple[str, ...]
    start: int
    state_node: Ints
    state_leg: Ints
    leg_run: Ints
    leg_probability: Floats
    leg_cut: Floats
    leg_on: Floats
    leg_through: Ints
    tear_weight: Floats
    tear_target: Ints
    given: float = 1.0  # the probability of what is taken as given

    @property
    def states(self) -> int:
        return len(self.state_node)

    @cached_property
    def leg_state(self) -> Ints:
        """The state that each leg belongs to."""
        return np.repeat(np.arange(self.states), np.diff(self.state_leg))

    @cached_property
    def place_leg(self) -> Ints:
        """The leg of each *place*: every effect of every leg is one, in order."""
        return _unrolled(self.runs.run_effect, self.leg_run)[0]

    @cached_property
    def place_effect(self) -> Ints:
        """The effect at each place."""
        return _unrolled(self.runs.run_effect, self.leg_run)[1]

    @cached_property
    def place_cut(self) -> Floats:
        """The probability, each time its state is visited, that the supply fails at each place."""
        whole = -np.expm1(-self.runs.run_hazard[self.leg_run])
        share = _shares(self.leg_probability * self.leg_cut, whole)
        return np.asarray(share[self.place_leg] * self.runs.cut_in[self.place_effect])

    @cached_property
    def place_passed(self) -> Floats:
        """The probability, each time its state is visited, that the effect at each place is carried out to its end."""
        bounds = np.searchsorted(self.place_leg, np.arange(len(self.leg_run) + 1))
        later = _sum_before(self.place_cut[::-1], len(self.place_cut) - bounds[::-1])[::-1]
        return np.asarray((self.leg_probability * self.leg_on)[self.place_leg] + later)

    @cached_property
    def torn(self) -> tuple[Ints, Ints, Floats]:
        """Every tear at every place: its place, the tear, and its probability each time the state is visited."""
        place, tear = _unrolled(self.runs.effect_tear, self.place_effect)
        return place, tear, self.place_cut[place] * self.tear_weight[tear]

    @cached_property
    def chain(self) -> csr_array:
        """The absorbing chain: the states, then one for each of `ENDINGS`."""
        place, tear, probability = self.torn
        size = self.states + len(ENDINGS)
        ends = np.arange(self.states, size)
        source = np.concatenate([self.leg_state[self.place_leg[place]], self.leg_state, ends])
        target = np.concatenate([self.tear_target[tear], self.leg_through, ends])
        weight = np.concatenate([probability, self.leg_probability * self.leg_on, np.ones(len(ends))])
        return csr_array(coo_array((weight, (source, target)), (size, size)).tocsr())


def walk(graph: CrashGraph, rates: Rates, shares: Sequence[float] | None = None, *, given_cut: bool = False) -> Walk:
    """Weigh a crash graph.

    `shares` are those of the members of the fault model, in their order; the model's own if not given.
    With `given_cut`, only devices that meet a cut before their end are looked at: `Walk.given` says how many do.
    """
    stuck = np.zeros(graph.nodes, bool)
    stuck[list(graph.stuck)] = True
    inner = np.flatnonzero(graph.node_followed & ~stuck)
    code = np.full(graph.nodes, len(inner) + OPEN)
    code[stuck] = len(inner) + ENDS.index("stuck")
    code[inner] = np.arange(len(inner))
    resets = graph.edge_step == RESET
    through = len(inner) + graph.run_end
    through[graph.edge_run[resets]] = code[graph.edge_target[resets]]
    assert (through[(graph.run_end == NO_END) & (code[graph.run_node] < len(inner))] >= 0).all()

    runs = Runs.of(graph, rates)
    legs = np.flatnonzero(code[graph.run_node] < len(inner))
    plain = Walk(
        runs=runs,
        phases=graph.phases,
        start=int(code[0]),
        state_node=inner,
        state_leg=np.searchsorted(code[graph.run_node[legs]], np.arange(len(inner) + 1)),
        leg_run=legs,
        leg_probability=graph.run_probability[legs],
        leg_cut=np.asarray(-np.expm1(-runs.run_hazard[legs])),
        leg_on=np.exp(-runs.run_hazard[legs]),
        leg_through=through[legs],
        tear_weight=graph.edge_weights[runs.tear_edge] @ np.array(graph.shares if shares is None else shares),
        tear_target=code[graph.edge_target[runs.tear_edge]],
    )
    return _given_cut(plain) if given_cut else plain


def _given_cut(plain: Walk) -> Walk:
    """Return the walk of those devices that meet a cut: states before the first one are told from those after it.

    In a state before the first cut a leg weighs what it can still do for it: it is interrupted, or leads on to where
    a cut is still to come.  Nothing is subtracted, so that this holds however rare cuts are.
    """
    before = [plain.start] if plain.start < plain.states else []
    for state in before:
        ways = plain.leg_through[plain.state_leg[state] : plain.state_leg[state + 1]].tolist()
        before += [way for way in dict.fromkeys(ways) if way < plain.states and way not in before]
    chance = _chances(plain, before)
    if not before:
        raise BadInput(f"given a cut: this device comes to `{ENDINGS[plain.start - plain.states]}` before any can fall")
    if not chance[0]:
        raise BadInput("given a cut: none can happen here at this rate; a higher rate is needed")
    place = {state: number for number, state in enumerate(before)}
    bounds = [slice(plain.state_leg[state], plain.state_leg[state + 1]) for state in before]
    legs = np.concatenate([np.arange(one.start, one.stop) for one in bounds])
    ahead = np.array([chance[place[way]] if way in place else 0.0 for way in plain.leg_through[legs].tolist()])
    on = plain.leg_on[legs] * ahead
    worth = plain.leg_cut[legs] + on
    probability = plain.leg_probability[legs] * worth
    owner = np.repeat(np.arange(len(before)), [one.stop - one.start for one in bounds])
    states, more = plain.states, len(before)

    def shifted(target: Ints) -> Ints:
        return np.where(target >= states, target + more, target)

    follow = [states + place[way] if way in place else way + more for way in plain.leg_through[legs].tolist()]
    return Walk(
        runs=plain.runs,
        phases=plain.phases,
        start=states,
        state_node=np.append(plain.state_node, plain.state_node[before]),
        state_leg=np.append(plain.state_leg, len(plain.leg_run) + np.cumsum(np.bincount(owner, minlength=more))),
        leg_run=np.append(plain.leg_run, plain.leg_run[legs]),
        leg_probability=np.append(plain.leg_probability, probability / np.array(chance)[owner]),
        leg_cut=np.append(plain.leg_cut, _shares(plain.leg_cut[legs], worth)),
        leg_on=np.append(plain.leg_on, _shares(on, worth)),
        leg_through=np.append(shifted(plain.leg_through), follow),
        tear_weight=plain.tear_weight,
        tear_target=shifted(plain.tear_target),
        given=chance[0],
    )


def _chances(plain: Walk, before: list[int]) -> list[float]:
    """Return for each of these states the probability that a cut comes before the end."""
    cut, over = len(before), len(before) + 1
    place = {state: number for number, state in enumerate(before)}
    matrix = np.zeros((len(before) + 2, len(before) + 2))
    matrix[cut, cut] = matrix[over, over] = 1.0
    for number, state in enumerate(before):
        for leg in range(plain.state_leg[state], plain.state_leg[state + 1]):
            matrix[number, cut] += plain.leg_probability[leg] * plain.leg_cut[leg]
            on = place.get(int(plain.leg_through[leg]), over)
            matrix[number, on] += plain.leg_probability[leg] * plain.leg_on[leg]
    return [float(absorption(matrix, number)[cut]) for number in range(len(before))]


def _shares(part: Floats, whole: Floats) -> Floats:
    """Return the quotients, and 0 of nothing."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _unrolled(bounds: Ints, which: Ints) -> tuple[Ints, Ints]:
    """Return for each of these stretches all its members: the place of the stretch in `which`, and the member."""
    length = bounds[which + 1] - bounds[which]
    owner = np.repeat(np.arange(len(which)), length)
    return owner, np.arange(len(owner)) + np.repeat(bounds[which] - (np.cumsum(length) - length), length)


def _sum_before(values: Floats, bounds: Ints) -> Floats:
    """Return for each value the sum of those before it in its own stretch."""
    before = np.zeros(len(values))
    # Stretch by stretch: a difference between sums over all of them would lose the digits of the small ones.
    for stretch in np.flatnonzero(np.diff(bounds) > 1).tolist():
        a, b = bounds[stretch], bounds[stretch + 1]
        np.cumsum(values[a : b - 1], out=before[a + 1 : b])
    return before

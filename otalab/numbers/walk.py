"""Walks: the crash graph as devices go through it, each way with its probability.

The supply fails as a Poisson process.
Its rate times the duration of an effect is the effect's *hazard*; one of hazard h is interrupted with probability
1 - exp(-h), and the fault model says what is left of it.
The rate may differ from phase to phase; hazards add up all the same, so everything is counted in them.

Whatever answers "how likely" reads this one table: the exact chain, the walk of one device, the crowd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.graph.arrays import Floats, Ints
from otalab.graph.crash_graph import NO_END, RESET, CrashGraph
from otalab.numbers.markov import absorption
from otalab.numbers.rates import Rates
from otalab.numbers.runs import Runs, sum_before
from otalab.numbers.sequels import NO_SEQUELS, Sampled, Sequels
from otalab.numbers.supplies import FINISHED

ENDINGS = (*ENDS, "open")  # open: what follows was not explored
OPEN = len(ENDS)


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
    # Legs that stand for all the rest of a sampled life have its number here, the others -1.
    lives: Sequels = NO_SEQUELS
    leg_life: Ints | None = None

    @cached_property
    def rest(self) -> Sequels:
        """What comes with each leg besides its run: of a sampled life all its rest, else nothing."""
        if self.leg_life is None:
            return Sequels.nothing(len(self.leg_run))
        return self.lives.taken(self.leg_life)

    @cached_property
    def leg_seconds(self) -> Floats:
        """How long each leg takes that is not interrupted."""
        seconds = self.runs.run_seconds[self.leg_run]
        return seconds if self.leg_life is None else np.asarray(seconds + self.rest.seconds.sum(axis=1))

    @cached_property
    def leg_erases(self) -> Floats | Ints:
        """How many erases each leg has that is not interrupted."""
        erases = self.runs.run_erases[self.leg_run]
        return erases if self.leg_life is None else np.asarray(erases + self.rest.erases)

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
        later = sum_before(self.place_cut[::-1], len(self.place_cut) - bounds[::-1])[::-1]
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


def walk(
    graph: CrashGraph,
    rates: Rates,
    shares: Sequence[float] | None = None,
    *,
    given_cut: bool = False,
    sampled: Sampled | None = None,
) -> Walk:
    """Weigh a crash graph.

    `shares` are those of the members of the fault model, in their order; the model's own if not given.
    With `given_cut`, only devices that meet a cut before their end are looked at: `Walk.given` says how many do.
    `sampled` says how devices go on where the graph ends; without it they are `open` there.
    """
    ahead = sampled.by_state() if sampled else []
    inner, code, through = _states(graph, ahead)
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
        tear_weight=_tear_weights(graph, runs, graph.shares if shares is None else shares),
        tear_target=code[graph.edge_target[runs.tear_edge]],
    )
    plain = _with_lives(plain, sampled.lives, ahead) if sampled else plain
    return _given_cut(plain) if given_cut else plain


def _tear_weights(graph: CrashGraph, runs: Runs, shares: Sequence[float]) -> Floats:
    """Return how likely each tear is, given that its effect is interrupted."""
    weights = graph.edge_weights[runs.tear_edge]
    torn = np.asarray(weights @ np.array(shares), np.float64)
    if FINISHED not in graph.members:
        return torn
    held = np.repeat(runs.finished, np.diff(runs.effect_tear))
    return np.asarray((1 - held) * torn + held * weights[:, graph.members.index(FINISHED)])


def _states(graph: CrashGraph, ahead: list[tuple[Ints, Ints, Floats]]) -> tuple[Ints, Ints, Ints]:
    """Return the nodes that are states, the code of every node, and that of where every run leads.

    Codes below the number of states are states, those from there on are ends.
    """
    stuck = np.zeros(graph.nodes, bool)
    stuck[list(graph.stuck)] = True
    inner = np.flatnonzero(graph.node_followed & ~stuck)
    states = len(inner) + len(ahead)
    code = np.full(graph.nodes, states + OPEN)
    code[stuck] = states + ENDS.index("stuck")
    code[inner] = np.arange(len(inner))
    for number, (nodes, _, _) in enumerate(ahead):
        code[nodes] = len(inner) + number
    resets = graph.edge_step == RESET
    through = states + graph.run_end
    through[graph.edge_run[resets]] = code[graph.edge_target[resets]]
    assert (through[(graph.run_end == NO_END) & (code[graph.run_node] < len(inner))] >= 0).all()
    return inner, code, through


def _with_lives(plain: Walk, lives: Sequels, ahead: list[tuple[Ints, Ints, Floats]]) -> Walk:
    """Return a walk that goes on with sampled lives where the graph ends: a state each, a leg for each of its lives."""
    life = np.concatenate([lives_of for _, lives_of, _ in ahead])
    runs, legs, more = plain.runs, len(plain.leg_run), len(life)
    states = plain.states + len(ahead)
    ends = np.cumsum([len(lives_of) for _, lives_of, _ in ahead])
    return replace(
        plain,
        # Their run has no effects.
        runs=replace(runs, run_effect=np.append(runs.run_effect, runs.run_effect[-1])),
        state_node=np.append(plain.state_node, [nodes[0] for nodes, _, _ in ahead]),
        state_leg=np.append(plain.state_leg, legs + ends),
        leg_run=np.append(plain.leg_run, np.full(more, len(runs.run_effect) - 1)),
        leg_probability=np.append(plain.leg_probability, np.concatenate([shares for _, _, shares in ahead])),
        leg_cut=np.append(plain.leg_cut, np.zeros(more)),
        leg_on=np.append(plain.leg_on, np.ones(more)),
        leg_through=np.append(plain.leg_through, states + lives.end[life]),
        lives=lives,
        leg_life=np.append(np.full(legs, -1), life),
    )


def _given_cut(plain: Walk) -> Walk:
    """Return the walk of those devices that meet a cut: states before the first one are told from those after it.

    In a state before the first cut a leg weighs what it can still do for it: it is interrupted, or leads on to where
    a cut is still to come.  Nothing is subtracted, so that this holds however rare cuts are.
    """
    before, chance = _before_a_cut(plain)
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
        lives=plain.lives,
        leg_life=None if plain.leg_life is None else np.append(plain.leg_life, plain.leg_life[legs]),
        tear_weight=plain.tear_weight,
        tear_target=shifted(plain.tear_target),
        given=chance[0],
    )


def _before_a_cut(plain: Walk) -> tuple[list[int], list[float]]:
    """Return the states in which no cut has come yet, and for each the probability that one comes before the end."""
    before = [plain.start] if plain.start < plain.states else []
    for state in before:
        ways = plain.leg_through[plain.state_leg[state] : plain.state_leg[state + 1]].tolist()
        before += [way for way in dict.fromkeys(ways) if way < plain.states and way not in before]
    chance = _chances(plain, before)
    if not before:
        raise BadInput(f"given a cut: this device comes to `{ENDINGS[plain.start - plain.states]}` before any can fall")
    if not chance[0]:
        raise BadInput("given a cut: none can happen here at this rate; a higher rate is needed")
    return before, chance


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

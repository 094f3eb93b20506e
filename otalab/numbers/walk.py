"""Walks: the crash graph as devices go through it, each way with its probability.

The supply fails as a Poisson process.
Its rate times the duration of an effect is the effect's *hazard*; one of hazard h is interrupted with probability
1 - exp(-h), and the fault model says what is left of it.
The rate may differ from phase to phase; hazards add up all the same, so everything is counted in them.

Whatever answers "how likely" reads this one table: the exact chain, the walk of one device, the crowd.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from otalab.bench.ends import ENDS
from otalab.errors import BadInput
from otalab.graph.arrays import Floats, Ints
from otalab.graph.crash_graph import NO_END, RESET, CrashGraph
from otalab.numbers.extended import with_bounce, with_lives
from otalab.numbers.legs import ENDINGS, OPEN, Walk, shares_of
from otalab.numbers.markov import absorption
from otalab.numbers.rates import Rates
from otalab.numbers.runs import Runs
from otalab.numbers.sequels import Sampled
from otalab.numbers.supplies import FINISHED


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
    states = _states(graph, ahead)
    shares = graph.shares if shares is None else shares
    plain = _weighed(graph, rates, shares, states)
    if rates.bounce:
        unsteady = _weighed(graph, rates.unsteady, shares, states)
        plain = with_bounce(plain, unsteady, rates.bounce.chance)
    plain = with_lives(plain, sampled.lives, ahead) if sampled else plain
    return _given_cut(plain) if given_cut else plain


def _weighed(graph: CrashGraph, rates: Rates, shares: Sequence[float], states: tuple[Ints, Ints, Ints]) -> Walk:
    """Return the walk of what was followed, at these rates."""
    inner, code, through = states
    runs = Runs.of(graph, rates)
    legs = np.flatnonzero(code[graph.run_node] < len(inner))
    return Walk(
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
        tear_weight=_tear_weights(graph, runs, shares),
        tear_target=code[graph.edge_target[runs.tear_edge]],
    )


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


def _given_cut(plain: Walk) -> Walk:
    """Return the walk of those devices that meet a cut: states before the first one are told from those after it.

    In a state before the first cut a leg weighs what it can still do for it: it is interrupted, or leads on to where
    a cut is still to come.  Nothing is subtracted, so that this holds however rare cuts are.
    """
    before, chance = _before_a_cut(plain)
    place = {state: number for number, state in enumerate(before)}
    bounds = [slice(plain.state_leg[state], plain.state_leg[state + 1]) for state in before]
    legs = np.concatenate([np.arange(span.start, span.stop) for span in bounds])
    ahead = np.array([chance[place[way]] if way in place else 0.0 for way in plain.leg_through[legs].tolist()])
    on = plain.leg_on[legs] * ahead
    worth = plain.leg_cut[legs] + on
    probability = plain.leg_probability[legs] * worth
    owner = np.repeat(np.arange(len(before)), [span.stop - span.start for span in bounds])
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
        leg_cut=np.append(plain.leg_cut, shares_of(plain.leg_cut[legs], worth)),
        leg_on=np.append(plain.leg_on, shares_of(on, worth)),
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

"""Chains that end: where, when, and at what cost; to the last digits, however rare progress is."""

from __future__ import annotations

import subprocess
import sys
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from math import inf, isclose

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_matrix, csr_array

from otalab.errors import BadInput
from otalab.numbers import elimination, markov
from otalab.numbers.markov import absorption, expected_rewards, expected_steps, expected_visits, solve


def matrix(n, ways):
    """
    The chain with these ways and their probabilities; a state without any is absorbing.
    """
    p = np.zeros((n, n))
    for (source, target), probability in ways.items():
        p[source, target] += probability
    return p + np.diag(1 - p.sum(axis=1).round(12))


def die():
    """
    Knuth and Yao's die: coins are states 0 to 6, the six sides follow.
    """
    coins = [(1, 2), (3, 4), (5, 6), (1, 7), (8, 9), (10, 11), (12, 2)]
    return matrix(13, {(coin, side): 0.5 for coin, sides in enumerate(coins) for side in sides})


def gambler(n, up):
    """
    A fortune between 0 and n that changes by one each time.
    """
    return matrix(n + 1, {(i, i + d): up if d > 0 else 1 - up for i in range(1, n) for d in (1, -1)})


def retries(n, right=0.7):
    """
    Haddad and Monmege's chain: n - 1 coins in a row take it to an end, any other puts it back in the middle.
    """
    ways = {(n, n + 1): right, (n, n - 1): 1 - right}
    for i in range(1, n):
        for side in (1, -1):
            ways[n + side * i, n + side * (i + 1)] = ways[n + side * i, n] = 0.5
    return matrix(2 * n + 1, ways)


def exact(p, start):
    """
    The same questions answered in fractions, by Gauss and Jordan: the probability of each end, the visits, the steps.
    """
    n = len(p)
    outs = [{j: Fraction(float(p[i, j])) for j in range(n) if j != i and p[i, j]} for i in range(n)]
    inner, ends = [i for i in range(n) if outs[i]], [i for i in range(n) if not outs[i]]
    rows = [
        [sum(outs[i].values()) if i == j else -outs[i].get(j, Fraction(0)) for j in inner]
        + [outs[i].get(end, Fraction(0)) for end in ends]
        + [Fraction(i == j) for j in inner]
        for i in inner
    ]
    for k in range(len(inner)):
        pivot = next(r for r in range(k, len(rows)) if rows[r][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for r in range(len(rows)):
            if r != k and rows[r][k]:
                rows[r] = [x - rows[r][k] * y for x, y in zip(rows[r], rows[k], strict=True)]
    if start in ends:
        return [Fraction(i == start) for i in range(n)], [Fraction(0)] * n, Fraction(0)
    answer = dict(zip(ends + inner, rows[inner.index(start)][len(inner) :], strict=True))
    ended, visits = ([answer[i] if i in these else Fraction(0) for i in range(n)] for these in (ends, inner))
    return ended, visits, sum(visits)


def same(expected, found, places=1e-12):
    """
    Every number has the same digits.
    """
    return all(
        abs(Fraction(float(f)) - Fraction(e)) <= Fraction(places) * e for e, f in zip(expected, found, strict=True)
    )


@st.composite
def chains(draw):
    """
    A chain whose probabilities lie between 1 and 1e-30, and that surely ends.
    """
    n = draw(st.integers(2, 7))
    ends = draw(st.integers(1, min(3, n - 1)))
    p = np.zeros((n, n))
    for i in range(n - ends):
        # Everybody may go to the next, so everybody can end.
        targets = draw(st.sets(st.integers(0, n - 1), max_size=4)) | {i + 1}
        for j in targets - {i}:
            p[i, j] = 10.0 ** -draw(st.floats(0, 30)) / n
        p[i, i] = 1 - p[i].sum()
    p[range(n - ends, n), range(n - ends, n)] = 1.0
    order = np.array(draw(st.permutations(range(n))))
    return p[np.ix_(order, order)], draw(st.integers(0, n - 1))


@st.composite
def brisk_chains(draw):
    """
    A chain of which a tenth at least ends with each step: no solver finds it hard.
    """
    n = draw(st.integers(2, 12))
    ends = draw(st.integers(1, n - 1))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    p = random.random((n, n)) * (random.random((n, n)) < draw(st.floats(0.1, 1)))
    p[:, n - 1] += 0.1 + p.sum(axis=1)
    p[n - ends :] = np.eye(n)[n - ends :]
    return p / p.sum(axis=1, keepdims=True), draw(st.integers(0, n - 1))


# ---- known answers ----


def test_a_coin_throws_a_die():
    """
    Six sides, equally likely, after 11/3 throws.
    """
    ended = absorption(die())

    assert np.float64 == ended.dtype
    assert [0] * 7 == ended[:7].tolist()
    assert same([Fraction(1, 6)] * 6, ended[7:], 1e-15)
    assert same([Fraction(11, 3)], [expected_steps(die())], 1e-15)
    assert same([1, *[Fraction(2, 3)] * 2, *[Fraction(1, 3)] * 4, *[0] * 6], expected_visits(die()), 1e-15)


@pytest.mark.parametrize("up", [0.5, 0.4, 0.9])
def test_a_gambler_is_ruined_by_the_book(up):
    """
    The closed forms of the ruin and of the length of the game.
    """
    n, begin, odds = 30, 7, (1 - up) / up
    win = begin / n if up == 0.5 else (1 - odds**begin) / (1 - odds**n)
    length = begin * (n - begin) if up == 0.5 else (n * win - begin) / (2 * up - 1)

    ended = absorption(gambler(n, up), begin)

    assert isclose(win, ended[n], rel_tol=1e-12)
    assert isclose(1 - win, ended[0], rel_tol=1e-9)
    assert isclose(length, expected_steps(gambler(n, up), begin), rel_tol=1e-12)


@pytest.mark.parametrize("up", [0.5, 0.4, 0.9])
def test_a_gambler_sees_each_fortune_by_the_book(up):
    """
    The closed form of the visits: the chance to get there, times the returns before the end.
    """
    n, begin, odds = 30, 7, (1 - up) / up

    def visits(j):
        if up == 0.5:
            return 2 * min(begin, j) * (n - max(begin, j)) / n
        below, above = 1 - odds**j, 1 - odds ** (n - j)
        there = (1 - odds**begin) / below if begin <= j else (odds ** (begin - j) - odds ** (n - j)) / above
        return there / ((1 - odds) * (up / above + (1 - up) * odds ** (j - 1) / below))

    found = expected_visits(gambler(n, up), begin)

    assert np.float64 == found.dtype
    assert [0, 0] == [found[0], found[n]]
    assert all(isclose(visits(j), found[j], rel_tol=1e-12) for j in range(1, n))


@pytest.mark.parametrize("n", [20, 100, 300, 1000])
def test_retries_are_counted_for_each_coin(n):
    """
    There are 2 to the n - 1 tries on average, and half of those at a coin come to the next.
    """
    tries, coins = 2.0 ** (n - 1), np.arange(n - 1)
    found = expected_visits(retries(n), n)

    assert isclose(tries, found[n], rel_tol=1e-12)
    assert np.allclose(0.7 * tries / 2.0**coins, found[n + 1 : 2 * n], rtol=1e-12, atol=0)
    assert np.allclose(0.3 * tries / 2.0**coins, found[1:n][::-1], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "n, steps", [(20, 1572862), (100, 1.901475900342344102e30), (300, 3.055553964501729e90), (1000, 3 * 2.0**999)]
)
def test_rare_progress_and_retry_keep_their_digits(n, steps):
    """
    Solvers that subtract answer 0.018 or 1e-14 here, or return early with 1e-6.
    """
    ended = absorption(retries(n), n)

    assert isclose(0.7, ended[2 * n], rel_tol=1e-12)
    assert isclose(0.3, ended[0], rel_tol=1e-12)
    assert isclose(steps, expected_steps(retries(n), n), rel_tol=1e-12)


def test_weights_too_small_for_a_double_are_seen():
    """
    Where the last of many coins is the first to be eliminated, the way to the end rounds to 0 before it matters.
    """
    n = 1100
    ways = {(i, i + 1): 0.5 for i in range(n)} | {(i, 0): 0.5 for i in range(1, n)} | {(0, n + 1): 0.5}
    p = matrix(n + 2, ways | {(0, 1): 0.5**20, (0, n + 1): 0.5**1000 * 2.0**-60})
    order = np.r_[0, n - 1 : 0 : -1, n, n + 1]
    per_try = Fraction(1, 2**20) / 2 ** (n - 1)
    other = Fraction(1, 2**1060)

    ended = absorption(p[np.ix_(order, order)])

    assert same([other / (per_try + other)], [ended[n + 1]])
    assert isclose(1.0, ended.sum(), rel_tol=1e-12)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [0, 3, 2, 1, 4], [0, 2, 3, 1, 4], [3, 1, 2, 0, 4]])
def test_a_visit_too_rare_for_a_double_may_last(order):
    """
    State 2 is come by once in 1e400 times; from there it is a step to where one stays for 1e300.
    """
    p = matrix(5, {(0, 1): 1e-200, (0, 4): 1.0, (1, 2): 1e-200, (1, 4): 1.0, (2, 3): 1.0, (3, 4): 1e-300})
    found = expected_visits(p[np.ix_(order, order)], order.index(0))

    assert same([1, Fraction(1e-200), 0, Fraction(1e-200) ** 2 / Fraction(1e-300), 0], found[np.argsort(order)])


def test_a_way_too_rare_for_a_double_may_be_tried_often():
    """
    To state 3 leads a way of 1e-320, which has four digits; in 1e190 tries it is taken 1e-130 times.
    """
    p = matrix(4, {(0, 1): 1e-160, (1, 3): 1e-160, (1, 0): 1.0, (0, 2): 1e-190})

    assert same([Fraction(1e-160) ** 2 / Fraction(1e-190)], absorption(p)[3:])


def test_what_no_double_can_hold_is_infinite():
    """
    The many coins are thrown more than 1e308 times altogether, the last few of them less often.
    """
    n = 1100
    found = expected_visits(retries(n), n)

    assert inf == found[n] == expected_steps(retries(n), n)
    assert isclose(0.7 * 2.0**100, found[2 * n - 100], rel_tol=1e-12)


def test_the_diagonal_is_not_believed():
    """
    1 - 1e-20 is 1.0 in floating point, and still the chain goes on, in the long run.
    """
    p = [[1.0, 3e-20, 1e-20], [0, 1, 0], [0, 0, 1]]

    assert same([0, Fraction(3, 4), Fraction(1, 4)], absorption(p))
    assert isclose(2.5e19, expected_steps(p), rel_tol=1e-12)


def test_rewards_add_up_per_visit():
    """
    Each throw costs its state's price, each stay too; the end's own is never paid.
    """
    p = [[0.5, 0.5, 0], [0.25, 0.5, 0.25], [0, 0, 1]]

    assert isclose(12.0, expected_steps(p) * 1.5)
    assert isclose(4 * 1.0 + 4 * 10.0, expected_rewards(p, [1.0, 10.0, 1000.0]))


# ---- laws ----


@given(chains())
def test_agrees_with_fractions(chain):
    """
    Every probability and every expectation has twelve right digits, whatever their size.
    """
    p, start = chain
    ended, visits, steps = exact(p, start)

    assert same(ended, absorption(p, start))
    assert same(visits, expected_visits(p, start))
    assert same([steps], [expected_steps(p, start)])


@given(brisk_chains())
def test_agrees_with_numpy(chain):
    """
    Where a solver that subtracts is right, it gives the same visits.
    """
    p, start = chain
    inner = np.flatnonzero(np.diag(p) != 1)
    visits = np.zeros(len(p))
    visits[inner] = np.linalg.solve((np.eye(len(p)) - p)[np.ix_(inner, inner)].T, 1.0 * (inner == start))

    assert np.allclose(visits, expected_visits(p, start), rtol=1e-10, atol=1e-13)


@given(chains())
def test_visits_add_up(chain):
    """
    To the steps; and what they send to an end is the probability of that end.
    """
    p, start = chain
    solution = solve(p, start)
    sent = [(solution.visits * column).sum() for column in (p - np.diag(np.diag(p))).T]
    ended = ~(p - np.diag(np.diag(p))).any(axis=1)

    assert isclose(solution.visits.sum(), expected_steps(p, start), rel_tol=1e-15)
    assert ended[start] or np.allclose(np.where(ended, sent, 0), solution.ends, rtol=1e-12, atol=0)


@given(chains())
def test_one_call_answers_everything(chain):
    """
    The same to the last bit as the answers one by one.
    """
    p, start = chain
    solution = solve(p, start)

    assert absorption(p, start).tolist() == solution.ends.tolist()
    assert expected_visits(p, start).tolist() == solution.visits.tolist()


@given(chains())
def test_surely_ends_somewhere(chain):
    """
    The probabilities sum to 1, and only absorbing states have any.
    """
    p, start = chain
    ended = absorption(p, start)

    assert isclose(1.0, ended.sum(), rel_tol=1e-12)
    assert not ended[(p - np.diag(np.diag(p))).any(axis=1)].any()


@given(chains(), st.data())
def test_the_order_of_the_states_does_not_matter(chain, data):
    """
    Another numbering gives the same numbers, moved.
    """
    p, start = chain
    order = np.array(data.draw(st.permutations(range(len(p)))))
    moved = absorption(p[np.ix_(order, order)], int(np.flatnonzero(order == start)[0]))

    assert same([Fraction(float(x)) for x in absorption(p, start)[order]], moved)


@given(chains(), st.sampled_from([csr_array, csc_matrix, coo_array]))
def test_dense_and_sparse_are_the_same(chain, form):
    """
    To the last bit, and what was given is left as it was.
    """
    p, start = chain
    given_as = form(p)

    assert absorption(p, start).tolist() == absorption(given_as, start).tolist()
    assert expected_steps(p, start) == expected_steps(given_as, start)
    assert p.tolist() == given_as.toarray().tolist()


@given(chains())
def test_a_step_is_a_reward_of_one(chain):
    """
    Steps are what adds up if every step earns 1.
    """
    p, start = chain

    assert expected_steps(p, start) == expected_rewards(p, np.ones(len(p)), start)


def random_chain(n, seed, skipped=30):
    """
    A chain that leads on, astray and back; a few of its states are ends.
    """
    random = np.random.default_rng(seed)
    source = np.repeat(np.arange(n), 4)
    target = np.where(np.arange(4 * n) % 4, source + random.integers(-8, 9, 4 * n), source // skipped * skipped)
    target = np.clip(target, 0, n - 1)
    weight = 10.0 ** -random.uniform(0, 12, 4 * n)
    kept = (source % skipped != skipped - 1) & (source != target)
    p = coo_array((weight[kept] / 4, (source[kept], target[kept])), shape=(n, n)).tocsr()
    return p + csr_array((1 - p.sum(axis=1), (range(n), range(n))), shape=(n, n))


def shuffled_chain(seed):
    """
    A chain that is worth compiled code, in no order, and where it begins.
    """
    order = np.random.default_rng(seed).permutation(3000)
    return random_chain(3000, seed)[order][:, order], int(np.flatnonzero(order == 1510)[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_compiled_code_does_the_same(seed):
    """
    The loop that is read and the loop that is compiled agree to the last bit.
    """
    pytest.importorskip("numba")
    chain = markov._chain(*shuffled_chain(seed))

    plain = elimination._eliminate(elimination._rows(chain.weights, float), chain.start)
    compiled = elimination._run(elimination._compiled(), chain.weights, chain.start)

    assert len(plain.row) > 20 and len(plain.visits) > 600 and plain.fill > 2000
    assert list(plain.row.items()) == list(compiled.row.items())
    assert plain.visits == compiled.visits.tolist()
    assert plain[2:] == compiled[2:]


@pytest.mark.parametrize("seed", range(4))
def test_a_large_chain_is_left_to_compiled_code(seed, monkeypatch):
    """
    Whoever asks does not see which loop it was.
    """
    pytest.importorskip("numba")
    p, start = shuffled_chain(seed)
    rewards = np.random.default_rng(seed).uniform(0, 9, 3000)

    def answers():
        solution = solve(p, start)
        earned = expected_rewards(p, rewards, start)
        return solution.ends.tolist(), solution.visits.tolist(), expected_steps(p, start), earned

    plain = answers()
    monkeypatch.setattr(elimination, "MANY", 1)
    assert plain == answers()


@pytest.mark.parametrize("seed", range(1, 4))
def test_what_doubles_lost_on_the_way_does_not_matter(seed):
    """
    Decimals give the same digits, down to what is too rare to be promised.
    """
    chain = markov._chain(*shuffled_chain(seed))

    def numbers(left):
        total = sum(left.row.values())
        return [weight / total for weight in left.row.values()], left.visits

    doubles = elimination._eliminate(elimination._rows(chain.weights, float), chain.start)
    with localcontext(Context(prec=40, Emin=MIN_EMIN, Emax=MAX_EMAX)):
        decimals = numbers(elimination._eliminate(elimination._rows(chain.weights, Decimal), chain.start))

    assert doubles.trusted
    for found, expected, least in zip(numbers(doubles), decimals, ("1e-290", "1e-250"), strict=True):
        kept = [(Fraction(e), f) for e, f in zip(expected, found, strict=True) if e > Decimal(least)]
        assert len(kept) > 10 and same(*zip(*kept, strict=True))


def test_nothing_compiled_is_needed(monkeypatch):
    """
    Without numba a large chain takes longer, and that is all.
    """
    n = 3 * elimination.MANY
    p = coo_array(
        (
            np.r_[np.full(2 * n - 2, 0.5), 1.0],
            (
                np.r_[np.repeat(np.arange(n - 1), 2), n - 1],
                np.r_[np.ravel([np.arange(n - 1), np.arange(1, n)], "F"), n - 1],
            ),
        ),
        shape=(n, n),
    )
    monkeypatch.setattr(elimination, "_compiled", lambda: None)

    assert isclose(2.0 * (n - 1), expected_steps(p), rel_tol=1e-12)


def test_loading_it_does_not_load_a_compiler():
    """
    Small chains are solved at once.
    """
    told = "import sys, otalab.markov as m; m.absorption([[0.5, 0.5], [0, 1]]); sys.exit('numba' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", told], check=False).returncode


# ---- nasty cases ----


def test_who_gets_caught_does_not_end():
    """
    States 2 and 3 lead to each other for ever: what goes there is missing from the sum, and never is the chain done.
    """
    p = [[0, 0.25, 0.75, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]

    assert [0, 0.25, 0, 0] == absorption(p).tolist()
    assert [1, 0, inf, inf] == expected_visits(p).tolist()
    assert inf == expected_steps(p)
    assert inf == expected_rewards(p, [1, 0, 0, 0])


def test_the_way_into_a_trap_is_counted():
    """
    State 1 cannot end any more, but it is passed, twice at a time, not come back to for ever.
    """
    p = [[0, 0.25, 0, 0, 0.75], [0, 0.5, 0.5, 0, 0], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]

    assert [0, 0, 0, 0, 0.75] == absorption(p).tolist()
    assert [1, 0.5, inf, inf, 0] == expected_visits(p).tolist()
    assert [0, 2, inf, inf, 0] == expected_visits(p, 1).tolist()


def test_who_begins_caught_never_ends():
    """
    Neither here nor there.
    """
    p = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]

    assert [0, 0, 0] == absorption(p).tolist()
    assert [inf, inf, 0] == expected_visits(p).tolist()
    assert inf == expected_steps(p)


def test_a_trap_that_is_not_reached_does_not_count():
    """
    What the start does not lead to plays no part.
    """
    p = [[0.5, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]

    assert [0, 1, 0, 0] == absorption(p).tolist()
    assert [2, 0, 0, 0] == expected_visits(p).tolist()
    assert 2.0 == expected_steps(p)


def test_who_begins_at_the_end_is_there():
    """
    With certainty, after no step, for nothing.
    """
    assert [0, 1] == absorption([[0.5, 0.5], [0, 1]], start=1).tolist()
    assert [0, 0] == expected_visits([[0.5, 0.5], [0, 1]], start=1).tolist()
    assert 0.0 == expected_steps([[0.5, 0.5], [0, 1]], start=1)
    assert 0.0 == expected_rewards([[0.5, 0.5], [0, 1]], [7, 7], start=1)
    assert [1] == absorption([[1.0]]).tolist()


def test_a_stored_zero_is_no_way_out():
    """
    A sparse array may hold zeros; they lead nowhere.
    """
    p = csr_array(([0.5, 0.5, 1.0, 0.0], ([0, 0, 1, 1], [0, 1, 1, 0])), shape=(2, 2))

    assert [0, 1] == absorption(p).tolist()


@pytest.mark.parametrize(
    "p, start, said",
    [
        ([[0.5, 0.5]], 0, "P: must be square, got an array of shape (1, 2)"),
        ([1.0], 0, "P: must be square, got an array of shape (1,)"),
        (csr_array((1, 2)), 0, "P: must be square, got an array of shape (1, 2)"),
        ([[1.0, 0], [1.5, -0.5]], 0, "P: -0.5 in row 1 is no probability"),
        ([[1.0, 0], [np.nan, 1]], 0, "P: nan in row 1 is no probability"),
        ([[1.0, 0], [0.5, 0.4]], 0, "P: row 1 sums to 0.9, not to 1"),
        ([[1.0, 0], [0.5, 0.5 + 2.0**-28]], 0, "P: row 1 sums to 1.0000000037252903, not to 1"),
        ([[1.0, 0], [inf, 0]], 0, "P: row 1 sums to inf, not to 1"),
        ([[1.0, 0], [0, 1]], 2, "start: must be one of the 2 states, 0 to 1, got 2"),
        ([[1.0, 0], [0, 1]], -1, "start: must be one of the 2 states, 0 to 1, got -1"),
    ],
)
@pytest.mark.parametrize("ask", [absorption, expected_steps, expected_visits, solve])
def test_what_is_no_chain_is_refused(ask, p, start, said):
    """
    In one line that says where it is wrong.
    """
    with pytest.raises(BadInput) as refused:
        ask(p, start)

    assert isinstance(refused.value, ValueError)
    assert said == str(refused.value)


@pytest.mark.parametrize(
    "rewards, said",
    [
        ([1.0], "rewards: need one for each of the 2 states, got an array of shape (1,)"),
        ([1.0, -2.0], "rewards: must be finite and not negative, got -2.0 for state 1"),
        ([np.nan, 0], "rewards: must be finite and not negative, got nan for state 0"),
    ],
)
def test_rewards_are_counted_up(rewards, said):
    """
    A negative one would be a subtraction.
    """
    with pytest.raises(BadInput) as refused:
        expected_rewards([[0.5, 0.5], [0, 1]], rewards)

    assert said == str(refused.value)

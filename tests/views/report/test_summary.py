"""The summary of a review: one scope, one truth, and an order of designs that the matrix agrees with."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise, permutations

import pytest

from otalab.bench.ends import BAD, SEVERITY
from otalab.firmware.catalogue import designs
from otalab.graph.check import check_design
from otalab.views.report.answer import compared_part, summary_part
from otalab.views.report.checklist import OF_CUTS, answered, checklist
from otalab.views.report.facts import Asked, gather
from otalab.views.report.judged import NOTHING_AGAINST, Judged, cell_rank
from otalab.views.report.parts import matrix_part, stories_part, ways_of
from otalab.views.report.same_cut import SameCuts
from otalab.views.report.story import stories
from otalab.views.report.summary import models_words, scopes, summary_of

QUICK = Asked(
    designs=designs(), board="tiny", faults=("torn-erase", "atomic"), rates=("us-2022",), parts=(), budget=16, most=0,
    brick_cost=150.0,
)  # fmt: skip
# The same on the board that everybody has: what takes long there is left out, not a design.
BY_DEFAULT = replace(QUICK, board=None, faults=("atomic",), images=("healthy", "crashes"))
MARKS = ("no", "partly", "open", "yes")


def of_verdicts(one, reviewed, request):
    """
    Yield each verdict of a summary that the matrix denies.
    """
    matrix = {row["faults"]: {cell["verdict"] for cell in row["cells"]} for row in matrix_part(reviewed, request)}
    told = {verdict: getattr(one, verdict) for verdict in ("safe", "unsafe", "open")}
    within = set().union(*(found for name, found in matrix.items() if name in reviewed.scope))
    if sorted(matrix) != sorted(name for names in told.values() for name in names):
        yield "a fault model is told twice, or not at all"
    for verdict, names in told.items():
        yield from (f"{verdict} under {name}" for name in names if verdict not in matrix[name])
    yield from (f"safe under {name}" for name in told["safe"] if matrix[name] != {"safe"})
    if ("unsafe" in within) != (one.verdict == "unsafe") or (within == {"safe"}) != (one.verdict == "safe"):
        yield f"{one.verdict}, and the cells say {within}"


def of_ends(one, reviewed):
    """
    Yield each end of a summary that is not what its cells and stories tell.
    """
    scope = [cell for cell in reviewed.cells if cell.case.faults in reviewed.scope]
    worst = next((end for end in SEVERITY if any(end in cell.graph.ends for cell in scope)), None)
    if (one.worst.end if one.worst else None) != worst:
        yield f"the worst end is {worst}"
    if worst and one.worst.cuts != min(len(c.graph.histories[worst].cuts) for c in scope if worst in c.graph.ends):
        yield f"{one.worst.cuts} cuts"
    told = {(story.history.end, len(story.history.cuts)) for story in stories(reviewed.cells)}
    for end in (one.worst, one.easiest, one.beyond_worst):
        if end and end.end in BAD and (end.end, end.cuts) not in told:
            yield f"no story tells of {end.end} after {end.cuts} cuts"


def of_numbers(one, reviewed, request):
    """
    Yield each number, change and mark of a summary that a verdict denies.
    """
    weighed = request.weighed_faults, request.weighed_image
    safe = any(cell.verdict == "safe" for cell in reviewed.cells if (cell.case.faults, cell.case.image) == weighed)
    if one.risk[0] > 0 and safe:
        yield "a risk in a cell that is safe"
    apart = request.beside_faults, request.weighed_image
    safe = any(cell.verdict == "safe" for cell in reviewed.cells if (cell.case.faults, cell.case.image) == apart)
    if bool(request.beside_faults) != bool(one.beside_risk) or (one.beside_risk and safe and one.beside_risk[0] > 0):
        yield "a risk beside these that its cell denies"
    if not (one.risk[0] <= one.risk[1] and 0 <= one.lost[0] <= one.lost[1] <= 1e6):
        yield "bounds that are none"
    if one.cost != (tuple(request.brick_cost * lost for lost in one.lost) if request.brick_cost else None):
        yield "money that is not the price of what is lost"
    if one.verdict == "safe" and (one.change or one.repair not in ("safe", "not asked", "code")):
        yield f"safe, and its repair is {one.repair}"
    marks = {item.shows: finding.mark for item in checklist() if (finding := answered(item, reviewed))}
    if marks["cuts"] != {"safe": "yes", "unsafe": "no", "open": "open"}[one.verdict]:
        yield f"{one.verdict}, and the checklist says {marks['cuts']}"
    part = summary_part(reviewed, request)
    if {part["badges"][0][1], part["verdict"]} != {one.verdict}:
        yield "another colour than its verdict"


def contradictions(reviewed, request):
    """
    Return each fact of the first page that another number or verdict of the page denies.
    """
    one = summary_of(reviewed, request)
    return [*of_verdicts(one, reviewed, request), *of_ends(one, reviewed), *of_numbers(one, reviewed, request)]


@pytest.fixture(scope="module")
def every():
    """
    Every design of the catalogue, with what a quick search found.
    """
    return gather(QUICK)[0]


@pytest.fixture(scope="module")
def every_by_default():
    """
    Every design of the catalogue, on the default board.
    """
    return gather(BY_DEFAULT)[0]


@pytest.mark.slow
def test_no_fact_of_the_first_page_contradicts_another(every):
    """
    Whatever designs are judged by: all that was asked for, or some of it, with the rest beside it.
    """
    for reviewed in every:
        assert [] == contradictions(reviewed, QUICK), reviewed.given
        assert [] == contradictions(replace(reviewed, scope=("atomic",)), QUICK), reviewed.given


@pytest.mark.slow
def test_nor_does_one_of_any_two_designs_by_default(every_by_default):
    """
    For every pair: no fact of either is denied, the worse by its matrix comes no earlier, and the first page has both.
    """
    assert [] == [(one.given, wrong) for one in every_by_default for wrong in contradictions(one, BY_DEFAULT)]
    assert [] == out_of_order(every_by_default)
    same = SameCuts()
    for pair in combinations(every_by_default, 2):
        rows = {name: values for name, _, _, values in compared_part(pair, BY_DEFAULT, same)["rows"]}
        better, worse = sorted(pair, key=lambda one: one.rank, reverse=True)
        verdicts = [value["verdict"] for value in rows["verdict"]]
        assert sorted([one.standing.verdict for one in pair]) == sorted(verdicts)
        assert [better.standing.worst or "none", worse.standing.worst or "none"] == rows["worst end"] or (
            better.rank == worse.rank
        )


def out_of_order(every):
    """
    Return each two designs of which one is no better in any cell of its matrix, and comes later all the same.
    """
    wrong = []
    for one, other in permutations(every, 2):
        pairs = zip(map(cell_rank, one.cells), map(cell_rank, other.cells), strict=True)
        if all(mine <= yours for mine, yours in pairs) and one.rank > other.rank:
            wrong.append((one.given, other.given))
    return wrong


@pytest.mark.slow
def test_the_order_of_designs_agrees_with_the_matrix(every):
    """
    Of two designs, one that is no better in any cell comes no later in the order of severity.
    """
    seen = 0
    for scope in (QUICK.faults, ("atomic",)):
        for one, other in permutations((replace(reviewed, scope=scope) for reviewed in every), 2):
            pairs = zip(map(cell_rank, one.cells), map(cell_rank, other.cells), strict=True)
            if all(mine <= yours for mine, yours in pairs):
                seen += 1
                assert one.rank <= other.rank, (one.given, other.given)
    assert seen > len(every)


@pytest.mark.slow
def test_a_comparison_has_one_scope_in_every_row(every):
    """
    A row whose scope is narrower than the verdict's says why; designs come in the order of severity.
    """
    compared, of = compared_part(every, QUICK), scopes(QUICK)
    ranks = {reviewed.design.name: reviewed.rank for reviewed in every}

    assert all(len(every) == len(values) for *_, values in compared["rows"])
    assert all(later <= earlier for earlier, later in pairwise(ranks[name] for name in compared["names"]))
    for name, scope in of.items():
        same = (scope.models, scope.images) == (of["verdict"].models, of["verdict"].images)
        assert same or scope.why or not scope.models, name


@pytest.mark.slow
def test_the_safe_design_is_green_by_its_scope():
    """
    It says what lies beyond that, and is no worse in any item of the checklist than the one that any cut kills.
    """
    request = Asked(
        designs=("single-record", "hardened"), board="tiny", faults=("torn-program", "all", "unstable"),
        parts=(), budget=20, most=1, limit=5,
    )  # fmt: skip
    single, hardened = gather(request)[0]

    assert [[], []] == [contradictions(reviewed, request) for reviewed in (single, hardened)]
    assert ("unsafe", "safe", "unsafe") == (single.standing.verdict, hardened.standing.verdict, hardened.beyond.verdict)
    assert single.rank < hardened.rank
    for item in checklist():
        if item.shows in OF_CUTS:
            worse, better = (MARKS.index(answered(item, reviewed).mark) for reviewed in (single, hardened))
            assert worse <= better, item.number


def test_nor_does_one_by_default():
    """
    The published design, on the board that everybody has.
    """
    request = Asked(designs=("mongoose",), faults=("atomic",), images=("healthy", "crashes"), parts=(), most=0)
    (mongoose,) = gather(request)[0]

    assert [] == contradictions(mongoose, request)
    assert {"stuck"} == {one.end for one in (summary_of(mongoose, request).worst,)}


def test_what_was_asked_beside_all_is_beyond_it():
    """
    Its members are within; where `all` was not asked for, nothing is beyond.
    """
    assert ("atomic", "all") == Asked(designs=(), faults=("atomic", "all", "unstable")).scope
    assert ("atomic", "unstable") == Asked(designs=(), faults=("atomic", "unstable")).scope
    assert "all and unstable" == models_words(("atomic", "torn-bits", "all", "unstable"))


def test_the_way_to_the_worst_end_is_a_story_too():
    """
    Where fewer cuts lead to a milder end, both are told.
    """
    cell = check_design("esp32-beside", "atomic", "crashes", "tiny", budget=16)
    told = stories((cell,))

    assert {cell.graph.counterexample.end, Judged((cell,)).history.end} == {story.history.end for story in told}
    assert all(story.lived.end.name == story.history.end for story in told)


@pytest.mark.slow
def test_every_unsafe_cell_leads_to_its_story(every):
    """
    By a short address that is there once, and the same for the same counterexample; so does each end of the answer.
    """
    for reviewed in every:
        told = stories_part(reviewed)
        addresses = {each["address"] for each in told}
        ways = ways_of(told)
        cells = [cell for row in matrix_part(reviewed, QUICK, ways) for cell in row["cells"]]

        assert len(told) == len(addresses) and all(len(address) < 13 for address in addresses)
        assert all((cell["verdict"] == "unsafe") == (cell["way"] in addresses) for cell in cells)
        ends = [way for _, way in summary_part(reviewed, QUICK, ways)["shown"]]
        assert bool(reviewed.standing.unsafe) == bool(ends) and set(ends) <= addresses
        assert len(ends) == len(set(ends))


@pytest.mark.slow
def test_the_same_cuts_are_done_to_every_design(every):
    """
    What kills a design kills itself, and the cut of the others is in the same phase; where there is none, that is said.
    """
    every = [replace(reviewed, scope=("atomic",)) for reviewed in every]
    rows = SameCuts().rows(every)
    names = [reviewed.design.name for reviewed in every]

    dies = [one.design.name for one in every if one.standing.unsafe and one.standing.history.cuts]
    assert dies == [row.design for row in rows]
    for row in rows:
        own = names.index(row.design)
        assert row.answers[own].text.startswith(f"{every[own].standing.worst}, cut in: ")
    single = next(row for row in rows if row.design == "single-record")
    assert "updated, cut in: erase sector 2" == single.answers[names.index("hardened")].text
    assert any("no such cut" in answer.text for row in rows for answer in row.answers)


def test_of_nothing_nothing_is_held_against_a_design():
    """
    No cell is asked beyond what was asked for.
    """
    assert ("safe", "", None) == (Judged(()).verdict, Judged(()).worst, Judged(()).history)
    assert NOTHING_AGAINST == Judged(()).rank

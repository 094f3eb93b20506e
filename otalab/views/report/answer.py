"""The first page of a review report, and its comparison: sentences and rows made of summaries, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from otalab.views.report.asked import Asked
from otalab.views.report.facts import Reviewed
from otalab.views.report.same_cut import SameCuts
from otalab.views.report.summary import ReviewedSummary, Scope, WorstEnd, models_words, scopes, summary_of
from otalab.views.report.words import (
    NO_WAYS,
    SIGNS,
    UNKNOWN,
    Ways,
    bounds,
    choice_rows,
    cuts_words,
    listed,
    many,
    probability,
    sentence,
)

AnswerLine = tuple[str, str, list[Any]]
IMAGE_WORDS = {"healthy": "", "flaky": ", with a flaky image"}
NO_CHANGE = {
    "safe": "nothing to change",
    "code": "code is not changed by the lab",
    "not asked": "not looked for",
    "none": "no set of so few changes is enough",
    "undecided": "some sets of changes are neither broken nor proved",
    "limit": "there are more sets of changes than were to be tried",
    "interrupted": "the search was broken off",
}


def summary_part(reviewed: Reviewed, request: Asked, ways: Ways = NO_WAYS) -> dict[str, Any]:
    """Return the answer in a few sentences: the scope, the worst end, the way out, and then the risk."""
    summary, of = summary_of(reviewed, request), scopes(request)
    badges = [(SIGNS[summary.verdict], summary.verdict, models_words(of["verdict"].models))]
    if summary.beyond and summary.beyond != summary.verdict:
        badges.append((SIGNS[summary.beyond], summary.beyond, models_words(of["beyond"].models)))
    return {
        "name": summary.design,
        "verdict": summary.verdict,
        "badges": badges,
        "shown": [*_shown(summary, ways)],
        "sentences": [*_found(summary, of), *_way_out(summary, of), *_weighed(summary, of, reviewed, request)],
    }


def _shown(summary: ReviewedSummary, ways: Ways) -> Iterator[tuple[str, str]]:
    """Yield the addresses of the ways that the answer speaks of, each once and with its end."""
    ends: dict[str, str] = {}
    for way in (summary.worst, summary.easiest, summary.beyond_worst):
        key = (way.identity.rpartition("/")[0], way.end) if way else ("", "")
        if way and key in ways:
            ends.setdefault(ways[key], way.end)
    yield from ((end, address) for address, end in ends.items())


def _found(summary: ReviewedSummary, of: dict[str, Scope]) -> Iterator[str]:
    models = models_words(of["verdict"].models)
    if summary.verdict == "safe":
        rest = f"; the worst end that is left is {summary.worst.end}" if summary.worst else ""
        yield f"No bad end can be reached by any number of power cuts under {of['verdict'].text}{rest}."
    elif summary.verdict == "open":
        yield f"Nothing bad was found under {models}, but not every graph is closed: this is not a proof."
    elif summary.worst:
        cells = f"{summary.unsafe_cells} of {summary.cells} cells"
        yield f"{sentence(_way_to(summary.worst))}; bad ends in {cells} under {models}."
    if summary.easiest:
        yield f"And {_way_to(summary.easiest)}."
    if summary.beyond == "unsafe" and summary.beyond_worst and summary.verdict != "unsafe":
        only = "Only under" if summary.verdict == "safe" else "And under"
        yield f"{only} {models_words(of['beyond'].models)}: {_way_to(summary.beyond_worst)}."
    elif summary.beyond == "open" and summary.verdict != "unsafe":
        yield f"Under {models_words(of['beyond'].models)} nothing bad was found, and not every graph is closed."
    if summary.safe and summary.verdict == "unsafe":
        yield f"Safe under {models_words(summary.safe)}; not under {listed([*summary.unsafe])}."


def _way_to(worst: WorstEnd) -> str:
    """Return how a device comes to its worst end, in as few cuts as are known to lead there."""
    if worst.cuts:
        count = ("" if worst.shortest else "at most ") + cuts_words(worst.cuts)
        where = f"{count} in the phase{'s' if len(worst.phases) > 1 else ''} {listed([*worst.phases])}"
    else:
        where = "no power cut is needed"
    return f"{worst.end}, {worst.reason}: {where}" + IMAGE_WORDS.get(worst.image, f", with an image that {worst.image}")


def _way_out(summary: ReviewedSummary, of: dict[str, Scope]) -> Iterator[str]:
    if summary.change:
        proved = f"proved under {of['repair'].text}"
        yield f"{'Smallest' if summary.smallest else 'A'} change that is enough, {proved}: {_change_text(summary)}."
    elif summary.repair not in ("safe", "code", "not asked"):
        yield f"No repair: {NO_CHANGE[summary.repair]}."


def _weighed(summary: ReviewedSummary, of: dict[str, Scope], reviewed: Reviewed, request: Asked) -> Iterator[str]:
    low, high = summary.band
    band = f"; single members of it give {probability(low)} to {probability(high)}" if high > low else ""
    where = f"on {reviewed.scenario.part_names} at rate {request.rates[0]}"
    yield f"Probability of a bad end per update ({of['risk'].narrow}), {where}: {_risk_text(summary.risk)}{band}."
    year = f"{request.updates_per_year:g} updates a year"
    cost = ""
    if summary.cost is not None:
        cost = f"; at {request.brick_cost:g} each, that costs {_span(summary, summary.cost)}"
    yield f"Of a million devices with {year}, that many come to a bad end in a year: {_lost_text(summary)}{cost}."
    if summary.beyond == "unsafe" and summary.verdict != "unsafe":
        yield f"What can happen under {models_words(of['beyond'].models)} alone is in neither number."
    if summary.beside_risk:
        yield f"Probability of a bad end per update ({of['beside_risk'].narrow}): {_risk_text(summary.beside_risk)}."


def compared_part(every: Sequence[Reviewed], request: Asked, same: SameCuts | None = None) -> dict[str, Any]:
    """Return the designs side by side, the worst last: what was found, and the choices in which they differ.

    A row has a name, its scope in words, and a value for each design; `same` knows what was cut in each before.
    """
    same = SameCuts() if same is None else same
    rate = request.rates[0]
    order = sorted(every, key=lambda reviewed: (reviewed.rank, -reviewed.weight.bad(rate)[1]), reverse=True)
    summaries = [summary_of(reviewed, request) for reviewed in order]
    of = scopes(request)
    verdict, risk = of["verdict"].text, of["risk"].text
    rows: list[AnswerLine] = [
        ("verdict", verdict, [_badge(summary.verdict) for summary in summaries]),
        ("worst end", verdict, [summary.worst.end if summary.worst else "none" for summary in summaries]),
        ("power cuts that it takes", verdict, [_cuts_text(summary.worst) for summary in summaries]),
        *_beside(of["beyond"], summaries),
        ("safe under", _images_text(request), [models_words(summary.safe) or "none" for summary in summaries]),
        (f"bad end per update, {rate}", risk, [_risk_text(summary.risk) for summary in summaries]),
        ("bad ends of a million in a year", risk, [_lost_text(summary) for summary in summaries]),
        *_costs(risk, summaries),
        *_beside_risk(of["beside_risk"], rate, summaries),
        ("erases per update", risk, [f"{summary.erases:.4g}" for summary in summaries]),
        ("smallest change", of["repair"].text, [_change_text(summary) for summary in summaries]),
    ]
    choices = [{way: value for way, value, _ in choice_rows(reviewed.design)} for reviewed in order]
    names = dict.fromkeys(way for row in choices for way in row)
    differ = [(way, [row.get(way, "not said") for row in choices]) for way in names]
    return {
        "names": [summary.design for summary in summaries],
        "rows": [*_spanned(rows)],
        "same_cuts": same.rows(order) if len(order) > 1 else [],
        "differ": [(way, values) for way, values in differ if len(set(values)) > 1],
    }


def _costs(scope: str, summaries: Sequence[ReviewedSummary]) -> Iterator[AnswerLine]:
    """Yield a row for what bad ends cost, where a price was given."""
    costs = [(summary, summary.cost) for summary in summaries if summary.cost is not None]
    if costs:
        yield "what these cost", scope, [_span(summary, cost) for summary, cost in costs]


def _spanned(rows: list[AnswerLine]) -> Iterator[tuple[str, str, int, list[Any]]]:
    """Yield rows with how many of them share the scope of the first; the others of these have 0."""
    for scope, members in groupby(rows, lambda row: row[1]):
        alike = list(members)
        for number, (name, _, values) in enumerate(alike):
            yield name, scope, 0 if number else len(alike), values


def _beside(scope: Scope, summaries: Sequence[ReviewedSummary]) -> Iterator[AnswerLine]:
    """Yield a row for what was asked beside what designs are judged by, where anything was."""
    if scope.models:
        yield "verdict beside it", scope.text, [_badge(summary.beyond) for summary in summaries]


def _beside_risk(scope: Scope, rate: str, summaries: Sequence[ReviewedSummary]) -> Iterator[AnswerLine]:
    """Yield a row for the risk under a fault model that was asked for beside these, where one was."""
    risks = [_risk_text(summary.beside_risk) for summary in summaries if summary.beside_risk]
    if risks:
        yield f"bad end per update beside it, {rate}", scope.text, risks


def _badge(verdict: str) -> dict[str, str]:
    return {"sign": SIGNS[verdict], "verdict": verdict}


def _images_text(request: Asked) -> str:
    return "every image" if len(request.images) > 1 else f"image {request.images[0]}"


def _cuts_text(worst: WorstEnd | None) -> str:
    return "" if worst is None else ("" if worst.shortest else "at most ") + str(worst.cuts)


def _risk_text(risk: tuple[float, float]) -> str:
    devices = many(*risk)
    return bounds(*risk) + (f" ({devices})" if devices else "")


def _lost_text(summary: ReviewedSummary) -> str:
    return _span(summary, summary.lost)


def _span(summary: ReviewedSummary, span: tuple[float, float]) -> str:
    low, high = span
    if summary.risk[1] - summary.risk[0] > UNKNOWN:
        return "not known"
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _change_text(summary: ReviewedSummary) -> str:
    if summary.change:
        return "; ".join(f"{way}: {old} → {new}" for way, old, new in summary.change)
    return NO_CHANGE[summary.repair]

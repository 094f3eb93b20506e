"""The parts of a review report, as plain values for its template: every number as text, every sentence finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from otalab.bench.ends import BAD, END_WORDS
from otalab.faults.models import LEFT_OUT, OF_ITS_OWN
from otalab.firmware.design import Design
from otalab.firmware.own_part import says
from otalab.graph.check import Cell
from otalab.graph.unerased import ProgramFinding
from otalab.numbers.rates import base_rates, parse_rate
from otalab.text import seconds
from otalab.views.report.asked import Asked
from otalab.views.report.checklist import answered, checklist
from otalab.views.report.facts import Reviewed
from otalab.views.report.same_cut import SameCut
from otalab.views.report.scenes import Scenes
from otalab.views.report.story import stories, under
from otalab.views.report.svg import bars_svg, layout_svg, life_svg
from otalab.views.report.weight import Weight
from otalab.views.report.words import NO_WAYS, SIGNS, Ways, bounds, choice_rows, cuts_words, listed, many, probability


def design_part(reviewed: Reviewed) -> dict[str, Any]:
    """Return what a design is: its choices in words, and the flash drawn to scale."""
    board = reviewed.board
    regions = [
        (name, f"0x{region.address:06x}", f"{region.size // 1024} KiB", len(board.sectors_of(region)))
        for name, region in board.owners()
    ]
    return {
        "choices": choice_rows(reviewed.design),
        "board": board,
        "parts": reviewed.scenario.part_names,
        "offer": reviewed.scenario.offers,
        "layout": layout_svg(board, reviewed.scenario.device.records),
        "regions": regions,
        "toml": reviewed.design.toml(),
        "repaired": isinstance(reviewed.design, Design),
    }


def matrix_part(reviewed: Reviewed, request: Asked, ways: Ways = NO_WAYS) -> list[dict[str, Any]]:
    """Return the verdict matrix: a row for each fault model, a cell for each image, with the address of its story."""
    cells = {(cell.case.faults, cell.case.image): cell for cell in reviewed.cells}
    return [
        {"faults": faults, "cells": [_cell_words(cells[faults, image], ways) for image in request.images]}
        for faults in request.faults
    ]


def _cell_words(cell: Any, ways: Ways) -> dict[str, Any]:
    graph, bad = cell.graph, cell.graph.counterexample
    ends = [end for end in graph.ends if end in BAD] if bad else graph.ends
    if bad:
        words = f"{'' if graph.closed else 'at most '}{cuts_words(len(bad.cuts))}"
    else:
        words = f"{graph.nodes} states" + ("" if graph.closed else ", not closed")
    return {
        "verdict": graph.verdict, "sign": SIGNS[graph.verdict], "ends": ", ".join(ends), "told": words,
        "wrecks": f"{graph.wrecks:,}", "expanded": f"{graph.expanded:,}", "states": graph.nodes,
        "way": ways.get((cell.case.text, bad.end), "") if bad else "",
    }  # fmt: skip


def stories_part(reviewed: Reviewed) -> list[dict[str, Any]]:
    """Return every story of a design; `story` is what the player is made of."""
    return [
        {
            "title": story.title,
            "address": story.address,
            "moral": story.moral,
            "happens": story.happens,
            "shortest": story.shortest,
            "chapters": story.chapters,
            "life": life_svg(story.lived),
            "more": len(story.lived.played) - len(story.chapters),
            "endless": story.lived.endless,
            "records": story.records,
            "records_after_cut": bool(story.history.cuts),
            "replay": story.replay,
            "story": story,
        }
        for story in stories(reviewed.cells)
    ]


def unerased_part(reviewed: Reviewed) -> list[dict[str, Any]]:
    """Return each program over flash that is not erased: the shortest history to one, and the cells that have it."""
    alike: dict[str, list[tuple[ProgramFinding, Cell]]] = {}
    for cell in reviewed.cells:
        if finding := cell.over_unerased:
            alike.setdefault(finding.reason, []).append((finding, cell))
    rows = []
    for members in alike.values():
        shortest, cell = min(members, key=lambda member: (member[0].cuts, member[0].run))
        happens = under(cell for _, cell in members)
        rows.append({"text": shortest.text, "under": happens, "replay": cell.case.replay(shortest.id)})
    return rows


def ways_of(reviewed_stories: Sequence[dict[str, Any]]) -> Ways:
    """Return the address of the story of each cell's end."""
    return {
        (cell.case.text, each["story"].history.end): each["address"]
        for each in reviewed_stories
        for cell in each["story"].cells
    }


def pairs_part(rows: Sequence[SameCut], scenes: Scenes) -> list[dict[str, Any]]:
    """Return each pair of designs that stand side by side under the same cuts, with the numbers of their players."""
    own = {row.identity: scenes.add(row.own.scene) for row in rows if row.own.scene}
    return [
        {"address": answer.address, "design": row.design, "other": answer.design, "told": (row.own.text, answer.text),
         "scenes": (own[row.identity], scenes.add(answer.scene))}
        for row in rows
        for answer in row.answers
        if answer is not row.own and answer.scene and row.identity in own
    ]  # fmt: skip


def risk_part(reviewed: Reviewed, request: Asked) -> dict[str, Any]:
    """Return the risk: by rate, by phase, by part and rate."""
    weight, first = reviewed.weight, request.rates[0]
    rows = [
        (row.phase, seconds(row.seconds), probability(row.cuts), probability(row.p_bad))
        for row in weight.phases.itertuples()
    ]
    bars = [(row.phase, [row.seconds_share, row.cuts_share, row.p_bad_share]) for row in weight.phases.itertuples()]
    low, high = weight.band
    by_part = [*weight.by_part.groupby("part", sort=False)]
    return {
        "rates": [_rate_row(weight, rate) for rate in request.rates],
        "first": first,
        "phases": rows,
        "bars": bars_svg(bars, ("of the time", "of all cuts", "of fatal cuts")),
        "parts": [_part_row(weight, name, rows) for name, rows in by_part if rows.low.notna().any()],
        "left_out": [(name, rows.why.iloc[0]) for name, rows in by_part if rows.low.isna().all()],
        "band": f"{probability(low)} to {probability(high)}" if high > low else "",
        "closed": weight.by_rate[first].closed,
        "not_in_it": _not_in_it(reviewed, request),
    }  # fmt: skip


def _not_in_it(reviewed: Reviewed, request: Asked) -> str:
    """Return which bad ends a probability of nothing leaves out."""
    if reviewed.weight.bad(request.rates[0])[1]:
        return ""
    unsafe = {(cell.case.faults, cell.case.image) for cell in [*reviewed.standing.unsafe, *reviewed.beyond.unsafe]}
    if (request.weighed_faults, request.weighed_image) in unsafe:
        return "Unsafe all the same: the tears that break it have no probability under these weights."
    if not unsafe:
        return ""
    others = listed([f"{faults} with image {image}" for faults, image in sorted(unsafe)][:3])
    more = f", and {len(unsafe) - 3} more cells" if len(unsafe) > 3 else ""
    return f"What breaks it in other cells ({others}{more}) is not in these numbers."


def _rate_row(weight: Weight, rate: str) -> dict[str, Any]:
    low, high = weight.bad(rate)
    ends = [(end, probability(value)) for end, value in weight.by_rate[rate].ends.items() if value]
    known = base_rates().get(rate)
    return {
        "name": rate, "hour": f"{parse_rate(rate):.3g}", "bad": bounds(low, high),
        "one_in": many(low, high),
        "ends": ends, "what": f"{known.rate}: {known.what}" if known else "", "source": known.source if known else "",
        "note": known.note if known else "",
    }  # fmt: skip


def _part_row(weight: Weight, name: str, rows: pd.DataFrame) -> dict[str, Any]:
    numbers = [bounds(row.low, row.high) for row in rows.itertuples()]
    return {"name": name, "numbers": numbers, "carries": weight.carries[name] or "none"}


def wear_part(reviewed: Reviewed, request: Asked) -> dict[str, Any]:
    """Return the wear: for each region, its most worn sector."""
    worn = reviewed.worn
    if worn.table is None:
        return {"problem": worn.problem, "rows": []}
    table = worn.table.loc[worn.table.groupby("owner", sort=False).per_update.idxmax()]
    rows = [
        (
            row.owner,
            row.sector,
            f"{row.per_update:.3g}",
            f"{row.erases:,.0f}",
            f"{row.used:.2%} of {row.endurance:,g}",
        )
        for row in table.itertuples()
    ]
    expected = reviewed.weight.expected
    mean = {name: f"{expected[name]:.4g}" for name in ("erases", "seconds")}
    return {"problem": "", "rows": rows, "guess": worn.guess, **mean}


def repair_part(reviewed: Reviewed) -> dict[str, Any] | None:
    """Return the smallest change that turns red to green, with its proof, or why there is none."""
    repair = reviewed.repair
    if repair is None or repair.outcome == "safe":
        return None
    best = repair.suggestions[0] if repair.suggestions else None
    return {
        "text": repair.text,
        "smallest": repair.smallest,
        "changes": [
            (change.way, str(change.old), str(change.new), says(change.choice, change.new)) for change in best.changes
        ]
        if best
        else [],
        "proofs": [(p.faults, p.image, p.states, f"{p.wrecks:,}") for p in best.proofs] if best else [],
    }


def checklist_part(every: Sequence[Reviewed]) -> list[dict[str, Any]]:
    """Return the checklist, with the lab's answer for each design."""
    return [
        {
            "item": item,
            "answers": [(finding, SIGNS[finding.mark]) for reviewed in every if (finding := answered(item, reviewed))],
        }
        for item in checklist()
    ]


def limits_part() -> list[str]:
    """Return what no verdict covers."""
    return [
        *(f"{words[0].upper()}{words[1:]}." for words in (*LEFT_OUT, OF_ITS_OWN)),
        "Attackers: the adversary here is the power supply, and nobody else.",
        "The image itself: it is bytes with a temper, and the lab does not run it.",
    ]


def ends_part() -> list[tuple[str, str]]:
    """Return every end with its meaning."""
    return list(END_WORDS.items())

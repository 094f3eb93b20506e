"""The parts of a review report, as plain values for its template: every number as text, every sentence finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from otalab.bench.ends import BAD, END_WORDS
from otalab.faults.tear import RESIDUAL
from otalab.firmware.design import Design
from otalab.numbers.rates import base_rates, parse_rate
from otalab.text import seconds
from otalab.views.report.checklist import answered, checklist
from otalab.views.report.facts import Asked, Reviewed, Weight
from otalab.views.report.story import stories
from otalab.views.report.svg import bars_svg, layout_svg, life_svg
from otalab.views.report.words import choice_rows, cuts_words, listed, one_in, probability, sentence

SIGNS = {"safe": "✓", "unsafe": "✗", "open": "?", "yes": "✓", "no": "✗", "partly": "◐"}


def design_part(one: Reviewed) -> dict[str, Any]:
    """Return what a design is: its choices in words, and the flash drawn to scale."""
    board = one.board
    regions = [
        (name, f"0x{region.address:06x}", f"{region.size // 1024} KiB", region.size // board.geometry.sector_size)
        for name, region in board.owners()
    ]
    return {
        "choices": choice_rows(one.design),
        "board": board,
        "chip": one.chip,
        "offer": one.scenario.offers,
        "layout": layout_svg(board, one.scenario.device.records),
        "regions": regions,
        "toml": one.design.toml(),
        "repaired": isinstance(one.design, Design),
    }


def matrix_part(one: Reviewed, asked: Asked) -> list[dict[str, Any]]:
    """Return the verdict matrix: a row for each fault model, a cell for each image."""
    cells = {(cell.case.faults, cell.case.image): cell for cell in one.cells}
    return [
        {"faults": faults, "cells": [_cell_words(cells[faults, image]) for image in asked.images]}
        for faults in asked.faults
    ]


def _cell_words(cell: Any) -> dict[str, Any]:
    graph, bad = cell.graph, cell.graph.counterexample
    ends = [end for end in graph.ends if end in BAD] if bad else graph.ends
    if bad:
        told = f"{'' if graph.closed else 'at most '}{cuts_words(len(bad.cuts))}"
    else:
        told = f"{graph.nodes} states" + ("" if graph.closed else ", not closed")
    return {
        "verdict": graph.verdict, "sign": SIGNS[graph.verdict], "ends": ", ".join(ends), "told": told,
        "wrecks": f"{graph.wrecks:,}", "expanded": f"{graph.expanded:,}", "states": graph.nodes,
    }  # fmt: skip


def stories_part(one: Reviewed) -> list[dict[str, Any]]:
    """Return every story of a design; `story` is what the player is made of."""
    return [
        {
            "title": story.title,
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
        for story in stories(one.cells)
    ]


def risk_part(one: Reviewed, asked: Asked) -> dict[str, Any]:
    """Return the risk: by rate, by phase, by part and rate."""
    weight, first = one.weight, asked.rates[0]
    rows = [
        (row.phase, seconds(row.seconds), probability(row.cuts), probability(row.p_bad))
        for row in weight.phases.itertuples()
    ]
    bars = [(row.phase, [row.seconds_share, row.cuts_share, row.p_bad_share]) for row in weight.phases.itertuples()]
    low, high = weight.band
    by_part = [*weight.by_part.groupby("part", sort=False)]
    return {
        "rates": [_rate_row(weight, rate) for rate in asked.rates],
        "first": first,
        "phases": rows,
        "bars": bars_svg(bars, ("of the time", "of all cuts", "of fatal cuts")),
        "parts": [_part_row(weight, name, found) for name, found in by_part if found.low.notna().any()],
        "left_out": [(name, found.why.iloc[0]) for name, found in by_part if found.low.isna().all()],
        "band": f"{probability(low)} to {probability(high)}" if high > low else "",
        "closed": weight.by_rate[first].weighed.closed,
        "unsafe_at_no_risk": bool(one.unsafe) and weight.bad(first)[1] == 0,
    }  # fmt: skip


def _rate_row(weight: Weight, rate: str) -> dict[str, Any]:
    low, high = weight.bad(rate)
    weighed = weight.by_rate[rate].weighed
    ends = [(end, probability(value)) for end, value in weighed.ends.items() if value]
    known = base_rates().get(rate)
    return {
        "name": rate, "hour": f"{parse_rate(rate):.3g}", "bad": _bounds(low, high),
        "one_in": _many(low, high),
        "ends": ends, "what": f"{known.rate}: {known.what}" if known else "", "source": known.source if known else "",
        "note": known.note if known else "",
    }  # fmt: skip


def _bounds(low: float, high: float) -> str:
    if high - low > 0.999:
        return "not known: the graph is not closed"
    return probability(low) if low == high or pd.isna(low) else f"{probability(low)} to {probability(high)}"


def _many(low: float, high: float) -> str:
    """Return one device in how many; nothing where nothing is known."""
    if high - low > 0.999:
        return ""
    return ("at worst " if high > low else "") + one_in(high)


def _part_row(weight: Weight, name: str, rows: pd.DataFrame) -> dict[str, Any]:
    numbers = [_bounds(row.low, row.high) for row in rows.itertuples()]
    return {"name": name, "numbers": numbers, "carries": weight.carries[name] or "none"}


def wear_part(one: Reviewed, asked: Asked) -> dict[str, Any]:
    """Return the wear: for each region, its most worn sector."""
    if one.wear is None:
        return {"problem": one.problem, "rows": []}
    table = one.wear.loc[one.wear.groupby("owner", sort=False).per_update.idxmax()]
    rows = [
        (row.owner, row.sector, f"{row.per_update:.3g}", f"{row.erases:,.0f}", _used(row)) for row in table.itertuples()
    ]
    expected = one.weight.by_rate[asked.rates[0]].weighed.expected()
    return {"problem": "", "rows": rows, "erases": f"{expected['erases']:.4g}", "seconds": f"{expected['seconds']:.4g}"}


def _used(row: Any) -> str:
    return f"{row.used:.2%} of {row.endurance:,.0f}" if hasattr(row, "used") else "not in the table of parts"


def repair_part(one: Reviewed) -> dict[str, Any] | None:
    """Return the smallest change that turns red to green, with its proof, or why there is none."""
    found = one.repair
    if found is None or found.outcome == "safe":
        return None
    best = found.suggestions[0] if found.suggestions else None
    return {
        "text": found.text,
        "smallest": found.smallest,
        "changes": [(change.way, str(change.old), str(change.new)) for change in best.changes] if best else [],
        "proofs": [(p.faults, p.image, p.states, f"{p.wrecks:,}") for p in best.proofs] if best else [],
        "short": best.text if best else found.text,
    }


def compared_part(every: Sequence[Reviewed], asked: Asked) -> dict[str, Any]:
    """Return the designs side by side: the choices in which they differ, and what was found."""
    rows = [{way: value for way, value, _ in choice_rows(one.design)} for one in every]
    names = dict.fromkeys(way for row in rows for way in row)
    differ = [way for way in names if len({row.get(way) for row in rows}) > 1]
    columns = []
    for one, own in zip(every, rows, strict=True):
        low, high = one.weight.bad(asked.rates[0])
        mended = repair_part(one)
        columns.append(
            {
                "name": one.design.name,
                "verdict": one.verdict,
                "sign": SIGNS[one.verdict],
                "safe": f"{sum(cell.graph.verdict == 'safe' for cell in one.cells)} of {len(one.cells)}",
                "choices": [own.get(way, "not said") for way in differ],
                "bad": _bounds(low, high),
                "one_in": _many(low, high),
                "erases": f"{one.weight.by_rate[asked.rates[0]].weighed.expected()['erases']:.4g}",
                "mend": mended["short"] if mended else _nothing(one),
            }
        )
    return {"differ": differ, "columns": columns, "rate": asked.rates[0]}


def _nothing(one: Reviewed) -> str:
    return "nothing to change" if isinstance(one.design, Design) else "code is not changed by the lab"


def summary_part(one: Reviewed, asked: Asked) -> dict[str, Any]:
    """Return the answer in a few sentences."""
    sentences = []
    if one.verdict == "safe":
        sentences.append("No bad end can be reached by any number of power cuts, in any cell of the matrix.")
    elif one.verdict == "open":
        sentences.append("Nothing bad was found, but not every graph is closed: this is not a proof.")
    else:
        found = [bad for cell in one.unsafe if (bad := cell.graph.counterexample)]
        worst = min(found, key=lambda bad: bad.order)
        where = f" in the phase {worst.cuts[-1][1].phase}" if worst.cuts else ""
        told = sentence(cuts_words(len(worst.cuts)))
        can = f"{told}{where} can do it" if worst.cuts else "It needs no power cut"
        sentences.append(f"{can}: {worst.end}, {worst.reason}.")
        sentences.append(f"Bad ends were found in {len(one.unsafe)} of {len(one.cells)} cells: {listed(one.bad_ends)}.")
    low, high = one.weight.bad(asked.rates[0])
    risk = _bounds(low, high) + (f" ({_many(low, high)})" if _many(low, high) else "")
    sentences.append(f"Probability of a bad end per update, on {one.chip.name} at rate {asked.rates[0]}: {risk}.")
    if mend := repair_part(one):
        enough = f"{'Smallest' if mend['smallest'] else 'A'} change that is proved to be enough: {mend['short']}."
        sentences.append(enough if mend["changes"] else f"No repair: {mend['text']}.")
    return {"name": one.design.name, "verdict": one.verdict, "sign": SIGNS[one.verdict], "sentences": sentences}


def checklist_part(every: Sequence[Reviewed]) -> list[dict[str, Any]]:
    """Return the checklist, with the lab's answer for each design."""
    return [
        {
            "item": item,
            "answers": [(found, SIGNS[found.mark]) for one in every if (found := answered(item, one))],
        }
        for item in checklist()
    ]


def limits_part() -> list[str]:
    """Return what no verdict covers."""
    return [
        f"A forged check of 32 bits or more: {RESIDUAL:.1e} per torn record.",
        "Damage outside the sector that is worked on, and reads that fault.",
        "Unstable cells are a fault model of their own (unstable), and not in all.",
        "Attackers: the adversary here is the power supply, and nobody else.",
        "The image itself: it is bytes with a temper, and the lab does not run it.",
    ]


def ends_part() -> list[tuple[str, str]]:
    """Return every end with its meaning."""
    return list(END_WORDS.items())

"""The machine-readable twin of a report: the same facts as JSON, in the page and for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from otalab.views.report.asked import Asked
from otalab.views.report.facts import Reviewed
from otalab.views.report.summary import scopes, summary_of
from otalab.views.report.words import choice_rows


def twin(every: Sequence[Reviewed], request: Asked, waiting: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a report is made of: of each design its summary, its choices and its cells, with the scopes.

    `waiting` are the designs that were not yet examined.
    """
    return {
        "not_yet_examined": [*waiting],
        "rate": request.rates[0],
        "scopes": {name: asdict(scope) for name, scope in scopes(request).items()},
        "designs": [
            {
                "design": review.design.name,
                "given": review.given,
                "board": review.board.name,
                "summary": summary_of(review, request).as_object(),
                "choices": {way: value for way, value, _ in choice_rows(review.design)},
                "cells": [cell.as_object() for cell in review.cells],
            }
            for review in every
        ],
    }


def timeless(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the same without how long each search took: a page is the same bytes for the same facts."""
    designs = []
    for design in facts["designs"]:
        cells = [{name: value for name, value in cell.items() if name != "seconds"} for cell in design["cells"]]
        designs.append({**design, "cells": cells})
    return {**facts, "designs": designs}

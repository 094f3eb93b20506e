"""What changed since an earlier review: cells, risk and choices, each better, worse, or only otherwise.

An earlier review comes from somebody's hands: a file that is none is one line, and what it says is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from otalab.bench.ends import SEVERITY
from otalab.errors import BadInput
from otalab.files import read_text
from otalab.json_text import parsed_json
from otalab.views.report.judged import VERDICTS
from otalab.views.report.words import bounds

FACTS = "facts"  # the id of the element of a page that holds its twin
MOST = 64_000_000
BETTER, WORSE, OTHER = "better", "worse", "other"


@dataclass(frozen=True, slots=True)
class ReviewedChange:
    """One thing that is not as it was: what, what it was, what it is, and whether that is better."""

    what: str
    old: str
    new: str
    turn: str


@dataclass(frozen=True, slots=True)
class Revision:
    """The changes of one design since an earlier review of it, or of what it was then called."""

    design: str
    earlier: str
    changes: tuple[ReviewedChange, ...]


class _Facts(HTMLParser):
    """Finds the text of the element that holds the twin of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.text = False, ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Begin with the element of that id."""
        self.inside = tag == "script" and dict(attributes).get("id") == FACTS

    def handle_endtag(self, tag: str) -> None:
        """End with it."""
        self.inside = False

    def handle_data(self, data: str) -> None:
        """Keep what is in it."""
        if self.inside:
            self.text += data


def read_review(path: str) -> dict[str, Any]:
    """Return the twin of an earlier review, from its page or from what `--json` printed."""
    text = read_text(path, MOST)
    if text.lstrip()[:1] == "<":
        page = _Facts()
        page.feed(text)
        text = page.text
    try:
        facts = parsed_json(text)
        known = isinstance(facts["rate"], str) and all(_fits(design) for design in facts["designs"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise BadInput(f"{path}: no review to compare with: otalab report -o FILE.html, or --json, makes one")
    return dict(facts)


def _fits(design: dict[str, Any]) -> bool:
    """Say whether a design of an earlier review has all that is compared, in the right types."""
    texts = [design["design"], *(cell[name] for cell in design["cells"] for name in ("faults", "image"))]
    numbers = [*design["summary"]["risk"]]
    return (
        all(isinstance(text, str) for text in texts)
        and all(cell["verdict"] in VERDICTS and isinstance(cell["ends"], list) for cell in design["cells"])
        and len(numbers) == 2
        and all(isinstance(number, int | float) for number in numbers)
        and isinstance(design["choices"], dict)
    )


def revisions(facts: dict[str, Any], earlier: dict[str, Any]) -> list[Revision]:
    """Return what changed in each design that both reviews have; where each has one alone, these two are compared."""
    known = {design["design"]: design for design in earlier["designs"]}
    if len(known) == len(facts["designs"]) == 1:
        known = {facts["designs"][0]["design"]: next(iter(known.values()))}
    pairs = [(design, known[design["design"]]) for design in facts["designs"] if design["design"] in known]
    same_rate = facts["rate"] == earlier["rate"]
    return [
        Revision(
            new["design"],
            old["design"],
            (*_cells(new, old), *_risk(new, old, same_rate=same_rate), *_choices(new, old)),
        )
        for new, old in pairs
    ]


def _cells(new: dict[str, Any], old: dict[str, Any]) -> Iterator[ReviewedChange]:
    now, before = ({(cell["faults"], cell["image"]): cell for cell in design["cells"]} for design in (new, old))
    for key in dict.fromkeys((*before, *now)):
        what = f"{key[0]}, image {key[1]}"
        if key not in now or key not in before:
            yield ReviewedChange(what, _told(before.get(key)), _told(now.get(key)), OTHER)
        elif (was := _rank(before[key])) != (is_now := _rank(now[key])):
            yield ReviewedChange(what, _told(before[key]), _told(now[key]), BETTER if is_now > was else WORSE)


def _rank(cell: dict[str, Any]) -> tuple[int, int]:
    """Return how bad a cell is, the worst least: as designs are ordered, but for cuts, which only prove it sooner."""
    ends = [end for end in SEVERITY if end in cell["ends"]] if cell["verdict"] == "unsafe" else []
    return VERDICTS.index(cell["verdict"]), SEVERITY.index(ends[0]) if ends else len(SEVERITY)


def _told(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "not asked"
    bad = [end for end in SEVERITY if end in cell["ends"]] if cell["verdict"] == "unsafe" else []
    return str(cell["verdict"]) + (f": {bad[0]}" if bad else "")


def _risk(new: dict[str, Any], old: dict[str, Any], *, same_rate: bool) -> Iterator[ReviewedChange]:
    """Yield the change of the risk: bounds that overlap may be the same number, and that is no change."""
    (low, high), (low_before, high_before) = new["summary"]["risk"], old["summary"]["risk"]
    if not same_rate:
        yield ReviewedChange("bad end per update", "at another rate", bounds(low, high), OTHER)
    elif low > high_before or high < low_before:
        turn = WORSE if low > high_before else BETTER
        yield ReviewedChange("bad end per update", bounds(low_before, high_before), bounds(low, high), turn)


def _choices(new: dict[str, Any], old: dict[str, Any]) -> Iterator[ReviewedChange]:
    now, before = new["choices"], old["choices"]
    for way in dict.fromkeys((*before, *now)):
        if (was := before.get(way)) != (is_now := now.get(way)):
            yield ReviewedChange(str(way), str(was or "not said"), str(is_now or "not said"), OTHER)

"""`otalab report`: a design review in one file that opens without a kernel or a network.

What carries it out takes seconds to load, so that is done when it is called.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from otalab.cli.check import COLUMNS
from otalab.cli.interrupts import pressed, remembered
from otalab.cli.options.effect import goes_with
from otalab.cli.options.firmware import add_firmware, chosen_designs
from otalab.cli.options.formats import add_format, chosen_format, csv_text
from otalab.cli.options.outputs import add_force, apart, output
from otalab.cli.options.scenario import add_device_options, chosen_options
from otalab.cli.parser import group
from otalab.cli.per_year import COST
from otalab.cli.progress import bar
from otalab.cli.way_out import tell_fault
from otalab.errors import BadInput
from otalab.graph.answers import MOST_JOBS
from otalab.graph.asked import several, some_faults, some_images
from otalab.graph.check import matrix

if TYPE_CHECKING:
    from otalab.files import Output
    from otalab.views.report.asked import Asked
    from otalab.views.report.facts import Reviewed, Unreviewed
    from otalab.views.report.page import ReportPage

MANY = 32  # as many cells as a design has by default: a minute and more
RATES = ("us-2022", "bismark-developed", "bismark-developing")


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("report")
    parser.add_argument("designs", nargs="*", metavar="DESIGN", help="names from the catalogue, or TOML files")
    add_firmware(parser)
    add_device_options(parser)
    add = group(parser, "the search").add_argument
    add("--faults", default="each", metavar="NAME,...", help="fault models; each is every one (each)")
    add("--image", default="all", metavar="NAME,...", help="images; all is every one (all)")
    add("--budget", type=int, default=100, metavar="N", help="most nodes of a graph (100)")
    add("--jobs", type=int, metavar="N", help=f"processes that search at once (one; one a core from {MANY} cells on)")
    add("--repair", type=int, default=3, metavar="N", help="most changes of a suggested repair; 0: none (3)")
    add("--limit", type=int, default=100, metavar="N", help="most sets of changes that are tried (100)")
    add = group(parser, "risk and wear").add_argument
    add("--rate", action="append", metavar="R", help=f"power failures, repeatable ({', '.join(RATES)})")
    add("--within", type=float, default=0.1, metavar="W", help="how close, as a share of each end, if open (0.1)")
    add("--parts", metavar="PART,...", help="parts whose risk is told, or each (five of them)")
    add("--updates-per-year", type=float, default=12.0, metavar="N", help="for wear (12)")
    add("--brick-cost", type=float, metavar="C", help=COST)
    add("--years", type=float, default=10.0, metavar="N", help="for wear (10)")
    add("--endurance", type=float, metavar="N", help="erases a sector is good for (the part's, where it is known)")
    add = group(parser, "what comes out").add_argument
    add("-o", "--out", metavar="FILE.html", help="where to write the page")
    add("--against", metavar="FILE", help="tell what changed since an earlier report: its page, or what --json printed")
    add("--pdf", metavar="FILE.pdf", help="the same on paper, where a Chromium is installed")
    add("--json", action="store_true", help="print one JSON object: what was written, and what was found")
    add_format(parser)
    add_force(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Find out, write, and say where; 0 whatever was found, 3 where the lab itself went wrong with a design."""
    from otalab.views.report.page import ReportPage  # noqa: PLC0415  # slow to load
    from otalab.views.report.pdf import chromium, printed  # noqa: PLC0415
    from otalab.views.report.revision import read_review  # noqa: PLC0415

    if not (arguments.out or arguments.pdf):
        raise BadInput("where to? -o FILE.html, --pdf FILE.pdf, or both")
    goes_with(arguments, arguments.repair, "a repair: --repair 0 asks for none", "--limit")
    how, browser = chosen_format(arguments), chromium() if arguments.pdf else ""
    out, paper = output(arguments.out, arguments), output(arguments.pdf, arguments)
    apart(out, paper)
    earlier = read_review(arguments.against) if arguments.against else None
    question = _asked(arguments)
    page = ReportPage(question, ["otalab", "report", *_words(arguments)], datetime.now(UTC).date())
    with _told() as progress:
        lost, text, facts = _written(page, earlier, out, progress)
        results = [(out, text.encode())] if out else []
        if paper:
            progress("printing")
            results.append((paper, printed(text, browser)))
            paper.write(results[-1][1])
    _tell(results, how, page.every, facts)
    faults = [(review.given, review.fault) for review in lost]
    faults += [(review.given, fault) for review in page.every if review.repair for fault in review.repair.lost]
    for design, fault in faults:
        tell_fault(f"otalab report: {design}", fault)
    return 3 if faults else 0


def _written(
    page: ReportPage, earlier: dict[str, Any] | None, out: Output | None, progress: Callable[[str], None]
) -> tuple[list[Unreviewed], str, dict[str, Any]]:
    """Examine every design and write the page after each; return those that were lost, the page, and its facts.

    So whoever interrupts has what was done by then, and is told so.
    """
    from otalab.views.report.facts import Unreviewed, reviews  # noqa: PLC0415
    from otalab.views.report.revision import revisions  # noqa: PLC0415
    from otalab.views.report.twin import twin  # noqa: PLC0415

    lost, waiting, there = list[Unreviewed](), [*page.request.designs], 0
    text, said = "", dict[str, Any]()
    try:
        for review in reviews(page.request, progress):
            waiting.pop(0)
            if isinstance(review, Unreviewed):
                lost.append(review)
            else:
                page.add(review)
            if not page.every:
                continue
            progress("writing")
            facts = twin(page.every, page.request, waiting)
            changes = revisions(facts, earlier) if earlier else None
            text = page.text(lost, waiting, facts=facts, changes=changes)
            said = facts | ({} if changes is None else {"against": [asdict(change) for change in changes]})
            if out:
                out.write(text)
                there = len(page.every)
    except KeyboardInterrupt:
        if out and there:
            many = len(page.request.designs)
            print(f"{out.path}: {there} of {many} designs; what is not in it is named there", file=sys.stderr)
        raise
    if not page.every:
        raise lost[0].fault
    return lost, text, said


def _tell(results: list[tuple[Output, bytes]], how: str, every: list[Reviewed], facts: dict[str, Any]) -> None:
    """Print where that is which was written, or what it is made of."""
    if how == "table":
        for place, data in results:
            print(f"{place.path}: {len(data) / 1e6:.2f} MB")
    elif how == "json":
        print(
            json.dumps({"files": [{"path": str(place.path), "bytes": len(data)} for place, data in results], **facts})
        )
    elif how == "csv":
        cells = [(review.given, *row.values()) for review in every for row in matrix(review.cells)]
        print(csv_text(("given", *COLUMNS), cells), end="")


def _asked(arguments: argparse.Namespace) -> Asked:
    from otalab.hardware.part import parts  # noqa: PLC0415
    from otalab.views.report.asked import SOME_PARTS, Asked  # noqa: PLC0415

    if arguments.budget < 1 or arguments.repair < 0 or arguments.limit < 1:
        raise BadInput("--budget and --limit: at least 1; --repair: 0 or more")
    some = SOME_PARTS if arguments.parts is None else several(arguments.parts, parts())
    designs = tuple(chosen_designs(arguments))
    faults, images = some_faults(arguments.faults), some_images(arguments.image)
    return Asked(
        designs=designs,
        faults=faults,
        images=images,
        rates=tuple(dict.fromkeys(arguments.rate or RATES)),
        parts=tuple(some),
        updates_per_year=arguments.updates_per_year,
        years=arguments.years,
        brick_cost=arguments.brick_cost,
        endurance=arguments.endurance,
        budget=arguments.budget,
        most=arguments.repair,
        jobs=_jobs(arguments.jobs, len(designs) * len(faults) * len(images)),
        limit=arguments.limit,
        within=arguments.within,
        **chosen_options(arguments),
    )


def _jobs(jobs: int | None, cells: int) -> int:
    """Return how many processes are to search: as many as were asked for, or one for each core where much is to do."""
    if jobs is not None:
        return jobs
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_JOBS) if cells >= MANY else 1


def _words(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the words that make this report again: what was not given is as it is by default."""
    yield from arguments.designs
    plain = argparse.ArgumentParser()
    add_parser(plain.add_subparsers())
    usual = vars(plain.parse_args(["report", *arguments.designs]))
    for name, value in vars(arguments).items():
        if (
            name in usual
            and name not in ("designs", "func", "out", "pdf", "force", "json", "format")
            and value != usual[name]
        ):
            option = f"--{name.replace('_', '-')}"
            for item in value if isinstance(value, list) else [value]:
                yield from ((option,) if item is True else (option, str(item)))
    yield from ("-o", arguments.out or "review.html")


@contextmanager
def _told() -> Iterator[Callable[[str], None]]:
    """Show on standard error what is being looked at, gone when it is over; whoever interrupts is obeyed.

    A search that is interrupted keeps what it has and returns, as if its budget were spent; a report made of that would
    look whole.  So the key is remembered, and pressed again for whoever shows what is looked at next, or ends.
    """
    with remembered(), bar(mininterval=0.5, bar_format="{elapsed} {desc}") as shown:

        def show_text(text: str) -> None:
            if pressed():
                raise KeyboardInterrupt
            shown.set_description_str(text, refresh=False)
            shown.update()

        try:
            yield show_text
        except Exception:
            if pressed():
                raise KeyboardInterrupt from None  # what half a search lacks is no complaint of its own
            raise
        if pressed():
            raise KeyboardInterrupt

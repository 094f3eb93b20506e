"""`otalab course`: the teacher's kit: how far learners have come, a handout, and a release of the notebooks."""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otalab.cli.options.formats import add_format, chosen_format, print_rows
from otalab.cli.options.outputs import add_force, output
from otalab.cli.parser import group
from otalab.cli.progress import bar
from otalab.errors import BadInput
from otalab.files import read_text, try_folder, write_whole

if TYPE_CHECKING:
    from otalab.course.handout import Handout

COLUMNS = ("folder", "right", "tried", "attempts", "stuck at", "unreadable")
LEARNER = re.compile(r"\w[\w.-]{0,63}")


def add_parser(commands: Any) -> None:
    """Register the command and what it can be asked."""
    actions = commands.add_parser("course").add_subparsers(dest="action", required=True, metavar="ACTION")
    progress: argparse.ArgumentParser = actions.add_parser(
        "progress", help="how many exercises are right, in each learner's folder of the course"
    )
    progress.add_argument("folder", metavar="FOLDER", help="where the learners' folders lie")
    add = group(progress, "what comes out").add_argument
    add("--guesses", action="store_true", help="what was guessed, and by how many of them")
    add_format(progress)
    progress.set_defaults(func=progressed)
    _add_handout(actions)
    _add_release(actions)


def _add_handout(actions: Any) -> None:
    handout = actions.add_parser("handout", help="the notebooks, run, as pages with pictures and without answers")
    handout.add_argument("folder", metavar="OUT", help="a folder that is not there yet, or is empty")
    add = group(handout, "the course").add_argument
    add("--notebook", metavar="NN", action="append", default=[], help="only this one, such as 03 (may be repeated)")
    add = group(handout, "what comes out").add_argument
    add("--slides", action="store_true", help="a page of slides for each notebook")
    add("--pdf", metavar="FILE.pdf", help="all of them on paper as well, where a Chromium is installed")
    add_force(handout)
    handout.set_defaults(func=handed_out)


def _add_release(actions: Any) -> None:
    release = actions.add_parser(
        "release", help="the notebooks without answers, with them, and with the cells of nbgrader"
    )
    release.add_argument("folder", metavar="OUT", help="a folder that is not there yet, or is empty")
    add = group(release, "the course").add_argument
    add("--learners", metavar="FILE", help="names, one a line: a folder for each, with numbers of its own")
    add("--seed", metavar="S", default="", help="what these numbers are drawn from, with the name (nothing)")
    release.set_defaults(func=release_course)


def progressed(arguments: argparse.Namespace) -> int:
    """Print a row for each learner, or for each guess."""
    from otalab.course.attempts import gathered, rows  # noqa: PLC0415  # what it stands beside loads all of the lab
    from otalab.course.guesses import compared  # noqa: PLC0415  # see above

    how, folder = chosen_format(arguments), Path(arguments.folder)
    if arguments.guesses:
        print_rows(how, "guesses", ("guess", "said", "by"), compared(folder), right="by")
    else:
        print_rows(how, "learners", COLUMNS, rows(gathered(folder)), right="right tried attempts unreadable")
    return 0


def handed_out(arguments: argparse.Namespace) -> int:
    """Run the notebooks, and write their pages."""
    from otalab.course.folder import course  # noqa: PLC0415  # see above
    from otalab.course.handout import names_of  # noqa: PLC0415  # see above
    from otalab.views.report.pdf import chromium, printed  # noqa: PLC0415  # see above

    out = _empty(arguments.folder)
    browser = chromium() if arguments.pdf else ""
    paper = output(arguments.pdf, arguments)
    names = names_of(course(), arguments.notebook)
    made = made_of(names, slides=arguments.slides)
    _write(out, made.files.items())
    print(f"{out / 'index.html'}: {len(names)} of the notebooks, to be opened in any browser")
    if paper:
        paper.write(printed(made.whole, browser))
        print(f"{arguments.pdf}: the same on paper")
    return 0


def made_of(names: Sequence[str], *, slides: bool = False, home: str = "") -> Handout:
    """Run these notebooks in a folder that goes away, with progress, and return their pages; `home` is above them."""
    from otalab.course.folder import copy_course, course  # noqa: PLC0415  # see above
    from otalab.course.handout import handout, run  # noqa: PLC0415  # see above

    files = course()
    with tempfile.TemporaryDirectory() as folder, bar(total=len(names), unit="notebook") as shown:
        copy_course(Path(folder))

        def ran(name: str) -> Any:
            notebook = run(name, files[name], Path(folder, "notebooks"))
            shown.update()
            return notebook

        return handout(files, names, ran, slides=slides, home=home)


def release_course(arguments: argparse.Namespace) -> int:
    """Write the three kinds of notebooks."""
    from otalab.course.folder import course  # noqa: PLC0415  # see above
    from otalab.course.release import LEARNERS, NBGRADER, TEACHER, released  # noqa: PLC0415  # see above

    out, learners = _empty(arguments.folder), _learners(arguments.learners)
    if arguments.seed and not learners:
        raise BadInput("--seed: draws numbers for each learner; name them with --learners FILE")
    _write(out, released(course(), learners, arguments.seed).items())
    whose = f"{len(learners)} folders, each with its own numbers" if learners else "to be handed out"
    print(f"{out / LEARNERS}: without answers, {whose}")
    print(f"{out / TEACHER}: with answers, the guide, and tags for slides")
    print(f"{out / NBGRADER}: for nbgrader")
    return 0


def _empty(name: str) -> Path:
    folder = Path(name)
    try_folder(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput(f"{folder}: is not empty: take another name, or empty it first")
    return folder


def _learners(name: str | None) -> list[str]:
    if name is None:
        return []
    learners = [line.strip() for line in read_text(name).splitlines() if line.strip()]
    for line in learners:
        if not LEARNER.fullmatch(line):
            raise BadInput(f"{name}: {line!r} is no name of a folder: letters, digits, dots, dashes and underlines")
    if not learners or len({line.casefold() for line in learners}) < len(learners):
        raise BadInput(f"{name}: wanted are names, one a line, each once")
    return learners


def _write(out: Path, files: Iterable[tuple[str, bytes]]) -> None:
    for name, text in files:
        place = out / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, text, sync=False)

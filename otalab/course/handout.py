"""A handout: the notebooks as pages that need no kernel and no network; run, with their pictures, without answers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from otalab.course.notebook import exercise_in, read_notebook, slides_of, title_of, with_cells, without_answers
from otalab.errors import BadInput, OtalabError
from otalab.files import MADE

TEMPLATES = Path(__file__).with_name("templates")
SECONDS_PER_CELL = 600
LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]*)\]\((?P<to>[^)\s#]*)(?P<part>#[^)\s]*)?\)")
# What a browser shows without a kernel: views and figures have put words and a picture there.
SHOWN = ["text/html", "image/svg+xml", "image/png", "text/plain"]


@dataclass(frozen=True, slots=True)
class Handout:
    """The files of a site by name, and one page with every notebook, to print."""

    files: dict[str, bytes]
    whole: str


def names_of(files: dict[str, bytes], numbers: Sequence[str]) -> list[str]:
    """Return the notebooks with these numbers, such as `03`; every one where none is asked for."""
    names = [name for name in sorted(files) if name.endswith(".ipynb")]
    for number in numbers:
        if not any(PurePosixPath(name).name.startswith(f"{number}_") for name in names):
            met = ", ".join(PurePosixPath(name).name.partition("_")[0] for name in names)
            raise BadInput(f"there is no notebook {number!r}; one of: {met}")
    return [name for name in names if not numbers or PurePosixPath(name).name.partition("_")[0] in numbers]


def run(name: str, text: bytes, folder: Path) -> Any:
    """Return a notebook without answers, run from top to bottom in this folder; what exercises said is left out."""
    notebook = without_answers(read_notebook(text))
    here = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=SECONDS_PER_CELL, store_widget_state=False, resources=here)
    try:
        # What a kernel tells whoever started it is not for whoever wants a handout.
        client.execute(stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise OtalabError(f"{name}: a cell fails with {error.ename}: {error.evalue}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise OtalabError(f"{name}: {str(error).splitlines()[0]}") from error
    for cell in notebook.cells:
        if exercise_in(cell):
            cell.outputs = []
    return notebook


def handout(
    files: dict[str, bytes], names: Iterable[str], ran: Callable[[str], Any], *, slides: bool = False, home: str = ""
) -> Handout:
    """Return the pages of these notebooks, and of the documents that they link to; `ran` gives each after its run.

    Where they are part of a site, `home` is its first page, as seen from theirs.
    """
    page_of = partial(_page, home=home)
    notebooks = {PurePosixPath(name).with_suffix(".html").name: ran(name) for name in names}
    documents = {name: text for name, text in files.items() if name.startswith("docs/")}
    there = {*notebooks, *(_page_of(name) for name in documents)}
    titles = {page: title_of(notebook) for page, notebook in notebooks.items()}
    made = {"index.html": page_of("otalab: the course", [markdown2html(_contents(titles))])}
    bodies = []
    for page, notebook in notebooks.items():
        linked = _linked(notebook, there)
        bodies.append(_body(linked))
        shown = [_slide(linked, cells) for cells in slides_of(linked)] if slides else bodies[-1:]
        made[page] = page_of(titles[page], shown, slides=slides)
    for name, text in documents.items():
        page = _page_of(name)
        if page != name:
            body = markdown2html(_links(text.decode(), there, folder="docs"))
            made[page] = page_of(PurePosixPath(name).stem, [body], up="../")
    whole = _page("otalab: the course", bodies)
    kept = {name: text for name, text in documents.items() if _page_of(name) == name}
    return Handout(kept | {name: text.encode() for name, text in made.items()}, whole)


def _page_of(document: str) -> str:
    return re.sub(r"\.md$", ".html", document)


def _contents(titles: dict[str, str]) -> str:
    lines = "\n".join(f"- [{title}]({page})" for page, title in titles.items())
    return f"# The course\n\n{lines}\n"


def _page(title: str, bodies: Sequence[str], *, slides: bool = False, up: str = "", home: str = "") -> str:
    links = [(f"{up}{home}", "otalab")] if home else []
    links += [(f"{up}index.html", "The course"), (f"{up}docs/glossary.html", "Glossary")]
    words = HtmlFormatter(style="default").get_style_defs(".highlight")
    page = _templates().get_template("handout.html.j2")
    return page.render(title=title, bodies=bodies, slides=slides, links=links, highlighting=words, made=MADE)


@cache
def _templates() -> Environment:
    # What is put in are pages that were made here, by libraries that escape what they read.
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)


def _linked(notebook: Any, there: set[str]) -> Any:
    changed = deepcopy(notebook)
    for cell in changed.cells:
        if cell.cell_type == "markdown":
            cell.source = _links(cell.source, there, folder="")
    return changed


def _links(text: str, there: set[str], folder: str) -> str:
    """Turn links to notebooks and documents into links to their pages; of a link that leads out, leave the words."""

    def turned(link: re.Match[str]) -> str:
        to, part = link["to"], link["part"] or ""
        if not to or "://" in to:
            return link[0]
        name = PurePosixPath(re.sub(r"\.(ipynb|md)$", ".html", to))
        page = name.name if name.suffix == ".html" and to.endswith(".ipynb") else f"docs/{name.name}"
        if page not in there:
            return link["words"]
        return f"[{link['words']}]({'../' if folder else ''}{page}{part})"

    return LINK.sub(turned, text)


def _body(notebook: Any) -> str:
    """Return a notebook as HTML, without a frame around it."""
    text, _ = _exporter().from_notebook_node(notebook)
    return str(text)


def _slide(notebook: Any, cells: list[Any]) -> str:
    return f'<section class="slide">\n{_body(with_cells(notebook, cells))}\n</section>'


@cache
def _exporter() -> Any:
    # Without a kernel a widget is nothing; what stands beside it in the output is shown.
    config = Config({"NbConvertBase": {"display_data_priority": SHOWN}})
    return HTMLExporter(
        config=config, template_name="basic", anchor_link_text="", exclude_input_prompt=True,
        exclude_output_prompt=True,
    )  # fmt: skip

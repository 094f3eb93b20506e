"""The site in a browser's tab: its size, the seconds to its first answer and step, and its verdicts.

    python benchmarks/site.py                      sizes and seconds, on a free line and on one of a megabyte a second
    python benchmarks/site.py --cells [DESIGN ...]  every fault model, in the tab and here, beside docs/verdicts.csv

The runtime is the npm package pyodide, unpacked where `.ci/run` puts it or where OTALAB_PYODIDE says.
Numbers are printed and judged by whoever reads them; a verdict of the tab that is not the one of an installation on
the same board ends the run with 1.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, BrowserType, Page, sync_playwright
from verdicts import BUDGET, BUDGETS, stored

from otalab.bench.setup import set_up
from otalab.errors import BadInput
from otalab.faults.models import FAULTS
from otalab.firmware.catalogue import designs
from otalab.firmware.image import TEMPERS
from otalab.graph.check import check_design
from otalab.views.site.build import build

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from browsing import CHROMIUM, FLAGS
from tab import BOARDS, pyodide

PATIENCE = 3600_000  # milliseconds
MEGABYTE = 1_000_000
PART = 16_384  # bytes between two looks at the clock of a slow line
FIRST = {
    "a verdict": ("check.html", "#question button[type=submit]", "#answer .verdict"),
    "a step": ("player.html", "", ".otalab-player .sentence:not(:empty)"),
}


class Line(ThreadingHTTPServer):
    """A server of files behind a line of so many bytes a second, shared by all that is fetched; 0 is a free line."""

    def __init__(self, folder: Path, rate: int) -> None:
        super().__init__(("127.0.0.1", 0), partial(Sent, directory=str(folder)))
        self.rate, self.sent = rate, 0
        self._free_at, self._turn = time.monotonic(), threading.Lock()

    def carry(self, size: int) -> None:
        """Wait as long as this many bytes take, after those before them."""
        with self._turn:
            self.sent += size
            if not self.rate:
                return
            self._free_at = max(self._free_at, time.monotonic()) + size / self.rate
            free_at = self._free_at
        time.sleep(max(0.0, free_at - time.monotonic()))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that has gone is no news."""


class Sent(SimpleHTTPRequestHandler):
    """One answer of the line."""

    server: Line
    protocol_version = "HTTP/1.1"

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while part := source.read(PART):
            self.server.carry(len(part))
            outputfile.write(part)

    def log_message(self, *_said: Any) -> None:
        """Who fetched what is no news."""


@contextmanager
def served(folder: Path, rate: int = 0) -> Iterator[tuple[str, Line]]:
    """Serve a folder, and give its address."""
    with Line(folder, rate) as line:
        threading.Thread(target=line.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{line.server_address[1]}/", line
        line.shutdown()


def seconds_to(page: Page, address: str, pressed: str, seen: str) -> float:
    """Return the seconds from opening a page until what it is for is seen."""
    begun = time.monotonic()
    page.goto(address)
    if pressed:
        page.click(pressed)
    page.wait_for_selector(seen, timeout=PATIENCE)
    return time.monotonic() - begun


def times(chromium: BrowserType, folder: Path) -> None:
    """Print what is fetched and how long it takes, for a profile that was never here and for one that was."""
    sizes = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    packed = sum(len(gzip.compress(path.read_bytes())) for path in sizes.values())
    whole = sum(path.stat().st_size for path in sizes.values())
    print(f"{len(sizes)} files, {whole / MEGABYTE:.1f} MB, {packed / MEGABYTE:.1f} MB where a server packs them")
    for name, path in sorted(sizes.items(), key=lambda item: -item[1].stat().st_size)[:6]:
        print(f"  {path.stat().st_size / MEGABYTE:6.2f} MB  {name}")
    for rate in (0, MEGABYTE):
        called = f"{rate // MEGABYTE} MB/s" if rate else "free line"
        for what, (name, pressed, seen) in FIRST.items():
            with served(folder, rate) as (base, line), TemporaryDirectory() as profile:
                took, sent = [], []
                for _ in range(3):  # each time the browser is started anew, with what it has kept on disk
                    before = line.sent
                    context = chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=FLAGS)
                    took.append(seconds_to(context.new_page(), base + name, pressed, seen))
                    sent.append(line.sent - before)
                    context.close()
            again = ", ".join(f"{seconds:.1f} s" for seconds in took[1:])
            print(
                f"{called:10} {what:10} first visit {took[0]:5.1f} s   later {again}, {sent[-1]:,} bytes fetched then"
            )


def board_of(design: str) -> str:
    """Return the smallest board of a tab that has what a design needs."""
    try:
        set_up(design, str(BOARDS / "tiny-bare.toml"))
    except BadInput:
        return "tiny-spiffs"
    return "tiny-bare"


def asked(page: Page, question: dict[str, str]) -> tuple[str, str, str]:
    """Return the verdict, the ends and the states that the page shows."""
    for name, value in question.items():
        field = page.locator(f"[name={name}]")
        field.fill(value) if name == "nodes" else field.select_option(value)
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector("#answer .verdict, #answer .trouble", timeout=PATIENCE)
    if trouble := page.locator("#answer .trouble").all_inner_texts():
        return "refused", trouble[0], ""
    rows = dict(
        page.locator("#answer tr").evaluate_all("(rows) => rows.map((row) => [...row.cells].map((c) => c.innerText))")
    )
    return page.locator("#answer .verdict").inner_text(), rows["ends that were met"].replace(", ", " "), rows["states"]


def found_here(question: dict[str, str]) -> tuple[str, str, str]:
    """Return what an installation finds of the same question."""
    board = str(BOARDS / f"{question['board']}.toml")
    graph = check_design(
        question["design"], question["faults"], question["image"], board, budget=int(question["nodes"])
    ).graph
    return graph.verdict, " ".join(graph.ends) or "none", f"{graph.nodes:,}"


def cells(browser: Browser, folder: Path, names: list[str], images: list[str]) -> bool:
    """Ask the tab each cell and compare it with an installation's; return whether all agree."""
    table = {
        (row["design"], row["faults"], row["image"]): row["verdict"] for row in stored() if row["start"] == "shipped"
    }
    same, as_on_tiny = 0, 0
    keys = list(product(names, FAULTS, images))
    with served(folder) as (base, _):
        page = browser.new_page()
        page.goto(f"{base}check.html")
        for design, faults, image in keys:
            question = {"design": design, "board": board_of(design), "faults": faults, "image": image}
            question["nodes"] = str(BUDGETS.get(design, BUDGET))
            begun = time.monotonic()
            there = asked(page, question)
            seconds = time.monotonic() - begun
            here, on_tiny = found_here(question), table[design, faults, image]
            same += there == here
            as_on_tiny += there[0] == on_tiny
            note = "" if there == here else f"; an installation: {' '.join(here)}"
            case = f"{design}/{question['board']}/{faults}/{image}"
            print(f"{case}: {' '.join(there)} in {seconds:.1f} s; tiny: {on_tiny}{note}", flush=True)
    print(f"{len(keys)} cells: {same} as in an installation, {as_on_tiny} with the verdict that tiny has with littlefs")
    return same == len(keys)


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="*", metavar="DESIGN", help="compare verdicts; of these designs, or of all")
    parser.add_argument("--image", nargs="*", default=["healthy"], choices=TEMPERS, help="whose cells are compared")
    arguments = parser.parse_args()
    if (runtime := pyodide()) is None:
        sys.exit("no pyodide: npm pack pyodide, unpack it, and name its folder in OTALAB_PYODIDE")
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        build(folder := Path(name), Path(runtime))
        if arguments.cells is None:
            times(playwright.chromium, folder)
            return 0
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return 0 if cells(browser, folder, arguments.cells or list(designs()), arguments.image) else 1


if __name__ == "__main__":
    sys.exit(main())

"""A report is written as its designs are done: whatever ends it, a whole page of these is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from reviews import PATIENCE, Outline, shown, terminal

from otalab.cli import main as cli
from otalab.cli import report as report_cli
from otalab.cli.main import parser
from otalab.files import Output
from otalab.views.report import facts
from otalab.views.report.facts import Asked, gather
from otalab.views.report.page import ReportPage, page
from otalab.views.report.revision import read_review

DESIGNS = ("single-record", "hardened")
QUICK = ("--board", "tiny", "--faults", "atomic", "--image", "healthy", "--rate", "us-2022", "--parts", "W25Q16JV",
         "--repair", "0", "--budget", "16")  # fmt: skip


def run(place, *words):
    return cli.main(["report", *DESIGNS, "-o", str(place), *QUICK, *words])


@pytest.fixture
def written(monkeypatch):
    """
    Every page that a command writes, in order.
    """
    pages, write = [], Output.write

    def kept(output, data):
        write(output, data)
        pages.append(Path(output.path).read_text(encoding="utf-8"))

    monkeypatch.setattr(Output, "write", kept)
    return pages


def test_each_design_is_written_as_it_is_done(tmp_path, capsys, written):
    """
    Every page is whole, tells of one design more, and names the others; the last one tells of all.
    """
    assert 0 == run(tmp_path / "review.html", "--json")

    told = [len(json.loads(page.partition('id="facts">')[2].partition("</script>")[0])["designs"]) for page in written]
    assert [1, 2] == told
    for number, text in enumerate(written, 1):
        outline = Outline(text)
        assert [] == outline.open
        assert ("Not yet examined" in outline.text) == (number < 2)
        assert number == 2 or "nothing is said of hardened." in outline.text
    facts_printed = json.loads(capsys.readouterr().out)
    assert ([], 2) == (facts_printed["not_yet_examined"], len(facts_printed["designs"]))
    assert [{"path": str(tmp_path / "review.html"), "bytes": len(written[-1].encode())}] == facts_printed["files"]


def test_a_page_that_grew_is_the_page_that_was_made_at_once():
    """
    What was kept of a design on the way changes not a byte; nor does what stands between.
    """
    asked = Asked(designs=DESIGNS, board="tiny", faults=("atomic",), images=("healthy",), rates=("us-2022",), parts=(),
                  most=0, budget=16)  # fmt: skip
    every, made = gather(asked)[0], date(2026, 1, 2)
    grown = ReportPage(asked, ["otalab"], made)
    for number, reviewed in enumerate(every, 1):
        grown.add(reviewed)
        waiting = DESIGNS[number:]
        assert grown.text(waiting=waiting) == page(every[:number], asked, ["otalab"], made, waiting=waiting)


@pytest.mark.parametrize("case", [("hardened", KeyboardInterrupt, 130), ("single-record", MemoryError, 3)])
def test_whatever_ends_it_leaves_what_is_done(tmp_path, monkeypatch, capsys, case):
    """
    A key: 130, and a line of what is there; a design that the lab goes wrong with: 3, and the other is examined.
    """
    (design, ends, status), review = case, facts._review

    def broken(request, name, *rest):
        if name == design:
            raise ends
        return review(request, name, *rest)

    monkeypatch.setattr(facts, "_review", broken)
    place = tmp_path / "review.html"

    assert status == run(place)
    said, text = capsys.readouterr(), Outline(place.read_text(encoding="utf-8")).text
    assert ["review.html"] == [one.name for one in tmp_path.iterdir()]
    assert ("The lab itself went wrong with this design" in text) == (status == 3)
    assert ("nothing is said of hardened." in text) == (status == 130)
    assert (f"{place}: 1 of 2 designs; what is not in it is named there\n" in said.err) == (status == 130)
    assert (status == 130) == (not said.out)


@pytest.mark.slow
def test_a_crash_of_the_whole_process_leaves_what_is_done(tmp_path):
    """
    Killed in the second design, without a word: the page of the first is whole, and can be compared against.
    """
    place = tmp_path / "review.html"
    killed = (
        "import os, signal, sys\n"
        "from otalab.cli.main import main\n"
        "from otalab.views.report import facts\n"
        "review = facts._review\n"
        "def broken(request, name, *rest):\n"
        "    return os._exit(9) if name == 'hardened' else review(request, name, *rest)\n"
        "facts._review = broken\n"
        "main(sys.argv[1:])\n"
    )
    words = ["report", *DESIGNS, "-o", str(place), *QUICK]
    assert 9 == subprocess.run([sys.executable, "-c", killed, *words], capture_output=True, check=False).returncode
    assert ["review.html"] == [one.name for one in tmp_path.iterdir()]
    assert ["single-record"] == [design["design"] for design in read_review(str(place))["designs"]]


@pytest.mark.parametrize(("words", "within"), [((), 0.1), (("--within", "0.02"), 0.02)])
def test_an_open_graph_is_sampled_as_closely_as_was_asked(words, within):
    """
    A tenth of each end, for the last digits of an open graph take most of the time; or what `--within` says.
    """
    chosen = parser("report").parse_args(["report", "hardened", "-o", "review.html", *words])

    assert within == report_cli._asked(chosen).study("hardened", "us-2022").within
    assert within == report_cli._asked(chosen).study("hardened", "us-2022", faults="unstable").within
    assert ("--within" in [*report_cli._words(chosen)]) == bool(words)


def test_where_nothing_can_be_told_nothing_is_written(tmp_path, monkeypatch):
    """
    The lab goes wrong with every design: 3, and no page that tells of none.
    """

    def broken(*_what):
        raise RuntimeError

    monkeypatch.setattr(facts, "_review", broken)

    assert 3 == run(tmp_path / "review.html")
    assert [] == [*tmp_path.iterdir()]


def test_an_interrupt_between_two_looks_at_the_progress_ends_it(tmp_path, monkeypatch):
    """
    A key that a search took for itself is pressed again before the next design is begun, and after the page.
    """
    told = report_cli.pressed
    seen = []

    def pressed():
        seen.append((tmp_path / "review.html").exists())
        return seen[-1] or told()

    monkeypatch.setattr(report_cli, "pressed", pressed)

    assert 130 == run(tmp_path / "review.html")
    assert ["single-record"] == [design["design"] for design in read_review(str(tmp_path / "review.html"))["designs"]]


@pytest.mark.slow
def test_whoever_interrupts_at_a_terminal_has_what_is_done(tmp_path):
    """
    It says which design it is at; Ctrl-C there leaves the page of those before.
    """
    place = tmp_path / "review.html"
    # However quick the machine is, the second design is not over before somebody has seen that it has begun.
    endless = (
        "import sys, time\n"
        "from otalab.cli.main import main\n"
        "from otalab.views.report import facts\n"
        "review = facts._review\n"
        "def told(request, name, progress, *rest):\n"
        "    while name == 'hardened':\n"
        "        progress('hardened')\n"
        "        time.sleep(0.02)\n"
        "    return review(request, name, progress, *rest)\n"
        "facts._review = told\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = [sys.executable, "-c", endless, "report", *DESIGNS, "-o", str(place), *QUICK[:-4]]
    with terminal() as (screen, inside), subprocess.Popen(words, stderr=inside) as running:
        os.close(inside)
        said = shown(screen)
        while b"design 2 of 2" not in said:
            more = shown(screen)
            assert more, "it ended before it came to the second design"
            said += more
        running.send_signal(signal.SIGINT)
        complaint = b"".join(iter(lambda: shown(screen), b"")).decode()
        running.wait(PATIENCE)

    assert 130 == running.returncode, complaint
    assert "1 of 2 designs" in complaint
    outline = Outline(place.read_text(encoding="utf-8"))
    assert [] == outline.open and "nothing is said of hardened." in outline.text

"""The review report: what stands in it is what the lab found, and it is one file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from reviews import PATIENCE, Outline, shown, terminal

from otalab.bench.ends import BAD, END_WORDS
from otalab.cli import main as cli
from otalab.cli import report as report_cli
from otalab.errors import BadInput, OtalabError
from otalab.files import MADE
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import bounds, choices, decides, way_of, ways
from otalab.firmware.explain import explain
from otalab.firmware.own_part import says
from otalab.graph.check import check_design
from otalab.hardware.board import load_board
from otalab.hardware.chip import Chip
from otalab.views.player.life import live
from otalab.views.player.tears import tear_words
from otalab.views.report import pdf as report_pdf
from otalab.views.report.checklist import ANSWERS, SHOWN, answered, checklist
from otalab.views.report.facts import Asked, gather
from otalab.views.report.page import page
from otalab.views.report.story import Base, stories
from otalab.views.report.svg import BESIDE, LETTER, layout_svg, life_svg
from otalab.views.report.words import choice_rows, one_in, probability

SMALL = ["--board", "tiny", "--faults", "atomic", "--image", "healthy", "--rate", "us-2022", "--parts", "W25Q16JV"]
ONE_CELL = ["--faults", "unstable", "--image", "healthy", "--parts", "W25Q16JV"]
EACH_PART = ["--faults", "all", "--image", "healthy", "--parts", "each"]


@pytest.fixture(scope="module")
def found():
    """
    A broken design and a safe one, with all that a report is made of.
    """
    asked = Asked(
        designs=("single-record", "hardened"), board="tiny",
        faults=("atomic", "torn-program"), images=("healthy", "crashes"),
        rates=("us-2022", "0.06/day"), parts=("W25Q16JV", "SST26VF064B-sfdp", "M25P40"),
    )  # fmt: skip
    return asked, gather(asked)[0]


@pytest.fixture(scope="module")
def made(found):
    asked, every = found
    return page(every, asked, ["otalab", "report", "single-record", "-o", "review.html"], date(2026, 1, 2))


@pytest.mark.slow
def test_it_says_what_check_and_risk_say(found, made):
    """
    Verdicts, ends, probabilities and the repair are those of the commands.
    """
    asked, every = found
    said = Outline(made).text

    proved = "proved under atomic and torn-program, images healthy and crashes"
    assert f"Smallest change that is enough, {proved}: records.count: 1 → 2." in said
    assert f"records.count: 1 → 2, that is: {says('records', 2)}" in said
    assert "Bricked, no valid boot record: one power cut in the phase switch; bad ends in 4 of 4 cells" in said
    for one in every:
        for cell in one.cells:
            again = check_design(one.design, cell.case.faults, cell.case.image, "tiny").graph
            assert (again.verdict, again.ends) == (cell.graph.verdict, cell.graph.ends)
        for rate in asked.rates:
            assert probability(one.weight.bad(rate)[0]).replace("\u00a0", " ") in said
            assert asked.study(one.given, rate).weighed.bad == one.weight.bad(rate)[0]


@pytest.mark.slow
def test_it_is_one_page_that_asks_for_nothing(made):
    """
    Every element is closed, every id is there once, and no address leads out of the page.
    """
    outline = Outline(made)

    assert [] == outline.open
    assert len(outline.ids) == len(set(outline.ids))
    assert set() == {one for one in outline.addresses if one != "data:," and one.removeprefix("#") not in outline.ids}
    assert "default-src 'none'" in made
    # The name of SVG looks like an address, and nobody goes there.
    made = made.replace('"http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|\bimport .* from\b|@import", re.sub(r"<svg.*?</svg>", "", made, flags=re.DOTALL))


@pytest.mark.slow
def test_the_same_facts_are_the_same_page(found, made):
    """
    Nothing in it depends on when, or how quickly, it was made, but the date that it is given.
    """
    asked, every = found

    assert made == page(every, asked, ["otalab", "report", "single-record", "-o", "review.html"], date(2026, 1, 2))


@pytest.mark.slow
def test_several_processes_make_the_same_page():
    """
    Which one searched, weighed and mended is seen nowhere.
    """
    asked = Asked(designs=("single-record", "in-place"), board="tiny", faults=("atomic", "unstable"),
                  images=("healthy", "crashes"), rates=("us-2022", "bismark-developed"), parts=("W25Q16JV",), most=1,
                  budget=8)  # fmt: skip
    one, two = (page(gather(each)[0], each, ["otalab"], date(2026, 1, 2)) for each in (asked, replace(asked, jobs=2)))

    assert one == two


def test_a_whole_matrix_is_searched_on_every_core():
    """
    What takes a minute and more is; a few cells are not worth another process, and who names a number gets it.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    assert [1, min(cores, 256), 3] == [report_cli._jobs(*given) for given in ((None, 31), (None, 32), (3, 320))]


def test_the_bytes_of_an_update_are_in_it_once(found):
    """
    What a counterexample adds is a small part of the tape that all begin with.
    """
    broken = found[1][0]
    base = Base.of(live(broken.scenario, broken.cells[0].faults, [], [], {}))
    (story,) = stories(broken.cells)

    assert 4 * len(base.recovery(story.lived, story.first)) < len(base.tape.packed())


def test_a_story_is_told_once_for_all_cells_that_break_alike(found):
    """
    One story, every cell of the design in it, and its last sentence is the end.
    """
    (story,) = stories(found[1][0].cells)

    assert 4 == len(story.cells)
    assert [("atomic, torn-program", "healthy, crashes")] == story.happens
    assert "THE POWER FAILS in: erase sector 1 (record 0)" in story.chapters[0].cut
    assert story.chapters[-1].lines[-1].endswith("The life ends bricked: no valid boot record.")
    assert -1 == story.records["selected"]
    device, flash = found[1][0].scenario.device, story.lived.flash(story.position)
    told = explain(Chip(device.board, flash), device.design).reason
    assert f"{told} At a power-on the boot loader halts: no valid boot record." == story.records["why"]


def test_a_life_that_needs_no_cut_is_a_story_too():
    """
    An image that crashes under the published design: told run by run, and then for ever.
    """
    healthy = check_design("mongoose", "atomic", "healthy", "tiny")
    (story,) = stories((healthy, check_design("mongoose", "atomic", "crashes", "tiny")))
    base = Base.of(live(healthy.scenario, healthy.faults, [], [], {}))

    assert "No power cut: stuck" == story.title
    assert story.lived.endless
    assert "for ever" in life_svg(story.lived)
    assert 4 * len(base.recovery(story.lived, story.first)) < len(base.tape.packed())


def test_what_the_device_says_is_told_in_the_phase_in_which_it_says_it(found):
    """
    A file is carried over in the merge, whatever effect comes next; what was said before a cut is told too.
    """
    (story,) = stories(found[1][0].cells)
    said = dict(line.split(": ", 1) for line in story.chapters[0].lines)

    assert "Carried over conf9.json" in said["Merge"] and "Carried over" not in said["Download"]
    assert "the device says: Writing boot record 0" in said["Switch"]
    for chapter, played in zip(story.chapters, story.lived.played, strict=False):
        lines = [line for number, line in played.run.log if number < len(played.steps) or played.leg.step is None]
        assert all(any(line in told for told in chapter.lines) for line in lines)


def test_records_are_shown_as_the_run_that_dies_reads_them():
    """
    What reads as done after a cut and otherwise at the next start is no record that counts.
    """
    (story,) = stories((check_design("hardened", "unstable", "crashes", "tiny", budget=60),))

    assert "Two power cuts, in the phases switch and boot: bricked" == story.title
    assert -1 == story.records["selected"]
    assert "halts: no valid boot record" in story.records["why"]


@pytest.mark.slow
def test_parts_of_other_sectors_are_left_out_with_the_reason(found):
    """
    The others have a number for each rate, and parts of the same times the same one.
    """
    table = found[1][0].weight.by_part

    assert {"M25P40"} == set(table.part[table.low.isna()])
    assert table.why[table.low.isna()].str.contains("erases 65536 bytes").all()
    assert {"W25Q16JV", "SST26VF064B-sfdp"} == set(found[1][0].weight.carries)
    assert "switch" in found[1][0].weight.carries["W25Q16JV"]


@pytest.mark.slow
def test_where_nothing_is_known_of_endurance_a_guess_is_called_one(found, made):
    """
    The default part has none in the table: the least of its kind stands in; a number that is given by hand is used.
    """
    assert {100_000.0} == set(found[1][0].worn.table.endurance)
    assert "The table of parts has no endurance for W25Q16JV: 100,000 is a guess" in Outline(made).text
    named = Asked(designs=("hardened",), board="tiny", faults=("atomic",), parts=(), most=0, endurance=1000.0)
    (own,) = gather(named)[0]
    assert ({1000.0}, "") == (set(own.worn.table.endurance), own.worn.guess)


@pytest.mark.parametrize("choice", bounds())
def test_a_number_has_words_of_its_own(choice):
    """
    What so many of it do, and not the question over again.
    """
    least, most = bounds()[choice]
    told = [says(choice, least), says(choice, most)]

    assert str(most) in told[1]
    assert 2 == len(set(told) - {decides(choice)})


@pytest.mark.parametrize("name", designs())
def test_every_choice_in_the_catalogue_has_words(name):
    """
    A reader is not left with `clear = "before-slot"`: the function that it selects says what it does.
    """
    rows = choice_rows(load_design(name))

    assert [".".join(way) for way in ways()] == [way for way, _, _ in rows]
    assert all(value and words for _, value, words in rows)


@pytest.mark.parametrize("choice", choices())
def test_the_report_has_the_words_of_every_value(choice):
    """
    Those of the function that it selects, whether a design of the catalogue takes it or not.
    """
    told = set()
    for value in choices()[choice]:
        rows = choice_rows(replace(load_design("hardened"), **{choice: value}))
        assert (way_of(choice), str(value), says(choice, value)) in rows
        told.add(says(choice, value))
    assert len(told) == len(choices()[choice])
    assert decides(choice) not in told


def test_the_checklist_is_whole():
    """
    25 items in order, each with a clause and its evidence; what is shown has somebody to show it.
    """
    items = checklist()

    assert list(range(1, 26)) == [item.number for item in items]
    assert set(ANSWERS) == {item.answer for item in items}
    assert set(SHOWN) == {item.shows for item in items if item.answer == "shown"}
    assert all(item.requirement and item.clause and item.how for item in items)
    assert {"A", "C", "A/C"} == {item.evidence for item in items}


@pytest.mark.slow
def test_the_checklist_answers_by_what_was_found(found):
    """
    The broken design fails where the safe one does not, and nothing is said of what the lab does not show.
    """
    broken, safe = found[1]
    told = {item.shows: (answered(item, broken), answered(item, safe)) for item in checklist() if item.shows}

    assert ("no", "yes") == tuple(one.mark for one in told["cuts"])
    assert ("yes", "yes") == tuple(one.mark for one in told["partial"])
    assert ("partly", "yes") == tuple(one.mark for one in told["trial"])
    assert ("no", "no") == tuple(one.mark for one in told["downgrade"])
    assert "the loader finds no valid boot record" in told["partial"][0].text.replace("its loader", "the loader")
    assert {None} == {answered(item, safe) for item in checklist() if item.answer != "shown"}


def test_the_flash_is_drawn_to_scale():
    """
    A slot of a quarter of the flash is a quarter of the strip; the record that is not used is dashed.
    """
    drawn = layout_svg(load_board("lab-1M"), load_design("single-record"))
    x, width = re.search(r'class="r-slot-0-app" x="([\d.]+)" y="18" width="([\d.]+)"', drawn).groups()

    assert (760 / 16, 760 / 4) == (float(x), float(width))
    assert "not used by this design" in drawn
    assert "unused" not in layout_svg(load_board("lab-1M"), load_design("esp32"))


@pytest.mark.parametrize(
    ("value", "written", "many"),
    [
        (0.0, "0", "none"),
        (5.439e-9, "5.44\u00a0·\u00a010⁻⁹", "1 in 184 million"),
        (0.25, "0.25", "1 in 4"),
        (1.0, "1", "more than one in two"),
        (0.9999999, "almost 1", "more than one in two"),
        (float("nan"), "unknown", "unknown"),
    ],
)
def test_numbers_are_written_as_by_hand(value, written, many):
    """
    No exponent with an e, and no 1 that is not quite one.
    """
    assert (written, many) == (probability(value), one_in(value))


def test_every_end_has_room_behind_its_strip():
    """
    The longest of them stood half outside of the page.
    """
    assert all(16 + 1.1 * LETTER * len(f"ends: {end}") <= BESIDE for end in END_WORDS)


def test_words_for_ends_and_tears():
    """
    Every bad end has words, and so has every kind of tear; an unknown one speaks for itself.
    """
    assert set(BAD) <= set(END_WORDS)
    assert "all of it is done" == tear_words("after")
    assert "the first bytes are done" == tear_words("prefix-7")
    assert "nonsense" == tear_words("nonsense")


def run(*words):
    return cli.main(["report", *words])


def test_the_command_writes_a_page_and_is_content_whatever_it_found(tmp_path, capsys):
    """
    Status 0 with a broken design, nothing beside the page, and the command in it makes it again.
    """
    assert 0 == run("single-record", "-o", str(tmp_path / "review.html"), *SMALL, "--repair", "1")
    said = Outline((tmp_path / "review.html").read_text()).text

    assert ["review.html"] == [one.name for one in tmp_path.iterdir()]
    assert "review.html: " in capsys.readouterr().out
    for words in ("otalab report single-record --board tiny --faults atomic", "--repair 1", "--rate us-2022"):
        assert words in said


def test_a_name_is_text_and_never_markup(tmp_path):
    """
    A design called like the end of a script changes nothing in the page.
    """
    nasty = tmp_path / "nasty.toml"
    toml = load_design("single-record").toml()
    nasty.write_text(toml.replace('"single-record"', '"</script><script>alert(1)</script><b>"', 1))
    assert 0 == run(str(nasty), "-o", str(tmp_path / "review.html"), *SMALL, "--repair", "0")
    text = (tmp_path / "review.html").read_text()

    assert [] == Outline(text).open
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.slow
def test_bytes_that_are_no_text_are_told_all_the_same(tmp_path):
    """
    A torn record of the published design names versions that nobody can spell.
    """
    words = ["--board", "tiny", "--faults", "torn-program", "--image", "healthy", "--parts", "W25Q16JV"]
    assert 0 == run("mongoose", "-o", str(tmp_path / "review.html"), *words, "--repair", "0", "--budget", "30")

    assert "\\udc" in (tmp_path / "review.html").read_text(encoding="utf-8")


def test_nothing_half_written_stays_behind(tmp_path, monkeypatch):
    """
    An old report stands until the new one is whole.
    """
    target = tmp_path / "review.html"
    target.write_text(f"{MADE}: the old one")

    def broken_off(_file):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", broken_off)

    assert 130 == run("single-record", "-o", str(target), *SMALL, "--repair", "0", "--budget", "5")
    assert ["review.html"] == [one.name for one in tmp_path.iterdir()]
    assert f"{MADE}: the old one" == target.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "options"),
    # Places where it stays for long: it tells twice a second where it is, and a quick machine is soon elsewhere.
    [
        pytest.param("", [], id="at once", marks=pytest.mark.deep),
        pytest.param("torn-", [], id="search"),
        pytest.param("risk on", EACH_PART, id="risk"),
        pytest.param("wear|repair", ONE_CELL, id="repair", marks=pytest.mark.deep),
    ],
)
def test_whoever_interrupts_gets_no_report(tmp_path, where, options):
    """
    Not even one in which a search that was broken off looks like one whose budget was spent.
    """
    words = [sys.executable, "-m", "otalab", "report", "single-record", "-o", str(tmp_path / "review.html"), *options]
    with terminal() as (screen, inside), subprocess.Popen(words, stderr=inside) as running:
        os.close(inside)
        said = shown(screen)
        while not re.search(where.encode(), said):
            more = shown(screen)
            assert more, f"it ended before it came to {where!r}"
            said += more
        running.send_signal(signal.SIGINT)
        complaint = b"".join(iter(lambda: shown(screen), b"")).decode()
        running.wait(PATIENCE)

    assert 130 == running.returncode, complaint
    assert [] == list(tmp_path.iterdir())


def test_whatever_is_missing_after_an_interrupt_is_no_complaint_of_its_own():
    """
    A search that was broken off before its first cut says nothing, and whoever pressed the key knows why.
    """

    def looked_at(progress):
        progress("the first cell")
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise OtalabError("not one cut was fired")

    with pytest.raises(KeyboardInterrupt), report_cli._told() as progress:
        looked_at(progress)


@pytest.mark.parametrize(
    "words",
    [
        ["single-record"],
        ["single-record", "-o", "nowhere/at/all.html"],
        ["nonsense", "-o", "review.html"],
        ["single-record", "-o", "review.html", "--faults", "nonsense"],
        ["single-record", "-o", "review.html", "--image", "nonsense"],
        ["single-record", "-o", "review.html", "--parts", "nonsense"],
        ["single-record", "-o", "review.html", "--rate", "nonsense"],
        ["single-record", "-o", "review.html", "--budget", "0"],
        ["single-record", "-o", "review.html", "--years", "-1"],
        ["single-record", "-o", "review.html", "--jobs", "0"],
    ],
)
def test_nonsense_is_one_line_before_anything_long_begins(tmp_path, monkeypatch, capsys, words):
    """
    Status 2, one line, no file.
    """
    monkeypatch.chdir(tmp_path)

    assert 2 == run(*words)
    assert 1 == capsys.readouterr().err.count("\n")
    assert [] == list(tmp_path.iterdir())


def test_without_a_browser_paper_is_refused_in_a_line(tmp_path, monkeypatch):
    """
    Before anything is explored.
    """
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BadInput, match="print the HTML page from any browser"):
        report_pdf.chromium()
    assert 2 == run("single-record", "--pdf", str(tmp_path / "review.pdf"))
    assert [] == list(tmp_path.iterdir())

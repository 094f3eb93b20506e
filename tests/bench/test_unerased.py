"""Programs over flash that is not erased are allowed, and told."""

import json
from dataclasses import replace
from html import unescape

import pytest
from own_code import code, needs_cc
from plain import small

from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.bench.unerased import NOWHERE, first_over_unerased, over_unerased, sentence, spoilt
from otalab.cli.main import main
from otalab.firmware.catalogue import designs
from otalab.graph.check import check_design
from otalab.graph.history import play
from otalab.hardware.board import load_board
from otalab.hardware.effects import Program
from otalab.hardware.flash import Flash

TINY = load_board("tiny")
MARK = '#include <string.h>\nstatic const char MARK[4] = "mark";\n'
# It writes its mark where it does not find it, and never looks whether the place is erased.
CARELESS = f"""{MARK}
uint32_t ota_boot(void) {{
    char found[4];
    ota_read(OTA_RECORD_0, found, 4);
    if (memcmp(found, MARK, 4)) ota_program(OTA_RECORD_0, MARK, 4);
    return OTA_SLOT_0;
}}
int ota_update(void) {{
    struct ota_image image;
    if (ota_offer(&image)) return 1;
    ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);
    ota_program(OTA_RECORD_0, MARK, 4);
    return 1;
}}
"""


@pytest.mark.parametrize(
    ("expected", "lies", "asked"),
    [
        (0, b"\xff\xff", b"ab"),
        (0, b"ab", b"ab"),
        (0, b"\x0f\xff", b"\x0e\x00"),
        (1, b"\x00\xff", b"ab"),
        (2, b"\x00\x00", b"ab"),
    ],
)
def test_a_byte_is_spoilt_where_it_has_ones_over_zeros(expected, lies, asked):
    """
    One that only clears bits, as a tombstone does, is what was asked for.
    """
    flash = Flash.of(TINY.geometry, lies)

    assert expected == spoilt(Program(0, asked), flash)
    assert (expected > 0) is (flash.after(Program(0, asked)).read(0, 2) != asked)


@pytest.mark.parametrize("design", designs())
def test_no_design_of_the_catalogue_does_it_uncut(design):
    """
    Each erases before it programs, or clears bits alone.
    """
    assert [] == list(over_unerased(life(small(design))))


@needs_cc
def test_trace_tells_the_first_one_and_json_each(tmp_path, capsys):
    """
    With run, effect, place, and how many bytes are not what they were to be.
    """
    own = code(
        tmp_path,
        CARELESS.replace("    ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);\n", "").replace(
            "MARK, 4);\n    return 1", '"over", 4);\n    return 1'
        ),
    )
    words = ["trace", "--firmware", str(tmp_path), "--json"]

    assert 0 == main(words)
    out, err = capsys.readouterr()
    reason = (
        "a program of 4 bytes at 0x1000 (record 0) goes over flash that is not erased, which leaves 4 bytes other than "
        "programmed: a program only clears bits"
    )
    [first, *_] = json.loads(out)["unerased"]
    assert {"run": 0, "reason": reason} == {key: first[key] for key in ("run", "reason")}
    assert f"otalab trace: run 0, effect {first['effect']}: {reason}\n" == err
    [(number, step)] = over_unerased(life(set_up(own)))
    assert (0, first["effect"], reason) == (number, step.number, sentence(TINY, step))


@needs_cc
def test_check_tells_the_shortest_history_to_one(tmp_path, capsys):
    """
    Whatever the verdict: a cut in the erase leaves zeros, and the next boot programs over them.
    """
    code(tmp_path, CARELESS)
    main(["check", "--firmware", str(tmp_path), "--faults", "zeroed-erase", "--image", "healthy", "--budget", "5"])
    said = capsys.readouterr().out
    cell = check_design(str(tmp_path / "firmware.toml"), "zeroed-erase", budget=5)
    found = cell.as_object()["unerased"]

    assert (1, 1, 0) == (found["cuts"], found["run"], found["effect"])
    assert f"  allowed, and no end by itself: {cell.over_unerased.text}\n" in said
    assert found["reason"].startswith("a program of 4 bytes at 0x1000 (record 0) goes over flash that is not erased")
    *_, last = play(cell.scenario, cell.faults, cell.graph.over_unerased[0])
    assert 0 == first_over_unerased(last.run.steps)
    assert found["id"].startswith(cell.case.text)


@needs_cc
def test_a_report_tells_what_check_tells(tmp_path, capsys):
    """
    The same sentence, once for all cells that have it, with these and the command that plays it.
    """
    code(tmp_path, CARELESS)
    small = ["--faults", "zeroed-erase", "--image", "healthy,crashes", "--budget", "5"]
    asked = ["--firmware", str(tmp_path), *small, "--parts", "W25Q16JV", "--rate", "us-2022", "--json"]
    assert 0 == main(["report", *asked, "-o", str(tmp_path / "review.html")])
    [design] = json.loads(capsys.readouterr().out)["designs"]
    [found] = {cell["unerased"]["reason"] for cell in design["cells"]}
    text = unescape((tmp_path / "review.html").read_text())

    assert 1 == text.count("<h3>Programs over flash that is not erased</h3>")
    assert 1 == text.count(
        f"<li>{found[0].upper()}{found[1:]}; first in run 1, effect 0, after 1 cut, under <b>zeroed-erase</b>"
    )
    assert "<b>zeroed-erase</b> (healthy, crashes). On the command line: <code>otalab replay " in text


@needs_cc
def test_nothing_is_told_where_nothing_is_programmed_over(tmp_path):
    """
    The same loader, with an erase before it writes.
    """
    mended = CARELESS.replace(
        "if (memcmp(found, MARK, 4)) ", "if (memcmp(found, MARK, 4)) ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE), "
    )
    cell = check_design(code(tmp_path, mended), "zeroed-erase", budget=20)

    assert {NOWHERE} == set(cell.graph.run_unerased.tolist())
    assert "unerased" not in cell.as_object()
    assert replace(cell).over_unerased is None

"""Parts whose units may be programmed once, or a few times, between two erases."""

from dataclasses import replace
from pathlib import Path

import pytest
from layouts import in_large_units, with_data

from otalab.bench.observer import judge
from otalab.bench.programmed import programmed_too_often, require_programs
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.firmware.catalogue import designs, load_design
from otalab.graph.asked import questions
from otalab.graph.check import check_design
from otalab.graph.repair import repair
from otalab.hardware.board import Board, load_board
from otalab.hardware.part import part, parts

LIMITED = {"nRF52840": 2, "nRF5340": 2, "STM32H743-x64": 1, "STM32H743-x8": 1, "STM32L4": 1, "CC13x2": 83}


def limited(programs: int) -> Board:
    """Return a board without files whose part has words of 32 bytes, each to be programmed so often."""
    one = with_data("none")
    chip = replace(one.part, name="W", program_unit=32, programs=programs)
    return replace(one, part=chip, geometry=replace(one.geometry, program_unit=32))


def test_the_table_says_how_often_a_unit_may_be_programmed() -> None:
    """Serial parts have no limit that anybody names."""
    assert LIMITED == {name: one.programs for name, one in parts().items() if one.programs}
    assert 32 == part("STM32H743-x64").program_unit


@pytest.mark.parametrize("design", [one for one in designs() if load_design(one).interval_in != "updater.dat"])
def test_a_record_that_is_programmed_over_itself_is_told_on_a_part_with_one_program(design: str) -> None:
    """The sentence names part, design and place; where there is no limit there is nothing to tell."""
    one, free = (set_up(in_large_units(design), limited(most), app_size=500) for most in (1, 0))
    told = programmed_too_often(one)
    assert "" == programmed_too_often(free)
    if load_design(design).refresh == "selected":
        assert f"part W takes one program of a unit of 32 bytes between two erases, and {design} programs" in told
        assert "(record 0) once more, in run 0, effect" in told
    elif load_design(design).journal == 1:
        assert "" == told


def test_files_count_too() -> None:
    """The merge programs words of a littlefs again that it has programmed before."""
    board = replace(limited(1), **{key: getattr(load_board("tiny"), key) for key in ("slots", "data", "file_system")})
    assert "slot 1 files" in programmed_too_often(set_up("hardened", board, app_size=500))


def test_a_part_with_two_programs_takes_one_over_itself() -> None:
    """The third one is too many: an update refreshes its record twice."""
    assert "takes 2 programs" in programmed_too_often(set_up("hardened-plus", limited(2), app_size=500))
    assert "" == programmed_too_often(set_up("hardened-plus", limited(3), app_size=500))


def test_a_check_is_refused_and_a_trace_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No proof would hold on that part; what a device did can be looked at all the same."""
    with pytest.raises(BadInput, match="take another part or board, or a design that erases first"):
        check_design("hardened-plus", board=limited(1), faults="atomic", app_size=500)
    with pytest.raises(BadInput, match="once more"):
        questions(["hardened", "hardened-plus"], board=limited(1), app_size=500)
    require_programs(set_up("hardened", limited(1), app_size=500))
    page = tmp_path / "mine.toml"
    page.write_text("\n".join(h743().toml_lines()))
    assert 0 == main(["trace", "hardened-plus", "--board", str(page), "--summary"])
    told = capsys.readouterr()
    assert "otalab trace: part STM32H743-x64 takes one program" in told.err
    assert "updated: version 2" in told.out
    assert 2 == main(["report", "hardened-plus", "--board", str(page), "-o", str(tmp_path / "review.html")])
    assert "STM32H743-x64 takes one program" in capsys.readouterr().err


def h743() -> Board:
    """Return a board with the STM32H743's sectors and words, and no files, of which its sectors hold few."""
    one, chip = load_board("tiny"), part("STM32H743-x64")
    sector = chip.sector_size
    moved = [replace(region, address=number * sector, size=sector) for number, region in enumerate([one.loader] * 5)]
    slots = tuple(
        replace(slot, app=app, fs=replace(app, address=app.end, size=0))
        for slot, app in zip(one.slots, moved[3:], strict=True)
    )
    geometry = replace(one.geometry, sector_size=sector, sectors=8, page_size=chip.page_size, program_unit=32)
    return replace(
        one, part=chip, geometry=geometry, file_system="none", data="none", loader=moved[0], state=(),
        records=(moved[1], moved[2]), slots=slots,
    )  # fmt: skip


def test_no_repair_programs_a_record_over_itself_where_that_is_not_allowed() -> None:
    """With a part that allows it the same search finds that remedy."""
    only = {"refresh": ("none", "selected"), "clear": ("none", "before-slot")}
    asked = {"faults": ("unstable",), "choices": only, "budget": 60, "app_size": 500}
    found = repair("hardened", board=limited(0), **asked)  # type: ignore[arg-type]
    assert "found" == found.outcome
    assert "refresh" in {change.choice for change in found.suggestions[0].changes}
    refused = repair("hardened", board=limited(1), **asked)  # type: ignore[arg-type]
    assert "found" != refused.outcome
    assert () == refused.suggestions
    what = set_up("hardened", limited(1), app_size=500)
    assert "updated" == judge(what, life(what)).name
